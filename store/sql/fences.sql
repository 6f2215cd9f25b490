-- name: select
SELECT
    tenants.name, fences.id, fences.name, geometry, radius_m, dwell_s, settings, calendar, min_altitude_m, max_altitude_m,
    max_speed_mps, tags, groups, color, extras
FROM fences
JOIN tenants ON tenants.id = fences.tenant_id
WHERE true
    AND fences.tenant_id = %(tenant_id)s -- if tenant_id
    AND fences.id = %(id)s -- if id
    AND fences.id > %(after)s -- if after
    AND (tenants.name, fences.id) > (%(after_tenant)s, %(after_id)s) -- if after_tenant
    AND %(tag)s = ANY (tags) -- if tag
    AND groups <> '{}' AND groups @> ARRAY[%(group)s::text] -- if group
ORDER BY fences.tenant_id, fences.id -- if tenant_id
ORDER BY tenants.name, fences.id -- if across
LIMIT %(limit)s

-- name: create
WITH made AS (
    INSERT INTO fences (
        tenant_id, id, name, geometry, radius_m, dwell_s, settings, calendar, min_altitude_m, max_altitude_m, max_speed_mps,
        tags, groups, color, extras
    )
    VALUES (
        %(tenant_id)s, %(id)s, %(name)s, %(geometry)s, %(radius_m)s, %(dwell_s)s, %(settings)s, %(calendar)s,
        %(min_altitude_m)s, %(max_altitude_m)s, %(max_speed_mps)s, %(tags)s, %(groups)s::text[], %(color)s, %(extras)s
    )
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT pg_notify('outrider_changes', %(change)s) FROM made

-- name: lock
SELECT FROM fences WHERE tenant_id = %(tenant_id)s AND id = %(id)s FOR UPDATE

-- name: replace
WITH made AS (
    UPDATE fences SET
        name = %(name)s, geometry = %(geometry)s, radius_m = %(radius_m)s, dwell_s = %(dwell_s)s, settings = %(settings)s,
        calendar = %(calendar)s, min_altitude_m = %(min_altitude_m)s, max_altitude_m = %(max_altitude_m)s,
        max_speed_mps = %(max_speed_mps)s, tags = %(tags)s, groups = %(groups)s::text[], color = %(color)s, extras = %(extras)s
    WHERE tenant_id = %(tenant_id)s AND id = %(id)s
    RETURNING id
)
SELECT pg_notify('outrider_changes', %(change)s) FROM made

-- name: delete
WITH gone AS (
    DELETE FROM fences WHERE tenant_id = %(tenant_id)s AND id = %(id)s RETURNING id
)
SELECT pg_notify('outrider_changes', %(change)s) FROM gone
