-- name: select
SELECT tenants.name, routes.id, routes.vehicle, routes.starts_at, routes.tenant_id, routes.status
FROM routes
JOIN tenants ON tenants.id = routes.tenant_id
WHERE true
    AND routes.tenant_id = %(tenant_id)s -- if tenant_id
    AND routes.id = %(id)s -- if id
    AND routes.id = ANY (%(ids)s::text[]) -- if ids
    AND routes.id > %(after)s -- if after
    AND (tenants.name, routes.id) > (%(after_tenant)s, %(after_id)s) -- if after_tenant
    AND routes.vehicle = %(vehicle)s -- if vehicle
    AND routes.status = %(status)s -- if status
    AND EXISTS ( -- if stop
        SELECT FROM stops WHERE stops.tenant_id = routes.tenant_id AND stops.route = routes.id AND stops.id = %(stop)s -- if stop
    ) -- if stop
ORDER BY routes.tenant_id, routes.id -- if tenant_id
ORDER BY tenants.name, routes.id -- if across
LIMIT %(limit)s

-- name: world
SELECT tenants.name, routes.id, routes.vehicle, routes.starts_at, routes.tenant_id, routes.status
FROM routes
JOIN tenants ON tenants.id = routes.tenant_id
WHERE routes.status <> 'done' OR routes.done_recorded_at > now() - %(horizon)s::interval
ORDER BY tenants.name, routes.vehicle, routes.starts_at, routes.id

-- name: world_keys
SELECT DISTINCT tenants.name, vehicles.vehicle, vehicles.id
FROM routes
JOIN tenants ON tenants.id = routes.tenant_id
JOIN vehicles ON vehicles.tenant_id = routes.tenant_id AND vehicles.vehicle = routes.vehicle
WHERE routes.status <> 'done' OR routes.done_recorded_at > now() - %(horizon)s::interval

-- name: stops
SELECT
    stops.tenant_id, stops.route, stops.id, stops.seq, lat, lon, place, stops.name, arrival_radius_m, min_dwell_s,
    planned_arrival, window_from, window_to, service_s, orders, planned_lat, planned_lon
FROM unnest(%(tenants)s, %(routes)s::text[]) AS given(tenant_id, route)
JOIN stops ON stops.tenant_id = given.tenant_id AND stops.route = given.route
ORDER BY stops.tenant_id, stops.route, stops.seq, stops.id

-- name: progress
SELECT
    stop_states.tenant_id, stop_states.route, stop_states.stop, status, delay, arrived_at, departed_at,
    eta_at, eta_vehicle, p10, p50, p90, shown
FROM unnest(%(tenants)s, %(routes)s::text[]) AS given(tenant_id, route)
JOIN stop_states ON stop_states.tenant_id = given.tenant_id AND stop_states.route = given.route

-- name: etas
SELECT eta_at, eta_vehicle, stop_states.route, stop, p10, p50, p90, shown
FROM stop_states
JOIN stops ON stops.tenant_id = stop_states.tenant_id AND stops.id = stop_states.stop
WHERE stop_states.tenant_id = %(tenant_id)s AND stop_states.route = %(route)s AND eta_at IS NOT NULL
ORDER BY stops.seq, stops.id

-- name: has_vehicle
SELECT FROM vehicles WHERE tenant_id = %(tenant_id)s AND vehicle = %(vehicle)s

-- name: create
INSERT INTO routes (tenant_id, id, vehicle, starts_at) VALUES (%(tenant_id)s, %(id)s, %(vehicle)s, %(starts_at)s)
ON CONFLICT DO NOTHING
RETURNING id

-- name: lock
SELECT FROM routes WHERE tenant_id = %(tenant_id)s AND id = %(id)s FOR UPDATE

-- name: replace
UPDATE routes SET vehicle = %(vehicle)s, starts_at = %(starts_at)s WHERE tenant_id = %(tenant_id)s AND id = %(id)s
RETURNING id

-- name: put
INSERT INTO routes (tenant_id, id, vehicle, starts_at)
SELECT * FROM unnest(%(tenants)s, %(routes)s::text[], %(vehicles)s::text[], %(starts_at)s)
ON CONFLICT (tenant_id, id) DO UPDATE SET vehicle = excluded.vehicle, starts_at = excluded.starts_at

-- name: foreign_stops
-- Stops that belong to a route which is not among those given.
SELECT stops.id
FROM unnest(%(stop_tenants)s, %(stops)s::text[]) AS given(tenant_id, stop)
JOIN stops ON stops.tenant_id = given.tenant_id AND stops.id = given.stop
WHERE NOT EXISTS (
    SELECT FROM unnest(%(tenants)s, %(routes)s::text[]) AS replaced(tenant_id, route)
    WHERE replaced.tenant_id = stops.tenant_id AND replaced.route = stops.route
)
ORDER BY stops.id
LIMIT 1

