-- The worker's transaction. What a commit writes besides fixes goes in one pipeline, in this order.

-- name: begin
BEGIN; SELECT nextval('batches_batch_seq')

-- name: add_fixes
-- The slow way, for a batch that holds fixes which are there already. Answers with those that were new.
WITH added AS (
    INSERT INTO fixes (
        time, vehicle_id, lat, lon, received, batch, tenant_id, flags,
        speed_mps, heading_deg, accuracy_m, altitude_m, satellites, extras
    )
    SELECT
        time, vehicle_id, lat, lon, received, %(batch)s, tenant_id, flags,
        nullif(speed_mps, 'NaN'), nullif(heading_deg, 'NaN'), nullif(accuracy_m, 'NaN'), nullif(altitude_m, 'NaN'),
        nullif(satellites, -1), extras::jsonb
    FROM unnest(
        %(time)s, %(vehicle)s, %(lat)s, %(lon)s, %(received)s, %(tenants)s, %(flags)s,
        %(speed_mps)s, %(heading_deg)s, %(accuracy_m)s, %(altitude_m)s, %(satellites)s, %(extras)s::text[]
    ) AS given(
        time, vehicle_id, lat, lon, received, tenant_id, flags,
        speed_mps, heading_deg, accuracy_m, altitude_m, satellites, extras
    )
    ON CONFLICT (vehicle_id, time) DO NOTHING
    RETURNING vehicle_id, time
)
SELECT coalesce(array_agg(vehicle_id), '{}'), coalesce(array_agg(time), '{}') FROM added

-- name: note_batch
INSERT INTO batches (batch, fixes, min_time, max_time) VALUES (%(batch)s, %(fixes)s, %(min_time)s, %(max_time)s)

-- name: put_uplinks
INSERT INTO uplinks (tenant_id, tracker, format, topic)
SELECT tenants.id, given.tracker, given.format, given.topic
FROM unnest(%(tenants)s::text[], %(trackers)s::text[], %(formats)s::text[], %(topics)s::text[])
    AS given(tenant, tracker, format, topic)
JOIN tenants ON tenants.name = given.tenant
ON CONFLICT (tenant_id, tracker) DO UPDATE SET format = excluded.format, topic = excluded.topic
WHERE (uplinks.format, uplinks.topic) IS DISTINCT FROM (excluded.format, excluded.topic)

-- name: put_connections
INSERT INTO tracker_connections (tenant_id, tracker, is_online, since)
SELECT trackers.tenant_id, trackers.tracker, given.is_online, given.since
FROM unnest(%(tenants)s::text[], %(trackers)s::text[], %(online)s::boolean[], %(since)s) AS given(tenant, tracker, is_online, since)
JOIN tenants ON tenants.name = given.tenant
JOIN trackers ON trackers.tenant_id = tenants.id AND trackers.tracker = given.tracker
ON CONFLICT (tenant_id, tracker) DO UPDATE SET is_online = excluded.is_online, since = excluded.since
WHERE tracker_connections.is_online <> excluded.is_online

-- name: put_answers
-- An answer that names its command closes that one; another closes the one command of its kind that the tracker has open. What
-- is delivered again finds nothing open, unless the next command has been sent meanwhile: so an answer that has just answered
-- another command answers no second one.
WITH given AS (
    SELECT DISTINCT ON (tenants.id, given.tracker, given.key)
        tenants.id AS tenant_id, given.tracker, given.key, given.data, given.has_failed, given.received_at
    FROM unnest(
        %(tenants)s::text[], %(trackers)s::text[], %(keys)s::text[], %(data)s::jsonb[], %(failures)s::boolean[], %(received_at)s
    ) WITH ORDINALITY AS given(tenant, tracker, key, data, has_failed, received_at, place)
    JOIN tenants ON tenants.name = given.tenant
    ORDER BY tenants.id, given.tracker, given.key, given.place
), meant AS (
    SELECT given.*, commands.number
    FROM given
    CROSS JOIN LATERAL (
        SELECT commands.number, commands.command FROM commands
        WHERE commands.tenant_id = given.tenant_id AND commands.tracker = given.tracker
            AND commands.status IN ('queued', 'sent', 'expired')
            AND CASE WHEN given.key <> ''
                THEN commands.answers = 'by_key' AND commands.answer_key = given.key
                ELSE commands.answers = 'in_order' AND commands.sent_at IS NOT NULL
            END
        ORDER BY commands.status = 'expired', commands.number
        LIMIT 1
    ) AS commands
    WHERE given.key <> '' OR NOT EXISTS (
        SELECT FROM commands AS other
        WHERE other.tenant_id = given.tenant_id AND other.tracker = given.tracker AND other.status = 'answered'
            AND other.answer = given.data AND other.command <> commands.command
            AND other.answered_at > given.received_at - interval '2 minutes'
    )
)
UPDATE commands SET
    status = CASE WHEN meant.has_failed THEN 'failed' ELSE 'answered' END,
    answer = meant.data, answered_at = meant.received_at, leased_until = NULL,
    error = CASE WHEN meant.has_failed THEN 'the tracker or its network says that it failed' ELSE '' END
