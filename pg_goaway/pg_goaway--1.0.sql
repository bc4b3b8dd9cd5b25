/* pg_goaway/pg_goaway--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_goaway" to load this file. \quit

-- The functions check permissions themselves, as pg_terminate_backend does, so PUBLIC may call them.

CREATE FUNCTION pg_goaway_backend(pid int)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pg_goaway_backend'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION pg_goaway_backend(int) IS
'ask the client of a server process to disconnect when convenient';

CREATE FUNCTION pg_goaway_all()
RETURNS int
AS 'MODULE_PATHNAME', 'pg_goaway_all'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

COMMENT ON FUNCTION pg_goaway_all() IS
'ask all other clients that the caller may ask; returns their number';

CREATE FUNCTION pg_goaway_clients(OUT pid int, OUT asked_at timestamptz, OUT told_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_goaway_clients'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

CREATE VIEW pg_goaway_status AS
SELECT pid, asked_at, told_at FROM pg_goaway_clients();

COMMENT ON VIEW pg_goaway_status IS
'clients that were asked to disconnect and are still connected';

GRANT SELECT ON pg_goaway_status TO PUBLIC;
