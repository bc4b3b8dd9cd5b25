/*
 * For LD_PRELOAD: like torsocks, tsocks and Samba's socket_wrapper, knows which TCP sockets are connected by their
 * descriptors, until these are closed. TCP_AGAIN says what happens to a socket that shall connect again:
 * no_disconnect: it cannot be disconnected; ignored_disconnect: only in appearance; no_connect: it is disconnected, but
 * cannot be connected; ignored_connect: only in appearance, as with tsocks.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS 1024

static char connected[DESCRIPTORS];

int
connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
	int			(*real) (int, __CONST_SOCKADDR_ARG, socklen_t) = dlsym(RTLD_NEXT, "connect");
	int			family = address.__sockaddr__->sa_family;
	const char *again = getenv("TCP_AGAIN");

	if (fd < 0 || fd >= DESCRIPTORS || family == AF_UNIX)
		return real(fd, address, length);
	if (family == AF_UNSPEC && strcmp(again, "no_disconnect") == 0)
	{
		errno = EINVAL;
		return -1;
	}
	if (family == AF_UNSPEC)
		return strcmp(again, "ignored_disconnect") == 0 ? 0 : real(fd, address, length);
	if (connected[fd])
	{
		errno = EISCONN;
		return strcmp(again, "ignored_connect") == 0 ? 0 : -1;
	}
	connected[fd] = 1;
	return real(fd, address, length);
}

int
close(int fd)
{
	if (fd >= 0 && fd < DESCRIPTORS)
		connected[fd] = 0;
	return ((int (*) (int)) dlsym(RTLD_NEXT, "close")) (fd);
}
