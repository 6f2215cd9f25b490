-- What was found on the road, and what was refused.

CREATE TABLE events (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    tenant_id integer NOT NULL,
    type text COLLATE "C" NOT NULL,
    vehicle text COLLATE "C" NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    data jsonb NOT NULL
);
COMMENT ON COLUMN events.seq IS 'in order of commit: numbers are given out under a lock that is held until the commit';
CREATE INDEX events_of_tenant ON events (tenant_id, seq);
CREATE INDEX events_of_vehicle ON events (tenant_id, vehicle, seq);
CREATE INDEX events_recorded ON events USING brin (recorded_at);

CREATE TABLE visits (
    tenant_id integer NOT NULL,
    id text COLLATE "C" NOT NULL,
    vehicle text COLLATE "C" NOT NULL,
    fence text COLLATE "C" NOT NULL,
    entered_at timestamptz NOT NULL,
    exited_at timestamptz,
    confirmed_at timestamptz,
    retracted boolean NOT NULL,
    evidence jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX visits_by_entry ON visits (tenant_id, entered_at DESC, id) WHERE NOT retracted;
CREATE INDEX visits_of_vehicle ON visits (tenant_id, vehicle, entered_at DESC, id) WHERE NOT retracted;
CREATE INDEX visits_of_fence ON visits (tenant_id, fence, entered_at DESC, id) WHERE NOT retracted;

-- The tenant is text: whatever a stranger writes into a topic must not create one.
CREATE TABLE dead_letters (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    received_at timestamptz NOT NULL,
    newest_at timestamptz NOT NULL,
    times bigint NOT NULL DEFAULT 1,
    tenant text COLLATE "C",
    tracker text,
    topic text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    payload bytea NOT NULL,
    payload_bytes bigint NOT NULL
);
COMMENT ON COLUMN dead_letters.digest IS 'of topic, payload, reason and detail: a message that is delivered again is the same dead letter';
CREATE INDEX dead_letters_by_reason ON dead_letters (reason, number);
CREATE INDEX dead_letters_of_tenant ON dead_letters (tenant, number);
CREATE INDEX dead_letters_by_age ON dead_letters (newest_at);
