-- name: select
SELECT tenants.name, trackers.tracker, trackers.status, vehicles.vehicle, trackers.created_at,
    clocks.offset_s, clocks.since, clocks.until, clocks.found_at
FROM trackers
JOIN tenants ON tenants.id = trackers.tenant_id
LEFT JOIN mountings
    ON mountings.tenant_id = trackers.tenant_id AND mountings.tracker = trackers.tracker AND mountings.mounted_to IS NULL
LEFT JOIN vehicles ON vehicles.id = mountings.vehicle_id
LEFT JOIN tracker_clocks AS clocks ON clocks.tenant_id = trackers.tenant_id AND clocks.tracker = trackers.tracker
WHERE true
    AND trackers.tenant_id = %(tenant_id)s -- if tenant_id
    AND trackers.tracker = %(id)s -- if id
    AND trackers.tracker > %(after)s -- if after
    AND (tenants.name, trackers.tracker) > (%(after_tenant)s, %(after_id)s) -- if after_tenant
    AND trackers.status = %(status)s -- if status
    AND vehicles.vehicle = %(vehicle)s -- if vehicle
ORDER BY trackers.tenant_id, trackers.tracker -- if tenant_id
ORDER BY tenants.name, trackers.tracker -- if across
LIMIT %(limit)s

-- name: create
INSERT INTO trackers (tenant_id, tracker, status, created_at)
VALUES (%(tenant_id)s, %(id)s, %(status)s, coalesce(%(created_at)s::timestamptz, now()))
ON CONFLICT DO NOTHING
RETURNING created_at

-- name: replace
UPDATE trackers SET status = %(status)s WHERE tenant_id = %(tenant_id)s AND tracker = %(id)s RETURNING created_at

-- name: delete
WITH gone AS (
    DELETE FROM trackers WHERE tenant_id = %(tenant_id)s AND tracker = %(id)s RETURNING tracker
)
SELECT pg_notify('outrider_changes', %(change)s) FROM gone

-- name: ensure
INSERT INTO trackers (tenant_id, tracker) VALUES (%(tenant_id)s, %(tracker)s) ON CONFLICT DO NOTHING

-- name: lock
SELECT FROM trackers WHERE tenant_id = %(tenant_id)s AND tracker = %(id)s FOR UPDATE

-- name: dismount_others
-- What the tracker was on, and what was on the vehicle, ends now; the pair itself goes on.
UPDATE mountings SET mounted_to = greatest(now(), mounted_from)
WHERE mounted_to IS NULL
    AND ((tenant_id = %(tenant_id)s AND tracker = %(tracker)s) OR vehicle_id = %(vehicle_id)s)
    AND NOT (tenant_id = %(tenant_id)s AND tracker = %(tracker)s AND vehicle_id = %(vehicle_id)s)

-- name: mount
INSERT INTO mountings (tenant_id, tracker, vehicle_id)
SELECT %(tenant_id)s, %(tracker)s, %(vehicle_id)s
WHERE NOT EXISTS (
    SELECT FROM mountings
    WHERE tenant_id = %(tenant_id)s AND tracker = %(tracker)s AND vehicle_id = %(vehicle_id)s AND mounted_to IS NULL
)

-- name: dismount_vehicle
UPDATE mountings SET mounted_to = greatest(now(), mounted_from) WHERE vehicle_id = %(vehicle_id)s AND mounted_to IS NULL

-- name: dismount_tracker
UPDATE mountings SET mounted_to = greatest(now(), mounted_from)
WHERE tenant_id = %(tenant_id)s AND tracker = %(tracker)s AND mounted_to IS NULL

-- name: disconnected
SELECT tenants.name, tracker_connections.tracker, tracker_connections.since
FROM tracker_connections
JOIN tenants ON tenants.id = tracker_connections.tenant_id
WHERE NOT tracker_connections.is_online
ORDER BY tenants.name, tracker_connections.tracker

-- name: tell
SELECT pg_notify('outrider_changes', %(change)s)
