/* Connects with each connection string on stdin (one a line), and prints "ok" or libpq's error, one line for each. */
#include "common.h"

int
main(void)
{
	char		line[65536];

	while (fgets(line, sizeof line, stdin) != NULL)
	{
		PGconn	   *conn;

		line[strcspn(line, "\n")] = '\0';
		conn = PQconnectdb(line);
		if (PQstatus(conn) == CONNECTION_OK)
			printf("ok\n");
		else
		{
			const char *at = PQerrorMessage(conn);
			const char *reason = strstr(at, " failed: ");

			for (at = reason ? reason + strlen(" failed: ") : at; *at != '\0'; at++)
				if (*at != '\n')
					putchar(*at);
				else if (at[1] != '\0')
					putchar('|');
			putchar('\n');
		}
		PQfinish(conn);
	}
	return 0;
}
