/*
 * driver: runs sessions, one for each line on stdin, and prints the outcome of each on one line. A line is
 * PROGRAM<tab>STYLE<tab>CONNINFO. LD_LIBRARY_PATH decides which libpq.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "outcome.h"
#include "work.h"

static const Work *
find_work(const char *name)
{
	for (const Work *work = works; work->name != NULL; work++)
		if (strcmp(work->name, name) == 0)
			return work;
	return NULL;
}

static int
find_style(const char *name)
{
	for (int i = 0; i < STYLES; i++)
		if (strcmp(style_names[i], name) == 0)
			return i;
	return -1;
}

/* In the style PIPELINE the whole program is one pipeline. */
static void
run(const Work *work)
{
	if (style == PIPELINE)
		enter_pipeline();
	work->run();
	if (style == PIPELINE)
	{
		PQpipelineSync(conn);
		leave_pipeline(1);
	}
	note_state();
}

static void
session(const Work *work, const char *conninfo)
{
	char		last[600];

	outcome_begin();
	if (open_connection(conninfo))
		run(work);
	snprintf(last, sizeof last, "%s", PQerrorMessage(conn));
	close_connection();
	outcome_print(last);
}

int
main(void)
{
	static char line[4096];

	while (fgets(line, sizeof line, stdin) != NULL)
	{
		const char *name = strtok(line, "\t"),
				   *how = strtok(NULL, "\t"),
				   *conninfo = strtok(NULL, "\n");
		const Work *work = name == NULL ? NULL : find_work(name);
		int			found = how == NULL ? -1 : find_style(how);

		if (work == NULL || found < 0 || conninfo == NULL)
		{
			fprintf(stderr, "not a session\n");
			return 2;
		}
		style = (Style) found;
		session(work, conninfo);
	}
	return 0;
}
