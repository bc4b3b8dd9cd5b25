-- The rules of pg_terminate_backend().
CREATE ROLE regress_goaway_one LOGIN;
CREATE ROLE regress_goaway_signaller LOGIN IN ROLE pg_signal_backend;
SELECT current_user AS admin, pg_backend_pid() AS superuser \gset
SELECT pid AS auxiliary FROM pg_stat_activity WHERE backend_type = 'autovacuum launcher' \gset

SET ROLE regress_goaway_one;
SELECT pg_goaway_backend(:superuser);
SELECT pg_goaway_all();
SET ROLE regress_goaway_signaller;
SELECT pg_goaway_backend(:superuser);
-- a process without a role counts as a superuser's
SELECT pg_goaway_backend(:auxiliary);
RESET ROLE;
SHOW disconnect_requested;

-- one's own client
\c - regress_goaway_one
SELECT pg_goaway_backend(pg_backend_pid());
SELECT told_at IS NOT NULL AS told FROM pg_goaway_status WHERE pid = pg_backend_pid();

\c - :admin
DROP ROLE regress_goaway_one;
DROP ROLE regress_goaway_signaller;
