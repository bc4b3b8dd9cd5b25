/*
 * For LD_PRELOAD: like torsocks and Samba's socket_wrapper, knows which TCP sockets are connected by their descriptors,
 * until these are closed, and disconnects none: TCP_DISCONNECT=refused fails, TCP_DISCONNECT=ignored only pretends.
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

	if (fd < 0 || fd >= DESCRIPTORS || family == AF_UNIX)
		return real(fd, address, length);
	if (family == AF_UNSPEC)
	{
		errno = EINVAL;
		return strcmp(getenv("TCP_DISCONNECT"), "ignored") == 0 ? 0 : -1;
	}
	if (connected[fd])
	{
		errno = EISCONN;
		return -1;
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
