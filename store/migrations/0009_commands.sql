-- Commands to trackers, and how each tracker was heard last (which says in what form it takes them).

CREATE TABLE uplinks (
    tenant_id integer NOT NULL,
    tracker text COLLATE "C" NOT NULL,
    format text NOT NULL,
    topic text NOT NULL,
    PRIMARY KEY (tenant_id, tracker)
);
COMMENT ON TABLE uplinks IS 'trackers that do not speak the native format; the others are known by their name';

CREATE TABLE commands (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id integer NOT NULL,
    id text COLLATE "C" NOT NULL,
    tracker text COLLATE "C" NOT NULL,
    format text NOT NULL,
    command text NOT NULL,
    params jsonb NOT NULL,
    topic text NOT NULL,
    payload bytea NOT NULL,
    answers text NOT NULL CHECK (answers IN ('by_key', 'in_order', 'never')),
    answer_key text NOT NULL,
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'sent', 'answered', 'failed', 'expired')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    leased_until timestamptz,
    sent_at timestamptz,
    answered_at timestamptz,
    answer jsonb,
    error text NOT NULL DEFAULT '',
    UNIQUE (tenant_id, id)
);
CREATE INDEX commands_of_tracker ON commands (tenant_id, tracker, number);
CREATE INDEX commands_open ON commands (expires_at) WHERE status IN ('queued', 'sent');
CREATE INDEX commands_by_age ON commands (created_at);
