-- Dead letters that somebody wants to be tried again: the worker takes them, and removes them in the commit that holds what came of them.

ALTER TABLE dead_letters ADD COLUMN retry_asked_at timestamptz;
CREATE INDEX dead_letters_to_retry ON dead_letters (number) WHERE retry_asked_at IS NOT NULL;
