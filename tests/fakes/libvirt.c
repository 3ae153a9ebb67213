/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "disk.h"
#include "fake.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

static struct fake *fake;

struct hv {
	bool session;
	int restarts;	  /* of the daemon, when it was connected */
	unsigned changes; /* that it has taken */
	bool missed, lost;
};

VMCTL_API struct fake *fake_hypervisor(void);
struct fake *fake_hypervisor(void)
{
	if (!fake)
		fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return fake;
}

static void report(const char *uuid, const char *why)
{
	if (!fake->mute)
		fake_report(fake, HV_CHANGE_STATE, uuid, false, why);
}

/* --- what every call does --------------------------------------------------
 */

static int fail_here(struct vmctl_error *err)
{
	return fail(err, fake->fail_code ? fake->fail_code : VMCTL_FAILED, 0,
		    "the fake fails at call %d (%s)", fake->calls, fake->last);
}

static int enter(const struct hv *hv, const char *name, struct vmctl_error *err)
{
	fake->calls++;
	snprintf(fake->last, sizeof(fake->last), "%s", name);
	if (fake->hook)
		fake->hook(name);
	for (int i = 0; i < FAKE_DOMAINS; i++) {
		struct fake_domain *d = &fake->domains[i];

		if (d->used && d->starting && --d->starting == 0)
			d->state = HV_RUNNING;
	}
	fake->down |= fake->down_after && fake->calls > fake->down_after;
	if (fake->down)
		return fail(err, VMCTL_HYPERVISOR, 0, "nobody answers");
	if (hv && hv->restarts != fake->restarts)
		return fail(err, VMCTL_HYPERVISOR, 0, "the connection is lost");
	if (fake->calls == fake->kill_at)
		raise(SIGKILL);
	return fake->calls == fake->fail_at ? fail_here(err) : 0;
}

static int leave(struct vmctl_error *err)
{
	if (fake->calls == fake->killed_at)
		raise(SIGKILL);
	return fake->calls == fake->lie_at ? fail_here(err) : 0;
}

#define ENTER()                                                                \
	do {                                                                   \
		int r_ = enter(hv, __func__, err);                             \
		if (r_ < 0)                                                    \
			return r_;                                             \
	} while (0)

static struct fake_domain *find(const char *uuid)
{
	for (int i = 0; i < FAKE_DOMAINS; i++)
		if (fake->domains[i].used &&
		    str_eq(fake->domains[i].uuid, uuid))
			return &fake->domains[i];
	return NULL;
}

static int need(const char *uuid, struct fake_domain **ret,
		struct vmctl_error *err)
{
	*ret = find(uuid);
	return *ret ? 0
		    : fail(err, VMCTL_NOT_FOUND, 0, "no domain has the UUID %s",
			   uuid);
}

static bool active(const struct fake_domain *d)
{
	return d->starting || (d->state != HV_STOPPED && d->state != HV_SAVED);
}

#define NEED_ACTIVE(d)                                                         \
	do {                                                                   \
		if (!active(d))                                                \
			return fail(err, VMCTL_STATE, 0,                       \
				    "the domain is not running");              \
	} while (0)

/* --- connection ------------------------------------------------------------
 */

static int open_hv(const char *uri, long patience_ms, const struct events *ev,
		   struct hv **ret, struct vmctl_error *err)
{
	struct hv *hv = NULL;

	fake_hypervisor();
	ENTER();
	hv = calloc(1, sizeof(*hv));
	if (!hv)
		return fail_oom(err);
	fake->opened++;
	fake->patience_ms = patience_ms;
	hv->restarts = fake->restarts;
	hv->session = str_ends(uri, "/session");
	int r = leave(err);
	if (r < 0)
		free(hv);
	else
		*ret = hv;
	return r;
}

static void close_hv(struct hv *hv)
{
	free(hv);
}

static bool is_session(const struct hv *hv)
{
	return hv->session;
}

static bool has_networks(const struct hv *hv)
{
	return fake->has_networks;
}

static bool is_other_user(const struct hv *hv)
{
	return false;
}

static int info(struct hv *hv, struct hv_info *ret, struct vmctl_error *err)
{
	ENTER();
	*ret = (struct hv_info){ "fake", "1.0.0", "1.0.0", "1.0.0" };
	return leave(err);
}

/* --- domains ----------------------------------------------------------------
 */

static int describe(const struct hv_spec *spec, char **ret,
		    struct vmctl_error *err)
{
	*ret = str_printf("<fake>%s</fake>", spec->id);
	return *ret ? 0 : fail_oom(err);
}

