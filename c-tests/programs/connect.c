/*
 * connect strings|passwords|other|again SOCKETDIR PORT CLOSEDPORT PASSWORD: every way to connect, with success and
 * with errors.
 */
#include "common.h"

static const char *directory,
		   *port,
		   *closed,
		   *password;

static void
describe(PGconn *conn)
{
	static const char *const names[] = {"client_encoding", "server_encoding", "standard_conforming_strings", "DateStyle",
	"TimeZone", "application_name", "integer_datetimes", "is_superuser", "session_authorization", "none_such"};

	fact_int("status", PQstatus(conn));
	fact("error", PQerrorMessage(conn));
	fact("host", PQhost(conn));
	fact("hostaddr", PQhostaddr(conn));
	fact("port", PQport(conn));
	fact("user", PQuser(conn));
	fact("db", PQdb(conn));
	fact("pass", PQpass(conn));
	fact("tty", PQtty(conn));
	fact("options", PQoptions(conn));
	fact_int("needs password", PQconnectionNeedsPassword(conn));
	fact_int("used password", PQconnectionUsedPassword(conn));
	fact_int("protocol", PQprotocolVersion(conn));
	fact_int("full protocol", PQfullProtocolVersion(conn));
	fact_int("server version", PQserverVersion(conn));
	fact_int("transaction", PQtransactionStatus(conn));
	fact_int("encoding", PQclientEncoding(conn));
	fact_int("socket", PQsocket(conn) >= 0);
	fact_int("pid", PQbackendPID(conn) > 0);
	fact_int("tls", PQsslInUse(conn));
	fact_int("gss", PQgssEncInUse(conn));
	fact_int("nonblocking", PQisnonblocking(conn));
	if (PQstatus(conn) == CONNECTION_OK)
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			fact(names[i], PQparameterStatus(conn, names[i]));
	PQfinish(conn);
}

/* %D, %P, %C and %W in a text are replaced with the arguments. */
static const char *
expand(const char *format)
{
	static char text[16384];
	char	   *out = text;

	for (const char *p = format; *p != '\0'; p++)
	{
		const char *value = *p != '%' ? NULL :
			p[1] == 'D' ? directory : p[1] == 'P' ? port : p[1] == 'C' ? closed : p[1] == 'W' ? password : NULL;

		if (value == NULL)
			*out++ = *p;
		else
		{
			out = stpcpy(out, value);
			p++;
		}
	}
	*out = '\0';
	return text;
}

static void
try(const char *conninfo)
{
	heading(conninfo);
	describe(PQconnectdb(expand(conninfo)));
	fact_int("ping", PQping(expand(conninfo)));
}

