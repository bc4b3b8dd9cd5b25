/*-------------------------------------------------------------------------
 *
 * functions.c
 *	  The SQL functions of pg_goaway.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pg_goaway.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/acl.h"

PG_FUNCTION_INFO_V1(pg_goaway_backend);
PG_FUNCTION_INFO_V1(pg_goaway_all);
PG_FUNCTION_INFO_V1(pg_goaway_clients);

static void
require_active(void)
{
	if (!goaway_is_active)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_goaway is not active"),
				 errhint("It has to be in \"shared_preload_libraries\", and does nothing where the server has a parameter \"%s\" of its own.",
						 GOAWAY_PARAMETER)));
}

/* Checks permissions as pg_terminate_backend() does. */
static bool
may_ask(PGPROC *proc)
{
	Oid			role = proc->roleId;

	if (!OidIsValid(role) || superuser_arg(role))
		return superuser();
	return has_privs_of_role(GetUserId(), role) ||
		has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND);
}

Datum
pg_goaway_backend(PG_FUNCTION_ARGS)
{
	int			pid = PG_GETARG_INT32(0);
	PGPROC	   *proc;
	int			number;

	require_active();
	proc = BackendPidGetProc(pid);
	if (proc != NULL && !may_ask(proc))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to ask this client to disconnect"),
				 errhint("Only superusers may ask a superuser's client. For others you must be a member of the client's role or of pg_signal_backend.")));
	number = proc == NULL ? -1 : goaway_find_client(pid);
	if (number >= 0 && goaway_ask_client(number, pid))
	{
		/*
		 * The worker has to look after this client now, even if it sleeps for
		 * long.
		 */
		(void) goaway_wake_worker();
		PG_RETURN_BOOL(true);
	}

	/*
	 * Not an error, so that a query over many clients continues when one has
	 * just disconnected.
	 */
	ereport(WARNING,
			(errmsg("PID %d is not a server process with a client", pid)));
	PG_RETURN_BOOL(false);
}

/* Whether pg_goaway_all() asks the client in a slot. */
static bool
request_if_allowed(int number)
{
	GoAwayClient client;
	PGPROC	   *proc;

	if (!goaway_read_client(number, &client) || client.pid == MyProcPid)
		return false;
	proc = BackendPidGetProc(client.pid);
	return proc != NULL && may_ask(proc) &&
		goaway_request_client(number, client.pid);
}

/* Marks the clients; the worker asks them, spread over time. */
Datum
pg_goaway_all(PG_FUNCTION_ARGS)
{
	int			count = 0;

	require_active();
	for (int i = 0; i < goaway_slot_count(); i++)
	{
		if (request_if_allowed(i))
			count++;
	}
	if (!goaway_wake_worker() && count > 0)
		ereport(WARNING,
				(errmsg("the background worker of pg_goaway does not run"),
				 errdetail("Clients are asked when it has started."),
				 errhint("You might need to increase \"max_worker_processes\".")));
	PG_RETURN_INT32(count);
}

static Datum
client_tuple(TupleDesc description, const GoAwayClient *client)
{
	Datum		values[3];
	bool		nulls[3] = {false};

	values[0] = Int32GetDatum(client->pid);
	values[1] = TimestampTzGetDatum(client->asked_at);
	values[2] = TimestampTzGetDatum(client->told_at);
	nulls[1] = client->state < GOAWAY_ASKED;
	nulls[2] = client->state < GOAWAY_TOLD;
	return HeapTupleGetDatum(heap_form_tuple(description, values, nulls));
}

/* Lists the clients that were asked or are going to be asked. */
Datum
pg_goaway_clients(PG_FUNCTION_ARGS)
{
	FuncCallContext *context;
	int		   *next;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext before;
		TupleDesc	description;

		require_active();
		context = SRF_FIRSTCALL_INIT();
		before = MemoryContextSwitchTo(context->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		context->tuple_desc = BlessTupleDesc(description);
		context->user_fctx = palloc0(sizeof(int));
		MemoryContextSwitchTo(before);
	}
	context = SRF_PERCALL_SETUP();
	for (next = context->user_fctx; *next < goaway_slot_count();)
	{
		GoAwayClient client;

		if (goaway_read_client((*next)++, &client) && client.state != GOAWAY_NONE)
			SRF_RETURN_NEXT(context, client_tuple(context->tuple_desc, &client));
	}
	SRF_RETURN_DONE(context);
}