FROM meant
WHERE commands.number = meant.number

-- name: drop_retried
DELETE FROM dead_letters WHERE number = ANY (%(numbers)s)

-- name: put_dead_letters
INSERT INTO dead_letters (
    digest, received_at, newest_at, tenant, tracker, topic, reason, detail, payload, payload_bytes
)
SELECT digest, received_at, received_at, tenant, tracker, topic, reason, detail, payload, payload_bytes
FROM unnest(
    %(digests)s::bytea[], %(received_at)s, %(tenants)s::text[], %(trackers)s::text[], %(topics)s::text[],
    %(reasons)s::text[], %(details)s::text[], %(payloads)s::bytea[], %(payload_bytes)s
) WITH ORDINALITY AS given(digest, received_at, tenant, tracker, topic, reason, detail, payload, payload_bytes, place)
ORDER BY place
ON CONFLICT (digest) DO UPDATE SET times = dead_letters.times + 1, newest_at = excluded.newest_at
WHERE dead_letters.newest_at < excluded.newest_at

-- name: put_clocks
INSERT INTO tracker_clocks (tenant_id, tracker, offset_s, since, until, found_at)
SELECT trackers.tenant_id, trackers.tracker, given.offset_s, given.since, given.until, given.found_at
FROM unnest(
    %(tenants)s::text[], %(trackers)s::text[], %(offsets_s)s, %(since)s::timestamptz[], %(until)s::timestamptz[],
    %(found_at)s::timestamptz[]
) AS given(tenant, tracker, offset_s, since, until, found_at)
JOIN tenants ON tenants.name = given.tenant
JOIN trackers ON trackers.tenant_id = tenants.id AND trackers.tracker = given.tracker
ON CONFLICT (tenant_id, tracker) DO UPDATE SET
    offset_s = excluded.offset_s, since = excluded.since, until = excluded.until, found_at = excluded.found_at
WHERE tracker_clocks.found_at <= excluded.found_at

-- name: put_visits
INSERT INTO visits (tenant_id, id, vehicle, fence, entered_at, exited_at, confirmed_at, retracted, evidence)
SELECT * FROM unnest(
    %(tenants)s, %(ids)s::text[], %(vehicles)s::text[], %(fences)s::text[], %(entered_at)s::timestamptz[],
    %(exited_at)s::timestamptz[], %(confirmed_at)s::timestamptz[], %(retracted)s::boolean[], %(evidence)s::jsonb[]
)
ON CONFLICT (tenant_id, id) DO UPDATE SET
    vehicle = excluded.vehicle, fence = excluded.fence, entered_at = excluded.entered_at, exited_at = excluded.exited_at,
    confirmed_at = excluded.confirmed_at, retracted = excluded.retracted, evidence = excluded.evidence

-- name: put_route_states
UPDATE routes SET
    status = given.status,
    changed_at = given.changed_at,
    done_recorded_at = CASE WHEN given.status = 'done' THEN coalesce(routes.done_recorded_at, now()) END
FROM unnest(%(tenants)s, %(routes)s::text[], %(statuses)s::text[], %(changed_at)s)
    AS given(tenant_id, route, status, changed_at)
WHERE routes.tenant_id = given.tenant_id AND routes.id = given.route

-- name: put_stop_states
INSERT INTO stop_states (tenant_id, stop, route, vehicle, status, delay, arrived_at, departed_at, changed_at)
SELECT given.*
FROM unnest(
    %(tenants)s, %(stops)s::text[], %(routes)s::text[], %(vehicles)s::text[], %(statuses)s::text[], %(delays)s::text[],
    %(arrived_at)s::timestamptz[], %(departed_at)s::timestamptz[], %(changed_at)s::timestamptz[]
) AS given(tenant_id, stop, route, vehicle, status, delay, arrived_at, departed_at, changed_at)
JOIN stops ON stops.tenant_id = given.tenant_id AND stops.id = given.stop AND stops.route = given.route
ON CONFLICT (tenant_id, stop) DO UPDATE SET
    route = excluded.route, vehicle = excluded.vehicle, status = excluded.status, delay = excluded.delay,
    arrived_at = excluded.arrived_at, departed_at = excluded.departed_at, changed_at = excluded.changed_at

