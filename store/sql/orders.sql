-- name: select
SELECT tenants.name, orders.id, customer, stop, promise_from, promise_to, orders.created_at
FROM orders
JOIN tenants ON tenants.id = orders.tenant_id
WHERE true
    AND orders.tenant_id = %(tenant_id)s -- if tenant_id
    AND orders.id = %(id)s -- if id
    AND orders.id > %(after)s -- if after
    AND (tenants.name, orders.id) > (%(after_tenant)s, %(after_id)s) -- if after_tenant
    AND stop = %(stop)s -- if stop
    AND customer = %(customer)s -- if customer
ORDER BY orders.tenant_id, orders.id -- if tenant_id
ORDER BY tenants.name, orders.id -- if across
LIMIT %(limit)s

-- name: create
INSERT INTO orders (tenant_id, id, customer, stop, promise_from, promise_to, created_at)
VALUES (
    %(tenant_id)s, %(id)s, %(customer)s, %(stop)s, %(promise_from)s, %(promise_to)s,
    coalesce(%(created_at)s::timestamptz, now())
)
ON CONFLICT DO NOTHING
RETURNING created_at

-- name: lock
SELECT FROM orders WHERE tenant_id = %(tenant_id)s AND id = %(id)s FOR UPDATE

-- name: replace
UPDATE orders SET
    customer = %(customer)s, stop = %(stop)s, promise_from = %(promise_from)s, promise_to = %(promise_to)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING created_at

-- name: delete
DELETE FROM orders WHERE tenant_id = %(tenant_id)s AND id = %(id)s RETURNING id