static int define(struct hv *hv, const struct hv_spec *spec,
		  struct vmctl_error *err)
{
	struct fake_domain *d = find(spec->uuid);

	ENTER();
	for (int i = 0; i < FAKE_DOMAINS && !d; i++)
		if (!fake->domains[i].used)
			d = &fake->domains[i];
	if (!d)
		return fail(err, VMCTL_INTERNAL, 0, "the fake is full");
	if (!d->used)
		*d = (struct fake_domain){ .used = true, .state = HV_STOPPED };
	snprintf(d->uuid, sizeof(d->uuid), "%s", spec->uuid);
	snprintf(d->name, sizeof(d->name), "%s", spec->id);
	snprintf(d->disk, sizeof(d->disk), "%s", spec->disk);
	snprintf(d->console_log, sizeof(d->console_log), "%s",
		 spec->console_log);
	return leave(err);
}

/* As libvirt does it: what runs goes on running, without a definition. */
static int undefine(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	struct fake_domain *d;

	ENTER();
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	if (active(d))
		d->transient = true;
	else
		*d = (struct fake_domain){ 0 };
	return leave(err);
}

/* As QEMU does with append='on'. */
static void say_at_start(const struct fake_domain *d)
{
	FILE *f = fake->start_says[0] ? fopen(d->console_log, "a") : NULL;

	if (f) {
		fprintf(f, "%s %d\r\n", fake->start_says, fake->starts);
		fclose(f);
	}
}

static int disks[FAKE_DOMAINS];

static int start(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	struct fake_domain *d;

	ENTER();
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	if (active(d))
		return fail(err, VMCTL_STATE, 0, "domain is already running");
	if (access(d->disk, F_OK) < 0)
		return fail(err, VMCTL_FAILED, 0, "the domain has no disk");
	/* A daemon would do it whoever dies meanwhile. */
	sigset_t alarm;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, NULL);
	fake->starts++;
	fake->start_call = fake->calls;
	say_at_start(d);
	if (fake->has_disks)
		disk_take(&disks[d - fake->domains], d->disk);
	if (fake->calls == fake->killed_at && fake->start_late)
		d->starting = fake->start_late;
	else
		d->state = HV_RUNNING;
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	report(uuid, "");
	return leave(err);
}

static void power_off(struct fake_domain *d, const char *why)
{
	memset(d->ports, 0, sizeof(d->ports));
	disk_drop(&disks[d - fake->domains]);
	d->starting = 0;
	d->state = HV_STOPPED;
	report(d->uuid, why);
	if (d->transient)
		*d = (struct fake_domain){ 0 };
}

static int shutdown_guest(struct hv *hv, const char *uuid,
			  struct vmctl_error *err)
{
	struct fake_domain *d;

	ENTER();
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	NEED_ACTIVE(d);
	fake->shutdowns++;
	if (!fake->deaf)
		power_off(d, "it was shut down");
	return leave(err);
}

static int destroy(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	struct fake_domain *d;

	ENTER();
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	NEED_ACTIVE(d);
	fake->destroys++;
	power_off(d, "its power was cut");
	return leave(err);
}

static int reboot_guest(struct hv *hv, const char *uuid,
			struct vmctl_error *err)
{
	struct fake_domain *d;

	ENTER();
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	NEED_ACTIVE(d);
	return leave(err);
}

static int list(struct hv *hv, struct hv_domain **ret, size_t *ret_n,
		struct vmctl_error *err)
{
	struct hv_domain *out;
	size_t n = 0;

	ENTER();
	out = calloc(FAKE_DOMAINS, sizeof(*out));
	for (int i = 0; out && i < FAKE_DOMAINS; i++) {
		if (!fake->domains[i].used)
			continue;
		memcpy(out[n].uuid, fake->domains[i].uuid, 37);
		memcpy(out[n].name, fake->domains[i].name, 64);
		out[n++].state = fake->domains[i].state;
	}
	if (!out)
		return fail_oom(err);
	*ret = out;
	*ret_n = n;
	return leave(err);
}

/* Machines that only the environment knows of: FAKE_RUNNING has the beginning
 * of their UUIDs, and FAKE_STOPPED the UUIDs of those that are off. */
static enum hv_state elsewhere(const char *uuid)
{
	const char *begin = getenv("FAKE_RUNNING");
	const char *off = getenv("FAKE_STOPPED");

