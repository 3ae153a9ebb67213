/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/wire.h"
#include "driver/ssh/session.h"

/*
 * What the ssh agent holds (draft-miller-ssh-agent, sections 3 and 3.5). libssh
 * waits for it without limit, though sockets of agents long gone or stopped are
 * common.
 */

#define TYPE_MAX 64

/* Why, or the errno of it. */
static int fail_agent(const char *why, int sys_errno, struct vmctl_error *err)
{
	fail(err, VMCTL_NOT_FOUND, sys_errno, "no ssh agent answers%s%s",
	     *why ? ": " : "", why);
	fail_hint(err, "eval \"$(ssh-agent)\" && ssh-add");
	return -VMCTL_NOT_FOUND;
}

/* Another one that is started would not be asked. */
static int fail_configured(const struct ssh_agent *agent, int r,
			   struct vmctl_error *err)
{
	if (r != -VMCTL_NOT_FOUND || !agent || !agent->setting)
		return r;
	fail_prefix(err, "by ssh's configuration (IdentityAgent %s)",
		    agent->setting);
	fail_hint(err, agent->path
			       ? "start that agent, or name another by "
				 "IdentityAgent in ~/.ssh/config"
			       : "name one by IdentityAgent in ~/.ssh/config");
	return r;
}

static int dial(const struct ssh_agent *agent, int *ret,
		struct vmctl_error *err)
{
	bool configured = agent && agent->setting;
	const char *path = configured ? agent->path : getenv("SSH_AUTH_SOCK");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	auto_close int fd = -1;

	if (configured && !path)
		return fail(err, VMCTL_NOT_FOUND, 0, "no ssh agent is asked");
	if (!path || !*path)
		return fail_agent("SSH_AUTH_SOCK is not set", 0, err);
	if (strlen(path) >= sizeof(sun.sun_path))
		return fail_agent("the path of its socket is too long", 0, err);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return fail_agent("", errno, err);
	*ret = take_fd(&fd);
	return 0;
}

int agent_open(const struct ssh_agent *agent, int *ret, struct vmctl_error *err)
{
	return fail_configured(agent, dial(agent, ret, err), err);
}

/* Reads n bytes; whoever does not give them in time is no agent. */
static int read_exactly(int fd, void *bytes, size_t n, int64_t deadline,
			const struct events *ev, struct vmctl_error *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char *at = bytes;

	while (n > 0) {
		ssize_t got = recv(fd, at, n, MSG_DONTWAIT);

		if (got == 0)
			return fail_agent("it hangs up", 0, err);
		if (got > 0) {
			at += got;
			n -= (size_t)got;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return fail_agent("", errno, err);
		if (cancelled(ev))
			return fail_cancelled(err);
		if (clock_mono_ms() >= deadline)
			return fail_agent("it says nothing", 0, err);
		(void)poll(&p, 1, WAIT_SLICE_MS);
	}
	return 0;
}

int agent_read(int fd, int64_t deadline, const struct events *ev,
	       struct str *ret, struct vmctl_error *err)
{
	unsigned char head[4];
	struct wire length = { head, sizeof(head) };
	uint32_t n;
	int r = read_exactly(fd, head, sizeof(head), deadline, ev, err);

	if (r < 0)
		return r;
	if (!wire_u32(&length, &n) || n == 0 || n > AGENT_MESSAGE_MAX)
		return fail_agent("its answer makes no sense", 0, err);
	str_done(ret);
	if (!str_reserve(ret, n))
		return fail_oom(err);
	r = read_exactly(fd, ret->p, n, deadline, ev, err);
	if (r < 0)
		return r;
	ret->len = n;
	ret->p[n] = '\0';
	return 0;
}

/* A name of RFC 4251 section 6: no blanks, nothing that is not ASCII. */
static bool is_type(const struct wire *type)
{
	for (size_t i = 0; i < type->n; i++)
		if (type->p[i] <= 0x20 || type->p[i] >= 0x7f)
			return false;
	return type->n > 0 && type->n <= TYPE_MAX;
}

static int add_line(struct wire blob, const struct wire *comment, char ***lines,
		    struct vmctl_error *err)
{
	auto_free char *b64 = base64_encode(blob.p, blob.n);
	auto_free char *shown =
		str_printable((const char *)comment->p, comment->n, false);
	auto_free char *line = NULL;
	struct wire type;

	/* What is in no format we know is nobody's key. */
	if (!wire_string(&blob, &type) || !is_type(&type))
		return 0;
	if (b64 && shown)
		line = str_printf("%.*s %s%s%s", (int)type.n,
				  (const char *)type.p, b64, *shown ? " " : "",
				  shown);
	return line && strv_append(lines, line) == 0 ? 0 : fail_oom(err);
}

static int parse(struct wire reply, char ***ret, struct vmctl_error *err)
{
	auto_strv char **lines = strv_dup(NULL);
	struct wire blob, comment;
	uint32_t count;
	int r = lines ? 0 : fail_oom(err);

	if (r == 0 && (reply.n < 1 || reply.p[0] != AGENT_IDENTITIES))
		return fail_agent("it refuses to list its keys", 0, err);
	if (r < 0)
		return r;
	reply.p++;
	reply.n--;
	if (!wire_u32(&reply, &count))
		return fail_agent("its answer is cut short", 0, err);
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		if (!wire_string(&reply, &blob) ||
		    !wire_string(&reply, &comment))
			return fail_agent("its answer is cut short", 0, err);
		r = add_line(blob, &comment, &lines, err);
	}
	if (r == 0)
		*ret = take_ptr(&lines);
	return r;
}

static int list(const struct ssh_agent *agent, long timeout_ms,
		const struct events *ev, char ***ret, struct vmctl_error *err)
{
	static const unsigned char request[] = { 0, 0, 0, 1,
						 AGENT_REQUEST_IDENTITIES };
	auto_str reply = STR_INIT;
	auto_close int fd = -1;
	int r = dial(agent, &fd, err);

	if (r < 0)
		return r;
	if (send(fd, request, sizeof(request), MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(request))
		return fail_agent("", errno, err);
	r = agent_read(fd, clock_mono_ms() + timeout_ms, ev, &reply, err);
	if (r < 0)
		return r;
	return parse((struct wire){ (unsigned char *)reply.p, reply.len }, ret,
		     err);
}

int agent_list(const struct ssh_agent *agent, long timeout_ms,
	       const struct events *ev, char ***ret, struct vmctl_error *err)
{
	return fail_configured(agent, list(agent, timeout_ms, ev, ret, err),
			       err);
}
