/*
 * conninfo parse|arrays|defaults|options|files [DIRECTORY]: the parsing of connection options, without a server.
 * DIRECTORY is an empty directory for "files".
 */
#include <sys/stat.h>

#include "common.h"

/* Options that only one of the two libraries knows. */
static int
newer(const char *keyword)
{
	return strcmp(keyword, "servicefile") == 0 || strcmp(keyword, "oauth_ca_file") == 0 ||
		strcmp(keyword, "goaway") == 0;
}

/* Options whose default depends on how the library was built. */
static int
built(const char *keyword)
{
	return strcmp(keyword, "sslmode") == 0 || strcmp(keyword, "gssencmode") == 0 ||
		strcmp(keyword, "channel_binding") == 0;
}

static const char *const strings[] = {
	/* keywords and values */
	"", " \t\n\v\f\r", "host=h", "host=h port=1", "  host  =  h  port\n=\n1\t", "host=a host=b", "host=a host=",
	"host= port=1", "host='' port=1", "host='a b'", "host='a'port=1", "host='it\\'s \\\\'", "host=it\\'s", "host=a\\ b",
	"host=\\x", "host=a\\", "host=a'b'", "host=a=b", "options='-c a=b -c c=d'", "dbname='a\nb'", "user=\xc3\xa4\xff",
	"requiressl=1", "requiressl=0", "requiressl=", "requiressl=15 sslmode=allow", "sslmode=allow requiressl=1",
	"service=mine user=u", "host=\001", "password='\\'\\\\'", "application_name= 'a' fallback_application_name ='b'",
	"connect_timeout=x keepalives=y", "port=1,2,3 host=a,b,c", "host", "host port=1", "host=a postgres", "postgre://",
	" postgres://h", "postgresql:/h", "mydb", "=", "=a", "host='a", "host='a\\'", "host='a\\", "host='", "uzer=a",
	"HOST=a", "'host'=a", "uzer=a host='", "uzer= 'a", "tty=a", "authtype=a", "host.=a", "host =", "host=a =",
	"sslmode=nonsense channel_binding=nonsense",
	/* URIs */
	"postgresql://", "postgres://", "postgres:///", "postgresql://h", "postgresql://h/", "postgresql://h?",
	"postgresql://h/?", "postgresql://h/d", "postgresql://h:99", "postgresql://h:99/d", "postgresql://u@",
	"postgresql://u@h/", "postgresql://u:p@h:99/d", "postgres://:p@h", "postgres://u:@h", "postgres://u:a:b@h",
	"postgres://u:p@x@h", "postgres://@h", "postgres://h:/", "postgres://:99/", "postgres:///d", "postgres:///a/b",
	"postgres://h:1:2/", "postgres://h?user=a@b", "postgres://h/a@b", "postgresql://[::1]", "postgresql://[::1]:99/d",
	"postgresql://[::1]?user=u", "postgresql://[200z:db8::1234]/", "postgresql://a,b", "postgresql://a:1,b:2/d",
	"postgresql://a,[::1]:2,c?port=5", "postgresql://u@a,,c/", "postgresql://,", "postgresql://,,", "postgresql://%68/",
	"postgres://%2Fvar%2flib/d", "postgres://a%3ab:%40%2F@h", "postgresql://h/%20", "postgresql://h/%c3%A4%fF",
	"postgresql://h?user=u", "postgresql://h/d?user=u&port=99", "postgresql://h/d?u%73er=u&port=99&",
	"postgresql://h?user=", "postgresql://?hostaddr=127.0.0.1", "postgres://u@:99/d?host=/a",
	"postgresql://h?dbname=a/b?c", "postgresql://h?options=-c%20a%3Db", "postgresql://h?ssl=true",
	"postgresql://h?ssl=false", "postgresql://h?ssl=true&sslmode=allow", "postgresql://h?requiressl=1",
	"postgresql://h?requiressl=0", "postgresql://h?  user = u & port  = 99 ", "postgresql://  u  @  h  /  d  ",
	"postgresql://h?user=\tu", "postgresql:// a b /d", "postgresql://a, b/d", "postgresql://a:1, b: 2/d",
	"postgresql://h/ a b", "postgresql://u u@h", "postgresql://u:p p@h",
	"postgresql://h?uzer=", "postgresql://h/d?u%7aer=x&port=1", "postgresql://h?=x", "postgres://[::1", "postgres://[]",
	"postgres://[::1]z", "postgres://a,[::1]zy/d", "postgresql://[", "postgresql://h?z", "postgresql://h?v&w",
	"postgresql://h?&", "postgresql://h?user=a&&port=1", "postgresql://h?k=k=v", "postgresql://h?user=a=b",
	"postgres://h?dbname=%XXf", "postgresql://%zz", "postgresql://a,b%1", "postgresql://%", "postgresql://u%4:p@h",
	"postgresql://a%00b", "postgresql://h?us%00er=u", "postgresql://h?%=u", "postgresql://h?user=%",
	"postgresql://h?  user user  =  u  & port = 1 ", "postgresql://h?  user  =  u  & port = 12 3 ",
	"postgresql://h?user=a %zz", "postgresql://h?user=%zz a", "postgresql://h#f", "postgresql://h?user=a#f",
};