static void
strings(void)
{
	static const char *const texts[] = {
		"host=%D port=%P user=postgres dbname=postgres",
		"host=127.0.0.1 port=%P user=postgres dbname=postgres application_name='my app' options='-c DateStyle=German'",
		"hostaddr=127.0.0.1 port=%P user=postgres dbname=postgres client_encoding=latin1 fallback_application_name=f",
		"host=name.invalid hostaddr=127.0.0.1 port=%P user=postgres dbname=postgres",
		"host=localhost port=%P user=postgres dbname=postgres",
		"postgresql://postgres@127.0.0.1:%P/postgres?application_name=uri",
		"postgres://postgres:pw%20x@127.0.0.1:%P,127.0.0.1:%C/postgres?connect_timeout=10",
		"host=%D port=%P dbname=postgres user=postgres keepalives=1 keepalives_idle=5 keepalives_interval=3 keepalives_count=2",
		"host=127.0.0.1 port=%P dbname=postgres user=postgres keepalives_idle=5 keepalives_count=2 tcp_user_timeout=1000",
		"host=127.0.0.1 port=%P dbname=postgres user=postgres keepalives_idle=x",
		"host=127.0.0.1 port=%P dbname=postgres user=postgres tcp_user_timeout=x",
		"host=127.0.0.1 port=%P dbname=postgres user=postgres connect_timeout=x",
		"host=127.0.0.1 port=%P dbname=postgres user=postgres connect_timeout=' 5 '",
		/* Nothing listens there. */
		"host=127.0.0.1 port=%C user=postgres dbname=postgres",
		"host=localhost port=%C user=postgres dbname=postgres hostaddr=127.0.0.1",
		"host=%D port=%C user=postgres dbname=postgres",
		"host=/nonexistent port=%P user=postgres dbname=postgres",
		"host=@nobody-here port=%P user=postgres dbname=postgres",
		"host=name.invalid port=%P user=postgres dbname=postgres",
		"hostaddr=1.2.3.4.5 port=%P user=postgres dbname=postgres",
		"hostaddr=localhost port=%P user=postgres dbname=postgres",
		"host=/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa user=u",
		/* Several hosts. */
		"host=127.0.0.1,127.0.0.1 port=%C,%P user=postgres dbname=postgres",
		"host=127.0.0.1,%D port=%C user=postgres dbname=postgres",
		"host=name.invalid,127.0.0.1 port=%P user=postgres dbname=postgres",
		"host=127.0.0.1,127.0.0.1 port=%P,%C user=postgres dbname=nosuchdb",
		"host=a,b,c port=1,2 user=u",
		"host=a,b hostaddr=127.0.0.1 user=u",
		"host=127.0.0.1, port=%C,%C user=postgres dbname=postgres hostaddr=127.0.0.1,127.0.0.1",
		"host=127.0.0.1,127.0.0.1 port=%C,%P user=postgres dbname=postgres load_balance_hosts=random",
		"host=%D port=%P user=u load_balance_hosts=maybe",
		/* Session attributes. */
		"host=%D port=%P user=postgres dbname=postgres target_session_attrs=read-write",
		"host=%D port=%P user=postgres dbname=postgres target_session_attrs=read-only",
		"host=%D port=%P user=postgres dbname=postgres target_session_attrs=read-only options='-c default_transaction_read_only=on'",
		"host=%D port=%P user=postgres dbname=postgres target_session_attrs=read-write options='-c default_transaction_read_only=on'",
		"host=%D port=%P user=postgres dbname=postgres target_session_attrs=primary",
		"host=%D port=%P user=postgres dbname=postgres target_session_attrs=standby",
		"host=%D,127.0.0.1 port=%P user=postgres dbname=postgres target_session_attrs=standby",
		"host=127.0.0.1,%D port=%P user=postgres dbname=postgres target_session_attrs=prefer-standby",
		"host=%D user=u target_session_attrs=best",
		/* Errors from the server. */
		"host=%D port=%P user=postgres dbname=nosuchdb",
		"host=127.0.0.1 port=%P user=nosuchuser dbname=postgres",
		"host=%D port=%P user=postgres dbname=postgres options='-c no_such_thing=1'",
		"host=%D port=%P user=postgres dbname=postgres options='-c work_mem=chair'",
		"host=127.0.0.1 port=%P user=reject_user dbname=postgres",
		"host=%D port=%P user=postgres dbname=postgres client_encoding=nonsense",
		"host=%D port=%P user=postgres dbname=postgres replication=database",
		"host=%D port=%P user=postgres dbname=postgres replication=perhaps",
		/* Options. */
		"host=%D port=0 user=u",
		"host=%D port=65536 user=u",
		"host=%D port=12x user=u",
		"host=%D port='' user=postgres dbname=postgres port=%P",
		"hots=%D",
		"host=%D port",
		"host = '%D",
		"host = %D\\",
		"=x",
		"host",
		"postgresql://[::1",
		"postgresql://[]/x",
		"postgresql://h:1x/x?y=z",
		"postgresql://h/x?sslmode",
		"postgresql://h/x?a=b=c",
		"postgresql://h/%zz",
		"postgresql://h/a%00b",
		"postgres://host:port:other/",
		"max_protocol_version=3.1 host=%D",
		"max_protocol_version=3.0 min_protocol_version=3.2 host=%D",
		"host=%D port=%P user=postgres dbname=postgres max_protocol_version=3.2",
		"host=%D port=%P user=postgres dbname=postgres min_protocol_version=latest",
		"sslmode=perhaps host=%D",
		"gssencmode=perhaps host=%D",
		"channel_binding=perhaps host=%D",
		"sslcertmode=perhaps host=%D",
		"require_auth=perhaps host=%D",
		"require_auth=md5,md5 host=%D",
		"require_auth=md5,!password host=%D",
		"scram_client_key=x host=%D",
		"scram_server_key=AAAA host=%D",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		try(texts[i]);
}

static void
passwords(void)
{
	static const char *const roles[] = {"md5_user", "scram_user", "password_user", "other_user", "peer_user"};
	static const char *const rest[] = {
		"", " password='%W'", " password=wrong", " password=''",
		" password='%W' require_auth=md5", " password='%W' require_auth=scram-sha-256", " password='%W' require_auth=password",
		" password='%W' require_auth=none", " password='%W' require_auth=!md5,!password,!scram-sha-256",
		" password='%W' require_auth=!none", " password='%W' require_auth=gss,sspi", " password='%W' require_auth=oauth",
	};

	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		for (size_t j = 0; j < sizeof rest / sizeof *rest; j++)
		{
			char		text[1024];

			snprintf(text, sizeof text, "host=%%D port=%%P dbname=postgres user=%s%s", roles[i], rest[j]);
			try(text);
		}
	try("host=127.0.0.1 port=%P dbname=postgres user=scram_user password='%W' channel_binding=require");
	try("host=127.0.0.1 port=%P dbname=postgres user=other_user channel_binding=require");
	try("host=%D port=%P dbname=postgres user=postgres requirepeer=nobody");
	try("host=%D,127.0.0.1 port=%P dbname=postgres user=postgres requirepeer=nobody");
	try("host=%D port=%P dbname=postgres user=postgres requirepeer=postgres");
}

static void
other_ways(void)
{
	char		buffer[4096];
	const char *keywords[] = {"dbname", "user", "host", "port", "application_name", NULL};
	const char *values[] = {"postgres", "postgres", directory, port, "arrays", NULL};
	const char *expanded[] = {"dbname", "user", "dbname", NULL};
	const char *overridden[] = {buffer, "other_user", "postgres", NULL};
	const char *unknown[] = {"dbname", "hots", NULL};

	heading("PQconnectdbParams");
	describe(PQconnectdbParams(keywords, values, 0));
	fact_int("ping", PQpingParams(keywords, values, 0));
	heading("PQconnectdbParams, dbname expanded");
	snprintf(buffer, sizeof buffer, "host=%s port=%s user=postgres dbname=template1", directory, port);
	describe(PQconnectdbParams(expanded, overridden, 1));
	heading("PQconnectdbParams, dbname not expanded");
	describe(PQconnectdbParams(expanded, overridden, 0));
	heading("PQconnectdbParams, an unknown option");
	describe(PQconnectdbParams(unknown, values, 0));
	heading("PQconnectdbParams, NULL values and empty values");
	keywords[0] = "options";
	values[0] = NULL;
	keywords[4] = "dbname";
	values[4] = "";
	describe(PQconnectdbParams(keywords, values, 0));
	heading("PQsetdbLogin");
	describe(PQsetdbLogin(directory, port, "-c DateStyle=SQL", "tty", "postgres", "postgres", "unused"));
	heading("PQsetdb with a connection string, overridden");
	describe(PQsetdbLogin("127.0.0.1", NULL, NULL, NULL, buffer, "", NULL));
	heading("PQsetdbLogin, bad port");
	describe(PQsetdbLogin("127.0.0.1", "abc", "", "", "db", "user", "pass"));
	heading("PQsetdbLogin, bad string");
	describe(PQsetdbLogin(NULL, NULL, NULL, NULL, "a=b", NULL, NULL));
}

static void
again(void)
{
	PGconn	   *conn;

	heading("PQreset");
	conn = PQconnectdb(expand("host=%D port=%P user=postgres dbname=postgres application_name=first"));
	must(conn, "SET application_name = 'second'");
	must(conn, "BEGIN");
	fact("name", PQparameterStatus(conn, "application_name"));
	fact_int("nonblocking", PQsetnonblocking(conn, 1));
	PQreset(conn);
	fact("name", PQparameterStatus(conn, "application_name"));
	describe(conn);
	heading("PQreset of what never was");
	conn = PQconnectdb(expand("host=%D port=%C user=postgres dbname=postgres"));
	PQreset(conn);
	describe(conn);
	heading("PQresetStart of bad options");
	conn = PQconnectdb("hots=x");
	fact_int("start", PQresetStart(conn));
	fact_int("poll", PQresetPoll(conn));
	PQreset(conn);
	describe(conn);
	heading("NULL");
	PQfinish(NULL);
	PQreset(NULL);
	fact_int("poll", PQconnectPoll(NULL));
	fact_int("start", PQresetStart(NULL));
	describe(NULL);
}

int
main(int argc, char **argv)
{
	if (argc < 6)
		return 2;
	directory = argv[2];
	port = argv[3];
	closed = argv[4];
	password = argv[5];
	if (strcmp(argv[1], "strings") == 0)
		strings();
	else if (strcmp(argv[1], "passwords") == 0)
		passwords();
	else if (strcmp(argv[1], "other") == 0)
		other_ways();
	else
		again();
	return 0;
}
