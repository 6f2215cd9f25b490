-- Fixes come back as they went in: a column is one array. NaN and -1 stand for NULL, so that an array has a fixed layout.

-- name: after
-- One row a batch. The subquery's order is kept by the grouping, which needs the same one.
SELECT
    batch, array_agg(vehicle_id), array_agg(time), array_agg(lat), array_agg(lon),
    array_agg(coalesce(speed_mps, 'NaN')), array_agg(coalesce(heading_deg, 'NaN')), array_agg(coalesce(accuracy_m, 'NaN')),
    array_agg(coalesce(altitude_m, 'NaN')), array_agg(coalesce(satellites, (-1)::smallint)), array_agg(flags),
    array_agg(received),
    CASE WHEN bool_or(extras IS NOT NULL) THEN array_agg(extras::text) END
FROM (
    SELECT * FROM fixes
    WHERE batch > %(first)s AND batch <= %(last)s
        AND time BETWEEN %(min_time)s AND %(max_time)s -- if min_time
    ORDER BY batch, vehicle_id, time
) AS sorted
GROUP BY batch
ORDER BY batch

-- name: of_vehicle
SELECT
    coalesce(array_agg(vehicle_id), '{}'), coalesce(array_agg(time), '{}'), coalesce(array_agg(lat), '{}'),
    coalesce(array_agg(lon), '{}'), coalesce(array_agg(coalesce(speed_mps, 'NaN')), '{}'),
    coalesce(array_agg(coalesce(heading_deg, 'NaN')), '{}'), coalesce(array_agg(coalesce(accuracy_m, 'NaN')), '{}'),
    coalesce(array_agg(coalesce(altitude_m, 'NaN')), '{}'), coalesce(array_agg(coalesce(satellites, (-1)::smallint)), '{}'),
    coalesce(array_agg(flags), '{}'), coalesce(array_agg(received), '{}'),
    CASE WHEN bool_or(extras IS NOT NULL) THEN array_agg(extras::text) END
FROM (
    SELECT * FROM fixes
    WHERE vehicle_id = %(key)s AND time BETWEEN %(start)s AND %(end)s
    ORDER BY time
    LIMIT %(limit)s
) AS sorted

-- name: windows
-- Where in time the fixes of the batches after one are; batches that a checkpoint includes are no longer here.
SELECT batch, fixes, min_time, max_time FROM batches WHERE batch > %(after)s ORDER BY batch

-- name: checkpoint_batch
SELECT batch FROM checkpoints WHERE worker = 'worker'

-- name: states
-- Under 0 is what was learned from all vehicles. What is left of a vehicle that was deleted is of no use.
SELECT vehicle_states.vehicle_id, vehicle_states.state, vehicle_states.batch
FROM vehicle_states LEFT JOIN vehicles ON vehicles.id = vehicle_states.vehicle_id
WHERE vehicle_states.state IS NOT NULL AND (vehicles.id IS NOT NULL OR vehicle_states.vehicle_id = 0)

-- name: anchor_before
SELECT time, state FROM anchors WHERE vehicle_id = %(key)s AND time < %(time)s ORDER BY time DESC LIMIT 1

-- name: vehicle_key
SELECT vehicles.id FROM vehicles WHERE tenant_id = %(tenant_id)s AND vehicle = %(vehicle)s

-- name: positions
-- The newest up to the checkpoint beside the newest of the batches since, found where these are in time. Fixes that are not taken for
-- where their vehicle is (`fleet.screening.ELSEWHERE`) are passed over.
WITH tail AS (
    SELECT DISTINCT ON (vehicle_id) vehicle_id, time, lat, lon, speed_mps, heading_deg, accuracy_m
    FROM fixes
    WHERE batch > %(after)s AND time BETWEEN %(min_time)s AND %(max_time)s AND flags & 129 = 0
        AND tenant_id = %(tenant_id)s -- if tenant_id
    ORDER BY vehicle_id, time DESC
), under_way AS (
    SELECT DISTINCT ON (tenant_id, vehicle) tenant_id, vehicle, id
    FROM routes
    WHERE status = 'under_way'
        AND tenant_id = %(tenant_id)s -- if tenant_id
    ORDER BY tenant_id, vehicle, starts_at DESC, id DESC
)
SELECT
    tenants.name, vehicles.vehicle, vehicles.name,
    CASE WHEN is_later THEN tail.time ELSE state.time END,
    CASE WHEN is_later THEN tail.lat ELSE state.lat END,
    CASE WHEN is_later THEN tail.lon ELSE state.lon END,
    CASE WHEN is_later THEN tail.speed_mps ELSE state.speed_mps END,
    CASE WHEN is_later THEN tail.heading_deg ELSE state.heading_deg END,
    CASE WHEN is_later THEN tail.accuracy_m ELSE state.accuracy_m END,
    under_way.id
FROM vehicles
JOIN tenants ON tenants.id = vehicles.tenant_id
LEFT JOIN vehicle_states AS state ON state.vehicle_id = vehicles.id
LEFT JOIN tail ON tail.vehicle_id = vehicles.id
LEFT JOIN under_way ON under_way.tenant_id = vehicles.tenant_id AND under_way.vehicle = vehicles.vehicle
CROSS JOIN LATERAL (SELECT coalesce(tail.time > state.time, state.time IS NULL)) AS compared(is_later)
WHERE (tail.time IS NOT NULL OR state.time IS NOT NULL)
    AND vehicles.tenant_id = %(tenant_id)s -- if tenant_id
ORDER BY tenants.name, vehicles.vehicle

-- name: whereabouts
-- The same of all vehicles for ingest, which needs no more than this of a million; instants in microseconds since 1970.
WITH tail AS (
    SELECT DISTINCT ON (vehicle_id) vehicle_id, time, lat, lon
    FROM fixes
    WHERE batch > %(after)s AND time BETWEEN %(min_time)s AND %(max_time)s AND flags & 129 = 0
    ORDER BY vehicle_id, time DESC
)
SELECT
    vehicles.id,
    (extract(epoch FROM CASE WHEN is_later THEN tail.time ELSE state.time END) * 1000000)::bigint,
    CASE WHEN is_later THEN tail.lat ELSE state.lat END,
    CASE WHEN is_later THEN tail.lon ELSE state.lon END
FROM vehicles
LEFT JOIN vehicle_states AS state ON state.vehicle_id = vehicles.id
LEFT JOIN tail ON tail.vehicle_id = vehicles.id
CROSS JOIN LATERAL (SELECT coalesce(tail.time > state.time, state.time IS NULL)) AS compared(is_later)
WHERE tail.time IS NOT NULL OR state.time IS NOT NULL
