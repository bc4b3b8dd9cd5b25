/* The second version of the bearer token request, which libpq 18 does not have: oauth_v2 CONNINFO HOW. */
#include "common.h"

static const char *how;

static void
cleanup(PGconn *conn, PGoauthBearerRequest *request)
{
	PGoauthBearerRequestV2 *v2 = (PGoauthBearerRequestV2 *) request;

	(void) conn;
	fact("cleanup, issuer", v2->issuer);
	free((char *) v2->error);
	free(request->token);
}

static PostgresPollingStatusType
flow(PGconn *conn, PGoauthBearerRequest *request, int *altsock)
{
	PGoauthBearerRequestV2 *v2 = (PGoauthBearerRequestV2 *) request;

	(void) conn;
	(void) altsock;
	fact("flow, issuer", v2->issuer);
	if (strcmp(how, "async-fails") == 0)
	{
		v2->error = strdup("the flow's own words");
		return PGRES_POLLING_FAILED;
	}
	request->token = strdup("token-of-v2");
	return PGRES_POLLING_OK;
}

static int
hook(PGauthData type, PGconn *conn, void *data)
{
	PGoauthBearerRequestV2 *v2 = data;

	(void) conn;
	if (type == PQAUTHDATA_OAUTH_BEARER_TOKEN)
	{
		PGoauthBearerRequest *v1 = data;

		fact("asked in version 1", v1->openid_configuration);
		if (strcmp(how, "v1-fails") != 0)
			return 0;
		v2->error = "words that version 1 does not have";
		return -1;
	}
	if (type != PQAUTHDATA_OAUTH_BEARER_TOKEN_V2)
		return 0;
	fact("asked in version 2", v2->v1.openid_configuration);
	fact("  scope", v2->v1.scope);
	fact("  issuer", v2->issuer);
	fact("  error", v2->error);
	if (strncmp(how, "v1", 2) == 0)
		return 0;
	v2->v1.cleanup = cleanup;
	if (strcmp(how, "fails") == 0)
	{
		v2->error = strdup("the hook's own words");
		return -1;
	}
	if (strcmp(how, "fails-silently") == 0)
		return -1;
	if (strcmp(how, "token") == 0)
		v2->v1.token = strdup("token-of-v2");
	else
		v2->v1.async = flow;
	return 1;
}

int
main(int argc, char **argv)
{
	PGconn	   *conn;

	if (argc != 3)
		return 2;
	how = argv[2];
	PQsetAuthDataHook(hook);
	conn = PQconnectdb(argv[1]);
	fact_int("connected", PQstatus(conn) == CONNECTION_OK);
	fact("error", PQerrorMessage(conn));
	heading("finish");
	PQfinish(conn);
	return 0;
}
