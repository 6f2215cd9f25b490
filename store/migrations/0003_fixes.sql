-- Every fix, the newest of each vehicle, and the engine's states.
--
-- fixes and etas are cut by time: into the chunks of a hypertable where TimescaleDB is there, into native partitions of a
-- day (etas: too) where it is not. pg_settings shows the first of these settings only where the library is preloaded; without
-- that, CREATE EXTENSION would end the connection.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
        AND EXISTS (SELECT FROM pg_settings WHERE name = 'timescaledb.disable_load')
    THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'TimescaleDB is installed, and this account may not create the extension: native partitions are used';
END
$$;

CREATE SEQUENCE batches_batch_seq AS bigint;

-- One row a commit that the newest checkpoint does not include: where in time its fixes are, so that what is later than a
-- checkpoint is found in the few chunks that it is in.
CREATE TABLE batches (
    batch bigint PRIMARY KEY,
    fixes integer NOT NULL,
    min_time timestamptz NOT NULL,
    max_time timestamptz NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now()
);

-- Widest columns first: no padding. NULL is what the tracker did not say.
DO $$
DECLARE
    has_timescale CONSTANT boolean := EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb');
    cut CONSTANT text := CASE WHEN has_timescale THEN '' ELSE ' PARTITION BY RANGE (%I)' END;
BEGIN
    EXECUTE $ddl$
        CREATE TABLE fixes (
            time timestamptz NOT NULL,
            vehicle_id bigint NOT NULL,
            lat double precision NOT NULL,
            lon double precision NOT NULL,
            received timestamptz NOT NULL,
            batch bigint NOT NULL,
            tenant_id integer NOT NULL,
            flags integer NOT NULL,
            speed_mps real,
            heading_deg real,
            accuracy_m real,
            altitude_m real,
            satellites smallint,
            extras jsonb
        )$ddl$ || format(cut, 'time');
    EXECUTE $ddl$
        CREATE TABLE etas (
            at timestamptz NOT NULL,
            p10 timestamptz NOT NULL,
            p50 timestamptz NOT NULL,
            p90 timestamptz NOT NULL,
            shown timestamptz NOT NULL,
            tenant_id integer NOT NULL,
            vehicle text COLLATE "C" NOT NULL,
            route text COLLATE "C" NOT NULL,
            stop text COLLATE "C" NOT NULL
        )$ddl$ || format(cut, 'at');
    IF has_timescale THEN
        PERFORM create_hypertable('fixes', 'time', chunk_time_interval => interval '1 day', create_default_indexes => false);
        PERFORM create_hypertable('etas', 'at', chunk_time_interval => interval '7 days', create_default_indexes => false);
    END IF;
END
$$;
CREATE UNIQUE INDEX fixes_vehicle_time ON fixes (vehicle_id, time);
-- Batches are written one after another, so a few kilobytes of ranges find them; a B-tree would cost every insert a quarter.
-- Ranges are wide (8 MB, some 80,000 fixes): each that is full asks the autovacuum to summarize it, and the queue for
-- that holds 256 a minute; what does not get in is logged.
CREATE INDEX fixes_batch ON fixes USING brin (batch) WITH (pages_per_range = 1024, autosummarize = on);
CREATE UNIQUE INDEX etas_of_stop ON etas (tenant_id, route, stop, at);

-- Without foreign keys: checkpoints are the hot path, and a vehicle may be deleted at any moment. What is left of a
-- deleted vehicle here is swept by the upkeep.
CREATE TABLE vehicle_states (
    vehicle_id bigint PRIMARY KEY,
    time timestamptz,
    lat double precision,
    lon double precision,
    batch bigint,
    tenant_id integer NOT NULL,
    speed_mps real,
    heading_deg real,
    accuracy_m real,
    state bytea
) WITH (fillfactor = 70);
COMMENT ON COLUMN vehicle_states.time IS 'of the newest fix up to the checkpoint; later ones are in fixes alone';
COMMENT ON COLUMN vehicle_states.batch IS 'the checkpoint that wrote the state';

CREATE TABLE checkpoints (
    worker text PRIMARY KEY,
    batch bigint NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE anchors (
    vehicle_id bigint NOT NULL,
    time timestamptz NOT NULL,
    tenant_id integer NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (vehicle_id, time)
);

-- Makes the partitions of these days; does nothing where the table is a hypertable. ATTACH, unlike CREATE ... PARTITION OF,
-- lets readers and writers of the other partitions go on.
CREATE FUNCTION ensure_partitions(parent text, days date[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    day date;
    child text;
    made integer := 0;
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = to_regclass(parent)) IS DISTINCT FROM 'p' THEN
        RETURN 0;
    END IF;
    FOR day IN SELECT DISTINCT given FROM unnest(days) AS given ORDER BY given LOOP
        child := parent || to_char(day, '"_"YYYYMMDD');
        IF to_regclass(child) IS NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('outrider.partitions'), hashtext(current_schema()));
            -- Not to_regclass: it answers from a cache that waiting for an advisory lock does not refresh.
            IF NOT EXISTS (
                SELECT FROM pg_class WHERE relname = child AND relnamespace = current_schema()::regnamespace
            ) THEN
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)', child, parent);
                EXECUTE format(
                    'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                    parent, child, day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC'
                );
                made := made + 1;
            END IF;
        END IF;
    END LOOP;
    RETURN made;
END
$$;

-- Drops the chunks or partitions that end at or before an instant; how many.
CREATE FUNCTION drop_partitions(parent text, older_than timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    child text;
    dropped integer := 0;
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = to_regclass(parent)) IS DISTINCT FROM 'p' THEN
        EXECUTE format('SELECT count(*)::integer FROM drop_chunks(%L::regclass, %L::timestamptz)', parent, older_than) INTO dropped;
        RETURN dropped;
    END IF;
    FOR child IN
        SELECT pg_class.relname FROM pg_inherits JOIN pg_class ON pg_class.oid = pg_inherits.inhrelid
        WHERE pg_inherits.inhparent = to_regclass(parent)
          AND to_date(right(pg_class.relname, 8), 'YYYYMMDD') < (older_than AT TIME ZONE 'UTC')::date
        ORDER BY pg_class.relname
    LOOP
        EXECUTE format('DROP TABLE %I', child);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
