/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-help.h"

#include <dirent.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"

int agent_setup(void **state)
{
	const char *tmp = getenv("TMPDIR"),
		   *modules = getenv("VMCTL_MODULE_DIR");
	struct agent *a = calloc(1, sizeof(*a));
	struct utsname host;

	if (!a || !modules || uname(&host) < 0)
		return -1;
	snprintf(a->dir, sizeof(a->dir), "%s/agent.XXXXXX", tmp ? tmp : "/tmp");
	a->program =
		str_printf("%s/agent/vmctl-agent-%s", modules, host.machine);
	a->user = str_printf("%d", (int)geteuid());
	if (!mkdtemp(a->dir))
		return -1;
	snprintf(a->socket, sizeof(a->socket), "%s/s", a->dir);
	a->pid = fork();
	if (a->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(a->program, "vmctl-agent", "--listen", a->socket,
		      (char *)NULL);
		_exit(127);
	}
	eventually(access(a->socket, F_OK) == 0);
	*state = a;
	return 0;
}

int agent_teardown(void **state)
{
	struct agent *a = *state;
	int status;

	/* It has lived through all of this. */
	if (kill(a->pid, SIGTERM) < 0 || waitpid(a->pid, &status, 0) < 0 ||
	    !WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM) {
		print_error("the agent ended with %x\n", status);
		return -1;
	}
	free(a->program);
	free(a->user);
	int r = dir_remove(a->dir, NULL);
	free(a);
	return r;
}

int agent_dial(const struct agent *a)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", a->socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

struct agent_conn *agent_session(const struct agent *a, int *ret_fd)
{
	struct agent_conn *conn = NULL;

	*ret_fd = agent_dial(a);
	must(agent_connect(*ret_fd, 20000, NULL, &conn, err));
	return conn;
}

void ran_done(struct ran *r)
{
	str_done(&r->out);
	str_done(&r->err);
}

static void slurp_fd(int fd, struct str *ret)
{
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(fd, 1 << 30, "output", ret, NULL), 0);
}

void agent_run(const struct agent *a, struct agent_exec what,
	       const struct events *ev, struct ran *ret)
{
	auto_close int out = memfd_create("out", MFD_CLOEXEC);
	auto_close int error = memfd_create("err", MFD_CLOEXEC);
	auto_close int fd = -1;
	struct agent_conn *conn = agent_session(a, &fd);

	*ret = (struct ran){ .exit = { .status = -1 } };
	what.user = what.user ? what.user : a->user;
	what.in = what.in ? what.in : -1;
	what.out = what.out ? what.out : out;
	what.err = what.err ? what.err : error;
	ret->r = agent_exec(conn, &what, ev, &ret->exit, &ret->error);
	agent_close(conn);
	slurp_fd(out, &ret->out);
	slurp_fd(error, &ret->err);
}

bool runs(const char *argument)
{
	auto_dir DIR *dir = opendir("/proc");
	struct dirent *d;

	while ((d = readdir(dir))) {
		auto_free char *path =
			str_printf("/proc/%s/cmdline", d->d_name);
		char text[4096];
		auto_file FILE *f = fopen(path, "re");
		size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

		if (atoi(d->d_name) != getpid() &&
		    memmem(text, n, argument, strlen(argument)))
			return true;
	}
	return false;
}
