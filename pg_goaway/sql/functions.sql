-- Which processes can be asked, and what the client then sees.  Needs pg_goaway in shared_preload_libraries.
CREATE EXTENSION pg_goaway;

SELECT count(*) FROM pg_goaway_status WHERE pid = pg_backend_pid();
SHOW disconnect_requested;

-- no such process, and processes without a client
SELECT pg_goaway_backend(0);
SELECT pg_goaway_backend(NULL) IS NULL;
SET client_min_messages = error;
SELECT backend_type, pg_goaway_backend(pid) FROM pg_stat_activity
  WHERE backend_type IN ('checkpointer', 'autovacuum launcher') ORDER BY 1;
RESET client_min_messages;

-- the own client is told once, at the end of the transaction
BEGIN;
SELECT pg_goaway_backend(pg_backend_pid());
SHOW disconnect_requested;
SELECT told_at IS NULL AS not_told FROM pg_goaway_status WHERE pid = pg_backend_pid();
COMMIT;
SHOW disconnect_requested;
SELECT asked_at <= told_at AS told FROM pg_goaway_status WHERE pid = pg_backend_pid();
SELECT told_at AS before FROM pg_goaway_status WHERE pid = pg_backend_pid() \gset
SELECT pg_goaway_backend(pg_backend_pid());
SELECT told_at = :'before' AS once FROM pg_goaway_status WHERE pid = pg_backend_pid();

-- a rollback tells the client too, and does not reset the parameter
\c
SHOW disconnect_requested;
BEGIN;
SELECT pg_goaway_backend(pg_backend_pid());
ROLLBACK;
SHOW disconnect_requested;

-- so does a failed transaction
\c
BEGIN;
SELECT pg_goaway_backend(pg_backend_pid());
SELECT 1 / 0;
ROLLBACK;
SHOW disconnect_requested;

-- a COMMIT in a DO block tells the client
\c
DO $$
BEGIN
  PERFORM pg_goaway_backend(pg_backend_pid());
  COMMIT;
  RAISE NOTICE 'disconnect_requested is %', current_setting('disconnect_requested');
END
$$;
