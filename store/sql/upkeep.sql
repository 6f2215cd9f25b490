-- What the server is, and its upkeep.

-- name: schema
SELECT version, checksum FROM schema_migrations ORDER BY version

-- name: capabilities
SELECT
    current_setting('server_version'),
    (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
    (SELECT relkind::text FROM pg_class WHERE oid = to_regclass('fixes')),
    current_setting('timescaledb.license', true)

-- name: community_features
SELECT
    (SELECT compression_enabled FROM timescaledb_information.hypertables
     WHERE hypertable_schema = current_schema() AND hypertable_name = 'fixes'),
    EXISTS (SELECT FROM timescaledb_information.continuous_aggregates
            WHERE view_schema = current_schema() AND view_name = 'vehicle_minutes')

-- name: ensure_partitions
SELECT ensure_partitions(%(table)s, %(days)s::date[])

-- name: drop_partitions
SELECT drop_partitions(%(table)s, %(older_than)s)

-- name: drop_events
DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE recorded_at < %(older_than)s LIMIT %(limit)s)

-- name: drop_visits
DELETE FROM visits WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM visits WHERE exited_at < %(older_than)s LIMIT %(limit)s)

-- name: drop_dead_letters
DELETE FROM dead_letters WHERE number IN (SELECT number FROM dead_letters WHERE newest_at < %(older_than)s LIMIT %(limit)s)

-- name: drop_outbox
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox WHERE due_at IS NULL AND touched_at < %(older_than)s LIMIT %(limit)s
)

-- name: drop_commands
DELETE FROM commands WHERE number IN (SELECT number FROM commands WHERE created_at < %(older_than)s LIMIT %(limit)s)

-- name: drop_anchors
-- The newest of each vehicle stays: a vehicle that was away for long is folded from it.
DELETE FROM anchors WHERE (vehicle_id, time) IN (
    SELECT vehicle_id, time FROM anchors
    WHERE time < %(older_than)s
      AND EXISTS (SELECT FROM anchors AS newer WHERE newer.vehicle_id = anchors.vehicle_id AND newer.time > anchors.time)
    LIMIT %(limit)s
)

-- name: drop_proximity_states
-- The newest of each tenant stays: it is where the worker goes on.
DELETE FROM proximity_states WHERE (tenant_id, time) IN (
    SELECT tenant_id, time FROM proximity_states AS states
    WHERE time < %(older_than)s
      AND EXISTS (SELECT FROM proximity_states AS newer WHERE newer.tenant_id = states.tenant_id AND newer.time > states.time)
    LIMIT %(limit)s
)

-- name: drop_idempotency_keys
DELETE FROM idempotency_keys WHERE (tenant_id, key) IN (
    SELECT tenant_id, key FROM idempotency_keys WHERE created_at < %(older_than)s LIMIT %(limit)s
)

-- name: sweep_orphans
-- Left by deleted vehicles and subscriptions, and alerts whose event is past its retention.
WITH states AS (
    DELETE FROM vehicle_states
    -- Under 0 is what was learned from all vehicles.
    WHERE vehicle_id <> 0 AND NOT EXISTS (SELECT FROM vehicles WHERE vehicles.id = vehicle_states.vehicle_id)
), old_anchors AS (
    DELETE FROM anchors WHERE NOT EXISTS (SELECT FROM vehicles WHERE vehicles.id = anchors.vehicle_id)
)
DELETE FROM outbox
WHERE NOT EXISTS (
        SELECT FROM subscriptions WHERE subscriptions.tenant_id = outbox.tenant_id AND subscriptions.id = outbox.subscription
    )
    OR (due_at IS NOT NULL AND NOT EXISTS (SELECT FROM events WHERE events.seq = outbox.event_seq))
