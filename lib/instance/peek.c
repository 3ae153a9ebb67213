/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/copy.h>

#include <fcntl.h>
#include <poll.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "driver/agent.h"
#include "driver/qemu-img.h"
#include "instance/holder.h"
#include "instance/transport.h"

/*
 * What files a guest has, for somebody who is typing a path: by a way in that
 * is there already, and not for long. A process of its own asks, as a
 * connection that is kept is lost when a command on it is broken off, and as
 * libvirt's daemon may let one wait: whoever asked goes on without it.
 */

#define COMMAND_MS 3000
#define ANSWER_MS 1000
#define LIMIT (64 * 1024) /* bytes of names */

struct peek {
	struct vmctl *ctx;
	const struct vmctl_instance *row;
	const char *user;
	const char *argv[7];
	char *disk;
	int out;
};

/* Names that begin with $2 in the folder $1, each ended by a zero byte, folders
 * with a slash. */
static const char script[] =
	"case $1 in '~/'*) set -- \"$HOME/${1#??}\" \"$2\" ;; esac\n"
	"CDPATH= cd -- \"$1\" 2>/dev/null || exit 0\n"
	"for f in \"$2\"*; do\n"
	"	case $f in . | ..) continue ;; esac\n"
	"	if [ -d \"$f\" ]; then printf '%s/\\0' \"$f\"\n"
	"	elif [ -e \"$f\" ] || [ -L \"$f\" ]; then printf '%s\\0' "
	"\"$f\"\n"
	"	fi\n"
	"done";

static int by_holder(const struct peek *p)
{
	auto_free char *command = ssh_command(p->argv, NULL, NULL);
	struct ssh_exec exec = { .command = command,
				 .in = -1,
				 .out = p->out,
				 .err = -1,
				 .timeout_ms = COMMAND_MS };
	struct vmctl_error unused;
	struct ssh_exit exit;

	return command ? holder_exec(p->ctx, p->row, p->user, &exec, &exit,
				     &unused)
		       : -VMCTL_NO_MEMORY;
}

static void by_agent(const struct peek *p)
{
	auto_agent_link link = { 0 };
	struct agent_exec exec = { .argv = p->argv,
				   .user = p->user,
				   .in = -1,
				   .out = p->out,
				   .err = -1,
				   .timeout_ms = COMMAND_MS };
	struct agent_exit exit;

	/* No daemon is woken for a machine that does not run. */
	if (qemu_disk_in_use(p->disk) &&
	    agent_link_open(p->ctx, p->row, ANSWER_MS, &link, NULL) == 0)
		(void)agent_exec(link.conn, &exec, &p->ctx->ev, &exit, NULL);
}

static void ask(void *data)
{
	const struct peek *p = data;

	alarm((COMMAND_MS + ANSWER_MS) / 1000 + 2);
	if (by_holder(p) == -VMCTL_UNSUPPORTED)
		by_agent(p);
}

/* All that comes before the time is over; nothing when the end does not. */
static int read_names(int fd, long timeout_ms, struct str *out)
{
	int64_t end = clock_mono_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[4096];
	ssize_t n = 1;

	while (n > 0 && out->len < LIMIT) {
		int64_t left = end - clock_mono_ms();

		if (left <= 0)
			return -VMCTL_TIMEOUT;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n > 0)
			str_addn(out, buf, (size_t)n);
	}
	return str_check(out, NULL);
}

/* What is no name is left out, and so is what cannot be shown. */
static int take_names(const struct str *from, char ***ret)
{
	const char *p = str_text(from), *end = p + from->len, *zero;
	size_t n = 0, max = 1;

	for (const char *q = p; q < end; q++)
		max += *q == '\0';
	auto_strv char **names = calloc(max, sizeof(*names));
	for (; names && (zero = memchr(p, '\0', (size_t)(end - p)));
	     p = zero + 1) {
		auto_free char *safe =
			str_printable(p, (size_t)(zero - p), false);
		const char *slash = strchr(p, '/');

		if (!*p || !safe || !str_eq(safe, p) || (slash && slash[1]))
			continue;
		names[n] = take_ptr(&safe);
		n++;
	}
	if (!names)
		return -VMCTL_NO_MEMORY;
	*ret = take_ptr(&names);
	return 0;
}

static int run(struct peek *p, long timeout_ms, char ***ret,
	       struct vmctl_error *err)
{
	auto_close int in = -1, out = -1;
	auto_str text = STR_INIT;
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail_sys(err, errno, "cannot make a pipe");
	in = ends[0];
	p->out = out = ends[1];
	r = proc_detach("vmctl-peek", &out, 1, ask, p, err);
	if (r < 0)
		return r;
	close(take_fd(&out));
	r = read_names(in, timeout_ms, &text);
	if (r == -VMCTL_TIMEOUT)
		return fail(err, VMCTL_TIMEOUT, 0, "%s does not answer in time",
			    p->row->name);
	return r < 0 || take_names(&text, ret) < 0 ? fail_oom(err) : 0;
}

int vmctl_copy_names(struct vmctl *ctx, const char *name, const char *user,
		     const char *path, long timeout_ms, char ***ret,
		     struct vmctl_error *err)
{
	const char *begin = path_base(path);
	auto_free char *folder =
		begin == path ? strdup(".")
			      : strndup(path, (size_t)(begin - path));
	auto_instance *row = NULL;
	struct state *db;
	int r = folder ? context_state(ctx, &db, err) : fail_oom(err);

	if (r == 0)
		r = state_instance_get(db, name, &row, err);
	if (r == 0 && row->state != VMCTL_STATE_RUNNING)
		r = fail_state(row, "cannot be asked", err);
	if (r < 0)
		return r;
	auto_free char *disk = instance_file(ctx, row->id, "disk.qcow2");
	struct peek p = {
		.ctx = ctx,
		.row = row,
		.user = user ? user : row->user,
		.argv = { "sh", "-c", script, "sh", folder, begin },
		.disk = disk,
	};
	return disk ? run(&p, timeout_ms, ret, err) : fail_oom(err);
}
