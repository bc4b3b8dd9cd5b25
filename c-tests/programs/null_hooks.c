/* null_hooks CONNINFO: notices, events, traces, encryption, and process-wide settings; see null.h. */
#include <errno.h>
#include <fcntl.h>

#include "null.h"
#include "libpq-events.h"

/* Exported for old programs, but not in a header. */
extern void (*pqsignal(int number, void (*handler) (int))) (int);
extern char *const pgresStatus[];
#undef PQfreeNotify
extern void PQfreeNotify(PGnotify *notify);

static void
receiver(void *arg, const PGresult *res)
{
	(void) arg, (void) res;
}

static int
accepts(PGEventId id, void *info, void *arg)
{
	(void) id, (void) info, (void) arg;
	return 1;
}

static int
refuses(PGEventId id, void *info, void *arg)
{
	(void) id, (void) info, (void) arg;
	return 0;
}

static char text[64];

static void
hooks(void)
{
	FUNCTION(PQsetNoticeReceiver(conn, NULL, NULL));
	FUNCTION(PQsetNoticeReceiver(conn, receiver, NULL));
	FUNCTION(PQsetNoticeProcessor(conn, NULL, NULL));
	FUNCTION(PQsetNoticeProcessor(conn, take_notice, NULL));
	INT(PQsetErrorVerbosity(conn, PQERRORS_VERBOSE));
	INT((PQsetErrorVerbosity(conn, (PGVerbosity) -1), PQsetErrorVerbosity(conn, PQERRORS_DEFAULT)));
	INT((PQsetErrorVerbosity(conn, (PGVerbosity) 99), PQsetErrorVerbosity(conn, PQERRORS_DEFAULT)));
	INT(PQsetErrorContextVisibility(conn, PQSHOW_CONTEXT_ALWAYS));
	INT((PQsetErrorContextVisibility(conn, (PGContextVisibility) 99),
		 PQsetErrorContextVisibility(conn, PQSHOW_CONTEXT_NEVER)));
	INT(PQregisterEventProc(conn, NULL, "name", NULL));
	INT(PQregisterEventProc(conn, accepts, NULL, NULL));
	INT(PQregisterEventProc(conn, accepts, "", NULL));
	INT(PQregisterEventProc(conn, accepts, "name", NULL));
	INT(PQregisterEventProc(conn, refuses, "name", NULL));
	INT((PQregisterEventProc(conn, accepts, "name", NULL), PQregisterEventProc(conn, accepts, "name", NULL)));
	INT(PQsetInstanceData(conn, NULL, text));
	INT(PQsetInstanceData(conn, accepts, text));
	INT((PQregisterEventProc(conn, accepts, "name", NULL), PQsetInstanceData(conn, accepts, NULL)));
	PTR(PQinstanceData(conn, NULL));
	PTR(PQinstanceData(conn, accepts));
	INT(PQfireResultCreateEvents(conn, NULL));
	VOID(PQtrace(conn, NULL));
	VOID(PQuntrace(conn));
	VOID(PQsetTraceFlags(conn, -1));
}

static void
encryption(void)
{
	INT(PQsslInUse(conn));
	PTR(PQsslStruct(conn, NULL));
	PTR(PQsslStruct(conn, ""));
	PTR(PQsslStruct(conn, "OpenSSL"));
	if (state != NO_CONNECTION)
		STR(PQsslAttribute(conn, "library"));
	STR(PQsslAttribute(conn, NULL));
	STR(PQsslAttribute(conn, "nonsense"));
	STR(PQsslAttribute(conn, "cipher"));
	PTR(PQsslAttributeNames(conn));
	if (state != NO_CONNECTION)
		STR(PQsslAttributeNames(conn)[0]);
	PTR(PQgetssl(conn));
	INT(PQgssEncInUse(conn));
	PTR(PQgetgssctx(conn));
	INT(PQdefaultSSLKeyPassHook_OpenSSL(NULL, 64, conn));
	INT(PQdefaultSSLKeyPassHook_OpenSSL(text, 0, conn));
	INT(PQdefaultSSLKeyPassHook_OpenSSL(text, -1, conn));
	INT(PQdefaultSSLKeyPassHook_OpenSSL(text, 64, conn));
	INT(PQdefaultAuthDataHook(PQAUTHDATA_OAUTH_BEARER_TOKEN, conn, NULL));
	INT(PQdefaultAuthDataHook((PGauthData) 99, conn, text));
}

