/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"

extern char **environ;

void proc_result_done(struct proc_result *r)
{
	str_done(&r->out);
	str_done(&r->err);
}

struct child {
	pid_t pid;
	int out, err; /* our ends of its pipes; -1 once closed */
};

/* Kills and reaps a child that is still there. */
static void child_cleanup(struct child *c)
{
	close_cleanup(&c->out);
	close_cleanup(&c->err);
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

/* Between fork and exec: async-signal-safe calls only. */
static void child_exec(const char *const *argv, char **env, int out, int err,
		       int report, pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before the line above */
		_exit(127);
	/* A group of its own: Ctrl-C is for us to handle. */
	setpgid(0, 0);
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(out, 1) >= 0 &&
	    dup2(err, 2) >= 0)
		execvpe(argv[0], (char *const *)argv, env);
	int e = errno;
	ssize_t n = write(report, &e, sizeof(e));
	_exit(n == sizeof(e) ? 127 : 126);
}

static int make_env(char ***ret, struct vmctl_error *err)
{
	auto_strv char **env = calloc(1, sizeof(*env));

	if (!env)
		return fail_oom(err);
	for (char **e = environ; *e; e++) {
		if (str_starts(*e, "LC_ALL=") || str_starts(*e, "LANGUAGE="))
			continue;
		if (strv_append(&env, *e) < 0)
			return fail_oom(err);
	}
	if (strv_append(&env, "LC_ALL=C") < 0)
		return fail_oom(err);
	*ret = take_ptr(&env);
	return 0;
}

static int spawn(const char *const *argv, struct child *ret,
		 struct vmctl_error *err)
{
	auto_strv char **env = NULL;
	int p[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } }, e = 0;
	int r = make_env(&env, err);

	if (r < 0)
		return r;
	for (int i = 0; i < 3; i++)
		if (pipe2(p[i], O_CLOEXEC) < 0)
			e = errno;
	pid_t parent = getpid();
	pid_t pid = e ? -1 : fork();
	if (pid == 0)
		child_exec(argv, env, p[0][1], p[1][1], p[2][1], parent);
	if (pid < 0 && !e)
		e = errno;
	for (int i = 0; i < 3; i++)
		close_cleanup(&p[i][1]);
	/* Nothing comes through the third pipe when exec worked. */
	ssize_t n = 0;
	while (pid > 0 && (n = read(p[2][0], &e, sizeof(e))) < 0 &&
	       errno == EINTR)
		;
	if (pid > 0 && n != sizeof(e))
		e = 0;
	close_cleanup(&p[2][0]);
	struct child c = { pid, p[0][0], p[1][0] };
	if (e) {
		child_cleanup(&c);
		if (e == ENOENT)
			return fail(err, VMCTL_NOT_FOUND, 0,
				    "the program %s is not installed", argv[0]);
		return fail_sys(err, e, "cannot run %s", argv[0]);
	}
	*ret = c;
	return 0;
}

/* Takes what there is; closes at the end. Beyond `max` it is dropped. */
static void drain(int *fd, struct str *s, size_t max)
{
	char buf[65536];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n > 0) {
		size_t room = s->len < max ? max - s->len : 0;
		str_addn(s, buf, (size_t)n < room ? (size_t)n : room);
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		close_cleanup(fd);
		*fd = -1;
	}
}

static int relay(const struct proc_spec *spec, struct child *c,
		 struct proc_result *res, struct vmctl_error *err)
{
	long timeout = spec->timeout_ms ? spec->timeout_ms : 300000;
	size_t max = spec->max_output ? spec->max_output : 4 << 20;
	struct wait w = wait_begin(timeout, 100);

	while (c->out >= 0 || c->err >= 0) {
		struct pollfd p[2] = { { .fd = c->out, .events = POLLIN },
				       { .fd = c->err, .events = POLLIN } };
		int64_t left = wait_left_ms(&w);

		if (spec->cancelled && spec->cancelled(spec->data))
			return fail(err, VMCTL_CANCELLED, 0, "interrupted");
		if (left == 0)
			return fail(err, VMCTL_TIMEOUT, 0,
				    "%s did not end within %ld s",
				    spec->argv[0], timeout / 1000);
		if (poll(p, 2, left < 100 ? (int)left : 100) < 0)
			continue;
		if (p[0].revents)
			drain(&c->out, &res->out, max);
		if (p[1].revents)
			drain(&c->err, &res->err, max);
	}
	return str_check(&res->out, err) < 0 ? -VMCTL_NO_MEMORY
					     : str_check(&res->err, err);
}