-- name: add_etas
-- What was told first for an instant stays in the history.
INSERT INTO etas (at, p10, p50, p90, shown, tenant_id, vehicle, route, stop)
SELECT given.*
FROM unnest(
    %(at)s, %(p10)s, %(p50)s, %(p90)s, %(shown)s, %(tenants)s, %(vehicles)s::text[], %(routes)s::text[], %(stops)s::text[]
) AS given(at, p10, p50, p90, shown, tenant_id, vehicle, route, stop)
JOIN stops ON stops.tenant_id = given.tenant_id AND stops.id = given.stop AND stops.route = given.route
ON CONFLICT (tenant_id, route, stop, at) DO NOTHING

-- name: put_newest_etas
INSERT INTO stop_states (tenant_id, stop, route, vehicle, eta_vehicle, eta_at, p10, p50, p90, shown)
SELECT given.tenant_id, given.stop, given.route, given.vehicle, given.vehicle, given.at, given.p10, given.p50, given.p90, given.shown
FROM unnest(
    %(at)s, %(p10)s, %(p50)s, %(p90)s, %(shown)s, %(tenants)s, %(vehicles)s::text[], %(routes)s::text[], %(stops)s::text[]
) AS given(at, p10, p50, p90, shown, tenant_id, vehicle, route, stop)
JOIN stops ON stops.tenant_id = given.tenant_id AND stops.id = given.stop AND stops.route = given.route
ON CONFLICT (tenant_id, stop) DO UPDATE SET
    route = excluded.route, vehicle = excluded.vehicle, eta_vehicle = excluded.eta_vehicle, eta_at = excluded.eta_at,
    p10 = excluded.p10, p50 = excluded.p50, p90 = excluded.p90, shown = excluded.shown
WHERE stop_states.eta_at IS NULL OR stop_states.eta_at <= excluded.eta_at

-- name: drop_stale_anchors
DELETE FROM anchors USING unnest(%(keys)s, %(times)s) AS given(vehicle_id, time)
WHERE anchors.vehicle_id = given.vehicle_id AND anchors.time >= given.time

-- name: put_anchors
INSERT INTO anchors (vehicle_id, time, tenant_id, state)
SELECT * FROM unnest(%(keys)s, %(times)s, %(tenants)s, %(states)s::bytea[])
ON CONFLICT (vehicle_id, time) DO UPDATE SET state = excluded.state

-- name: drop_proximity_states
DELETE FROM proximity_states USING unnest(%(tenants)s, %(times)s) AS given(tenant_id, time)
WHERE proximity_states.tenant_id = given.tenant_id AND proximity_states.time >= given.time

-- name: put_proximity_states
INSERT INTO proximity_states (tenant_id, time, state)
SELECT * FROM unnest(%(tenants)s, %(times)s, %(states)s::bytea[])
ON CONFLICT (tenant_id, time) DO UPDATE SET state = excluded.state

-- name: put_vehicles
-- Engine states and newest positions at once: a checkpoint writes each vehicle one time. A vehicle may have only one of the two:
-- state NULL leaves the state alone, lat NaN the position.
INSERT INTO vehicle_states AS kept (vehicle_id, tenant_id, state, batch, time, lat, lon, speed_mps, heading_deg, accuracy_m)
SELECT
    vehicle_id, tenant_id, state, CASE WHEN state IS NOT NULL THEN %(batch)s::bigint END,
    CASE WHEN lat <> 'NaN' THEN time END, nullif(lat, 'NaN'), nullif(lon, 'NaN'),
    nullif(speed_mps, 'NaN'), nullif(heading_deg, 'NaN'), nullif(accuracy_m, 'NaN')
FROM unnest(
    %(keys)s, %(tenants)s, %(states)s::bytea[], %(time)s, %(lat)s, %(lon)s, %(speed_mps)s, %(heading_deg)s, %(accuracy_m)s
) AS given(vehicle_id, tenant_id, state, time, lat, lon, speed_mps, heading_deg, accuracy_m)
ON CONFLICT (vehicle_id) DO UPDATE SET
    (state, batch) = ROW(coalesce(excluded.state, kept.state), coalesce(excluded.batch, kept.batch)),
    (time, lat, lon, speed_mps, heading_deg, accuracy_m) = ROW(
        CASE WHEN excluded.time > kept.time OR kept.time IS NULL THEN excluded.time ELSE kept.time END,
        CASE WHEN excluded.time > kept.time OR kept.time IS NULL THEN excluded.lat ELSE kept.lat END,
        CASE WHEN excluded.time > kept.time OR kept.time IS NULL THEN excluded.lon ELSE kept.lon END,
        CASE WHEN excluded.time > kept.time OR kept.time IS NULL THEN excluded.speed_mps ELSE kept.speed_mps END,
        CASE WHEN excluded.time > kept.time OR kept.time IS NULL THEN excluded.heading_deg ELSE kept.heading_deg END,
        CASE WHEN excluded.time > kept.time OR kept.time IS NULL THEN excluded.accuracy_m ELSE kept.accuracy_m END
    )

