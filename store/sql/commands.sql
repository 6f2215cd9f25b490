-- Commands to trackers.

-- name: add
INSERT INTO commands (
    tenant_id, id, tracker, format, command, params, topic, payload, answers, answer_key, created_at, expires_at
)
VALUES (
    %(tenant_id)s, %(id)s, %(tracker)s, %(format)s, %(command)s, %(params)s::jsonb, %(topic)s, %(payload)s, %(answers)s,
    %(answer_key)s, %(created_at)s, %(expires_at)s
)
ON CONFLICT DO NOTHING
RETURNING number

-- name: select
SELECT
    commands.number, tenants.name, commands.id, commands.tracker, commands.format, commands.command, commands.params,
    commands.topic, commands.payload, commands.answers, commands.answer_key, commands.status, commands.created_at,
    commands.expires_at, commands.sent_at, commands.answered_at, commands.answer, commands.error
FROM commands
JOIN tenants ON tenants.id = commands.tenant_id
WHERE commands.tenant_id = %(tenant_id)s
    AND commands.tracker = %(tracker)s
    AND commands.id = %(id)s -- if id
    AND commands.status = %(status)s -- if status
    AND commands.number < %(after)s -- if after
ORDER BY commands.number DESC
LIMIT %(limit)s

-- name: claim
-- A tracker whose answers name no command gets one at a time: the next when that one is closed.
WITH due AS (
    SELECT number FROM commands
    WHERE status = 'queued' AND expires_at > %(now)s AND (leased_until IS NULL OR leased_until <= %(now)s)
        AND NOT EXISTS (
            SELECT FROM commands AS earlier
            WHERE commands.answers = 'in_order' AND earlier.answers = 'in_order'
                AND earlier.tenant_id = commands.tenant_id AND earlier.tracker = commands.tracker
                AND earlier.number < commands.number AND earlier.status IN ('queued', 'sent') AND earlier.expires_at > %(now)s
        )
    ORDER BY number
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE commands SET leased_until = %(leased_until)s FROM due WHERE commands.number = due.number RETURNING commands.*
)
SELECT
    claimed.number, tenants.name, claimed.id, claimed.tracker, claimed.format, claimed.command, claimed.params, claimed.topic,
    claimed.payload, claimed.answers, claimed.answer_key, claimed.status, claimed.created_at, claimed.expires_at, claimed.sent_at,
    claimed.answered_at, claimed.answer, claimed.error
FROM claimed
JOIN tenants ON tenants.id = claimed.tenant_id
ORDER BY claimed.number

-- name: sent
UPDATE commands SET
    status = CASE WHEN status = 'queued' THEN 'sent' ELSE status END, sent_at = coalesce(sent_at, %(now)s), leased_until = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(id)s

-- name: failed
UPDATE commands SET status = 'failed', error = %(error)s, leased_until = NULL
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND status IN ('queued', 'sent')

-- name: expire
-- Where a format has no answers, sent is the last word.
UPDATE commands SET
    status = 'expired', leased_until = NULL,
    error = CASE WHEN status = 'queued' THEN 'the broker was not reached in time' ELSE 'the tracker did not answer in time' END
WHERE status IN ('queued', 'sent') AND expires_at <= %(now)s AND (status = 'queued' OR answers <> 'never')

-- name: uplink
SELECT uplinks.format, uplinks.topic
FROM uplinks
JOIN tenants ON tenants.id = uplinks.tenant_id
WHERE tenants.name = %(tenant)s AND uplinks.tracker = %(tracker)s
