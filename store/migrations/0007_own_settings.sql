-- What a tenant or a vehicle has set for itself, and trackers whose clocks are off by a constant.

ALTER TABLE tenants ADD COLUMN own_settings jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN tenants.own_settings IS 'by subject, only what differs from the installation: {"screening": {...}}';

ALTER TABLE vehicles ADD COLUMN own_settings jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN vehicles.own_settings IS 'by subject, only what differs from the tenant';
-- The worker asks for the few that have any.
CREATE INDEX vehicles_with_own_settings ON vehicles (tenant_id, vehicle) WHERE own_settings <> '{}';

CREATE TABLE tracker_clocks (
    tenant_id integer NOT NULL,
    tracker text COLLATE "C" NOT NULL,
    offset_s bigint NOT NULL CHECK (offset_s <> 0),
    since timestamptz NOT NULL,
    until timestamptz,
    found_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, tracker),
    FOREIGN KEY (tenant_id, tracker) REFERENCES trackers ON DELETE CASCADE
);
COMMENT ON COLUMN tracker_clocks.offset_s IS 'how far the clock is ahead; negative: behind';
COMMENT ON COLUMN tracker_clocks.since IS 'the first instant of the tracker''s own to which the correction applies';
COMMENT ON COLUMN tracker_clocks.until IS 'the last one; NULL while the clock is off';
