/* null_ours CONNINFO: functions that libpq 18 does not have; see null.h. */
#include "null.h"

static void
lock(int acquire)
{
	(void) acquire;
}

static void
asking(void)
{
	INT(PQgoAwayReceived(conn));
}

int
main(int argc, char **argv)
{
	begin(argc, argv);
	INT(PQlibVersion());
	on_every_connection(asking);
	FUNCTION(PQgetThreadLock());
	INT((PQregisterThreadLock(lock), PQgetThreadLock() == lock));
	FUNCTION((PQregisterThreadLock(lock), PQregisterThreadLock(NULL), PQgetThreadLock()));
	STR(PQsslAttribute(NULL, "library"));
	return 0;
}