-- name: forget_states
-- Of stops that leave their route; those that stay keep what became of them.
DELETE FROM stop_states
USING unnest(%(tenants)s, %(routes)s::text[]) AS given(tenant_id, route)
WHERE stop_states.tenant_id = given.tenant_id AND stop_states.route = given.route
    AND NOT EXISTS (
        SELECT FROM unnest(%(stop_tenants)s, %(stops)s::text[], %(stop_routes)s::text[]) AS staying(tenant_id, stop, route)
        WHERE staying.tenant_id = stop_states.tenant_id AND staying.stop = stop_states.stop AND staying.route = stop_states.route
    )

-- name: drop_stops
DELETE FROM stops
USING unnest(%(tenants)s, %(routes)s::text[]) AS given(tenant_id, route)
WHERE stops.tenant_id = given.tenant_id AND stops.route = given.route

-- name: add_stops
INSERT INTO stops (
    tenant_id, id, route, seq, lat, lon, place, name, arrival_radius_m, min_dwell_s, planned_arrival, window_from, window_to,
    service_s, orders, planned_lat, planned_lon
)
SELECT
    tenant_id, id, route, seq, lat, lon, place, name, arrival_radius_m, min_dwell_s, planned_arrival, window_from, window_to,
    service_s, ARRAY(SELECT jsonb_array_elements_text(orders)), planned_lat, planned_lon
FROM unnest(
    %(stop_tenants)s, %(stops)s::text[], %(stop_routes)s::text[], %(seqs)s, %(lats)s, %(lons)s, %(places)s::text[],
    %(names)s::text[], %(radii)s, %(dwells)s::float8[], %(planned)s::timestamptz[], %(windows_from)s::timestamptz[],
    %(windows_to)s::timestamptz[], %(services)s::float8[], %(orders)s::jsonb[],
    %(planned_lats)s::float8[], %(planned_lons)s::float8[]
) AS given(
    tenant_id, id, route, seq, lat, lon, place, name, arrival_radius_m, min_dwell_s, planned_arrival, window_from, window_to,
    service_s, orders, planned_lat, planned_lon
)

-- name: delete
WITH gone AS (
    DELETE FROM routes WHERE tenant_id = %(tenant_id)s AND id = %(id)s RETURNING tenant_id, id
), states AS (
    DELETE FROM stop_states USING gone WHERE stop_states.tenant_id = gone.tenant_id AND stop_states.route = gone.id
)
SELECT pg_notify('outrider_changes', %(change)s) FROM gone

-- name: vehicles_for
-- What a plan means by a tracker's ident: the vehicle that carries it, else the one of that id, else a new one.
WITH given AS (
    SELECT DISTINCT tenant_id, ident FROM unnest(%(tenants)s, %(idents)s::text[]) AS given(tenant_id, ident)
), made AS (
    INSERT INTO vehicles (tenant_id, vehicle, name)
    SELECT tenant_id, ident, ident FROM given
    WHERE NOT EXISTS (
        SELECT FROM mountings
        WHERE mountings.tenant_id = given.tenant_id AND mountings.tracker = given.ident AND mountings.mounted_to IS NULL
    )
    ORDER BY tenant_id, ident
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, vehicle
)
SELECT given.tenant_id, given.ident, coalesce(vehicles.vehicle, given.ident), made.vehicle IS NOT NULL
FROM given
LEFT JOIN mountings
    ON mountings.tenant_id = given.tenant_id AND mountings.tracker = given.ident AND mountings.mounted_to IS NULL
LEFT JOIN vehicles ON vehicles.id = mountings.vehicle_id
LEFT JOIN made ON made.tenant_id = given.tenant_id AND made.vehicle = given.ident

-- name: trackers_for
-- A tracker for each vehicle of that id that carries none, unless there is a tracker of that ident.
WITH made AS (
    INSERT INTO trackers (tenant_id, tracker)
    SELECT vehicles.tenant_id, vehicles.vehicle
    FROM (SELECT DISTINCT * FROM unnest(%(tenants)s, %(idents)s::text[])) AS given(tenant_id, ident)
    JOIN vehicles ON vehicles.tenant_id = given.tenant_id AND vehicles.vehicle = given.ident
    WHERE NOT EXISTS (SELECT FROM mountings WHERE mountings.vehicle_id = vehicles.id AND mountings.mounted_to IS NULL)
    ORDER BY vehicles.tenant_id, vehicles.vehicle
    ON CONFLICT DO NOTHING
    RETURNING tenant_id, tracker
)
SELECT tenant_id, tracker FROM made

-- name: mount_new
INSERT INTO mountings (tenant_id, tracker, vehicle_id)
SELECT vehicles.tenant_id, vehicles.vehicle, vehicles.id
FROM unnest(%(tenants)s, %(idents)s::text[]) AS given(tenant_id, ident)
JOIN vehicles ON vehicles.tenant_id = given.tenant_id AND vehicles.vehicle = given.ident
ON CONFLICT DO NOTHING
