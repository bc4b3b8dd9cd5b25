/*-------------------------------------------------------------------------
 *
 * tell.c
 *	  A backend tells its client that it is asked to disconnect.
 *
 * It does so at the end of a transaction.  In a command, setting the variable
 * is enough: PostgresMain() reports what has changed just before
 * ReadyForQuery.  A backend that waits for a command is sent the signal of
 * the catchup interrupt.  Outside a transaction it then runs an empty one, and
 * at its end reports the variable itself, much as it does with notifications.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <poll.h>

#include "access/xact.h"
#include "libpq/auth.h"
#include "libpq/libpq.h"
#include "libpq/libpq-be.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "pg_goaway.h"
#include "replication/walsender.h"
#include "storage/ipc.h"
#include "utils/guc.h"

#define GOAWAY_MESSAGE 'g'

static ClientAuthentication_hook_type prev_ClientAuthentication_hook = NULL;

/*
 * Whether a short message can be sent without waiting for the client.  When
 * the kernel calls a socket writable, there is room for kilobytes, and what is
 * sent here takes some hundred bytes at most, encrypted.  It must be all there
 * is to send.
 */
static bool
can_send_at_once(void)
{
	struct pollfd socket = {.fd = MyProcPort->sock, .events = POLLOUT};

	if (pq_is_send_pending())
		return false;
	return poll(&socket, 1, 0) == 1 && (socket.revents & POLLOUT) != 0;
}

/*
 * Sets what the client will see.  The source makes it outlast a rollback.  The
 * message stands between two others here: a transaction does not end within
 * one.
 */
static void
set_client_variable(void)
{
	SetConfigOption(GOAWAY_PARAMETER, "on", PGC_INTERNAL, PGC_S_OVERRIDE);
	if (goaway_message)
		pq_putemptymessage(GOAWAY_MESSAGE);
	goaway_mark_told();
}

/*
 * A client that does not read would block the backend in pq_flush().  It stays
 * asked: the worker tries again.
 */
static void
tell_waiting_client(void)
{
	if (!can_send_at_once())
		return;
	set_client_variable();
	ReportChangedGUCOptions();
	/* A failure has been logged, and ends the backend at its next interrupt. */
	(void) pq_flush();
}

/*
 * In a transaction that fails, or is rolled back.  Nothing here may fail or
 * wait: with the message, that is so only where it finds an empty buffer.
 */
static void
tell_at_abort(void)
{
	if (proc_exit_inprogress || pq_is_reading_msg())
		return;
	if (goaway_message && pq_is_send_pending())
		return;
	set_client_variable();
}

/*
 * Only an interrupt's transaction ends while a message is awaited.
 */
static void
tell_at_commit(void)
{
	if (pq_is_reading_msg())
		tell_waiting_client();
	else
		set_client_variable();
}

/*
 * Runs in each transaction of each client, so the usual case must be cheap.
 */
static void
tell_if_asked(XactEvent event, void *arg)
{
	if (likely(MyGoAwaySlot == NULL ||
			   pg_atomic_read_u32(&MyGoAwaySlot->state) != GOAWAY_ASKED))
		return;
	/* Variables cannot be set then.  No transaction should end so. */
	if (IsInParallelMode())
		return;
	/* The session has not begun: its client is told when it has. */
	if (!IsNormalProcessingMode())
		return;
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		tell_at_commit();
	else if (event == XACT_EVENT_ABORT)
		tell_at_abort();
}

/*
 * The place where a backend learns that it has a client.  Walsenders look after
 * themselves: they leave when all is sent.
 */
static void
client_authenticated(Port *port, int status)
{
	if (prev_ClientAuthentication_hook)
		prev_ClientAuthentication_hook(port, status);
	if (status != STATUS_OK || am_walsender)
		return;
	goaway_register_client();
	RegisterXactCallback(tell_if_asked, NULL);
}

void
goaway_install_client_hook(void)
{
	prev_ClientAuthentication_hook = ClientAuthentication_hook;
	ClientAuthentication_hook = client_authenticated;
}
