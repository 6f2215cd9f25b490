-- Whether each tracker that says so is connected to its broker, and since when: its retained status, and its last will.

CREATE TABLE tracker_connections (
    tenant_id integer NOT NULL,
    tracker text COLLATE "C" NOT NULL,
    is_online boolean NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, tracker),
    FOREIGN KEY (tenant_id, tracker) REFERENCES trackers ON DELETE CASCADE
);
COMMENT ON COLUMN tracker_connections.since IS 'when that was received';