	if (!begin || !str_starts(uuid, begin))
		return HV_ABSENT;
	return off && strstr(off, uuid) ? HV_STOPPED : HV_RUNNING;
}

static int state(struct hv *hv, const char *uuid, enum hv_state *ret,
		 struct vmctl_error *err)
{
	ENTER();
	const struct fake_domain *d = find(uuid);
	*ret = d ? d->state : elsewhere(uuid);
	return leave(err);
}

/* Says what is in fake->console_says and is over, as fake->console_end has it.
 */
static int console(struct hv *hv, const char *uuid,
		   const struct hv_console *what, enum hv_console_end *ret,
		   struct vmctl_error *err)
{
	struct fake_domain *d;
	size_t n = strlen(fake->console_says);

	ENTER();
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	NEED_ACTIVE(d);
	if (fake->console_held && !what->force)
		return fail(err, VMCTL_BUSY, 0, "its console is in use");
	if (what->opened)
		what->opened(what->data);
	if (write(what->out, fake->console_says, n) != (ssize_t)n)
		return fail(err, VMCTL_FAILED, 0, "the fake cannot write");
	if (fake->console_off)
		power_off(d, "it was shut down");
	*ret = fake->console_end;
	return leave(err);
}

/* --- forwards ----------------------------------------------------------------
 */

static bool set_port(struct fake_domain *d, const struct hv_forward *fwd)
{
	for (int i = 0; i < FAKE_PORTS; i++) {
		if (!d->ports[i].host_port) {
			d->ports[i] = *fwd;
			return true;
		}
	}
	return false;
}

static int forward_add(struct hv *hv, const char *uuid,
		       const struct hv_forward *fwd, struct vmctl_error *err)
{
	struct fake_domain *d;

	ENTER();
	if (elsewhere(uuid) == HV_RUNNING)
		return leave(err);
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	NEED_ACTIVE(d);
	if (fake->lost_race) {
		fake->lost_race--;
		set_port(d, fwd);
	}
	for (int i = 0; i < FAKE_DOMAINS; i++)
		for (int j = 0; j < FAKE_PORTS; j++)
			if (fake_same_place(&fake->domains[i].ports[j], fwd) ||
			    fake->taken_port == fwd->host_port)
				return fail(err, VMCTL_EXISTS, 0,
					    "port %d is in use",
					    fwd->host_port);
	if (!set_port(d, fwd))
		return fail(err, VMCTL_INTERNAL, 0, "the fake is full");
	return leave(err);
}

static int forward_remove(struct hv *hv, const char *uuid,
			  const struct hv_forward *fwd, struct vmctl_error *err)
{
	struct fake_domain *d;

	ENTER();
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	NEED_ACTIVE(d);
	for (int i = 0; i < FAKE_PORTS; i++) {
		struct hv_forward *p = &d->ports[i];

		if (p->udp == fwd->udp && p->host_port == fwd->host_port &&
		    str_eq(p->host_addr, fwd->host_addr)) {
			*p = (struct hv_forward){ 0 };
			return leave(err);
		}
	}
	return fail(err, VMCTL_NOT_FOUND, 0, "port %d is not forwarded",
		    fwd->host_port);
}

static int forward_list(struct hv *hv, const char *uuid,
			struct hv_forward **ret, size_t *ret_n,
			struct vmctl_error *err)
{
	struct fake_domain *d;

	ENTER();
	if (elsewhere(uuid) == HV_RUNNING) {
		*ret = NULL;
		*ret_n = 0;
		return leave(err);
	}
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	NEED_ACTIVE(d);
	auto_free struct hv_forward *list = calloc(FAKE_PORTS, sizeof(*list));
	if (!list)
		return fail_oom(err);
	size_t n = 0;
	for (int i = 0; i < FAKE_PORTS; i++)
		if (d->ports[i].host_port)
			list[n++] = d->ports[i];
	r = leave(err);
	if (r == 0) {
		*ret = take_ptr(&list);
		*ret_n = n;
	}
	return r;
}

/* --- channels: what listens at a socket is the agent -------------------------
 */

