-- What is known of each tenant's pairs of vehicles, up to some instants: the newest is where the worker goes on, the others are where
-- a late fix is judged from again.

CREATE TABLE proximity_states (
    tenant_id integer NOT NULL,
    time timestamptz NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (tenant_id, time)
);
