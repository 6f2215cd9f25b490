-- name: key_by_digest
SELECT api_keys.id, tenants.name, role, digest, api_keys.name, api_keys.created_at, revoked_at
FROM api_keys LEFT JOIN tenants ON tenants.id = api_keys.tenant_id
WHERE digest = %(digest)s AND revoked_at IS NULL

-- name: keys
SELECT api_keys.id, tenants.name, role, digest, api_keys.name, api_keys.created_at, revoked_at
FROM api_keys LEFT JOIN tenants ON tenants.id = api_keys.tenant_id
WHERE true
    AND api_keys.tenant_id = %(tenant_id)s -- if tenant_id
ORDER BY api_keys.id

-- name: put_key
INSERT INTO api_keys (id, tenant_id, role, digest, name, created_at, revoked_at)
SELECT %(id)s, %(tenant_id)s, %(role)s, %(digest)s, %(name)s, coalesce(%(created_at)s::timestamptz, now()), %(revoked_at)s
WHERE NOT EXISTS (SELECT FROM api_keys WHERE digest = %(digest)s AND id <> %(id)s)
ON CONFLICT (id) DO UPDATE SET
    tenant_id = excluded.tenant_id, role = excluded.role, digest = excluded.digest, name = excluded.name,
    created_at = excluded.created_at, revoked_at = excluded.revoked_at
RETURNING id

-- name: revoke_key
UPDATE api_keys SET revoked_at = coalesce(revoked_at, %(now)s)
WHERE id = %(id)s
    AND tenant_id = %(tenant_id)s -- if tenant_id
RETURNING id

-- name: take_answer
-- The key is the caller's where a row comes back: it is new, or its holder has died. An answer that is there stays.
INSERT INTO idempotency_keys (tenant_id, key, fingerprint, holder, held_until)
VALUES (%(tenant_id)s, %(key)s, %(fingerprint)s, %(holder)s, now() + make_interval(secs => %(for_s)s))
ON CONFLICT (tenant_id, key) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
WHERE idempotency_keys.status IS NULL AND idempotency_keys.held_until <= now()
    AND idempotency_keys.fingerprint = excluded.fingerprint
RETURNING holder

-- name: find_answer
SELECT fingerprint, status, body FROM idempotency_keys WHERE tenant_id = %(tenant_id)s AND key = %(key)s

-- name: put_answer
INSERT INTO idempotency_keys (tenant_id, key, fingerprint, status, body)
VALUES (%(tenant_id)s, %(key)s, %(fingerprint)s, %(status)s, %(body)s)
ON CONFLICT (tenant_id, key) DO UPDATE SET status = excluded.status, body = excluded.body, holder = NULL, held_until = NULL
WHERE idempotency_keys.status IS NULL AND idempotency_keys.fingerprint = excluded.fingerprint

-- name: release_answer
DELETE FROM idempotency_keys
WHERE tenant_id = %(tenant_id)s AND key = %(key)s AND holder = %(holder)s AND status IS NULL