static int channel_open(struct hv *hv, const char *uuid, const char *name,
			struct hv_pipe **ret, struct vmctl_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct fake_domain *d;

	ENTER();
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	NEED_ACTIVE(d);
	if (!fake->agent[0])
		return fail(err, VMCTL_UNSUPPORTED, 0, "it has no channel %s",
			    name);
	if (fake->agent_busy)
		return fail(err, VMCTL_BUSY, 0, "the channel is in use");
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", fake->agent);
	struct hv_pipe *pipe = malloc(sizeof(*pipe));
	if (!pipe)
		return fail_oom(err);
	pipe->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(pipe->fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		close(pipe->fd);
		free(pipe);
		return fail(err, VMCTL_FAILED, errno, "cannot connect to %s",
			    fake->agent);
	}
	*ret = pipe;
	return leave(err);
}

static void channel_close(struct hv_pipe *pipe)
{
	if (!pipe)
		return;
	close(pipe->fd);
	free(pipe);
}

/* --- networks: one, at most ---------------------------------------------- */

static int net_list(struct hv *hv, struct hv_network **ret, size_t *ret_n,
		    struct vmctl_error *err)
{
	ENTER();
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return fail_oom(err);
	**ret = fake->net;
	*ret_n = fake->net.name[0] != '\0';
	return leave(err);
}

static int net_create(struct hv *hv, const struct hv_network *net,
		      struct vmctl_error *err)
{
	ENTER();
	bool lost = fake->race_net || fake->net.name[0];
	if (!fake->net.name[0])
		fake->net = *net;
	if (fake->race_net) /* another's */
		fake->net.uuid[0] = 'x';
	snprintf(fake->net.bridge, sizeof(fake->net.bridge), "virbr9");
	fake->net.active = fake->net.nat = fake->net.no_hosts = true;
	if (lost)
		return fail(err, VMCTL_FAILED, 0, "network is already defined");
	return leave(err);
}

static int net_start(struct hv *hv, const char *name, struct vmctl_error *err)
{
	ENTER();
	fake->net.active = true;
	return leave(err);
}

static int net_delete(struct hv *hv, const char *uuid, struct vmctl_error *err)
{
	ENTER();
	if (str_eq(fake->net.uuid, uuid)) {
		fake->net = (struct hv_network){ 0 };
		fake->host_count = 0;
	}
	return leave(err);
}

static int hosts(struct hv_lease **ret, size_t *ret_n, struct vmctl_error *err)
{
	struct hv_lease *out = calloc(FAKE_HOSTS, sizeof(*out));

	if (!out)
		return fail_oom(err);
	memcpy(out, fake->hosts, sizeof(fake->hosts));
	*ret = out;
	*ret_n = (size_t)fake->host_count;
	return 0;
}

static int net_leases(struct hv *hv, const char *name, struct hv_lease **ret,
		      size_t *ret_n, struct vmctl_error *err)
{
	ENTER();
	int r = hosts(ret, ret_n, err);
	return r < 0 ? r : leave(err);
}

static int host_at(const char *mac)
{
	int i = 0;

	while (i < fake->host_count && !str_eq(fake->hosts[i].mac, mac))
		i++;
	return i;
}

static int net_reserve(struct hv *hv, const char *name, const char *mac,
		       const char *address, const char *hostname,
		       struct vmctl_error *err)
{
	ENTER();
	int i = host_at(mac);
	if (i == FAKE_HOSTS)
		return fail(err, VMCTL_INTERNAL, 0, "the fake is full");
	struct hv_lease *l = &fake->hosts[i];
	snprintf(l->mac, sizeof(l->mac), "%s", mac);
	snprintf(l->address, sizeof(l->address), "%s", address);
	snprintf(l->hostname, sizeof(l->hostname), "%s",
		 hostname ? hostname : "");
	fake->host_count += i == fake->host_count;
	return leave(err);
}

static int net_unreserve(struct hv *hv, const char *name, const char *mac,
			 const char *address, struct vmctl_error *err)
{
	ENTER();
	int i = host_at(mac);
	if (i < fake->host_count)
		fake->hosts[i] = fake->hosts[--fake->host_count];
	return leave(err);
}

static int address(struct hv *hv, const char *uuid,
		   enum hv_address_source source, const char *mac, char ret[46],
		   struct vmctl_error *err)
{
	ENTER();
	if (source != HV_ADDRESS_AGENT || !fake->agent_address[0])
		return fail(err, VMCTL_NOT_FOUND, 0, "no address is known");
	memcpy(ret, fake->agent_address, 46);
	return leave(err);
}

/* --- changes -------------------------------------------------------------- */

static int watch(struct hv *hv, int *ret_fd, struct vmctl_error *err)
{
	ENTER();
	fake->watchers++;
	if (fake->no_events)
		return fail(err, VMCTL_UNSUPPORTED, 0, "there are no events");
	hv->changes = fake->changes;
	*ret_fd = fake->event_fd;
	return leave(err);
}

