-- An Idempotency-Key is taken before its request is worked on, so that no other process works on the same one meanwhile.
-- Until the answer is there, the key belongs to one holder for a time.

ALTER TABLE idempotency_keys
    ALTER COLUMN status DROP NOT NULL,
    ALTER COLUMN body DROP NOT NULL,
    ADD COLUMN holder text,
    ADD COLUMN held_until timestamptz;
COMMENT ON COLUMN idempotency_keys.status IS 'NULL: the first request is still being worked on';
COMMENT ON COLUMN idempotency_keys.held_until IS 'another request may take the key over from then on: its holder has died';
