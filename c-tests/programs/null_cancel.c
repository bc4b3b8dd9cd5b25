/* null_cancel CONNINFO: both APIs for cancelling; see null.h. */
#include "null.h"

static PGcancelConn *request;
static char text[256];

static void
old_way(void)
{
	PTR(PQgetCancel(conn));
	INT(PQrequestCancel(conn));
	VOID(PQfreeCancel(PQgetCancel(conn)));
	INT((strcpy(text, "unset"), PQcancel(PQgetCancel(conn), text, sizeof text)));
	STR((strcpy(text, "unset"), PQcancel(PQgetCancel(conn), text, sizeof text), text));
	STR((strcpy(text, "unset"), PQcancel(PQgetCancel(conn), text, 5), text));
	STR((strcpy(text, "unset"), PQcancel(PQgetCancel(conn), text, 1), text));
	STR((strcpy(text, "unset"), PQcancel(PQgetCancel(conn), text, 0), text));
	STR((strcpy(text, "unset"), PQcancel(PQgetCancel(conn), text, -1), text));
	INT(PQcancel(PQgetCancel(conn), NULL, 0));
	INT(PQcancel(PQgetCancel(conn), NULL, 256));
}

static void
new_way(void)
{
	PTR(PQcancelCreate(conn));
	INT((request = PQcancelCreate(conn), PQcancelStatus(request)));
	INT((request = PQcancelCreate(conn), PQcancelSocket(request)));
	STR((request = PQcancelCreate(conn), PQcancelErrorMessage(request)));
	INT((request = PQcancelCreate(conn), PQcancelBlocking(request)));
	STR((request = PQcancelCreate(conn), PQcancelBlocking(request), PQcancelErrorMessage(request)));
	INT((request = PQcancelCreate(conn), PQcancelBlocking(request), PQcancelStatus(request)));
	INT((request = PQcancelCreate(conn), PQcancelStart(request)));
	STR((request = PQcancelCreate(conn), PQcancelStart(request), PQcancelErrorMessage(request)));
	INT((request = PQcancelCreate(conn), PQcancelStart(request), PQcancelStart(request)));
	STR((request = PQcancelCreate(conn), PQcancelStart(request), PQcancelStart(request), PQcancelErrorMessage(request)));
	INT((request = PQcancelCreate(conn), PQcancelPoll(request)));
	STR((request = PQcancelCreate(conn), PQcancelPoll(request), PQcancelErrorMessage(request)));
	INT((request = PQcancelCreate(conn), PQcancelReset(request), PQcancelStatus(request)));
	INT((request = PQcancelCreate(conn), PQcancelBlocking(request), PQcancelReset(request), PQcancelStatus(request)));
	INT((request = PQcancelCreate(conn), PQcancelBlocking(request), PQcancelReset(request), PQcancelBlocking(request)));
	STR((request = PQcancelCreate(conn), PQcancelBlocking(request), PQcancelReset(request), PQcancelErrorMessage(request)));
	VOID(PQcancelFinish(PQcancelCreate(conn)));
}

static void
without(void)
{
	VOID(PQfreeCancel(NULL));
	INT(PQcancel(NULL, NULL, 0));
	INT(PQcancel(NULL, NULL, 256));
	STR((strcpy(text, "unset"), PQcancel(NULL, text, 3), text));
	INT(PQcancelBlocking(NULL));
	INT(PQcancelStart(NULL));
	INT(PQcancelPoll(NULL));
	INT(PQcancelStatus(NULL));
	INT(PQcancelSocket(NULL));
	STR(PQcancelErrorMessage(NULL));
	VOID(PQcancelReset(NULL));
	VOID(PQcancelFinish(NULL));
}

int
main(int argc, char **argv)
{
	begin(argc, argv);
	on_every_connection(old_way);
	on_every_connection(new_way);
	without();
	return 0;
}
