-- API keys (only their digests), and the answers that were given to requests with an Idempotency-Key.

CREATE TABLE api_keys (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id integer REFERENCES tenants,
    role text NOT NULL,
    digest text NOT NULL UNIQUE,
    name text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
COMMENT ON COLUMN api_keys.tenant_id IS 'NULL: a key of the operator of the installation, for all tenants';
CREATE INDEX api_keys_of_tenant ON api_keys (tenant_id);

CREATE TABLE idempotency_keys (
    tenant_id integer NOT NULL REFERENCES tenants,
    key text COLLATE "C" NOT NULL,
    fingerprint text NOT NULL,
    status integer NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
