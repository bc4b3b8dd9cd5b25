/*
 * cancel_thread CONNINFO [full]: threads that are cancelled with pthread_cancel while they wait in the library, or
 * that call pthread_exit in a callback. Each must end as cancelled, its cleanup handler must run, and the connection
 * must work with PQfinish, in the handler or later, and with PQreset.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "common.h"
#include "libpq-events.h"
#include "libpq/libpq-fs.h"

#define SLEEP "SELECT pg_sleep(30)"

static const char *conninfo;
static char silent[128];

/* ---- a server that answers only its first client, and only at startup ---- */

static const char hello[] = "R\0\0\0\10\0\0\0\0" "K\0\0\0\14\0\0\0\1\0\0\0\2" "Z\0\0\0\5I";

static void *
serve(void *arg)
{
	int			listener = *(int *) arg,
				first = accept(listener, NULL, NULL);
	char		startup[1024];

	if (recv(first, startup, sizeof startup, 0) > 0 && send(first, hello, sizeof hello - 1, 0) > 0)
		while (accept(listener, NULL, NULL) >= 0)
			;
	return NULL;
}

/* Connects to such a server and stores its address in `silent`. */
static PGconn *
greeted(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	length = sizeof address;
	static int	listener;
	pthread_t	thread;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	bind(listener, (struct sockaddr *) &address, sizeof address);
	listen(listener, 10);
	getsockname(listener, (struct sockaddr *) &address, &length);
	snprintf(silent, sizeof silent, "host=127.0.0.1 port=%d sslmode=disable gssencmode=disable user=me",
			 ntohs(address.sin_port));
	pthread_create(&thread, NULL, serve, &listener);
	pthread_detach(thread);
	return connect_or_die(silent);
}

/* ---- calls that wait ---- */

static PGconn *conn;
static PGcancel *cancel;
static PGcancelConn *cancelling;
static char block[65536];

static void
call_exec(void)
{
	PQclear(PQexec(conn, SLEEP));
}

static void
call_exec_params(void)
{
	PQclear(PQexecParams(conn, SLEEP, 0, NULL, NULL, NULL, NULL, 0));
}

static void
call_exec_several(void)
{
	PQclear(PQexec(conn, "SELECT 1;" SLEEP));
}

