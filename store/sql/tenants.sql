-- name: find
SELECT id, name FROM tenants WHERE name = %(name)s

-- name: ensure
SELECT tenant_id, tenant FROM ensure_tenants(%(names)s::text[])

-- name: of_vehicles
SELECT id, tenant_id FROM vehicles WHERE id = ANY (%(keys)s)
