/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/proc-worker.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int worker_start(int (*body)(void *data), void *data, pid_t *ret,
		 struct vmctl_error *err)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return fail_sys(err, errno, "cannot start a process");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent) /* it died before the line above */
			_exit(1);
		_exit(body(data));
	}
	*ret = pid;
	return 0;
}

int worker_reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