-- name: sweep_positions
-- The same from the fixes themselves: for those that an earlier process wrote, or that this one is not sure of. Fixes that are not
-- taken for where their vehicle is (`fleet.screening.ELSEWHERE`) are passed over.
INSERT INTO vehicle_states (vehicle_id, tenant_id, time, lat, lon, speed_mps, heading_deg, accuracy_m)
SELECT DISTINCT ON (vehicle_id) vehicle_id, tenant_id, time, lat, lon, speed_mps, heading_deg, accuracy_m
FROM fixes
WHERE batch > %(after)s AND time BETWEEN %(min_time)s AND %(max_time)s AND flags & 129 = 0
ORDER BY vehicle_id, time DESC
ON CONFLICT (vehicle_id) DO UPDATE SET
    time = excluded.time, lat = excluded.lat, lon = excluded.lon,
    speed_mps = excluded.speed_mps, heading_deg = excluded.heading_deg, accuracy_m = excluded.accuracy_m
WHERE vehicle_states.time IS NULL OR vehicle_states.time < excluded.time

-- name: tail_bounds
-- Where in time the fixes are that the newest checkpoint does not include.
SELECT tail.after, min(batches.min_time), max(batches.max_time)
FROM (SELECT coalesce((SELECT batch FROM checkpoints WHERE worker = 'worker'), 0)) AS tail(after)
LEFT JOIN batches ON batches.batch > tail.after
GROUP BY tail.after

-- name: doubtful_bounds
-- The same of the fixes that came before a batch.
SELECT tail.after, min(batches.min_time), max(batches.max_time)
FROM (SELECT coalesce((SELECT batch FROM checkpoints WHERE worker = 'worker'), 0)) AS tail(after)
LEFT JOIN batches ON batches.batch > tail.after AND batches.batch < %(before)s
GROUP BY tail.after

-- name: put_checkpoint
INSERT INTO checkpoints (worker, batch) VALUES ('worker', %(batch)s)
ON CONFLICT (worker) DO UPDATE SET batch = greatest(checkpoints.batch, excluded.batch), written_at = now()

-- name: forget_batches
DELETE FROM batches WHERE batch <= %(batch)s

-- name: lock_numbering
-- Held until the commit, so that events become visible in the order of their numbers.
SELECT pg_advisory_xact_lock(hashtext('outrider.events'), hashtext(current_schema()))

-- name: add_events
-- New events, and an alert for each active subscription that means them, or what they correct. The numbers are given out in order of `place`.
WITH added AS (
    INSERT INTO events (id, tenant_id, type, vehicle, occurred_at, recorded_at, data)
    SELECT id, tenant_id, type, vehicle, occurred_at, recorded_at, data
    FROM unnest(
        %(ids)s::text[], %(tenants)s, %(types)s::text[], %(vehicles)s::text[], %(occurred_at)s, %(recorded_at)s, %(data)s::jsonb[]
    ) WITH ORDINALITY AS given(id, tenant_id, type, vehicle, occurred_at, recorded_at, data, place)
    WHERE NOT EXISTS (SELECT FROM events WHERE events.id = given.id)
    ORDER BY place
    ON CONFLICT (id) DO NOTHING
    RETURNING seq, id, tenant_id, type
), alerts AS (
    INSERT INTO outbox (id, tenant_id, subscription, event_seq)
    SELECT
        left(encode(sha256(convert_to(concat_ws(E'\x1f', 'alert', tenants.name, subscriptions.id, added.id), 'UTF8')), 'hex'), 32),
        added.tenant_id, subscriptions.id, added.seq
    FROM added
    JOIN tenants ON tenants.id = added.tenant_id
    JOIN subscriptions ON subscriptions.tenant_id = added.tenant_id
        AND subscriptions.status = 'active'
        AND (
            means_type(subscriptions.types, added.type)
            OR means_type(subscriptions.types, regexp_replace(added.type, '\.(revised|retracted)$', ''))
        )
    ON CONFLICT (id) DO NOTHING
)
SELECT id FROM added ORDER BY seq

-- name: wake_readers
SELECT pg_notify('outrider_events', '')

-- name: last_seq
SELECT coalesce(max(seq), 0) FROM events
