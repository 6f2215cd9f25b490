-- Groups of fences, with settings between a fence's own and its tenant's.

CREATE TABLE fence_groups (
    tenant_id integer NOT NULL REFERENCES tenants,
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);

ALTER TABLE fences ADD COLUMN groups text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN fences.groups IS 'ids of fence_groups; of several that say something the first counts';
CREATE INDEX fences_of_groups ON fences USING gin (groups) WHERE groups <> '{}';
