-- Who wants to be told of which events, and what is due to be told.

CREATE TABLE subscriptions (
    tenant_id integer NOT NULL REFERENCES tenants,
    id text COLLATE "C" NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    secrets text[] NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    status_detail text,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);

-- Without foreign keys: the worker's commit must not fail because somebody has just deleted a subscription.
CREATE TABLE outbox (
    id text COLLATE "C" PRIMARY KEY,
    tenant_id integer NOT NULL,
    subscription text COLLATE "C" NOT NULL,
    event_seq bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz DEFAULT now(),
    touched_at timestamptz NOT NULL DEFAULT now(),
    claims integer NOT NULL DEFAULT 0,
    delivered boolean NOT NULL DEFAULT false,
    error text
) WITH (fillfactor = 80);
COMMENT ON COLUMN outbox.due_at IS 'while leased: when the lease ends; NULL: delivered or given up';
CREATE INDEX outbox_due ON outbox (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_of_subscription ON outbox (tenant_id, subscription) WHERE due_at IS NOT NULL;
CREATE INDEX outbox_over ON outbox (touched_at) WHERE due_at IS NULL;

-- Whether one of the types is the event's, or a prefix of it that ends in *.
CREATE FUNCTION means_type(types text[], event_type text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT EXISTS (
        SELECT FROM unnest(types) AS given(type)
        WHERE event_type = given.type OR (right(given.type, 1) = '*' AND starts_with(event_type, left(given.type, -1)))
    )
$$;
