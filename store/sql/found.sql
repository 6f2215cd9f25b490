-- What was found and what was refused, as the API reads it.

-- name: events
SELECT
    events.seq, events.id, events.type, events.occurred_at, events.recorded_at, tenants.name, events.vehicle, events.data
FROM events
JOIN tenants ON tenants.id = events.tenant_id
WHERE true
    AND events.tenant_id = %(tenant_id)s -- if tenant_id
    AND events.vehicle = %(vehicle)s -- if vehicle
    AND events.seq > %(later_than)s -- if later_than
    AND events.seq < %(earlier_than)s -- if earlier_than
    AND events.occurred_at >= %(start)s -- if start
    AND events.occurred_at <= %(end)s -- if end
    AND means_type(%(types)s::text[], events.type) -- if types
ORDER BY events.seq DESC -- if newest_first
ORDER BY events.seq -- if oldest_first
LIMIT %(limit)s

-- name: visits
SELECT
    visits.id, tenants.name, visits.vehicle, visits.fence, visits.entered_at, visits.exited_at, visits.confirmed_at,
    visits.evidence
FROM visits
JOIN tenants ON tenants.id = visits.tenant_id
WHERE NOT visits.retracted
    AND visits.tenant_id = %(tenant_id)s -- if tenant_id
    AND visits.vehicle = %(vehicle)s -- if vehicle
    AND visits.fence = %(fence)s -- if fence
    AND (visits.exited_at IS NULL OR visits.exited_at >= %(start)s) -- if start
    AND visits.entered_at <= %(end)s -- if end
    AND (visits.entered_at < %(after_entered_at)s OR (visits.entered_at = %(after_entered_at)s AND visits.id > %(after)s)) -- if after
    AND (visits.entered_at < %(after_entered_at)s OR (visits.entered_at = %(after_entered_at)s AND (tenants.name, visits.id) > (%(after_tenant)s, %(after_id)s))) -- if after_tenant
ORDER BY visits.entered_at DESC, visits.id -- if tenant_id
ORDER BY visits.entered_at DESC, tenants.name, visits.id -- if across
LIMIT %(limit)s

-- name: visit_entered_at
SELECT visits.entered_at FROM visits JOIN tenants ON tenants.id = visits.tenant_id
WHERE tenants.name = %(tenant)s AND visits.id = %(id)s

-- name: dead_letters
SELECT number, received_at, topic, payload, payload_bytes, reason, detail, tenant, tracker, times
FROM dead_letters
WHERE true
    AND tenant = %(tenant)s -- if tenant
    AND reason = %(reason)s -- if reason
    AND number < %(after)s -- if after
ORDER BY number DESC
LIMIT %(limit)s

-- name: letters_to_retry
SELECT number, received_at, topic, payload, payload_bytes, reason, detail, tenant, tracker, times
FROM dead_letters
WHERE retry_asked_at IS NOT NULL AND number > %(after)s
ORDER BY number
LIMIT %(limit)s

-- name: retry_dead_letters
UPDATE dead_letters SET retry_asked_at = coalesce(retry_asked_at, now())
WHERE number = ANY (%(numbers)s::bigint[]) AND payload_bytes = octet_length(payload)
    AND tenant = %(tenant)s -- if tenant
RETURNING number

-- name: drop_dead_letters
DELETE FROM dead_letters
WHERE number = ANY (%(numbers)s::bigint[])
    AND tenant = %(tenant)s -- if tenant
