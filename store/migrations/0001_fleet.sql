-- Tenants, vehicles, trackers, and which tracker was mounted on which vehicle from when to when.
-- Ids sort bytewise (COLLATE "C"): pages are the same whatever the locale of the server.

CREATE TABLE tenants (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE CHECK (name <> '' AND strpos(name, '/') = 0),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE vehicles (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id integer NOT NULL REFERENCES tenants,
    vehicle text COLLATE "C" NOT NULL,
    name text NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, vehicle)
);
COMMENT ON COLUMN vehicles.id IS 'the key that fixes carry; never used again, also not for a later vehicle of the same name';
COMMENT ON COLUMN vehicles.vehicle IS 'the id by which the outside knows it';

CREATE TABLE trackers (
    tenant_id integer NOT NULL REFERENCES tenants,
    tracker text COLLATE "C" NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'quarantined')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, tracker)
);

CREATE TABLE mountings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id integer NOT NULL,
    tracker text COLLATE "C" NOT NULL,
    vehicle_id bigint NOT NULL REFERENCES vehicles ON DELETE CASCADE,
    mounted_from timestamptz NOT NULL DEFAULT now(),
    mounted_to timestamptz,
    CHECK (mounted_to >= mounted_from),
    FOREIGN KEY (tenant_id, tracker) REFERENCES trackers ON DELETE CASCADE
);
-- One tracker a vehicle and one vehicle a tracker, at any one time.
CREATE UNIQUE INDEX mountings_of_tracker_now ON mountings (tenant_id, tracker) WHERE mounted_to IS NULL;
CREATE UNIQUE INDEX mountings_of_vehicle_now ON mountings (vehicle_id) WHERE mounted_to IS NULL;
CREATE INDEX mountings_of_vehicle ON mountings (vehicle_id, mounted_from);
CREATE INDEX mountings_of_tracker ON mountings (tenant_id, tracker, mounted_from);

-- The keys of tenants, made where they are not there yet. A loser of a race waits for the winner, and then sees its row:
-- each statement of a volatile function has a snapshot of its own.
CREATE FUNCTION ensure_tenants(names text[]) RETURNS TABLE (tenant_id integer, tenant text) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tenants (name)
    SELECT DISTINCT given.name COLLATE "C" AS name FROM unnest(names) AS given(name)
    WHERE NOT EXISTS (SELECT FROM tenants WHERE tenants.name = given.name)
    ORDER BY name
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT tenants.id, tenants.name::text FROM tenants WHERE tenants.name = ANY (names);
END
$$;

-- Takes in trackers that nobody registered, all at once; answers with the mountings of all that were named.
CREATE FUNCTION register_trackers(tenant_names text[], idents text[], is_quarantine boolean)
RETURNS TABLE (tenant text, tracker text, status text, vehicle_id bigint, vehicle text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    new_tenants integer[];
    new_idents text[];
BEGIN
    PERFORM FROM ensure_tenants(tenant_names);
    -- Whoever inserts the tracker also makes its vehicle; a loser of the race waits here until both are there.
    WITH added AS (
        INSERT INTO trackers (tenant_id, tracker)
        SELECT DISTINCT tenants.id, given.ident COLLATE "C" AS ident
        FROM unnest(tenant_names, idents) AS given(tenant, ident) JOIN tenants ON tenants.name = given.tenant
        WHERE NOT EXISTS (SELECT FROM trackers WHERE trackers.tenant_id = tenants.id AND trackers.tracker = given.ident)
        ORDER BY tenants.id, ident
        ON CONFLICT DO NOTHING
        RETURNING trackers.tenant_id, trackers.tracker
    )
    SELECT array_agg(added.tenant_id), array_agg(added.tracker) INTO new_tenants, new_idents FROM added;
    IF new_idents IS NOT NULL THEN
        IF NOT is_quarantine THEN
            INSERT INTO vehicles (tenant_id, vehicle, name)
            SELECT added.tenant_id, added.ident, added.ident FROM unnest(new_tenants, new_idents) AS added(tenant_id, ident)
            ORDER BY added.tenant_id, added.ident
            ON CONFLICT DO NOTHING;
            -- A vehicle that carries another tracker keeps it.
            INSERT INTO mountings (tenant_id, tracker, vehicle_id)
            SELECT added.tenant_id, added.ident, vehicles.id
            FROM unnest(new_tenants, new_idents) AS added(tenant_id, ident)
            JOIN vehicles ON vehicles.tenant_id = added.tenant_id AND vehicles.vehicle = added.ident
            ON CONFLICT DO NOTHING;
        END IF;
        -- Strangers, and those who call themselves like a vehicle that carries another tracker.
        UPDATE trackers SET status = 'quarantined'
        FROM unnest(new_tenants, new_idents) AS added(tenant_id, ident)
        WHERE trackers.tenant_id = added.tenant_id AND trackers.tracker = added.ident
          AND NOT EXISTS (
              SELECT FROM mountings
              WHERE mountings.tenant_id = added.tenant_id AND mountings.tracker = added.ident AND mountings.mounted_to IS NULL
          );
    END IF;
    RETURN QUERY
        SELECT given.tenant, given.ident, trackers.status, coalesce(vehicles.id, 0), coalesce(vehicles.vehicle::text, '')
        FROM unnest(tenant_names, idents) WITH ORDINALITY AS given(tenant, ident, place)
        JOIN tenants ON tenants.name = given.tenant
        JOIN trackers ON trackers.tenant_id = tenants.id AND trackers.tracker = given.ident
        LEFT JOIN mountings
            ON mountings.tenant_id = tenants.id AND mountings.tracker = given.ident AND mountings.mounted_to IS NULL
        LEFT JOIN vehicles ON vehicles.id = mountings.vehicle_id
        ORDER BY given.place;
END
$$;
