/*-------------------------------------------------------------------------
 *
 * tell.c
 *	  Code of the backend that tells its client to disconnect.
 *
 * It runs at the end of a transaction.  During a command, setting the
 * parameter is enough: PostgresMain() reports changed parameters just before
 * ReadyForQuery.  A backend that waits for a command gets the signal of the
 * catchup interrupt.  If it is outside a transaction, it then runs an empty
 * one, and at its end this code reports the parameter, as PostgreSQL does
 * with notifications.
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
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"

#define GOAWAY_MESSAGE 'g'

static ClientAuthentication_hook_type prev_ClientAuthentication_hook = NULL;

/*
 * Whether a short message can be sent without waiting for the client.  When
 * the kernel reports a socket as writable, it has room for kilobytes, and the
 * message takes at most some hundred bytes when encrypted.  No other output
 * may be pending.
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
 * Sets the value that the client will see.  The source of the setting makes
 * it survive a rollback.  The message is sent between two other messages,
 * because a transaction does not end within one.
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
 * pq_flush() would block the backend if the client does not read.  In that
 * case the client stays in the state "asked", and the worker tries again.
 */
static void
tell_waiting_client(void)
{
	if (!can_send_at_once())
		return;
	set_client_variable();
	ReportChangedGUCOptions();
	/*
	 * A failure has been logged, and ends the backend at its next interrupt.
	 */
	(void) pq_flush();
}

/*
 * For a transaction that fails or is rolled back.  Nothing here may fail or
 * wait: with the message, this holds only if the output buffer is empty.
 */
static void
tell_at_abort(void)
{
	if (pq_is_reading_msg())
		return;
	if (goaway_message && pq_is_send_pending())
		return;
	set_client_variable();
}

/*
 * While the backend waits for a message, only the transaction of an interrupt
 * can end.
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
	/*
	 * Parameters cannot be set in parallel mode.  No transaction should end
	 * in it.
	 */
	if (IsInParallelMode())
		return;
	/* The session has not started yet; the client is told when it has. */
	if (!IsNormalProcessingMode())
		return;
	/*
	 * The session is ending, and dropping its temporary tables takes a
	 * transaction.  Nothing may be sent after the last error.
	 */
	if (proc_exit_inprogress || whereToSendOutput != DestRemote)
		return;
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		tell_at_commit();
	else if (event == XACT_EVENT_ABORT)
		tell_at_abort();
}

/*
 * Runs when a backend has authenticated its client.  Walsenders need no slot:
 * at shutdown they exit by themselves when everything is sent.
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
