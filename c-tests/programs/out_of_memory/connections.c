/* Connecting, resetting, cancelling, and connection options. */
#include <poll.h>

#include "operations.h"

int
connect_directly(void)
{
	PQfinish(conn);
	ARMED(conn = PQconnectdb(conninfo));
	if (conn == NULL)
	{
		snprintf(reason, sizeof reason, "PQconnectdb returned NULL");
		conn = PQconnectdb(conninfo);
		return FAILED;
	}
	return PQstatus(conn) == CONNECTION_OK ? FINE : failed(PQerrorMessage(conn));
}

static int
poll_until_done(PostgresPollingStatusType (*step) (PGconn *))
{
	PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;

	while (wanted == PGRES_POLLING_READING || wanted == PGRES_POLLING_WRITING)
	{
		struct pollfd one = {PQsocket(conn), wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};

		poll(&one, 1, -1);
		ARMED(wanted = step(conn));
	}
	return wanted == PGRES_POLLING_OK && PQstatus(conn) == CONNECTION_OK ? FINE : failed(PQerrorMessage(conn));
}

int
connect_by_polling(void)
{
	const char *keywords[] = {"dbname", "application_name", NULL},
			   *values[] = {conninfo, "steps", NULL};

	PQfinish(conn);
	ARMED(conn = PQconnectStartParams(keywords, values, 1));
	if (conn == NULL)
	{
		conn = PQconnectdb(conninfo);
		return FAILED;
	}
	return PQstatus(conn) == CONNECTION_BAD ? failed(PQerrorMessage(conn)) : poll_until_done(PQconnectPoll);
}

int
reset_connection(void)
{
	ARMED(PQreset(conn));
	return PQstatus(conn) == CONNECTION_OK ? FINE : failed(PQerrorMessage(conn));
}

int
cancel(void)
{
	PGcancel   *old;
	PGcancelConn *new;
	char		text[256];
	int			done;

	ARMED(old = PQgetCancel(conn));
	if (old == NULL)
		return FAILED;
	ARMED(done = PQcancel(old, text, sizeof text));
	ARMED(PQfreeCancel(old));
	if (!done)
		return failed(text);
	ARMED(new = PQcancelCreate(conn));
	if (new == NULL)
		return FAILED;
	ARMED(done = PQcancelBlocking(new));
	if (!done)
	{
		done = failed(PQcancelErrorMessage(new));
		PQcancelFinish(new);
		return done;
	}
	PQcancelFinish(new);
	return FINE;
}

static const char *
value_of(PQconninfoOption *options, const char *name)
{
	for (; options->keyword != NULL; options++)
		if (strcmp(options->keyword, name) == 0)
			return options->val == NULL ? "" : options->val;
	return "";
}

int
parse_conninfo(void)
{
	char	   *message = NULL;
	PQconninfoOption *options;
	int			right;

	ARMED(options = PQconninfoParse("host=one,two dbname='a b' user=\\me application_name=x options='-c a=b'", &message));
	if (options == NULL)
	{
		/* An error text may be missing if there is no memory for it. */
		snprintf(reason, sizeof reason, "%s", message == NULL ? "no text" : message);
		PQfreemem(message);
		return FAILED;
	}
	right = strcmp(value_of(options, "dbname"), "a b") == 0 && strcmp(value_of(options, "user"), "me") == 0;
	PQconninfoFree(options);
	if (!right)
		return wrong("wrong options");
	ARMED(options = PQconninfoParse("postgresql://me@one:1,two:2/a%20b?connect_timeout=3", NULL));
	if (options == NULL)
		return FAILED;
	right = strcmp(value_of(options, "dbname"), "a b") == 0 && strcmp(value_of(options, "port"), "1,2") == 0;
	PQconninfoFree(options);
	return wrong_if(!right, "wrong options of a URI");
}

int
conninfo_of_connection(void)
{
	PQconninfoOption *options;
	int			right;

	ARMED(options = PQconndefaults());
	if (options == NULL)
		return FAILED;
	right = strcmp(value_of(options, "port"), "") != 0;
	PQconninfoFree(options);
	if (!right)
		return wrong("no default port");
	ARMED(options = PQconninfo(conn));
	if (options == NULL)
		return FAILED;
	right = strcmp(value_of(options, "user"), PQuser(conn)) == 0;
	PQconninfoFree(options);
	return wrong_if(!right, "wrong user");
}