static void
print_options(PQconninfoOption *options)
{
	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
		if (option->val != NULL)
		{
			printf("  %s", option->keyword);
			fact("", option->val);
		}
}

static void
parse(void)
{
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
	{
		char	   *message = (char *) strings;
		PQconninfoOption *options = PQconninfoParse(strings[i], &message);

		fact("--", strings[i]);
		if (options != NULL)
			print_options(options);
		fact("  error", message);
		PQconninfoFree(options);
		PQfreemem(message);
	}
	printf("without a place for the message: %d\n", PQconninfoParse("uzer=a", NULL) == NULL);
	PQconninfoFree(NULL);
}

static void
defaults(void)
{
	PQconninfoOption *options = PQconndefaults();

	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
	{
		if (newer(option->keyword))
			continue;
		fact("--", option->keyword);
		fact("  envvar", option->envvar);
		if (!built(option->keyword))
		{
			fact("  compiled", option->compiled);
			fact("  val", option->val);
		}
		fact("  label", option->label);
		fact("  dispchar", option->dispchar);
		fact_int("  dispsize", option->dispsize);
	}
	PQconninfoFree(options);
}

/* Errors in options, found before connecting. */
static void
show_conn(PGconn *conn)
{
	fact_int("  status", PQstatus(conn));
	fact("  error", PQerrorMessage(conn));
	PQfinish(conn);
}

