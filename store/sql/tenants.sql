-- name: find
SELECT id, name FROM tenants WHERE name = %(name)s

-- name: ensure
SELECT tenant_id, tenant FROM ensure_tenants(%(names)s::text[])

-- name: of_vehicles
SELECT id, tenant_id FROM vehicles WHERE id = ANY (%(keys)s)

-- name: select
SELECT name, own_settings, created_at FROM tenants
WHERE true
    AND name = %(name)s -- if name
    AND name > %(after)s -- if after
ORDER BY name
LIMIT %(limit)s

-- name: replace
WITH changed AS (
    UPDATE tenants SET own_settings = %(settings)s WHERE name = %(name)s RETURNING name
)
SELECT pg_notify('outrider_changes', %(change)s) FROM changed

-- name: own_settings
SELECT name, NULL, own_settings FROM tenants WHERE own_settings <> '{}'
UNION ALL
SELECT tenants.name, vehicles.vehicle, vehicles.own_settings
FROM vehicles JOIN tenants ON tenants.id = vehicles.tenant_id
WHERE vehicles.own_settings <> '{}'

-- name: clocks
SELECT tenants.name, tracker, offset_s, since, until, found_at
FROM tracker_clocks JOIN tenants ON tenants.id = tracker_clocks.tenant_id