static void
call_exec_long(void)
{
	/* The server sleeps and reads no more data. */
	size_t		size = 20000000;
	char	   *query = malloc(size);

	pthread_cleanup_push(free, query);
	memset(query, ' ', size - 1);
	query[size - 1] = '\0';
	PQenterPipelineMode(conn);
	PQsendQueryParams(conn, SLEEP, 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	PQsendQueryParams(conn, query, 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	pthread_cleanup_pop(1);
}

static void
call_get_result(void)
{
	PQsendQuery(conn, SLEEP);
	PQclear(PQgetResult(conn));
}

static void
call_get_result_nonblocking(void)
{
	PQsetnonblocking(conn, 1);
	PQsendQuery(conn, SLEEP);
	PQclear(PQgetResult(conn));
}

static void
call_prepared(void)
{
	PQclear(PQprepare(conn, "p", SLEEP, 0, NULL));
	PQclear(PQexecPrepared(conn, "p", 0, NULL, NULL, NULL, 0));
}

static void
call_get_copy_data(void)
{
	char	   *row;

	PQclear(PQexec(conn, "COPY (SELECT pg_sleep(30)) TO STDOUT"));
	PQgetCopyData(conn, &row, 0);
}

static void
call_getline(void)
{
	char		line[100];

	PQclear(PQexec(conn, "COPY (SELECT pg_sleep(30)) TO STDOUT"));
	PQgetline(conn, line, sizeof line);
}

/* Each row inserted makes the server sleep. */
static void
begin_slow_copy(void)
{
	must(conn, "CREATE TEMP TABLE slow (a text)");
	must(conn, "CREATE FUNCTION pg_temp.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END'");
	must(conn, "CREATE TRIGGER slow BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION pg_temp.slow()");
	PQclear(PQexec(conn, "COPY slow FROM STDIN"));
	memset(block, 'x', sizeof block);
	block[9] = block[sizeof block - 1] = '\n';
}

static void
call_put_copy_data(void)
{
	begin_slow_copy();
	while (PQputCopyData(conn, block, sizeof block) == 1)
		;
}

static void
call_send_query(void)
{
	PQenterPipelineMode(conn);
	PQsendQueryParams(conn, SLEEP, 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	memset(block, ' ', sizeof block - 1);
	block[sizeof block - 1] = '\0';
	for (;;)
		PQsendQueryParams(conn, block, 0, NULL, NULL, NULL, NULL, 0);
}

static void
call_endcopy(void)
{
	begin_slow_copy();
	PQputnbytes(conn, "row\n", 4);
	PQputline(conn, "\\.\n");
	PQendcopy(conn);
}

static void
call_fn(void)
{
	PQArgBlock	argument = {.len = 8, .isint = 0};
	double		seconds = 30;
	unsigned char wire[8];
	int			result,
				length;

	for (int i = 0; i < 8; i++)
		wire[i] = ((unsigned char *) &seconds)[7 - i];
	argument.u.ptr = (int *) wire;
	/* pg_sleep(float8) */
	PQclear(PQfn(conn, 2626, &result, &length, 1, &argument, 1));
}

static void
call_lo_open(void)
{
	PQclear(PQexec(conn, "BEGIN"));
	lo_open(conn, 1, INV_READ);
}

static void
call_set_client_encoding(void)
{
	PQsetClientEncoding(conn, "utf8");
}

static void
call_encrypt_password(void)
{
	PQfreemem(PQencryptPasswordConn(conn, "secret", "me", NULL));
}

static void
call_change_password(void)
{
	PQclear(PQchangePassword(conn, "me", "secret"));
}

static void
call_connectdb(void)
{
	PQfinish(PQconnectdb(silent));
}

static void
call_connectdb_tls(void)
{
	const char *const keywords[] = {"dbname", "sslmode", "connect_timeout", NULL};
	const char *const values[] = {silent, "require", "60", NULL};

	PQfinish(PQconnectdbParams(keywords, values, 1));
}

static void
call_setdb(void)
{
	PQfinish(PQsetdbLogin(NULL, NULL, NULL, NULL, silent, NULL, NULL));
}

static void
call_ping(void)
{
	PQping(silent);
}

static void
call_reset(void)
{
	PQreset(conn);
}

static void
call_cancel(void)
{
	char		text[256];

	PQcancel(cancel, text, sizeof text);
}

static void
call_request_cancel(void)
{
	PQrequestCancel(conn);
}

static void
call_cancel_blocking(void)
{
	PQcancelBlocking(cancelling);
}

static void
call_socket_poll(void)
{
	PQsocketPoll(PQsocket(conn), 1, 0, -1);
}

static void
call_when_cancelled(void)
{
	pthread_cancel(pthread_self());
	PQclear(PQexec(conn, SLEEP));
}

/* ---- callbacks that end the thread ---- */

static void
receiver_that_waits(void *arg, const PGresult *res)
{
	(void) arg, (void) res;
	sleep(30);
}

static void
receiver_that_exits(void *arg, const PGresult *res)
{
	(void) arg, (void) res;
	pthread_exit(PTHREAD_CANCELED);
}

static void
processor_that_exits(void *arg, const char *message)
{
	(void) arg, (void) message;
	pthread_exit(PTHREAD_CANCELED);
}

static int
event_that_exits(PGEventId id, void *info, void *arg)
{
	(void) info;
	if (id == PGEVT_RESULTCREATE && pthread_equal(pthread_self(), *(pthread_t *) arg))
		pthread_exit(PTHREAD_CANCELED);
	return 1;
}

#define NOTICE "DO $$ BEGIN RAISE NOTICE 'a notice'; END $$"

static void
call_receiver_that_waits(void)
{
	PQsetNoticeReceiver(conn, receiver_that_waits, NULL);
	PQclear(PQexec(conn, NOTICE));
}

static void
call_receiver_that_exits(void)
{
	PQsetNoticeReceiver(conn, receiver_that_exits, NULL);
	PQclear(PQexec(conn, NOTICE));
}

static void
call_processor_that_exits(void)
{
	PQsetNoticeProcessor(conn, processor_that_exits, NULL);
	PQclear(PQexec(conn, NOTICE));
}

static void
call_accessor_that_exits(void)
{
	PGresult   *res = PQexec(conn, "SELECT 1");

	PQsetNoticeProcessor(conn, processor_that_exits, NULL);
	PQclear(res);
	res = PQexec(conn, "SELECT 1");
	pthread_cleanup_push((void (*) (void *)) PQclear, res);
	PQgetvalue(res, 7, 7);
	pthread_cleanup_pop(1);
}

static void
call_event_that_exits(void)
{
	static pthread_t self;

	self = pthread_self();
	PQregisterEventProc(conn, event_that_exits, "event", &self);
	PQclear(PQexec(conn, "SELECT 1"));
}

/* ---- the threads ---- */

static int	cleaned;
static int	finishes;

static void
clean_up(void *arg)
{
	(void) arg;
	cleaned++;
	if (finishes)
		PQfinish(conn);
}

static void *
calling(void *arg)
{
	void		(*call) (void) = *(void (**) (void)) arg;

	pthread_cleanup_push(clean_up, NULL);
	call();
	pthread_cleanup_pop(0);
	return NULL;
}

/* Whether a thread that makes the call is cancelled. */
static int
is_cancelled(void (*call) (void))
{
	pthread_t	thread;
	void	   *outcome;

	pthread_create(&thread, NULL, calling, &call);
	/* Waits until the thread waits in the call. */
	usleep(getenv("SLOW") != NULL ? 3000000 : 200000);
	pthread_cancel(thread);
	pthread_join(thread, &outcome);
	return outcome == PTHREAD_CANCELED;
}

static void
outcome(const char *name, int cancelled)
{
	printf("%s: cancelled %d cleaned %d\n", name, cancelled, cleaned);
	cleaned = 0;
}

/* Once with PQfinish in the handler, and once later, after the connection was used again. */
static void
cancel_in(const char *name, void (*call) (void))
{
	conn = connect_or_die(conninfo);
	finishes = 1;
	outcome(name, is_cancelled(call));
	finishes = 0;

	conn = connect_or_die(conninfo);
	outcome(name, is_cancelled(call));
	PQsetNoticeProcessor(conn, notice_printer, NULL);
	PQreset(conn);
	show_exec(conn, "SELECT 'again'");
	PQfinish(conn);

	conn = connect_or_die(conninfo);
	outcome(name, is_cancelled(call));
	PQfinish(conn);
}

static void
cancel_without_answer(const char *name, void (*call) (void))
{
	conn = greeted();
	cancel = PQgetCancel(conn);
	cancelling = PQcancelCreate(conn);
	outcome(name, is_cancelled(call));
	PQcancelFinish(cancelling);
	PQfreeCancel(cancel);
	PQfinish(conn);
}

/* The server reads no more data. C libpq's PQfinish waits for it too, so the server process is ended first. */
static void
cancel_full(const char *name, void (*call) (void))
{
	PGconn	   *other = connect_or_die(conninfo);
	char		query[100];

	conn = connect_or_die(conninfo);
	snprintf(query, sizeof query, "SELECT pg_terminate_backend(%d, 10000)", PQbackendPID(conn));
	outcome(name, is_cancelled(call));
	must(other, query);
	PQfinish(conn);
	PQfinish(other);
}

#define FULL(call) cancel_full(#call, call_##call)
#define IN(call) cancel_in(#call, call_##call)
#define WITHOUT_ANSWER(call) cancel_without_answer(#call, call_##call)

/* A thread with cancellation disabled continues, and is cancelled when cancellation is enabled again. */
static void
call_protected(void)
{
	int			state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	fact_int("state before", state);
	for (int i = 0; i < 20; i++)
		PQclear(PQexec(conn, "SELECT pg_sleep(0.02)"));
	show_exec(conn, "SELECT 'not disturbed'");
	PQfinish(PQconnectdb(conninfo));
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	fact_int("state after", state);
	pthread_testcancel();
	printf("not cancelled\n");
}

static void
call_state(void)
{
	int			state;

	PQclear(PQexec(conn, "SELECT 1"));
	PQfinish(PQconnectdb(conninfo));
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	fact_int("state", state);
}

int
main(int argc, char **argv)
{
	static char options[1024];

	if (argc < 2)
		return 2;
	/* The server's processes must end soon after their clients. */
	snprintf(options, sizeof options, "%s options='-c client_connection_check_interval=100'", argv[1]);
	conninfo = options;
	if (argc > 2)
	{
		heading("a server that takes no more");
		IN(put_copy_data);
		IN(send_query);
		IN(exec_long);
		return 0;
	}
	heading("a server that sleeps");
	IN(exec);
	IN(exec_params);
	IN(exec_several);
	IN(get_result);
	IN(get_result_nonblocking);
	IN(prepared);
	IN(get_copy_data);
	IN(getline);
	FULL(put_copy_data);
	FULL(send_query);
	FULL(exec_long);
	IN(endcopy);
	IN(fn);
	IN(socket_poll);
	IN(when_cancelled);
	heading("a server that says nothing");
	WITHOUT_ANSWER(lo_open);
	WITHOUT_ANSWER(set_client_encoding);
	WITHOUT_ANSWER(encrypt_password);
	WITHOUT_ANSWER(change_password);
	WITHOUT_ANSWER(connectdb);
	WITHOUT_ANSWER(connectdb_tls);
	WITHOUT_ANSWER(setdb);
	WITHOUT_ANSWER(ping);
	WITHOUT_ANSWER(reset);
	WITHOUT_ANSWER(cancel);
	WITHOUT_ANSWER(request_cancel);
	WITHOUT_ANSWER(cancel_blocking);
	heading("callbacks");
	IN(receiver_that_waits);
	IN(receiver_that_exits);
	IN(processor_that_exits);
	IN(accessor_that_exits);
	IN(event_that_exits);
	heading("not cancelled");
	conn = connect_or_die(conninfo);
	outcome("protected", is_cancelled(call_protected));
	outcome("state", is_cancelled(call_state));
	PQfinish(conn);
	return 0;
}
