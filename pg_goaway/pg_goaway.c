/*-------------------------------------------------------------------------
 *
 * pg_goaway.c
 *	  Asks clients to disconnect when convenient: the module's parameters.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "pg_goaway.h"
#include "utils/guc.h"

PG_MODULE_MAGIC;

bool		goaway_is_active = false;
bool		goaway_message = false;
bool		goaway_on_shutdown = true;
int			goaway_spread = 2000;
int			goaway_poll = 250;
int			goaway_deadline = 0;

/* The value that clients see.  tell.c sets it through the GUC machinery. */
static bool disconnect_requested = false;

void		_PG_init(void);

/*
 * Only a client itself can state that it understands the message; others may
 * fail on it.  So configuration files, ALTER ROLE and ALTER DATABASE cannot
 * set this parameter.
 */
static bool
check_message(bool *newval, void **extra, GucSource source)
{
	if (*newval && source != PGC_S_CLIENT)
	{
		GUC_check_errdetail("Clients set it when they connect.");
		return false;
	}
	return true;
}

/* Defines the parameter that is reported to clients; users cannot set it. */
static void
define_client_variable(void)
{
	DefineCustomBoolVariable(GOAWAY_PARAMETER,
							 "Whether the server asks this client to disconnect when convenient.",
							 NULL,
							 &disconnect_requested,
							 false,
							 PGC_INTERNAL,
							 GUC_REPORT | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							 NULL, NULL, NULL);
}

static void
define_duration(const char *name, const char *description, int *variable,
				int default_value, int min)
{
	DefineCustomIntVariable(name, description, NULL, variable,
							default_value, min, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MS,
							NULL, NULL, NULL);
}

static void
define_settings(void)
{
	DefineCustomBoolVariable("pg_goaway.message",
							 "Whether this client also gets the protocol message GoAway.",
							 NULL,
							 &goaway_message,
							 false,
							 PGC_BACKEND, GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							 check_message, NULL, NULL);
	DefineCustomBoolVariable("pg_goaway.on_shutdown",
							 "Whether smart shutdown asks all clients to disconnect.",
							 NULL,
							 &goaway_on_shutdown,
							 true,
							 PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	define_duration("pg_goaway.spread",
					"Time over which clients are asked, if there are many to ask.",
					&goaway_spread, 2000, 0);
	define_duration("pg_goaway.poll",
					"How often the server checks whether a smart shutdown has begun.",
					&goaway_poll, 250, 10);
	define_duration("pg_goaway.deadline",
					"Time after which clients that were asked are terminated; 0 turns this off.",
					&goaway_deadline, 0, 0);
#if PG_VERSION_NUM >= 150000
	MarkGUCPrefixReserved("pg_goaway");
#else
	EmitWarningsOnPlaceholders("pg_goaway");
#endif
}

/*
 * If the module is loaded into a session instead of being preloaded, it has
 * no shared memory: its functions then report an error with instructions.
 */
void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;

	define_settings();

	/* A server that has this parameter itself tells its clients itself. */
	if (GetConfigOption(GOAWAY_PARAMETER, true, false) != NULL)
	{
		ereport(LOG,
				(errmsg("pg_goaway does nothing: the server has a parameter \"%s\" already",
						GOAWAY_PARAMETER)));
		return;
	}

	define_client_variable();
	goaway_install_shmem_hooks();
	goaway_install_client_hook();
	/* The servers of pg_upgrade have no clients. */
	if (!IsBinaryUpgrade)
		goaway_register_worker();
	goaway_is_active = true;
}
