-- What only TimescaleDB's community licence offers. Run after every migration, because a server may be given that licence
-- later; each step does nothing where it was done before.
--
-- Compressed a week after the fact: late fixes still find their chunk open. orderby holds batch, because TimescaleDB keeps the
-- range of every orderby column: "later than batch n" is answered without unpacking anything.
DO $$
BEGIN
    IF current_setting('timescaledb.license', true) IS DISTINCT FROM 'timescale'
        OR NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
    THEN
        RETURN;
    END IF;
    IF NOT EXISTS (
        SELECT FROM timescaledb_information.hypertables WHERE hypertable_name = 'fixes' AND compression_enabled
    ) THEN
        ALTER TABLE fixes SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'vehicle_id', timescaledb.compress_orderby = 'time, batch'
        );
    END IF;
    PERFORM add_compression_policy('fixes', interval '7 days', if_not_exists => true);

    -- How active each vehicle was, a minute at a time; outlives the fixes where those have a retention.
    IF to_regclass('vehicle_minutes') IS NULL THEN
        CREATE MATERIALIZED VIEW vehicle_minutes WITH (timescaledb.continuous) AS
        SELECT
            time_bucket(interval '1 minute', time) AS minute,
            tenant_id,
            vehicle_id,
            count(*) AS fixes,
            avg(speed_mps) AS mean_speed_mps,
            max(speed_mps) AS max_speed_mps,
            last(lat, time) AS last_lat,
            last(lon, time) AS last_lon
        FROM fixes
        GROUP BY minute, tenant_id, vehicle_id
        WITH NO DATA;
    END IF;
    PERFORM add_continuous_aggregate_policy(
        'vehicle_minutes',
        start_offset => interval '3 days',
        end_offset => interval '2 minutes',
        schedule_interval => interval '1 minute',
        if_not_exists => true
    );
END
$$;
