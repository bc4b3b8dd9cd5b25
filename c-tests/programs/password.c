/* password CONNINFO: hashing and changing passwords. No other test uses the server and its roles. */
#include "common.h"

static PGconn *conn;

/* A SCRAM secret differs from run to run after its iteration count. */
static void
show_secret(const char *label, char *secret)
{
	printf("%s: ", label);
	if (secret != NULL && strncmp(secret, "SCRAM-SHA-256$", 14) == 0)
		printf("%.*s... %zu bytes", (int) strcspn(secret, ":"), secret, strlen(secret));
	else
		print_text(secret);
	putchar('\n');
	if (*PQerrorMessage(conn) != '\0')
		fact("  connection", PQerrorMessage(conn));
	PQfreemem(secret);
}

static void
encrypt(void)
{
	char		longest[2000];

	heading("encrypt");
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	show_secret("old", PQencryptPassword("password", "user"));
	show_secret("old, empty", PQencryptPassword("", ""));
	show_secret("old, long", PQencryptPassword(longest, longest));
	show_secret("md5", PQencryptPasswordConn(conn, "password", "user", "md5"));
	show_secret("on", PQencryptPasswordConn(conn, "password", "user", "on"));
	show_secret("off", PQencryptPasswordConn(conn, "password", "user", "off"));
	show_secret("scram", PQencryptPasswordConn(conn, "password", "user", "scram-sha-256"));
	show_secret("scram, no user", PQencryptPasswordConn(conn, "\xff", NULL, "scram-sha-256"));
	show_secret("scram, long", PQencryptPasswordConn(conn, longest, "user", "scram-sha-256"));
	show_secret("empty algorithm", PQencryptPasswordConn(conn, "password", "user", ""));
	show_secret("unknown", PQencryptPasswordConn(conn, "password", "user", "plain"));
	show_secret("asked", PQencryptPasswordConn(conn, "password", "user", NULL));
	must(conn, "SET password_encryption = md5");
	show_secret("asked again", PQencryptPasswordConn(conn, "password", "user", NULL));
	must(conn, "SET password_encryption = 'scram-sha-256'");
	must(conn, "SET scram_iterations = 7");
	show_secret("few iterations", PQencryptPasswordConn(conn, "password", "user", "scram-sha-256"));
	must(conn, "RESET scram_iterations");
	must(conn, "BEGIN");
	show_exec(conn, "SELECT 1/0");
	show_secret("aborted", PQencryptPasswordConn(conn, "password", "user", NULL));
	must(conn, "ROLLBACK");
	PQenterPipelineMode(conn);
	show_secret("pipeline", PQencryptPasswordConn(conn, "password", "user", NULL));
	PQexitPipelineMode(conn);
	fact("NULL", PQencryptPasswordConn(NULL, "password", "user", "md5"));
}

/* Over TCP, the server asks the roles with these names for their passwords. */
static void
log_in(const char *conninfo, const char *password)
{
	char		full[1000];
	PGconn	   *other;

	snprintf(full, sizeof full, "%s user=md5_user password='%s'", conninfo, password);
	other = PQconnectdb(full);
	printf("log in with %s: %s\n", password, PQstatus(other) == CONNECTION_OK ? "yes" : "no");
	PQfinish(other);
}

static void
change(const char *conninfo)
{
	heading("change");
	must(conn, "BEGIN");
	show(PQchangePassword(conn, "no such \"role\" '", "password"));
	must(conn, "ROLLBACK");
	show(PQchangePassword(conn, "sc\xff", "x"));
	fact("  connection", PQerrorMessage(conn));
	must(conn, "SET client_encoding TO utf8");
	show(PQchangePassword(conn, "sc\xff", "x"));
	fact("  connection", PQerrorMessage(conn));
	show(PQchangePassword(conn, "md5_user", "it's new"));
	log_in(conninfo, "it\\'s new");
	log_in(conninfo, "secret word");
	must(conn, "SET password_encryption = md5");
	show(PQchangePassword(conn, "md5_user", "hashed"));
	log_in(conninfo, "hashed");
	must(conn, "SET password_encryption = 'scram-sha-256'");
	show(PQchangePassword(conn, "md5_user", "secret word"));
	log_in(conninfo, "secret word");
	show(PQchangePassword(NULL, "md5_user", "x"));
	show_exec(conn, "SELECT pg_terminate_backend(pg_backend_pid())");
	show(PQchangePassword(conn, "md5_user", "x"));
	fact("  connection", PQerrorMessage(conn));
}

int
main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	conn = connect_or_die(argv[1]);
	encrypt();
	change(argv[1]);
	PQfinish(conn);
	return 0;
}
