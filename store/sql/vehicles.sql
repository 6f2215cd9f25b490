-- name: select
SELECT tenants.name, vehicles.vehicle, vehicles.name, mountings.tracker, vehicles.tags, vehicles.own_settings, vehicles.created_at
FROM vehicles
JOIN tenants ON tenants.id = vehicles.tenant_id
LEFT JOIN mountings ON mountings.vehicle_id = vehicles.id AND mountings.mounted_to IS NULL
WHERE true
    AND vehicles.tenant_id = %(tenant_id)s -- if tenant_id
    AND vehicles.vehicle = %(id)s -- if id
    AND vehicles.vehicle > %(after)s -- if after
    AND (tenants.name, vehicles.vehicle) > (%(after_tenant)s, %(after_id)s) -- if after_tenant
    AND mountings.tracker = %(tracker)s -- if tracker
    AND %(tag)s = ANY (vehicles.tags) -- if tag
ORDER BY vehicles.tenant_id, vehicles.vehicle -- if tenant_id
ORDER BY tenants.name, vehicles.vehicle -- if across
LIMIT %(limit)s

-- name: create
INSERT INTO vehicles (tenant_id, vehicle, name, tags, own_settings, created_at)
VALUES (%(tenant_id)s, %(id)s, %(name)s, %(tags)s, %(settings)s, coalesce(%(created_at)s::timestamptz, now()))
ON CONFLICT DO NOTHING
RETURNING id, created_at

-- name: replace
UPDATE vehicles SET name = %(name)s, tags = %(tags)s, own_settings = %(settings)s
WHERE tenant_id = %(tenant_id)s AND vehicle = %(id)s
RETURNING id, created_at

-- name: delete
WITH gone AS (
    DELETE FROM vehicles WHERE tenant_id = %(tenant_id)s AND vehicle = %(id)s RETURNING id
), states AS (
    DELETE FROM vehicle_states USING gone WHERE vehicle_states.vehicle_id = gone.id
), old_anchors AS (
    DELETE FROM anchors USING gone WHERE anchors.vehicle_id = gone.id
)
SELECT pg_notify('outrider_changes', %(change)s) FROM gone

-- name: lock
-- Vehicle before tracker, in every transaction that mounts: two of them never wait for each other.
SELECT id FROM vehicles WHERE tenant_id = %(tenant_id)s AND vehicle = %(id)s FOR UPDATE

-- name: world
SELECT tenants.name, trackers.tracker, trackers.status = 'active', coalesce(vehicles.id, 0), coalesce(vehicles.vehicle, '')
FROM trackers
JOIN tenants ON tenants.id = trackers.tenant_id
LEFT JOIN mountings
    ON mountings.tenant_id = trackers.tenant_id AND mountings.tracker = trackers.tracker AND mountings.mounted_to IS NULL
LEFT JOIN vehicles ON vehicles.id = mountings.vehicle_id
ORDER BY tenants.name, trackers.tracker

-- name: register
SELECT tenant, tracker, status, vehicle_id, vehicle
FROM register_trackers(%(tenants)s::text[], %(idents)s::text[], %(quarantine)s)
