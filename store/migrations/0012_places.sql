-- Where places were decided to be, and stops that are gone by that instead of by the plan's own pin.

ALTER TABLE stops ADD COLUMN planned_lat double precision;
ALTER TABLE stops ADD COLUMN planned_lon double precision;
ALTER TABLE stops ADD CHECK ((planned_lat IS NULL) = (planned_lon IS NULL));
COMMENT ON COLUMN stops.planned_lat IS 'the plan''s own pin, where lat and lon are those of the place; else NULL';
CREATE INDEX stops_of_place ON stops (tenant_id, place) WHERE place IS NOT NULL;

CREATE TABLE place_decisions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id integer NOT NULL REFERENCES tenants,
    place text COLLATE "C" NOT NULL,
    step text NOT NULL,
    lat double precision,
    lon double precision,
    visits integer NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    stops integer NOT NULL DEFAULT 0,
    CHECK ((step IN ('accepted', 'learned')) = (lat IS NOT NULL AND lon IS NOT NULL))
);
COMMENT ON TABLE place_decisions IS 'the newest of a place holds; the others are its history';
CREATE INDEX place_decisions_of_place ON place_decisions (tenant_id, place, number DESC);

-- What places are learned from: few of the events of stops.
CREATE INDEX events_of_stands ON events (tenant_id, (data ->> 'place'), seq)
    WHERE type LIKE 'stop.completed%' OR type LIKE 'stop.place_suggested%';
