/*
 * without_getrandom ERRNO CONNINFO...: connects while the system call getrandom fails with this error, as behind a
 * seccomp filter.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "common.h"

static int
forbid_getrandom(int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned) error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
	char		byte;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 0;
	return syscall(SYS_getrandom, &byte, 1, 0) < 0 && errno == error;
}

int
main(int argc, char **argv)
{
	if (argc < 3 || !forbid_getrandom(atoi(argv[1])))
	{
		printf("no seccomp filter\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
	{
		PGconn	   *conn = PQconnectdb(argv[i]);

		if (PQstatus(conn) == CONNECTION_OK)
			show_exec(conn, "SELECT 1");
		else
			fact("no connection", strrchr(PQerrorMessage(conn), ':'));
		PQfinish(conn);
	}
	return 0;
}
