-- Pairs of vehicles: the fixes that say where vehicles were at an instant, and what is known of the pairs.

-- name: fixes_around
-- Two looks into the index for each vehicle and instant, however many fixes lie between. The bounds that do not depend on the
-- instant let the planner leave out all other chunks or partitions.
SELECT
    coalesce(array_agg(instant), '{}'), coalesce(array_agg(vehicle_id), '{}'), coalesce(array_agg(before_time), '{}'),
    coalesce(array_agg(before_lat), '{}'), coalesce(array_agg(before_lon), '{}'), coalesce(array_agg(before_speed_mps), '{}'),
    coalesce(array_agg(after_time), '{}'), coalesce(array_agg(after_lat), '{}'), coalesce(array_agg(after_lon), '{}')
FROM (
    SELECT
        asked.instant, vehicles.id AS vehicle_id,
        before.time AS before_time, before.lat AS before_lat, before.lon AS before_lon,
        coalesce(before.speed_mps, 'NaN') AS before_speed_mps,
        coalesce(after.time, 'epoch'::timestamptz - interval '1 microsecond') AS after_time,
        coalesce(after.lat, 'NaN') AS after_lat, coalesce(after.lon, 'NaN') AS after_lon
    FROM unnest(%(instants)s) AS asked(instant)
    JOIN vehicles ON vehicles.tenant_id = %(tenant_id)s
    CROSS JOIN LATERAL (
        SELECT time, lat, lon, speed_mps FROM fixes
        WHERE vehicle_id = vehicles.id
            AND time <= asked.instant AND time >= asked.instant - %(before)s::interval
            AND time BETWEEN %(start)s AND %(end)s
            AND (accuracy_m IS NULL OR accuracy_m <= %(worst_accuracy_m)s)
        ORDER BY time DESC
        LIMIT 1
    ) AS before
    LEFT JOIN LATERAL (
        SELECT time, lat, lon FROM fixes
        WHERE vehicle_id = vehicles.id
            AND time > asked.instant AND time <= asked.instant + %(after)s::interval
            AND time BETWEEN %(start)s AND %(end)s
            AND (accuracy_m IS NULL OR accuracy_m <= %(worst_accuracy_m)s)
        ORDER BY time
        LIMIT 1
    ) AS after ON true
    ORDER BY asked.instant, vehicles.id
) AS sorted

-- name: newest
SELECT DISTINCT ON (tenant_id) tenants.name, time, state
FROM proximity_states
JOIN tenants ON tenants.id = proximity_states.tenant_id
ORDER BY tenant_id, time DESC

-- name: before
SELECT time, state FROM proximity_states
WHERE tenant_id = %(tenant_id)s AND time < %(time)s
ORDER BY time DESC
LIMIT 1
