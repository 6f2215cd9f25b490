-- What was planned: fences, routes with their stops, orders; and how far each stop has come.
-- Routes name their vehicle by its id and without a foreign key: history outlives the vehicle.

CREATE TABLE fences (
    tenant_id integer NOT NULL REFERENCES tenants,
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    geometry jsonb NOT NULL,
    radius_m double precision,
    dwell_s double precision,
    settings jsonb NOT NULL DEFAULT '{}',
    calendar text,
    min_altitude_m double precision,
    max_altitude_m double precision,
    max_speed_mps double precision,
    tags text[] NOT NULL DEFAULT '{}',
    color text,
    extras jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN fences.geometry IS 'GeoJSON: Point or LineString (with radius_m), Polygon, MultiPolygon';

CREATE TABLE routes (
    tenant_id integer NOT NULL REFERENCES tenants,
    id text COLLATE "C" NOT NULL,
    vehicle text COLLATE "C" NOT NULL,
    starts_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'planned' CHECK (status IN ('planned', 'under_way', 'done')),
    changed_at timestamptz,
    done_recorded_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN routes.changed_at IS 'event time of the status';
COMMENT ON COLUMN routes.done_recorded_at IS 'when it became known that the route is done';
CREATE INDEX routes_of_vehicle ON routes (tenant_id, vehicle, starts_at);
CREATE INDEX routes_under_way ON routes (tenant_id, vehicle) WHERE status = 'under_way';
CREATE INDEX routes_done ON routes (done_recorded_at) WHERE status = 'done';

CREATE TABLE stops (
    tenant_id integer NOT NULL,
    id text COLLATE "C" NOT NULL,
    route text COLLATE "C" NOT NULL,
    seq integer NOT NULL,
    lat double precision NOT NULL,
    lon double precision NOT NULL,
    place text,
    name text,
    arrival_radius_m double precision NOT NULL,
    min_dwell_s double precision,
    planned_arrival timestamptz,
    window_from timestamptz,
    window_to timestamptz,
    service_s double precision,
    orders text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, route) REFERENCES routes ON DELETE CASCADE
);
CREATE INDEX stops_of_route ON stops (tenant_id, route, seq);

-- Without a foreign key: the worker's commit must not fail because somebody has just deleted a stop.
CREATE TABLE stop_states (
    tenant_id integer NOT NULL,
    stop text COLLATE "C" NOT NULL,
    route text COLLATE "C" NOT NULL,
    vehicle text COLLATE "C" NOT NULL,
    status text NOT NULL DEFAULT 'planned',
    delay text NOT NULL DEFAULT 'on_time',
    arrived_at timestamptz,
    departed_at timestamptz,
    changed_at timestamptz,
    eta_at timestamptz,
    eta_vehicle text,
    p10 timestamptz,
    p50 timestamptz,
    p90 timestamptz,
    shown timestamptz,
    PRIMARY KEY (tenant_id, stop)
) WITH (fillfactor = 70);
COMMENT ON COLUMN stop_states.eta_at IS 'when the newest prediction was made; its history is in etas';
CREATE INDEX stop_states_of_route ON stop_states (tenant_id, route);

CREATE TABLE orders (
    tenant_id integer NOT NULL REFERENCES tenants,
    id text COLLATE "C" NOT NULL,
    customer text,
    stop text COLLATE "C",
    promise_from timestamptz,
    promise_to timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX orders_of_stop ON orders (tenant_id, stop);
