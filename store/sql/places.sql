-- Decisions about where places are. Whoever decides holds a tenant's lock alone, whoever writes stops holds it with others: no stop
-- is written by a decision that is not the newest.

-- name: lock
SELECT pg_advisory_xact_lock(hashtext(concat_ws('/', current_schema(), 'outrider.places')), %(tenant_id)s)

-- name: lock_shared
SELECT pg_advisory_xact_lock_shared(hashtext(concat_ws('/', current_schema(), 'outrider.places')), tenant_id)
FROM (SELECT DISTINCT tenant_id FROM unnest(%(tenants)s) AS given(tenant_id) ORDER BY tenant_id) AS ordered

-- name: current
-- The newest decision of each place.
SELECT name, place, step, lat, lon, visits, decided_by, decided_at, stops
FROM (
    SELECT DISTINCT ON (place_decisions.tenant_id, place)
        tenants.name, place, step, lat, lon, visits, decided_by, decided_at, stops
    FROM place_decisions
    JOIN tenants ON tenants.id = place_decisions.tenant_id
    WHERE true
        AND place_decisions.tenant_id = %(tenant_id)s -- if tenant_id
        AND place = %(id)s -- if id
        AND place > %(after)s -- if after
        AND (tenants.name, place) > (%(after_tenant)s, %(after_id)s) -- if after_tenant
    ORDER BY place_decisions.tenant_id, place, number DESC
) AS newest
ORDER BY name, place
LIMIT %(limit)s

-- name: history
SELECT number, tenants.name, place, step, lat, lon, visits, decided_by, decided_at, stops
FROM place_decisions
JOIN tenants ON tenants.id = place_decisions.tenant_id
WHERE place_decisions.tenant_id = %(tenant_id)s AND place = %(id)s
    AND number < %(after)s -- if after
ORDER BY number DESC
LIMIT %(limit)s

-- name: move
-- Stops that are still to come at the place, on routes that are not over, with the plan's own pin kept.
UPDATE stops SET
    lat = coalesce(%(lat)s, planned_lat, stops.lat),
    lon = coalesce(%(lon)s, planned_lon, stops.lon),
    planned_lat = CASE WHEN %(is_moved)s THEN coalesce(planned_lat, stops.lat) END,
    planned_lon = CASE WHEN %(is_moved)s THEN coalesce(planned_lon, stops.lon) END
FROM routes
WHERE stops.tenant_id = %(tenant_id)s AND stops.place = %(id)s
    AND routes.tenant_id = stops.tenant_id AND routes.id = stops.route AND routes.status <> 'done'
    AND (%(is_moved)s OR planned_lat IS NOT NULL)
    AND NOT EXISTS (
        SELECT FROM stop_states
        WHERE stop_states.tenant_id = stops.tenant_id AND stop_states.stop = stops.id AND stop_states.route = stops.route
            AND status NOT IN ('planned', 'approaching')
    )

-- name: add
INSERT INTO place_decisions (tenant_id, place, step, lat, lon, visits, decided_by, decided_at, stops)
VALUES (%(tenant_id)s, %(id)s, %(step)s, %(lat)s, %(lon)s, %(visits)s, %(by)s, %(at)s, %(stops)s)

-- name: positions
-- Where stops that are about to be written are, if not at their pins: one that was reached stays where it was then.
SELECT given.tenant_id, given.stop, CASE WHEN kept.id IS NULL THEN decided.lat ELSE kept.lat END,
    CASE WHEN kept.id IS NULL THEN decided.lon ELSE kept.lon END
FROM unnest(
    %(stop_tenants)s, %(stops)s::text[], %(stop_routes)s::text[], %(places)s::text[], %(lats)s, %(lons)s
) AS given(tenant_id, stop, route, place, lat, lon)
LEFT JOIN stops AS kept
    ON kept.tenant_id = given.tenant_id AND kept.id = given.stop AND kept.route = given.route AND kept.place = given.place
    AND coalesce(kept.planned_lat, kept.lat) = given.lat AND coalesce(kept.planned_lon, kept.lon) = given.lon
    AND EXISTS (
        SELECT FROM stop_states
        WHERE stop_states.tenant_id = kept.tenant_id AND stop_states.stop = kept.id AND stop_states.route = kept.route
            AND status NOT IN ('planned', 'approaching')
    )
LEFT JOIN LATERAL (
    SELECT lat, lon FROM place_decisions
    WHERE place_decisions.tenant_id = given.tenant_id AND place_decisions.place = given.place
    ORDER BY number DESC
    LIMIT 1
) AS decided ON true
WHERE given.place IS NOT NULL AND (kept.id IS NOT NULL OR decided.lat IS NOT NULL)

-- name: stands
-- The newest events that say where vehicles stood at a place, with their corrections; the condition is that of their index.
SELECT events.id, events.type, events.occurred_at, events.recorded_at, tenants.name, events.vehicle, events.data
FROM events
JOIN tenants ON tenants.id = events.tenant_id
WHERE events.tenant_id = %(tenant_id)s AND data ->> 'place' = %(id)s
    AND (type LIKE 'stop.completed%%' OR type LIKE 'stop.place_suggested%%')
ORDER BY events.seq DESC
LIMIT %(limit)s
