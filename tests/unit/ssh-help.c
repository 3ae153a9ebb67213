/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <pty.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "internal/key.h"

#define SSHD "/usr/sbin/sshd"

static void give_up(const char *why)
{
	print_error("%s\n", why);
	assert_true(false);
}

char *must_run(const char *program, ...)
{
	const char *argv[16] = { program };
	struct str out = STR_INIT;
	struct vmctl_error err;
	char *text = NULL;
	va_list ap;
	int n = 1;

	va_start(ap, program);
	while (n < 15 && (argv[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	if (proc_check(&(struct proc_spec){ .argv = argv }, &out, &err) < 0)
		give_up(err.message);
	assert_int_equal(str_take(&out, &text, &err), 0);
	return text;
}

/* --- the server ---------------------------------------------------------- */

static void put_file(const struct sshd *d, const char *name, const char *text)
{
	auto_free char *path = path_join(d->dir, name);

	assert_int_equal(
		file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

void sshd_authorize(struct sshd *d, const char *public_key)
{
	auto_free char *path = path_join(d->dir, "authorized_keys");
	auto_file FILE *f = fopen(path, "a");

	assert_non_null(f);
	fprintf(f, "%s\n", public_key);
}

char *sshd_identity(struct sshd *d, const char *type, const char *bits,
		    const char *passphrase)
{
	static int number;
	char *file = str_printf("%s/id-%d", d->dir, number++);
	auto_free char *pub = str_printf("%s.pub", file);
	auto_str line = STR_INIT;

	free(must_run("ssh-keygen", "-q", "-t", type, "-b", bits, "-N",
		      passphrase, "-f", file, NULL));
	assert_int_equal(file_read(pub, 65536, &line, NULL), 0);
	sshd_authorize(d, str_text(&line));
	return file;
}

char *public_of(const char *file)
{
	auto_free char *pub = str_printf("%s.pub", file);
	struct str line = STR_INIT;
	char *text;

	assert_int_equal(file_read(pub, 65536, &line, NULL), 0);
	assert_int_equal(str_take(&line, &text, NULL), 0);
	text[strcspn(text, " ") + 1 + strcspn(strchr(text, ' ') + 1, " \n")] =
		'\0';
	return text;
}

static void make_keys(struct sshd *d)
{
	auto_free char *host = NULL;
	auto_free char *private = NULL;
	auto_free char *public = NULL;

	assert_int_equal(key_pair_make("host", &host, &d->host_key, &d->err),
			 0);
	put_file(d, "host_key", host);
	assert_int_equal(key_pair_make("client", &private, &public, &d->err),
			 0);
	put_file(d, "id", private);
	sshd_authorize(d, public);
	d->identity = path_join(d->dir, "id");
	d->identities[0] = d->identity;
}

#define TRIES 20

/* A low RekeyLimit: keys are exchanged anew several times in the long tests. */
static void put_config(const struct sshd *d, int tries, const char *shell)
{
	auto_free char *forced =
		shell ? str_printf("ForceCommand exec %s -c "
				   "\"$SSH_ORIGINAL_COMMAND\"\n",
				   shell)
		      : strdup("");
	auto_free char *text =
		str_printf("HostKey %s/host_key\n"
			   "AuthorizedKeysFile %s/authorized_keys\n"
			   "StrictModes no\nUsePAM no\nPidFile none\n"
			   "PasswordAuthentication no\nPermitRootLogin yes\n"
			   "KbdInteractiveAuthentication no\n"
			   "PrintMotd no\nPrintLastLog no\nMaxAuthTries %d\n"
			   "RekeyLimit 16M\n"
			   "Subsystem sftp %s/sftp\n%s",
			   d->dir, d->dir, tries, d->dir, forced);

	put_file(d, "sshd_config", text);
	/* For root it wants the folder to which it changes its root. */
	if (geteuid() == 0)
		(void)mkdir("/run/sshd", 0755);
}

/* Each connection's server reads the file. */
void sshd_login_shell(struct sshd *d, const char *shell)
{
	put_config(d, TRIES, shell);
}

void sshd_max_tries(const struct sshd *d, int tries)
{
	put_config(d, tries, NULL);
}

static void write_proc(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);

	(void)!write(fd, text, strlen(text));
	close(fd);
}

/*
 * An sshd of an ordinary user gives a terminal only when the terminal's group
 * is "tty" already. Some containers mount /dev/pts without that; there, sshd
 * is shown an /etc/group that has no such group, in a mount namespace of its
 * own. Where that is not allowed, things stay as they are: see sshd_has_tty().
 */
static void hide_group_tty(const struct sshd *d)
{
	auto_free char *empty = path_join(d->dir, "empty");
	const struct group *tty = getgrnam("tty");
	char map[64];
	struct stat st;
	int master, slave;

	if (geteuid() == 0 || !tty ||
	    openpty(&master, &slave, NULL, NULL, NULL) < 0)
		return;
	fstat(slave, &st);
	close(master);
	close(slave);
	if (st.st_gid == tty->gr_gid)
		return;
	snprintf(map, sizeof(map), "%d %d 1", geteuid(), geteuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return;
	write_proc("/proc/self/uid_map", map);
	write_proc("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%d %d 1", st.st_gid, st.st_gid);
	write_proc("/proc/self/gid_map", map);
	close(open(empty, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	(void)mount(empty, "/etc/group", NULL, MS_BIND, NULL);
}

static void serve(const struct sshd *d, int connection)
{
	auto_free char *config = path_join(d->dir, "sshd_config");
	auto_free char *log = path_join(d->dir, "log");
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

	dup2(connection, 0);
	dup2(connection, 1);
	dup2(fd, 2);
	if (fork() == 0) {
		hide_group_tty(d);
		execl(SSHD, "sshd", "-i", "-e", "-f", config, (char *)NULL);
		_exit(127);
	}
}

static void listen_and_serve(const struct sshd *d, int listener)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		serve(d, fd);
		close(fd);
		/* 0 and 1 are the connection still. */
		fd = open("/dev/null", O_RDWR);
		dup2(fd, 0);
		dup2(fd, 1);
		close(fd);
	}
}

static void start_server(struct sshd *d)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	d->port = ntohs(a.sin_port);
	d->pid = fork();
	assert_true(d->pid >= 0);
	if (d->pid == 0) {
		listen_and_serve(d, fd);
		_exit(1);
	}
}

int sshd_setup(void **state)
{
	const struct passwd *pw = getpwuid(geteuid());
	const char *tmp = getenv("TMPDIR");
	struct sshd *d;

	*state = NULL;
	if (access(SSHD, X_OK) < 0) {
		print_error(SSHD " is missing: it belongs into scripts/deps\n");
		return -1;
	}
	d = calloc(1, sizeof(*d));
	if (!d || !pw)
		return -1;
	d->user = strdup(pw->pw_name);
	snprintf(d->dir, sizeof(d->dir), "%s/vmctl-ssh.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(d->dir) || ssh_load(&d->ops, &d->err) < 0) {
		print_message("%s\n", d->err.message);
		return -1;
	}
	make_keys(d);
	sshd_max_tries(d, TRIES);
	start_server(d);
	*state = d;
	return 0;
}

int sshd_teardown(void **state)
{
	struct sshd *d = *state;
	int r;

	if (!d)
		return 0;
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
	r = dir_remove(d->dir, NULL);
	free(d->user);
	free(d->host_key);
	free(d->identity);
	free(d);
	return r;
}

struct sshd *need_sshd(void **state)
{
	assert_non_null(*state);
	return *state;
}

/* --- the client ---------------------------------------------------------- */

struct ssh_target sshd_target(const struct sshd *d)
{
	return (struct ssh_target){
		.host = "127.0.0.1",
		.port = d->port,
		.user = d->user,
		.host_key = d->host_key,
		.identities = d->identities,
		.timeout_ms = 60000,
	};
}

struct ssh_conn *sshd_connect(struct sshd *d)
{
	struct ssh_target target = sshd_target(d);
	struct ssh_conn *conn = NULL;

	if (d->ops->connect(&target, NULL, &conn, &d->err) < 0)
		give_up(d->err.message);
	return conn;
}

int sshd_try(struct sshd *d, const struct ssh_target *target,
	     const struct events *ev)
{
	struct ssh_conn *conn = NULL;
	int r = d->ops->connect(target, ev, &conn, &d->err);

	if (r < 0)
		assert_null(conn);
	else
		d->ops->close(conn);
	return r;
}

bool sshd_has_tty(struct sshd *d)
{
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = {
		.command = "true", .tty = true, .in = -1, .out = -1, .err = -1
	};
	struct ssh_exit exit;
	int r = d->ops->exec(conn, &what, NULL, &exit, &d->err);

	d->ops->close(conn);
	return r == 0;
}

void slurp(int fd, struct str *ret)
{
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(fd, 1 << 30, "output", ret, NULL), 0);
}

void outcome_done(struct outcome *o)
{
	str_done(&o->out);
	str_done(&o->err);
}

void sshd_run(struct sshd *d, const char *command, int in, long timeout_ms,
	      const struct events *ev, struct outcome *ret)
{
	auto_close int out = memfd_create("out", MFD_CLOEXEC);
	auto_close int err = memfd_create("err", MFD_CLOEXEC);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = { .command = command,
				 .in = in,
				 .out = out,
				 .err = err,
				 .timeout_ms = timeout_ms };

	*ret = (struct outcome){ .exit = { .status = -1 } };
	ret->r = d->ops->exec(conn, &what, ev, &ret->exit, &ret->error);
	d->ops->close(conn);
	slurp(out, &ret->out);
	slurp(err, &ret->err);
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

void sshd_run_timed(struct sshd *d, const char *command, const char *file,
		    size_t lines, struct outcome *ret)
{
	for (long ms = 500;; ms *= 2) {
		int64_t begin = clock_mono_ms();
		auto_str text = STR_INIT;

		sshd_run(d, command, -1, ms, NULL, ret);
		assert_int_equal(ret->r, 0);
		assert_int_equal(ret->exit.status, SSH_TIMEOUT_STATUS);
		assert_true(clock_mono_ms() - begin < ms + 20000);
		if (file)
			(void)file_read(file, 4096, &text, NULL);
		if (count_lines(str_text(file ? &text : &ret->out)) >= lines)
			return;
		outcome_done(ret);
		assert_true(ms < 60000);
	}
}

int pipe_of(const void *bytes, size_t n)
{
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	if (fork() == 0) {
		close(p[0]);
		_exit(fd_write_all(p[1], bytes, n, NULL) < 0);
	}
	close(p[1]);
	return p[0];
}

static bool count(void *data)
{
	struct counting *c = data;

	c->calls++;
	if (c->each)
		c->each(c);
	return c->limit > 0 && c->calls >= c->limit;
}

static void keep_warning(void *data, enum vmctl_log_level level,
			 const char *text)
{
	struct counting *c = data;

	if (level == VMCTL_LOG_WARN)
		snprintf(c->last, sizeof(c->last), "%s", text);
}

void counting_init(struct counting *c, int limit)
{
	*c = (struct counting){ .limit = limit };
	c->ev = (struct events){ .log = keep_warning,
				 .cancelled = count,
				 .data = c };
}

bool type_answer(void *data, const char *prompt, char *answer, size_t size)
{
	struct typist *t = data;
	const char *text = t->answers ? t->answers[t->asked] : NULL;

	snprintf(t->prompt, sizeof(t->prompt), "%s", prompt);
	t->asked++;
	if (text)
		snprintf(answer, size, "%s", text);
	return text;
}

static void keep_log(void *data, enum vmctl_log_level level, const char *text)
{
	struct typist *t = data;
	size_t n = strlen(t->log);

	snprintf(t->log + n, sizeof(t->log) - n, "%s\n", text);
}

void typist_init(struct typist *t, const char *const *answers)
{
	*t = (struct typist){ .answers = answers };
	t->ev = (struct events){ .log = keep_log,
				 .ask = type_answer,
				 .data = t };
}
