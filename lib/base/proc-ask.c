/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/proc-ask.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define SLICE_MS 100 /* how late the caller's wish to stop is seen */

static void put(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t w = write(fd, bytes, n);

		if (w < 0 && errno != EINTR)
			_exit(1);
		bytes += w > 0 ? w : 0;
		n -= w > 0 ? (size_t)w : 0;
	}
}

static pid_t begin(void (*body)(void *data, void *answer), void *data,
		   size_t size, int fds[2])
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		char *own = calloc(1, size);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!own || getppid() != parent)
			_exit(1);
		close(fds[0]);
		body(data, own);
		put(fds[1], own, size);
		_exit(0);
	}
	return pid;
}

/* Whatever signals come. */
static int collect(int fd, char *bytes, size_t size, long timeout_ms,
		   const struct events *ev, struct vmctl_error *err)
{
	int64_t end = clock_mono_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	while (n < size) {
		int64_t left = end - clock_mono_ms();

		if (cancelled(ev))
			return fail_cancelled(err);
		if (left <= 0)
			return fail(err, VMCTL_TIMEOUT, 0,
				    "there is no answer in time");
		if (poll(&p, 1, left < SLICE_MS ? (int)left : SLICE_MS) <= 0)
			continue;
		ssize_t r = read(fd, bytes + n, size - n);
		if (r == 0)
			return fail(err, VMCTL_FAILED, 0,
				    "the process that asked has died");
		n += r > 0 ? (size_t)r : 0;
	}
	return 0;
}

int proc_ask(void (*body)(void *data, void *answer), void *data, void *answer,
	     size_t size, long timeout_ms, const struct events *ev,
	     struct vmctl_error *err)
{
	auto_free char *own = calloc(1, size);
	int fds[2], r;

	if (!own)
		return fail_oom(err);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail_sys(err, errno, "cannot make a pipe");
	pid_t pid = begin(body, data, size, fds);
	close(fds[1]);
	r = pid < 0 ? fail_sys(err, errno, "cannot start a process")
		    : collect(fds[0], own, size, timeout_ms, ev, err);
	close(fds[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (r == 0)
		memcpy(answer, own, size);
	return r;
}
