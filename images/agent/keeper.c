/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

/*
 * A keeper is the parent of one command, and of all orphans among what that
 * started (PR_SET_CHILD_SUBREAPER), also of those that left its session and its
 * process group. So as long as it has a child there is something to end, and
 * when it has none there is nothing.
 */
#define GRACE_MS 1000 /* between SIGTERM and SIGKILL */
#define AGAIN_MS 50   /* at first: what forks faster than it is killed */
#define AGAIN_MAX_MS 2000

struct keeper {
	int ctl, signals;
	pid_t pid; /* of the command; its group has the same number */
	bool ended;
	int64_t kill_at; /* 0: never */
	int again_ms;
	bool childless;
};

/* --- the command
 * -------------------------------------------------------------- */

static void complain(const char *name, const char *what)
{
	dprintf(STDERR_FILENO, "vmctl-agent: %s: %s: %s\n", name, what,
		strerror(errno));
}

/* Along PATH, and at last by the shell: for its built-in commands, for scripts
 * that do not say what they are, and for the words and the status with which it
 * says that there is no such thing. */
static void execute(char **argv, char **env)
{
	const char *path = environment_get(env, "PATH");
	size_t n = 0, len = strlen(argv[0]);

	if (strchr(argv[0], '/'))
		execve(argv[0], argv, env);
	for (const char *p = path; len && p && !strchr(argv[0], '/');) {
		size_t dir = strcspn(p, ":");
		char *file = malloc(dir + len + 3);

		if (!file)
			break;
		snprintf(file, dir + len + 3, "%.*s/%s", dir ? (int)dir : 1,
			 dir ? p : ".", argv[0]);
		execve(file, argv, env);
		free(file);
		p = p[dir] ? p + dir + 1 : NULL;
	}
	while (argv[n])
		n++;
	char **all = calloc(n + 5, sizeof(*all));
	if (!all)
		return;
	all[0] = "sh";
	all[1] = "-c";
	all[2] = "\"$@\"";
	all[3] = "sh";
	memcpy(all + 4, argv, n * sizeof(*all));
	execve("/bin/sh", all, env);
}

/* As sshd has it: in the home directory, or else at the root. A folder that was
 * asked for has to be there; a relative one is below the home. */
static void enter(const struct request *r, const struct user *u)
{
	if (chdir(u->home) < 0 && chdir("/") < 0) {
		complain("/", "cannot change to it");
		_exit(126);
	}
	if (*r->cwd && chdir(r->cwd) < 0) {
		complain(r->cwd, "cannot change to it");
		_exit(126);
	}
}

static _Noreturn void become(const struct request *r, const struct user *u,
			     char **env)
{
	sigset_t none;

	sigemptyset(&none);
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	umask(022);
	if (geteuid() == 0 && (setgroups(u->group_count, u->groups) < 0 ||
			       setgid(u->gid) < 0 || setuid(u->uid) < 0)) {
		complain(u->name, "cannot become this user");
		_exit(126);
	}
	enter(r, u);
	execute(r->argv, env);
	complain(r->argv[0], "cannot run it");
	_exit(126);
}

/* --- the rest of what it started
 * ------------------------------------------------ */

struct process {
	pid_t pid, parent;
	bool ours;
};

/* The parent is the second field after the name, which may hold anything. */
static pid_t parent_of(const char *pid)
{
	char path[64], text[512];
	const char *p;
	int fd, parent = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	return p && sscanf(p, ") %*c %d", &parent) == 1 ? parent : 0;
}

static struct process *list_processes(size_t *ret)
{
	DIR *dir = opendir("/proc");
	struct process *all = NULL;
	struct dirent *d;
	size_t n = 0;

	while (dir && (d = readdir(dir))) {
		pid_t pid = atoi(d->d_name);

		if (pid <= 0)
			continue;
		if (n % 256 == 0) {
			void *grown = realloc(all, (n + 256) * sizeof(*all));
			if (!grown)
				break;
			all = grown;
		}
		all[n++] = (struct process){ pid, parent_of(d->d_name), false };
	}
	if (dir)
		closedir(dir);
	*ret = n;
	return all;
}

static void mark_ours(struct process *all, size_t n)
{
	bool more = true;

	for (size_t i = 0; i < n; i++)
		all[i].ours = all[i].parent == getpid();
	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n && !all[i].ours; j++)
				if (all[j].ours && all[j].pid == all[i].parent)
					more = all[i].ours = true;
	}
}

