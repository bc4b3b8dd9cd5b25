/*
 * Connects with OAuth: oauth CONNINFO HOW [OPTIONS], where OPTIONS are added to the connection string.
 *
 * HOW is "connect" or "poll", followed by the behaviours of the hooks, each after a comma; without any, no hook is
 * set. "poll" also prints the states and whether a call blocked.
 */
#include <poll.h>
#include <time.h>

#include "common.h"

static const char *how;
static int	calls;
static int	ends[2] = {-1, -1};

/* No call may take as long as the slow test issuer takes for a response. */
#define TOO_LONG_MS 700

static int
has_word(const char *what)
{
	const char *found = strstr(how, what);

	return found != NULL && (found[strlen(what)] == ',' || found[strlen(what)] == '\0');
}

static long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000;
}

static const char *
state(ConnStatusType status)
{
	switch (status)
	{
		case CONNECTION_OK:
			return "OK";
		case CONNECTION_BAD:
			return "BAD";
		case CONNECTION_AUTHENTICATING:
			return "AUTHENTICATING";
		default:
			return "on the way";
	}
}

static void
cleanup(PGconn *conn, PGoauthBearerRequest *request)
{
	fact("cleanup", PQstatus(conn) == CONNECTION_OK ? "late" : "in time");
	fact("  user", request->user);
	free(request->user);
	if (request->token != NULL)
		memset(request->token, 'x', strlen(request->token));
	free(request->token);
	if (ends[0] >= 0)
	{
		close(ends[0]);
		close(ends[1]);
		ends[0] = ends[1] = -1;
	}
}

static PostgresPollingStatusType
flow(PGconn *conn, PGoauthBearerRequest *request, int *altsock)
{
	calls++;
	printf("flow, call %d: socket %s, %s\n", calls, *altsock < 0 ? "none" : "as left", state(PQstatus(conn)));
	fact("  user", request->user);
	if (has_word("fail-async"))
		return PGRES_POLLING_FAILED;
	if (has_word("no-token"))
		return PGRES_POLLING_OK;
	if (has_word("no-socket"))
		return PGRES_POLLING_READING;
	if (calls == 1 && pipe(ends) != 0)
		return PGRES_POLLING_FAILED;
	if (has_word("hang"))
	{
		*altsock = ends[0];
		return PGRES_POLLING_READING;
	}
	if (calls == 1)
	{
		*altsock = ends[0];
		return write(ends[1], "x", 1) == 1 ? PGRES_POLLING_READING : PGRES_POLLING_FAILED;
	}
	if (calls == 2)
	{
		*altsock = ends[1];
		return PGRES_POLLING_WRITING;
	}
	request->token = strdup("token-of-flow");
	return PGRES_POLLING_OK;
}

static int
hook(PGauthData type, PGconn *conn, void *data)
{
	if (type == PQAUTHDATA_PROMPT_OAUTH_DEVICE)
	{
		PGpromptOAuthDevice *prompt = data;

		fact("prompt", prompt->verification_uri);
		fact("  code", prompt->user_code);
		fact("  complete", prompt->verification_uri_complete);
		fact_int("  expires", prompt->expires_in);
		fact("  state", state(PQstatus(conn)));
		return has_word("prompt-fails") ? -1 : has_word("prompt-default") ? 0 : 1;
	}
	if (type == PQAUTHDATA_OAUTH_BEARER_TOKEN)
	{
		PGoauthBearerRequest *request = data;

		fact("request", request->openid_configuration);
		fact("  scope", request->scope);
		printf("  callbacks: %s %s, token: %s, user: %s\n", request->async ? "set" : "none",
			   request->cleanup ? "set" : "none", request->token ? "set" : "none", request->user ? "set" : "none");
		if (has_word("default") || has_word("prompt") || has_word("prompt-fails") || has_word("prompt-default"))
			return 0;
		request->user = strdup("mine");
		request->cleanup = cleanup;
		if (has_word("refuse"))
			return -1;
		if (has_word("at-once"))
			request->token = strdup("token-at-once");
		if (!has_word("nothing"))
			request->async = flow;
		return 1;
	}
	return 0;					/* what libpq 18 does not ask */
}

static PGconn *
polled(const char *conninfo)
{
	PGconn	   *conn = PQconnectStart(conninfo);
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	int			own = PQsocket(conn);
	int			other = 0;
	const char *last = "";
	long		longest = 0;

	if (has_word("trace"))
	{
		PQtrace(conn, stdout);
		PQsetTraceFlags(conn, PQTRACE_SUPPRESS_TIMESTAMPS);
	}
	while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED)
	{
		struct pollfd entry = {PQsocket(conn), next == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0};
		long		begin;

		if (!has_word("busy"))
			poll(&entry, 1, 20000);
		begin = now_ms();
		next = PQconnectPoll(conn);
		if (now_ms() - begin > longest)
			longest = now_ms() - begin;
		if (strcmp(last, state(PQstatus(conn))) != 0)
		{
			last = state(PQstatus(conn));
			fact("state", last);
		}
		if (PQstatus(conn) == CONNECTION_AUTHENTICATING)
		{
			other |= PQsocket(conn) != own && PQsocket(conn) >= 0;
			if (has_word("leave"))
				return conn;
		}
	}
	printf("another socket: %s, waited: %s\n", other ? "yes" : "no", longest > TOO_LONG_MS ? "yes" : "no");
	return conn;
}

static void
show_connection(PGconn *conn)
{
	fact("status", state(PQstatus(conn)));
	fact("error", PQerrorMessage(conn));
	printf("used password: %d, needs: %d\n", PQconnectionUsedPassword(conn), PQconnectionNeedsPassword(conn));
	if (PQstatus(conn) == CONNECTION_OK)
		show_exec(conn, "SELECT system_user");
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;
	char		conninfo[4096];

	if (argc < 3)
		return 2;
	snprintf(conninfo, sizeof conninfo, "%s %s", argv[1], argc > 3 ? argv[3] : "");
	how = argv[2];
	if (strchr(how, ',') != NULL)
		PQsetAuthDataHook(hook);
	conn = strncmp(how, "poll", 4) == 0 ? polled(conninfo) : PQconnectdb(conninfo);
	show_connection(conn);
	if (has_word("again"))
	{
		calls = 0;
		PQreset(conn);
		show_connection(conn);
	}
	for (PQconninfoOption *options = PQconninfo(conn), *option = options; option != NULL; option++)
	{
		if (option->keyword == NULL)
		{
			PQconninfoFree(options);
			break;
		}
		if (strcmp(option->keyword, "oauth_scope") == 0)
			fact("scope", option->val);
	}
	heading("finish");
	PQfinish(conn);
	fact("hook", PQgetAuthDataHook() == hook ? "ours" : PQgetAuthDataHook() == PQdefaultAuthDataHook ? "default" : "?");
	return 0;
}