static void
arrays(void)
{
	static const char *const cases[][7] = {
		{"uzer", "a"}, {"uzer", NULL, "uzer", "", "user", "u"}, {"requiressl", "1"}, {"", "a"},
		{"dbname", "plain"}, {"dbname", "user=a"}, {"dbname", "user=a", "user", "b"}, {"user", "b", "dbname", "user=a"},
		{"user", "b", "dbname", "postgres://a@/d"}, {"dbname", "user=a", "user", ""}, {"dbname", NULL, "dbname", "user=a"},
		{"dbname", "", "dbname", "uzer=a", "user", "b"}, {"dbname", "user=a", "dbname", "uzer=b"},
		{"dbname", "user=a dbname=b", "dbname", "c"}, {"dbname", "postgres://?uzer=1"}, {"uzer", "a", "dbname", "x=1"},
		{"dbname", "x=1", "uzer", "a"}, {"host", "a", "host", "b", "host", ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int expand = 0; expand < 2; expand++)
		{
			/* more ports than hosts, so that nothing is connected to */
			const char *keywords[5] = {"port"},
					   *values[5] = {"1,2,3"};
			PGconn	   *conn;
			PQconninfoOption *options;

			for (int pair = 0; pair < 3; pair++)
			{
				keywords[pair + 1] = cases[i][2 * pair];
				values[pair + 1] = cases[i][2 * pair + 1];
			}
			printf("-- case %d expand %d\n", (int) i, expand);
			conn = PQconnectStartParams(keywords, values, expand);
			options = PQconninfo(conn);
			for (PQconninfoOption *option = options; option->keyword != NULL; option++)
				if (strcmp(option->keyword, "user") == 0 || strcmp(option->keyword, "dbname") == 0 ||
					strcmp(option->keyword, "host") == 0)
					fact(option->keyword, option->val);
			PQconninfoFree(options);
			show_conn(conn);
		}
}

/* Each has an error; some have two, which shows the order of the checks. */
static const char *const mistakes[] = {
	"host=a,b port=1,2,3", "host=a,b,c port=1,2", "port=1,2", "port=,", "host=a hostaddr=1,2", "host=a,b hostaddr=1",
	"host=a,b hostaddr=1 port=1,2,3", "host=a,b port=1,2,3 require_auth=bad", "require_auth=bad channel_binding=bad",
	"require_auth=password,", "require_auth=!", "require_auth=!!md5", "require_auth=MD5", "require_auth='md5, md5'",
	"require_auth=password,!md5", "require_auth=!password,md5", "require_auth=!password,nonsense", "require_auth=md5,md5",
	"require_auth=none,md5,none", "require_auth=!none,!none", "require_auth=!scram-sha-256,!md5,!scram-sha-256",
	"require_auth=oauth,oauth", "require_auth=gss,sspi,gss", "require_auth=!gss,!sspi,!sspi", "require_auth=,",
	"require_auth=md5,!none", "channel_binding=bad sslmode=bad", "channel_binding=''", "sslmode=bad sslnegotiation=bad",
	"sslmode=", "sslmode=Require", "sslnegotiation=bad ssl_min_protocol_version=bad", "sslnegotiation=''",
	"ssl_min_protocol_version=bad ssl_max_protocol_version=bad2", "ssl_max_protocol_version=TLSv1.4 sslcertmode=bad",
	"ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=tlsv1.2 sslcertmode=bad",
	"ssl_max_protocol_version=TLSv1.1", "ssl_min_protocol_version=TLSv1.1 ssl_max_protocol_version=TLSv1",
	"ssl_min_protocol_version='' ssl_max_protocol_version='' sslcertmode=bad",
	"ssl_min_protocol_version=tlsV1 ssl_max_protocol_version=TLSv1 sslcertmode=''", "sslcertmode=bad gssencmode=bad",
	"gssencmode=bad target_session_attrs=bad", "gssencmode=''", "target_session_attrs=bad scram_client_key=bad",
	"target_session_attrs=Any", "target_session_attrs=''", "scram_client_key=b scram_server_key=c",
	"scram_client_key=AAEC scram_server_key=c", "scram_client_key=''", "scram_client_key=AA=", "scram_client_key='AA EC'",
	"scram_server_key=???? load_balance_hosts=bad", "scram_server_key=AAEC load_balance_hosts=bad",
	"load_balance_hosts=bad min_protocol_version=bad", "load_balance_hosts=''",
	"min_protocol_version=bad max_protocol_version=bad", "min_protocol_version=3.1", "min_protocol_version=''",
	"max_protocol_version=bad", "max_protocol_version=3.1", "max_protocol_version=''", "max_protocol_version=3",
	"min_protocol_version=3.2 max_protocol_version=3.0", "min_protocol_version=latest max_protocol_version=3.0",
	"service=none_such", "service=none_such host='", "service=none_such require_auth=bad", "service=''",
};

static void
options(void)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
	{
		fact("--", mistakes[i]);
		show_conn(PQconnectStart(mistakes[i]));
	}
}

static const char *
write_file(const char *directory, const char *name, const char *contents, int mode)
{
	static char path[4096];
	FILE	   *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	unlink(path);				/* an earlier one may be read-only */
	file = fopen(path, "w");
	if (file == NULL || fputs(contents, file) < 0 || fclose(file) != 0 || chmod(path, (mode_t) mode) != 0)
	{
		perror(path);
		exit(2);
	}
	return path;
}

/* Prints the error in the options without the directory's name, which differs from run to run. */
static void
show_error(const char *directory, const char *conninfo)
{
	PGconn	   *conn = PQconnectStart(conninfo);
	const char *text = PQerrorMessage(conn);
	const char *found = strstr(text, directory);

	printf("  error: ");
	if (found != NULL)
	{
		print_bytes(text, (size_t) (found - text));
		text = found + strlen(directory);
	}
	print_text(text);
	putchar('\n');
	PQfinish(conn);
}