int proc_run(const struct proc_spec *spec, struct proc_result *ret,
	     struct vmctl_error *err)
{
	auto_cleanup(child_cleanup) struct child c = { 0, -1, -1 };
	auto_cleanup(proc_result_done) struct proc_result res = { 0 };
	int status = 0, r = spawn(spec->argv, &c, err);

	if (r < 0)
		return r;
	r = relay(spec, &c, &res, err);
	if (r < 0)
		return r;
	while (waitpid(c.pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail_sys(err, errno, "cannot wait for %s",
					spec->argv[0]);
	c.pid = 0;
	res.status = WIFEXITED(status) ? WEXITSTATUS(status)
				       : 128 + WTERMSIG(status);
	*ret = res;
	res = (struct proc_result){ 0 };
	return 0;
}

/* The last line with text in it; cuts the line's end off in place. */
static const char *last_line(struct str *s)
{
	while (s->len && strchr("\n\r ", s->p[s->len - 1]))
		s->p[--s->len] = '\0';
	const char *nl = s->p ? strrchr(s->p, '\n') : NULL;
	return nl ? nl + 1 : str_text(s);
}

int proc_check(const struct proc_spec *spec, struct str *ret_out,
	       struct vmctl_error *err)
{
	auto_cleanup(proc_result_done) struct proc_result res = { 0 };
	int r = proc_run(spec, &res, err);

	if (r < 0)
		return r;
	if (res.status) {
		const char *why = last_line(&res.err);
		return fail(err, VMCTL_FAILED, 0, "%s failed (status %d)%s%s",
			    spec->argv[0], res.status, *why ? ": " : "", why);
	}
	if (ret_out) {
		*ret_out = res.out;
		res.out = STR_INIT;
	}
	return 0;
}

int proc_interactive(const char *const *argv, int *ret_status,
		     struct vmctl_error *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old[2];
	int report[2], e = 0, status = 0;

	if (pipe2(report, O_CLOEXEC) < 0)
		return fail_sys(err, errno, "cannot run %s", argv[0]);
	sigaction(SIGINT, &ignore, &old[0]);
	sigaction(SIGQUIT, &ignore, &old[1]);
	pid_t pid = fork();
	if (pid == 0) {
		sigaction(SIGINT, &old[0], NULL);
		sigaction(SIGQUIT, &old[1], NULL);
		signal(SIGPIPE, SIG_DFL);
		execvp(argv[0], (char *const *)argv);
		e = errno;
		ssize_t n = write(report[1], &e, sizeof(e));
		_exit(n == sizeof(e) ? 127 : 126);
	}
	if (pid < 0)
		e = errno;
	close_cleanup(&report[1]);
	/* Nothing comes through the pipe when exec worked. */
	while (pid > 0 && read(report[0], &e, sizeof(e)) < 0 && errno == EINTR)
		;
	close_cleanup(&report[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	sigaction(SIGINT, &old[0], NULL);
	sigaction(SIGQUIT, &old[1], NULL);
	if (e == ENOENT)
		return fail(err, VMCTL_NOT_FOUND, 0,
			    "the program %s is not installed", argv[0]);
	if (e)
		return fail_sys(err, e, "cannot run %s", argv[0]);
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status)
					: 128 + WTERMSIG(status);
	return 0;
}

uint64_t proc_start_time(pid_t pid)
{
	char path[64], buf[1024];
	uint64_t start = 0;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	/* The second field is the name in parentheses and may hold anything,
	 * so count from the last ')': what follows is field 3. */
	const char *p = strrchr(buf, ')');
	/* A zombie has ended, whatever its parent is waiting for. */
	if (p && (str_starts(p, ") Z") || str_starts(p, ") X")))
		return 0;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, " %" SCNu64, &start) != 1)
		return 0;
	return start;
}

bool proc_alive(pid_t pid, uint64_t start_time)
{
	return start_time && proc_start_time(pid) == start_time;
}

const char *proc_boot_id(void)
{
	static char id[40];

	if (!id[0]) {
		auto_close int fd = open("/proc/sys/kernel/random/boot_id",
					 O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, id, sizeof(id) - 1);
		id[n > 0 ? n : 0] = '\0';
		id[strcspn(id, "\n")] = '\0';
	}
	return id;
}
