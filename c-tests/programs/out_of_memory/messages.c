/* Errors, notices and notifications. */
#include "operations.h"

int
server_error(void)
{
	PGresult   *res = armed_exec("SELECT 1 FROM nothing_of_this_name WHERE x = 'y'");
	char	   *text;
	int			right;

	if (!has_status(res, PGRES_FATAL_ERROR))
		return res == NULL ? unexpected(res) : wrong("no error");
	if (PQresultErrorField(res, PG_DIAG_SQLSTATE) == NULL)
		return unexpected(res);
	right = strcmp(PQresultErrorField(res, PG_DIAG_SQLSTATE), "42P01") == 0 && strstr(PQerrorMessage(conn), "nothing_of") != NULL;
	ARMED(text = PQresultVerboseErrorMessage(res, PQERRORS_VERBOSE, PQSHOW_CONTEXT_ALWAYS));
	PQclear(res);
	if (!right)
		return failed(PQerrorMessage(conn));
	if (text == NULL)
		return FAILED;
	right = strstr(text, "42P01") != NULL || strcmp(text, "out of memory\n") == 0;
	PQfreemem(text);
	return wrong_if(!right, "a wrong error text");
}

static int	notice_count;

void
count_notice(void *arg, const char *text)
{
	(void) arg;
	notice_count += strstr(text, "raised") != NULL;
}

int
raise_notices(void)
{
	PGresult   *res;

	PQsetNoticeProcessor(conn, count_notice, NULL);
	res = armed_exec("DO $$ BEGIN FOR i IN 1..20 LOOP RAISE NOTICE 'raised %', i; END LOOP; END $$");
	if (!has_status(res, PGRES_COMMAND_OK))
		return unexpected(res);
	PQclear(res);
	/* C libpq silently drops a notice if it has no memory for it. */
	return notice_count == 20 ? FINE : FAILED;
}

int
notify(void)
{
	PGnotify   *notification;
	PGresult   *res;
	char		channel[30],
				sql[120];
	int			count = 0;

	/* Others may use the same database at the same time. */
	snprintf(channel, sizeof channel, "channel_%d", (int) getpid());
	snprintf(sql, sizeof sql, "LISTEN %s", channel);
	res = armed_exec(sql);
	if (!has_status(res, PGRES_COMMAND_OK))
		return unexpected(res);
	PQclear(res);
	snprintf(sql, sizeof sql, "SELECT pg_notify('%s', 'payload ' || i) FROM generate_series(0, 19) AS i", channel);
	res = armed_exec(sql);
	if (!has_status(res, PGRES_TUPLES_OK))
		return unexpected(res);
	PQclear(res);
	for (;;)
	{
		char		expected[30];

		ARMED(notification = PQnotifies(conn));
		if (notification == NULL)
			break;
		snprintf(expected, sizeof expected, "payload %d", count++);
		if (strcmp(notification->relname, channel) != 0 || strcmp(notification->extra, expected) != 0)
			return wrong("a wrong notification");
		PQfreemem(notification);
	}
	/* C libpq silently drops a notification if it has no memory for it. */
	return count == 20 ? FINE : FAILED;
}
