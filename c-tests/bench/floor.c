/*
 * The floor of the benchmark: the cost of sending the same requests and receiving the same bytes without processing
 * them. It runs like client.c; PATH is the replay server's Unix socket.
 *
 *     floor PATH SQL REPEATS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char buffer[128 * 1024];

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int
open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int			fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		die("socket");
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0)
		die("connect");
	return fd;
}

/* Receives until the data ends with a ReadyForQuery; the server sends nothing afterwards. */
static void
receive_all(int fd)
{
	char		tail[6] = "";

	do
	{
		ssize_t		got = recv(fd, buffer, sizeof(buffer), 0);

		if (got <= 0)
			die("recv");
		if (got >= 6)
			memcpy(tail, buffer + got - 6, 6);
		else
		{
			memmove(tail, tail + got, 6 - (size_t) got);
			memcpy(tail + 6 - got, buffer, (size_t) got);
		}
	} while (memcmp(tail, "Z\0\0\0\5I", 6) != 0);
}

static size_t
put_length(char *at, size_t length)
{
	at[0] = (char) (length >> 24);
	at[1] = (char) (length >> 16);
	at[2] = (char) (length >> 8);
	at[3] = (char) length;
	return 4;
}

static void
send_all(int fd, const char *bytes, size_t length)
{
	while (length > 0)
	{
		ssize_t		sent = send(fd, bytes, length, MSG_NOSIGNAL);

		if (sent < 0)
			die("send");
		bytes += sent;
		length -= (size_t) sent;
	}
}

static long long
microseconds(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

int
main(int argc, char **argv)
{
	static const char pairs[] = "user\0floor\0";
	struct rusage start,
				end;
	size_t		length;
	long		repeats;
	int			fd;

	if (argc != 4 || strlen(argv[2]) > 60000)
		return 2;
	repeats = atol(argv[3]);
	fd = open_socket(argv[1]);
	put_length(buffer, 8 + sizeof(pairs));
	memcpy(buffer + 4, "\0\3\0\0", 4);
	memcpy(buffer + 8, pairs, sizeof(pairs));
	send_all(fd, buffer, 8 + sizeof(pairs));
	receive_all(fd);
	getrusage(RUSAGE_SELF, &start);
	for (long repeat = 0; repeat < repeats; repeat++)
	{
		length = strlen(argv[2]) + 1;
		buffer[0] = 'Q';
		put_length(buffer + 1, 4 + length);
		memcpy(buffer + 5, argv[2], length);
		send_all(fd, buffer, 5 + length);
		receive_all(fd);
	}
	getrusage(RUSAGE_SELF, &end);
	printf("%lld %lld 0 0 0\n", microseconds(end.ru_utime) - microseconds(start.ru_utime),
		   microseconds(end.ru_stime) - microseconds(start.ru_stime));
	close(fd);
	return 0;
}