static void signal_all(struct keeper *k, int number)
{
	size_t n;
	struct process *all = list_processes(&n);

	mark_ours(all, n);
	for (size_t i = 0; i < n; i++)
		if (all[i].ours)
			kill(all[i].pid, number);
	/* Without /proc there is at least the group. */
	if (!n && !k->ended)
		kill(-k->pid, number);
	free(all);
}

static void end_all(struct keeper *k)
{
	if (k->kill_at || k->childless)
		return;
	signal_all(k, SIGTERM);
	signal_all(k, SIGCONT);
	k->kill_at = now_ms() + GRACE_MS;
	k->again_ms = AGAIN_MS;
}

/* --- the loop
 * --------------------------------------------------------------------- */

static void tell(struct keeper *k, int what, int value)
{
	struct keeper_note note = { what, value };

	if (k->ctl >= 0)
		(void)!send(k->ctl, &note, sizeof(note), MSG_NOSIGNAL);
}

static void reap(struct keeper *k)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(k->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != k->pid || k->ended)
			continue;
		k->ended = true;
		tell(k, KEEPER_STATUS, status);
	}
	k->childless = pid < 0 && errno == ECHILD;
}

/* false: the rest may live on. */
static bool obey(struct keeper *k)
{
	unsigned char order[2] = { 0 };
	ssize_t n = recv(k->ctl, order, sizeof(order), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) { /* the host went, or the agent */
		close(k->ctl);
		k->ctl = -1;
		end_all(k);
	} else if (order[0] == KEEPER_END) {
		end_all(k);
	} else if (order[0] == KEEPER_SIGNAL && n == 2 && !k->ended) {
		kill(-k->pid, order[1]);
	}
	return order[0] != KEEPER_QUIT;
}

static int wait_ms(const struct keeper *k)
{
	int64_t left = k->kill_at - now_ms();

	return !k->kill_at ? -1 : left < 0 ? 0 : (int)left;
}

static _Noreturn void keep(struct keeper *k)
{
	for (;;) {
		struct pollfd p[] = { { k->ctl, POLLIN, 0 },
				      { k->signals, POLLIN, 0 } };

		if (k->childless && k->ctl < 0)
			_exit(0);
		poll(p, 2, wait_ms(k));
		if (p[1].revents)
			reap(k);
		if (k->ctl >= 0 && p[0].revents && !obey(k))
			_exit(0);
		if (k->kill_at && !k->childless && now_ms() >= k->kill_at) {
			signal_all(k, SIGKILL);
			k->kill_at = now_ms() + k->again_ms;
			if (k->again_ms < AGAIN_MAX_MS)
				k->again_ms *= 2;
		}
		if (k->childless)
			k->kill_at = 0;
	}
}

/* --- the beginning
 * ------------------------------------------------------------------ */

/* The keeper is a copy of the agent: it must not hold others' pipes open. */
static void close_from(int first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0U, 0) == 0)
		return;
#endif
	for (int fd = first; fd < 1024; fd++)
		close(fd);
}

/* fds become 0 to 2, ctl becomes 3, and all else is closed. */
static void arrange(int ctl, const int fds[3])
{
	int high[4];

	for (int i = 0; i < 4; i++)
		high[i] = fcntl(i < 3 ? fds[i] : ctl, F_DUPFD, 512);
	for (int i = 0; i < 4; i++)
		if (dup2(high[i], i) < 0)
			_exit(1);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	close_from(4);
}

static void let_go_of_streams(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i < 3; i++)
		if (null < 0 || dup2(null, i) < 0)
			close(i);
	if (null > 2)
		close(null);
}

_Noreturn void keeper_run(const struct request *r, const struct user *u,
			  char **env, int ctl, const int fds[3])
{
	struct keeper k = { .ctl = 3 };
	sigset_t set;

	arrange(ctl, fds);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	k.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	k.pid = k.signals < 0 ? -1 : fork();
	if (k.pid == 0)
		become(r, u, env);
	if (k.pid < 0) {
		tell(&k, KEEPER_FAILED, errno);
		_exit(1);
	}
	let_go_of_streams();
	tell(&k, KEEPER_PID, k.pid);
	keep(&k);
}
