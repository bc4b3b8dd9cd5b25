/*
 * option_table: the options of PQconndefaults as KEYWORD|VARIABLE|DEFAULT, in their order. The user's name is left out: it has no
 * compiled default.
 */
#include <stdio.h>
#include <libpq-fe.h>

int
main(void)
{
	PQconninfoOption *options = PQconndefaults();

	if (options == NULL)
		return 1;
	for (PQconninfoOption *option = options; option->keyword; option++)
		printf("%s|%s|%s\n", option->keyword, option->envvar ? option->envvar : "", option->compiled ? option->compiled : "");
	PQconninfoFree(options);
	return 0;
}
