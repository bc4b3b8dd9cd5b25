/* Escaping, hashed passwords and encodings. */
#include "operations.h"

/* Checks a text that the library allocated. If it is NULL, the connection must have the error text. */
static int
check_text(char *text, const char *expected)
{
	int			right = text != NULL && strcmp(text, expected) == 0;
	int			has_error = text != NULL || strcmp(PQerrorMessage(conn), "out of memory\n") == 0;

	if (text == NULL && has_error)
		return failed(PQerrorMessage(conn));
	if (!has_error)
		return wrong("the error text is not \"out of memory\"");
	PQfreemem(text);
	return wrong_if(!right, "a wrong text");
}

int
escape_text(void)
{
	size_t		length;
	char	   *text,
				buffer[100];
	int			outcome,
				error;

	ARMED(text = PQescapeLiteral(conn, "it's \\", 6));
	if ((outcome = check_text(text, " E'it''s \\\\'")) != FINE)
		return outcome;
	ARMED(text = PQescapeIdentifier(conn, "a\"b", 3));
	if ((outcome = check_text(text, "\"a\"\"b\"")) != FINE)
		return outcome;
	ARMED(text = (char *) PQescapeByteaConn(conn, (const unsigned char *) "a\0b", 3, &length));
	if ((outcome = check_text(text, "\\x610062")) != FINE)
		return outcome;
	ARMED(length = PQescapeStringConn(conn, buffer, "it's", 4, &error));
	if (strcmp(buffer, "it''s") != 0)
		return wrong("a wrong text");
	ARMED(text = (char *) PQunescapeBytea((const unsigned char *) "\\x610062", &length));
	if (text == NULL)
		return FAILED;
	if (length != 3 || memcmp(text, "a\0b", 3) != 0)
		outcome = wrong("wrong bytes");
	PQfreemem(text);
	return outcome;
}

int
encrypt_password(void)
{
	char	   *text;

	ARMED(text = PQencryptPasswordConn(conn, "secret", "me", "scram-sha-256"));
	if (text == NULL)
		return failed(PQerrorMessage(conn));
	if (strncmp(text, "SCRAM-SHA-256$4096:", 19) != 0)
		return wrong("not a SCRAM secret");
	PQfreemem(text);
	ARMED(text = PQencryptPassword("secret", "me"));
	if (text == NULL)
		return FAILED;
	if (strlen(text) != 35)
		return wrong("not an MD5 secret");
	PQfreemem(text);
	return FINE;
}

int
client_encoding(void)
{
	int			done;

	ARMED(done = PQsetClientEncoding(conn, "LATIN1"));
	if (done != 0)
		return failed(PQerrorMessage(conn));
	ARMED(done = PQclientEncoding(conn));
	return wrong_if(done != 8 || strcmp(PQparameterStatus(conn, "client_encoding"), "LATIN1") != 0, "another encoding");
}
