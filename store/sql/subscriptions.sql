-- name: select
SELECT
    tenants.name, subscriptions.id, url, types, secrets, status, status_detail, subscriptions.created_at
FROM subscriptions
JOIN tenants ON tenants.id = subscriptions.tenant_id
WHERE true
    AND subscriptions.tenant_id = %(tenant_id)s -- if tenant_id
    AND subscriptions.id = %(id)s -- if id
    AND subscriptions.id > %(after)s -- if after
    AND (tenants.name, subscriptions.id) > (%(after_tenant)s, %(after_id)s) -- if after_tenant
    AND status = %(status)s -- if status
ORDER BY subscriptions.tenant_id, subscriptions.id -- if tenant_id
ORDER BY tenants.name, subscriptions.id -- if across
LIMIT %(limit)s

-- name: create
INSERT INTO subscriptions (tenant_id, id, url, types, secrets, status, status_detail, created_at)
VALUES (
    %(tenant_id)s, %(id)s, %(url)s, %(types)s, %(secrets)s, %(status)s, %(status_detail)s,
    coalesce(%(created_at)s::timestamptz, now())
)
ON CONFLICT DO NOTHING
RETURNING created_at

-- name: lock
SELECT FROM subscriptions WHERE tenant_id = %(tenant_id)s AND id = %(id)s FOR UPDATE

-- name: replace
UPDATE subscriptions SET
    url = %(url)s, types = %(types)s, secrets = %(secrets)s, status = %(status)s, status_detail = %(status_detail)s
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING created_at

-- name: delete
WITH gone AS (
    DELETE FROM subscriptions WHERE tenant_id = %(tenant_id)s AND id = %(id)s RETURNING tenant_id, id
), alerts AS (
    DELETE FROM outbox USING gone WHERE outbox.tenant_id = gone.tenant_id AND outbox.subscription = gone.id
)
SELECT id FROM gone

-- name: claim
-- SKIP LOCKED: two claimers share the due alerts and never wait for each other.
WITH due AS (
    SELECT outbox.id, outbox.due_at FROM outbox
    WHERE due_at <= %(now)s
        AND (outbox.tenant_id, outbox.subscription) NOT IN ( -- if busy
            SELECT tenants.id, busy.subscription -- if busy
            FROM unnest(%(busy_tenants)s::text[], %(busy)s::text[]) AS busy (tenant, subscription) -- if busy
            JOIN tenants ON tenants.name = busy.tenant -- if busy
        ) -- if busy
        AND EXISTS (SELECT FROM events WHERE events.seq = outbox.event_seq)
        AND EXISTS (
            SELECT FROM subscriptions
            WHERE subscriptions.tenant_id = outbox.tenant_id AND subscriptions.id = outbox.subscription
        )
    ORDER BY due_at, event_seq, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE outbox SET due_at = %(leased_until)s, claims = outbox.claims + 1, touched_at = %(now)s
    FROM due
    WHERE outbox.id = due.id
    RETURNING outbox.*, due.due_at AS was_due_at
)
SELECT
    claimed.id, claimed.claims - 1, claimed.created_at,
    events.id, events.type, events.occurred_at, events.recorded_at, events.vehicle, events.data,
    tenants.name, subscriptions.id, url, types, secrets, status, status_detail, subscriptions.created_at
FROM claimed
JOIN events ON events.seq = claimed.event_seq
JOIN tenants ON tenants.id = claimed.tenant_id
JOIN subscriptions ON subscriptions.tenant_id = claimed.tenant_id AND subscriptions.id = claimed.subscription
ORDER BY claimed.was_due_at, claimed.event_seq, claimed.id

-- name: backlog
SELECT count(*), min(created_at) FROM outbox WHERE due_at IS NOT NULL

-- name: delivered
UPDATE outbox SET due_at = NULL, delivered = true, touched_at = %(now)s, error = NULL WHERE id = %(id)s

-- name: failed
-- Not where it was delivered meanwhile, by one whose lease had ended.
UPDATE outbox SET due_at = %(retry_at)s, touched_at = %(now)s, error = %(error)s WHERE id = %(id)s AND due_at IS NOT NULL

-- name: disable
WITH disabled AS (
    UPDATE subscriptions SET status = 'disabled', status_detail = %(why)s
    WHERE tenant_id = %(tenant_id)s AND id = %(id)s
    RETURNING tenant_id, id
), alerts AS (
    UPDATE outbox SET due_at = NULL, error = %(why)s, touched_at = now()
    FROM disabled
    WHERE outbox.tenant_id = disabled.tenant_id AND outbox.subscription = disabled.id AND outbox.due_at IS NOT NULL
)
SELECT id FROM disabled
