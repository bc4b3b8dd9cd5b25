-- Permissions are those of pg_terminate_backend().
CREATE ROLE regress_goaway_client LOGIN;
CREATE ROLE regress_goaway_signal LOGIN IN ROLE pg_signal_backend;
SELECT current_user AS admin, pg_backend_pid() AS superuser \gset
SELECT pid AS auxiliary FROM pg_stat_activity WHERE backend_type = 'autovacuum launcher' \gset

SET ROLE regress_goaway_client;
SELECT pg_goaway_backend(:superuser);
SELECT pg_goaway_all();
SET ROLE regress_goaway_signal;
SELECT pg_goaway_backend(:superuser);
-- a process without a role is treated as a superuser's
SELECT pg_goaway_backend(:auxiliary);
RESET ROLE;
SHOW disconnect_requested;

-- a role may ask its own clients
\c - regress_goaway_client
SELECT pg_goaway_backend(pg_backend_pid());
SELECT told_at IS NOT NULL AS told FROM pg_goaway_status WHERE pid = pg_backend_pid();

\c - :admin
DROP ROLE regress_goaway_client;
DROP ROLE regress_goaway_signal;
