/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/proc.h"

/* A copy of this process that goes on by itself. */

static bool is_kept(int fd, const int *keep, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (keep[i] == fd)
			return true;
	return fd <= 2;
}

/* What the process had open is let go: streams, or their readers would wait for
 * this one; locks; files. */
static void let_go(const int *keep, size_t n)
{
	int null = open("/dev/null", O_RDWR);
	auto_dir DIR *dir = NULL;
	struct dirent *e;

	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	dir = opendir("/proc/self/fd");
	while (dir && (e = readdir(dir))) {
		int fd = 0;

		for (const char *p = e->d_name; *p >= '0' && *p <= '9'; p++)
			fd = fd * 10 + (*p - '0');
		if (!is_kept(fd, keep, n) && fd != dirfd(dir))
			close(fd);
	}
}

static void begin(const char *name, const int *keep, size_t n)
{
	static const int defaults[] = { SIGINT,	 SIGTERM, SIGHUP,
					SIGQUIT, SIGALRM, SIGCHLD };
	sigset_t none;

	alarm(0);
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
		signal(defaults[i], SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, name);
	(void)!chdir("/");
	let_go(keep, n);
}

int proc_detach(const char *name, const int *keep, size_t n,
		void (*body)(void *data), void *data, struct vmctl_error *err)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return fail_sys(err, errno, "cannot start a process");
	if (pid == 0) {
		setsid();
		/* Once more, so that it is nobody's child to be waited for,
		 * and no terminal becomes its own. */
		pid = fork();
		if (pid == 0) {
			begin(name, keep, n);
			body(data);
		}
		_exit(pid < 0 ? errno & 0x7f : 0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		return fail_sys(err,
				WIFEXITED(status) ? WEXITSTATUS(status) : 0,
				"cannot start a process");
	return 0;
}
