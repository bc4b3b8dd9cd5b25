/*
 * null_connect CONNINFO: connecting and reading a connection's attributes; see null.h. PGHOST and PGPORT point to the
 * server too.
 */
#include "null.h"

static const char *const no_keywords[] = {NULL};
static const char *const keywords[] = {"port", NULL};
static const char *const values[] = {"1", NULL};
static const char *const no_values[] = {NULL, NULL};
static const char *const unknown[] = {"nonsense", NULL};
static const char *const empty[] = {"", NULL};
static const char *const expand[] = {"dbname", NULL};
static const char *const uri[] = {"postgresql://127.0.0.1:1/d", NULL};
static char *text;

static void
connecting(void)
{
	CONNECTION(PQconnectdb(NULL));
	CONNECTION(PQconnectdb(""));
	CONNECTION(PQconnectdb("="));
	CONNECTION(PQconnectdb("port=99999"));
	CONNECTION(PQconnectdb("port=x"));
	CONNECTION(PQconnectStart(NULL));
	CONNECTION(PQconnectStart("nonsense"));
	CONNECTION(PQconnectdbParams(NULL, NULL, 0));
	CONNECTION(PQconnectdbParams(keywords, NULL, 0));
	CONNECTION(PQconnectdbParams(NULL, values, 0));
	CONNECTION(PQconnectdbParams(NULL, NULL, 1));
	CONNECTION(PQconnectdbParams(no_keywords, NULL, 0));
	CONNECTION(PQconnectdbParams(no_keywords, no_values, 1));
	CONNECTION(PQconnectdbParams(keywords, no_values, 0));
	CONNECTION(PQconnectdbParams(keywords, values, -1));
	CONNECTION(PQconnectdbParams(unknown, values, 0));
	CONNECTION(PQconnectdbParams(unknown, no_values, 0));
	CONNECTION(PQconnectdbParams(empty, values, 0));
	CONNECTION(PQconnectdbParams(expand, uri, 0));
	CONNECTION(PQconnectdbParams(expand, uri, 2));
	CONNECTION(PQconnectStartParams(NULL, NULL, 0));
	CONNECTION(PQconnectStartParams(keywords, NULL, 0));
	CONNECTION(PQconnectStartParams(NULL, values, 0));
	CONNECTION(PQconnectStartParams(unknown, values, 0));
	CONNECTION(PQsetdbLogin(NULL, NULL, NULL, NULL, NULL, NULL, NULL));
	CONNECTION(PQsetdbLogin("", "", "", "", "", "", ""));
	CONNECTION(PQsetdbLogin("127.0.0.1", "1", NULL, NULL, NULL, NULL, NULL));
	CONNECTION(PQsetdbLogin(NULL, "1", NULL, NULL, "host=127.0.0.1", NULL, NULL));
	CONNECTION(PQsetdbLogin(NULL, NULL, NULL, NULL, "a = b", NULL, NULL));
	CONNECTION(PQsetdbLogin(NULL, "-1", NULL, NULL, NULL, NULL, NULL));
	INT(PQping(NULL));
	INT(PQping(""));
	INT(PQping("nonsense"));
	INT(PQping("host=127.0.0.1 port=1"));
	INT(PQpingParams(NULL, NULL, 0));
	INT(PQpingParams(keywords, NULL, 0));
	INT(PQpingParams(NULL, values, 0));
	INT(PQpingParams(no_keywords, NULL, 0));
	INT(PQpingParams(unknown, values, 0));
}

static void
parsing(void)
{
	PTR(PQconndefaults());
	PTR(PQconninfoParse(NULL, NULL));
	PTR(PQconninfoParse(NULL, &text));
	PTR(PQconninfoParse("", NULL));
	PTR(PQconninfoParse("nonsense", NULL));
	STR((PQconninfoParse("nonsense", &text), text));
	STR((text = strdup("unset"), PQconninfoParse("host=h", &text), text));
	VOID(PQconninfoFree(NULL));
	VOID(PQconninfoFree(PQconndefaults()));
}

static void
asking(void)
{
	PTR(PQconninfo(conn));
	STR(PQdb(conn));
	STR(PQuser(conn));
	STR(PQpass(conn));
	STR(PQhost(conn));
	STR(PQhostaddr(conn));
	STR(PQport(conn));
	STR(PQtty(conn));
	STR(PQoptions(conn));
	INT(PQstatus(conn));
	INT(PQtransactionStatus(conn));
	STR(PQparameterStatus(conn, NULL));
	STR(PQparameterStatus(conn, ""));
	STR(PQparameterStatus(conn, "nonsense"));
	STR(PQparameterStatus(conn, "server_encoding"));
	STR(PQparameterStatus(conn, "Server_Encoding"));
	INT(PQprotocolVersion(conn));
	INT(PQfullProtocolVersion(conn));
	INT(PQserverVersion(conn) > 0);
	STR(PQerrorMessage(conn));
	INT(PQsocket(conn) >= 0);
	INT(PQbackendPID(conn) > 0);
	INT(PQpipelineStatus(conn));
	INT(PQconnectionNeedsPassword(conn));
	INT(PQconnectionUsedPassword(conn));
	INT(PQconnectionUsedGSSAPI(conn));
	INT(PQclientEncoding(conn));
	INT(PQisnonblocking(conn));
	INT(PQconnectPoll(conn));
	INT(PQresetStart(conn));
	INT(PQresetPoll(conn));
	VOID(PQreset(conn));
	VOID((PQfinish(conn), conn = NULL));
}

int
main(int argc, char **argv)
{
	begin(argc, argv);
	connecting();
	parsing();
	on_every_connection(asking);
	return 0;
}
