/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libvirt/libvirt-qemu.h>
#include <stdlib.h>
#include <string.h>

#include "driver/libvirt/event.h"

/* libvirt waits for ever for a QEMU process that hangs, and has the next one
 * who asks wait half a minute. One that does not hang answers at once. */
#define MONITOR_MS 20000

struct request {
	virDomainPtr dom;
	int (*call)(virDomainPtr dom); /* NULL: a command */
	char *command;
	/* What the thread has of it; an error is its own. */
	int r;
	char *reply;
	virErrorPtr why;
};

static void request_free(void *data)
{
	struct request *q = data;

	virDomainFree(q->dom);
	if (q->why)
		virFreeError(q->why);
	free(q->command);
	free(q->reply);
	free(q);
}

static void request_run(void *data)
{
	struct request *q = data;

	q->r = q->call ? q->call(q->dom)
		       : virDomainQemuMonitorCommand(
				 q->dom, q->command, &q->reply,
				 VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP);
	q->why = q->r < 0 ? virSaveLastError() : NULL;
}

/* Somebody has waited as long already, and still does. */
static bool known_to_hang(virDomainPtr dom, long ms)
{
	virDomainControlInfo info;

	return virDomainGetControlInfo(dom, &info, 0) == 0 &&
	       info.state == VIR_DOMAIN_CONTROL_OCCUPIED &&
	       info.stateTime >= (unsigned long long)ms;
}

static int ask(struct hv *hv, struct request *q, const char *what, char **reply,
	       struct vmctl_error *err)
{
	long ms = hv_patience(hv, MONITOR_MS);
	int r = -VMCTL_TIMEOUT;

	if (known_to_hang(q->dom, ms))
		request_free(q);
	else
		r = aside_call(request_run, request_free, q, ms, hv->ev, err);
	if (r == -VMCTL_TIMEOUT)
		return fail(err, VMCTL_TIMEOUT, 0,
			    "%s: its QEMU process does not answer", what);
	if (r < 0)
		return r;
	if (q->r < 0) {
		r = libvirt_fail_by(q->why, err, what);
	} else if (reply) {
		*reply = take_ptr(&q->reply);
	}
	request_free(q);
	return r;
}

static int request_new(struct hv *hv, const char *uuid, struct request **ret,
		       struct vmctl_error *err)
{
	auto_free struct request *q = calloc(1, sizeof(*q));
	int r = q ? domain_find(hv, uuid, &q->dom, err) : fail_oom(err);

	if (r == 0)
		*ret = take_ptr(&q);
	return r;
}

int monitor_call(struct hv *hv, const char *uuid, int (*call)(virDomainPtr),
		 const char *what, struct vmctl_error *err)
{
	struct request *q;
	int r = request_new(hv, uuid, &q, err);

	if (r < 0)
		return r;
	q->call = call;
	return ask(hv, q, what, NULL, err);
}

int monitor_command(struct hv *hv, const char *uuid, const char *command,
		    char **ret, struct vmctl_error *err)
{
	struct request *q;
	int r = request_new(hv, uuid, &q, err);

	if (r < 0)
		return r;
	q->command = strdup(command);
	if (!q->command) {
		request_free(q);
		return fail_oom(err);
	}
	return ask(hv, q, "cannot talk to QEMU", ret, err);
}

int agent_ping(struct hv *hv, const char *uuid, long timeout_ms,
	       struct vmctl_error *err)
{
	static const char ping[] = "{\"execute\":\"guest-ping\"}";
	auto_domain virDomainPtr dom = NULL;
	int r = domain_find(hv, uuid, &dom, err);

	if (r < 0)
		return r;
	int seconds = timeout_ms < 1000 ? 1
		      : timeout_ms / 1000 < AGENT_TIMEOUT_S
			      ? (int)(timeout_ms / 1000)
			      : AGENT_TIMEOUT_S;

	virDomainAgentSetResponseTimeout(dom, seconds, 0);
	auto_free char *answer =
		virDomainQemuAgentCommand(dom, ping, seconds, 0);
	return answer ? 0 : libvirt_fail(err, "the agent does not answer");
}
