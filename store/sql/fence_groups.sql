-- name: select
SELECT tenants.name, fence_groups.id, fence_groups.name, settings, fence_groups.created_at
FROM fence_groups
JOIN tenants ON tenants.id = fence_groups.tenant_id
WHERE true
    AND fence_groups.tenant_id = %(tenant_id)s -- if tenant_id
    AND fence_groups.id = %(id)s -- if id
    AND fence_groups.id > %(after)s -- if after
    AND (tenants.name, fence_groups.id) > (%(after_tenant)s, %(after_id)s) -- if after_tenant
ORDER BY fence_groups.tenant_id, fence_groups.id -- if tenant_id
ORDER BY tenants.name, fence_groups.id -- if across
LIMIT %(limit)s

-- name: create
WITH made AS (
    INSERT INTO fence_groups (tenant_id, id, name, settings, created_at)
    VALUES (%(tenant_id)s, %(id)s, %(name)s, %(settings)s, coalesce(%(created_at)s::timestamptz, now()))
    ON CONFLICT DO NOTHING
    RETURNING created_at
)
SELECT created_at, pg_notify('outrider_changes', %(change)s)::text FROM made

-- name: lock
SELECT FROM fence_groups WHERE tenant_id = %(tenant_id)s AND id = %(id)s FOR UPDATE

-- name: replace
WITH made AS (
    UPDATE fence_groups SET name = %(name)s, settings = %(settings)s WHERE tenant_id = %(tenant_id)s AND id = %(id)s
    RETURNING created_at
)
SELECT created_at, pg_notify('outrider_changes', %(change)s)::text FROM made

-- name: delete
WITH gone AS (
    DELETE FROM fence_groups WHERE tenant_id = %(tenant_id)s AND id = %(id)s RETURNING id
)
SELECT pg_notify('outrider_changes', %(change)s)::text FROM gone

-- name: leave
-- A statement of its own after `delete`: it sees the fences of those who held the group until then.
UPDATE fences SET groups = array_remove(groups, %(id)s::text)
WHERE tenant_id = %(tenant_id)s AND groups <> '{}' AND groups @> ARRAY[%(id)s::text]

-- name: hold
-- Groups that are there, and stay so until the transaction is over.
SELECT id FROM fence_groups WHERE tenant_id = %(tenant_id)s AND id = ANY (%(groups)s::text[]) ORDER BY id FOR SHARE
