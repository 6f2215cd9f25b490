-- The claim of a worker: an advisory lock of the session on which it commits.

-- name: try
-- The class says what the lock is for; the key names the worker, and the schema that it works in.
SELECT pg_try_advisory_lock(hashtext('outrider.worker'), hashtext(concat_ws('/', current_schema(), %(worker)s::text)))

-- name: count
-- How often the work has changed hands: whoever lost the claim and got it again may go on only where nobody had it in between.
-- The count stands beside the checkpoints, under a name that no checkpoint has.
INSERT INTO checkpoints (worker, batch) VALUES (concat_ws(' ', 'claims of', %(worker)s::text), 1)
ON CONFLICT (worker) DO UPDATE SET batch = checkpoints.batch + 1, written_at = now()
RETURNING batch

-- name: counted
SELECT batch FROM checkpoints WHERE worker = concat_ws(' ', 'claims of', %(worker)s::text)

-- name: session
SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()

-- name: end_session
-- Process ids are used again: the start tells whether it is the same session. Waits for its end, at most 5 s.
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid = %(pid)s AND backend_start = %(start)s

-- name: process
SELECT pg_backend_pid()
