-- Users can neither set nor reset the parameter that the client sees.
\c
SET disconnect_requested = on;
SELECT set_config('disconnect_requested', 'on', false);
ALTER SYSTEM SET disconnect_requested = on;
ALTER ROLE CURRENT_USER SET disconnect_requested = on;
SELECT pg_goaway_backend(pg_backend_pid());
RESET disconnect_requested;
RESET ALL;
SHOW disconnect_requested;
DISCARD ALL;
SHOW disconnect_requested;

-- A client can ask for the message only when it connects.
SHOW pg_goaway.message;
SET pg_goaway.message = on;
ALTER SYSTEM SET pg_goaway.message = on;
ALTER ROLE CURRENT_USER SET pg_goaway.message = on;
\c -reuse-previous=on "options='-c pg_goaway.message=on'"
SHOW pg_goaway.message;
\c -reuse-previous=on "options=''"

SELECT name, setting, unit, context FROM pg_settings WHERE name LIKE 'pg_goaway.%' AND name <> 'pg_goaway.spread' ORDER BY 1;
SET pg_goaway.deadline = '1s';
SET pg_goaway.unknown = 1;