static void
services(const char *directory)
{
	static char long_line[2100];
	static const char *const contents[] = {
		"[mine]\nrequire_auth=s\n", "# c\n\n \t[mine] \n\n  # c\n  require_auth=s  \r\n",
		"[other]\nrequire_auth=o\n[mine]\nrequire_auth=s\n[mine]\nrequire_auth=t\n", "rubbish\n[mine]\nrequire_auth=s",
		"[mine]trailing\nrequire_auth=s", "[mine]\nrequire_auth=s\nrequire_auth=t", "[mine]\nrequire_auth= s=t ",
		"[mine]\nrequire_auth=\nport=1,2", "[mine2]\nrequire_auth=s", "[ mine]\n", "mine]\n", "[mine", "[MINE]", "",
		"[mine]\n\nport", "[mine]\nport =1", "[mine]\nrequiressl=1", "[mine]\nuser=u\nrubbish", long_line,
	};

	memset(long_line, 'x', sizeof long_line - 1);
	setenv("PGSERVICE", "mine", 1);
	for (size_t i = 0; i < sizeof contents / sizeof *contents; i++)
	{
		PQconninfoOption *options;

		fact("-- service", contents[i]);
		setenv("PGSERVICEFILE", write_file(directory, "service", contents[i], 0644), 1);
		show_error(directory, "");
		options = PQconndefaults();
		for (PQconninfoOption *option = options; option->keyword != NULL; option++)
			if (strcmp(option->keyword, "require_auth") == 0 || strcmp(option->keyword, "user") == 0)
				fact(option->keyword, option->val);
		PQconninfoFree(options);
		/* an explicit value stays */
		show_error(directory, "require_auth=explicit");
	}
	unlink(getenv("PGSERVICEFILE"));
	heading("no such file");
	show_error(directory, "");
	setenv("PGSYSCONFDIR", directory, 1);
	write_file(directory, "pg_service.conf", "[mine]\nrequire_auth=system\n", 0644);
	show_error(directory, "");
	setenv("PGSERVICEFILE", write_file(directory, "service", "[other]\n", 0644), 1);
	show_error(directory, "");
	unsetenv("PGSERVICEFILE");
	setenv("HOME", directory, 1);
	show_error(directory, "");
	write_file(directory, ".pg_service.conf", "[mine]\nrequire_auth=home\n", 0644);
	show_error(directory, "");
	unsetenv("PGSERVICE");
}

/* The password for a connection to a socket that does not exist. */
static void
show_password(const char *directory, const char *label, const char *rest)
{
	char		conninfo[9000];
	PGconn	   *conn;

	snprintf(conninfo, sizeof conninfo, "host=%s/none port=99 dbname=d user=u %s", directory, rest);
	conn = PQconnectStart(conninfo);
	fact(label, PQpass(conn));
	PQfinish(conn);
}

static void
passwords(const char *directory)
{
	static const char *const lines[] = {
		"*:*:*:*:x", "*:*:*:*:x\r\n", "*:*:*:*:x\n*:*:*:*:y\n", "*:99:d:u:x", "*:98:d:u:x\n*:99:d:v:y\n*:99:d:u:z",
		"#*:*:*:*:x\n*:*:*:*:y", " #*:*:*:*:x", "*:*:*:*:", "*:*:*:*", "**:*:*:*:x", "*:*:*:*:x\\:y\\\\z\\w", "*:*:*:*:x:y",
		"*:*:*:*:x\\", "\\*:*:*:*:x", "*:9\\9:d:u:x", "*:99\\:d:u:x", "", "\n\n*:*:*:*:x", "localhost:*:*:*:x",
	};
	static const int modes[] = {0600, 0400, 0640, 0604, 0700, 0710};
	char		rest[4200];

	snprintf(rest, sizeof rest, "passfile=%s", write_file(directory, "pass", "", 0600));
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
	{
		write_file(directory, "pass", lines[i], 0600);
		fact("-- line", lines[i]);
		show_password(directory, "  password", rest);
	}
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
	{
		unlink(write_file(directory, "pass", "*:*:*:*:x", modes[i]));
		write_file(directory, "pass", "*:*:*:*:x", modes[i]);
		printf("-- mode %o\n", (unsigned) modes[i]);
		show_password(directory, "  password", rest);
	}
	setenv("HOME", directory, 1);
	show_password(directory, "no file in the home", "");
	write_file(directory, ".pgpass", "*:*:*:*:home", 0600);
	show_password(directory, "a file in the home", "");
	show_password(directory, "given besides", "password=given");
	show_password(directory, "given as nothing", "password=''");
	show_password(directory, "a directory for a file", "passfile=/");
	show_password(directory, "no file", "passfile=/none/such");
	setenv("PGPASSWORD", "environment", 1);
	show_password(directory, "in the environment", "");
	unsetenv("PGPASSWORD");
	setenv("PGPASSFILE", "/none/such", 1);
	show_password(directory, "no file in the environment", "");
	unsetenv("PGPASSFILE");
}

int
main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";

	if (strcmp(part, "parse") == 0)
		parse();
	else if (strcmp(part, "arrays") == 0)
		arrays();
	else if (strcmp(part, "defaults") == 0)
		defaults();
	else if (strcmp(part, "options") == 0)
		options();
	else if (strcmp(part, "files") == 0 && argc > 2)
	{
		services(argv[2]);
		passwords(argv[2]);
	}
	else
		return 2;
	return 0;
}