static int
key_hook(char *buf, int size, PGconn *for_conn)
{
	(void) buf, (void) size, (void) for_conn;
	return 0;
}

static int
data_hook(PGauthData type, PGconn *for_conn, void *data)
{
	(void) type, (void) for_conn, (void) data;
	return 0;
}

static void
lock(int acquire)
{
	(void) acquire;
}

static void
handler(int number)
{
	(void) number;
}

static int
poll_closed(void)
{
	int			answer = PQsocketPoll(999, 1, 0, 0);

	return answer < 0 ? -errno : answer;
}

static int
poll_pipe(int for_read, int for_write, pg_usec_time_t end)
{
	int			ends[2];

	if (pipe(ends) != 0)
		return -99;
	return PQsocketPoll(ends[for_write ? 1 : 0], for_read, for_write, end);
}

static void
process_wide(void)
{
	VOID(PQinitSSL(-1));
	VOID(PQinitOpenSSL(-1, 99));
	FUNCTION(PQgetSSLKeyPassHook_OpenSSL());
	VOID(PQsetSSLKeyPassHook_OpenSSL(NULL));
	FUNCTION((PQsetSSLKeyPassHook_OpenSSL(key_hook), PQgetSSLKeyPassHook_OpenSSL()));
	FUNCTION((PQsetSSLKeyPassHook_OpenSSL(key_hook), PQsetSSLKeyPassHook_OpenSSL(NULL), PQgetSSLKeyPassHook_OpenSSL()));
	FUNCTION(PQgetAuthDataHook());
	INT(PQgetAuthDataHook() == PQdefaultAuthDataHook);
	INT((PQsetAuthDataHook(data_hook), PQgetAuthDataHook() == data_hook));
	INT((PQsetAuthDataHook(data_hook), PQsetAuthDataHook(NULL), PQgetAuthDataHook() == PQdefaultAuthDataHook));
	FUNCTION(PQregisterThreadLock(NULL));
	INT((PQregisterThreadLock(lock), PQregisterThreadLock(NULL) == lock));
	VOID(PQfreemem(NULL));
	VOID(PQfreeNotify(NULL));
	INT(PQisthreadsafe());
	INT(PQgetCurrentTimeUSec() > 1000000000000000);
	INT(PQsocketPoll(-1, 0, 0, -1));
	INT(PQsocketPoll(-1, 0, 0, 0));
	INT(PQsocketPoll(-1, 1, 1, 0));
	INT(PQsocketPoll(-1, 1, 1, 1));
	INT(poll_closed());
	INT(poll_pipe(1, 0, 0));
	INT(poll_pipe(0, 1, 0));
	INT(poll_pipe(-1, 0, 1));
	INT(poll_pipe(0, 99, -1));
	INT(poll_pipe(1, 0, -9223372036854775807));
	INT(poll_pipe(1, 0, PQgetCurrentTimeUSec() + 1000));
	STR(pgresStatus[0]);
	STR(pgresStatus[12]);
	INT(pqsignal(-1, handler) == SIG_ERR);
	INT(pqsignal(0, handler) == SIG_ERR);
	INT(pqsignal(9999, handler) == SIG_ERR);
	INT(pqsignal(SIGKILL, handler) == SIG_ERR);
	INT(pqsignal(SIGUSR1, NULL) == SIG_DFL);
	INT((pqsignal(SIGUSR1, handler), pqsignal(SIGUSR1, SIG_IGN) == handler));
}

int
main(int argc, char **argv)
{
	begin(argc, argv);
	on_every_connection(hooks);
	on_every_connection(encryption);
	process_wide();
	return 0;
}