static bool change(struct hv *hv, struct hv_change *ret)
{
	uint64_t unused;

	if (hv->changes != fake->changes) {
		*ret = fake->log[hv->changes++ % FAKE_CHANGES];
		return true;
	}
	(void)!read(fake->event_fd, &unused, sizeof(unused));
	if (hv->missed) {
		hv->missed = false;
		*ret = (struct hv_change){ HV_CHANGE_MISSED, .why = "" };
		return true;
	}
	if (hv->restarts == fake->restarts || hv->lost)
		return false;
	hv->lost = true;
	*ret = (struct hv_change){ HV_CHANGE_LOST, .why = "" };
	return true;
}

static int details(struct hv *hv, const char *uuid, struct hv_details *ret,
		   struct vmctl_error *err)
{
	struct fake_domain *d;

	ENTER();
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	*ret = fake->details;
	ret->state = d->state;
	return leave(err);
}

static int forward_reached(struct hv *hv, const char *uuid,
			   const struct hv_forward *fwd, bool *ret,
			   struct vmctl_error *err)
{
	ENTER();
	*ret = fake->reached;
	return leave(err);
}

static int agent_ping(struct hv *hv, const char *uuid, long timeout_ms,
		      struct vmctl_error *err)
{
	ENTER();
	int r = leave(err);
	return r < 0 || fake->agent_pings
		       ? r
		       : fail(err, VMCTL_FAILED, 0, "no answer");
}

static int revive(struct hv *hv, struct vmctl_error *err)
{
	if (hv->restarts == fake->restarts)
		return 0;
	int restarts = hv->restarts;

	hv->restarts = fake->restarts;
	int r = enter(hv, "revive", err);
	if (r == 0)
		r = leave(err);
	if (r < 0) {
		hv->restarts = restarts;
		return r;
	}
	fake->opened++;
	hv->missed = true;
	hv->lost = false;
	return 0;
}

static int owned(struct hv *hv, struct hv_owned **ret, size_t *ret_n,
		 struct vmctl_error *err)
{
	struct hv_owned *out = calloc(FAKE_DOMAINS, sizeof(*out));
	size_t n = 0;

	ENTER();
	for (int i = 0; out && i < FAKE_DOMAINS; i++) {
		const struct fake_domain *d = &fake->domains[i];

		if (!d->used)
			continue;
		memcpy(out[n].uuid, d->uuid, 37);
		snprintf(out[n].id, sizeof(out[n].id), "%.15s", d->name);
		snprintf(out[n].disk, sizeof(out[n].disk), "%s", d->disk);
		out[n++].state = d->state;
	}
	if (!out)
		return fail_oom(err);
	*ret = out;
	*ret_n = n;
	return leave(err);
}

static int document(struct hv *hv, const char *uuid, char **ret,
		    struct vmctl_error *err)
{
	struct fake_domain *d;

	ENTER();
	int r = need(uuid, &d, err);
	if (r < 0)
		return r;
	*ret = str_printf("<fake>%s</fake>", d->name);
	return *ret ? leave(err) : fail_oom(err);
}

VMCTL_API extern const struct hv_ops vmctl_module_libvirt;
const struct hv_ops vmctl_module_libvirt = {
	.abi = HV_ABI,
	.open = open_hv,
	.close = close_hv,
	.is_session = is_session,
	.has_networks = has_networks,
	.is_other_user = is_other_user,
	.info = info,
	.describe = describe,
	.define = define,
	.undefine = undefine,
	.start = start,
	.shutdown = shutdown_guest,
	.destroy = destroy,
	.reboot = reboot_guest,
	.reset = reboot_guest,
	.list = list,
	.state = state,
	.console = console,
	.forward_add = forward_add,
	.forward_remove = forward_remove,
	.forward_list = forward_list,
	.net_list = net_list,
	.net_create = net_create,
	.net_start = net_start,
	.net_delete = net_delete,
	.net_reserved = net_leases,
	.net_reserve = net_reserve,
	.net_unreserve = net_unreserve,
	.net_leases = net_leases,
	.address = address,
	.watch = watch,
	.change = change,
	.details = details,
	.revive = revive,
	.channel_open = channel_open,
	.channel_close = channel_close,
	.forward_reached = forward_reached,
	.agent_ping = agent_ping,
	.owned = owned,
	.document = document,
};
