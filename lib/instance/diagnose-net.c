/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "instance/diagnose.h"
#include "instance/port.h"
#include "instance/relay.h"
#include "internal/network.h"

/* The ways to a guest. */

#define SSH_MS 700

static bool agent_is_up(const struct findings *f)
{
	for (size_t i = 0; i < f->details.channel_count; i++)
		if (str_eq(f->details.channels[i].name, HV_QEMU_AGENT))
			return f->details.channels[i].up;
	return false;
}

static void add_forward(struct str *out, const struct hv_forward *fwd)
{
	str_addf(out, "%s%s:%d to %d%s", out->len ? ", " : "", fwd->host_addr,
		 fwd->host_port, fwd->guest_port, fwd->udp ? "/udp" : "");
}

/* What QEMU has set; whether ssh's is among it. */
static bool list_forwards(struct findings *f, struct str *out)
{
	auto_free struct hv_forward *set = NULL;
	bool ssh = false;
	size_t n = 0;

	if (f->ops->forward_list(f->hv, f->row->uuid, &set, &n, NULL) < 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		add_forward(out, &set[i]);
		ssh |= set[i].guest_port == 22 && !set[i].udp &&
		       set[i].host_port == f->row->ssh_port;
	}
	return ssh;
}

static void find_forward(struct findings *f, const struct state_nic *nic)
{
	auto_str set = STR_INIT;

	find_text(f, "interface", "%s, user-mode network", nic->mac);
	if (!f->runs || !f->hv)
		return;
	f->no_forward = !list_forwards(f, &set) && f->row->ssh_port;
	if (set.len)
		find_text(f, "forward", "%s", set.p);
	if (f->no_forward)
		find_text(f, "forward",
			  "port %lld of this host should be forwarded to 22, "
			  "and is not",
			  (long long)f->row->ssh_port);
}

static void add_source(struct str *s, const char *address, const char *source)
{
	str_addf(s, "%s%s by %s", s->len ? ", " : "", address, source);
}

static void find_addresses(struct findings *f, const struct state_nic *nic)
{
	auto_free struct hv_lease *leases = NULL;
	auto_str known = STR_INIT;
	char address[46];
	size_t n = 0;

	if (*nic->address && nic->reserved)
		add_source(&known, nic->address, "reservation");
	if (f->hv && nic->kind == STATE_NIC_NETWORK &&
	    f->ops->net_leases(f->hv, nic->source, &leases, &n, NULL) == 0)
		for (size_t i = 0; i < n; i++)
			if (strcasecmp(leases[i].mac, nic->mac) == 0)
				add_source(&known, leases[i].address, "lease");
	/* One that is up and hangs would take more time than there is. */
	if (f->hv && f->runs && agent_is_up(f) && !n &&
	    f->ops->address(f->hv, f->row->uuid, HV_ADDRESS_AGENT, nic->mac,
			    address, NULL) == 0)
		add_source(&known, address, "agent");
	if (f->hv && f->runs &&
	    f->ops->address(f->hv, f->row->uuid, HV_ADDRESS_ARP, nic->mac,
			    address, NULL) == 0)
		add_source(&known, address, "ARP");
	bool seen = strstr(str_text(&known), "lease") ||
		    strstr(str_text(&known), "agent") ||
		    strstr(str_text(&known), "ARP");
	find_text(f, "interface", "%s, %s %s: %s%s", nic->mac,
		  nic->kind == STATE_NIC_BRIDGE ? "bridge" : "network",
		  nic->source, known.len ? known.p : "no address is known",
		  seen || !f->runs
			  ? ""
			  : "; the guest has not asked for one by DHCP, as far "
			    "as can be seen");
}

/* What a process of its own forwards. */
static void find_relay(struct findings *f)
{
	const struct relay_at at = { f->ctx, f->row->id, "" };
	size_t want = strv_len((const char *const *)f->row->ports), n = 0;
	auto_free struct hv_forward *set = NULL;
	struct vmctl_error why;
	auto_str text = STR_INIT;

	if (!f->runs || !want || !instance_relayed(f->row))
		return;
	if (relay_list(&at, &set, &n, &why) < 0) {
		find_text(f, "forward", "%s", why.message);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add_forward(&text, &set[i]);
	if (n)
		find_text(f, "forward", "%s", text.p);
	if (n < want)
		find_text(f, "forward",
			  "%zu of %zu ports of this host should be forwarded, "
			  "and are not: vmctl port list %s",
			  want - n, want, f->row->name);
}

void find_interfaces(struct findings *f)
{
	auto_free struct state_nic *nics = NULL;
	size_t n = 0;

	if (state_nics(f->ctx->db, f->row->id, &nics, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (nics[i].kind == STATE_NIC_USER)
			find_forward(f, &nics[i]);
		else
			find_addresses(f, &nics[i]);
	}
	find_relay(f);
}

/* Knocks, and sees whether somebody speaks. */
static enum ssh_stage knock(const struct vmctl_instance *row)
{
	struct ssh_search s = SSH_SEARCH_INIT;
	int64_t deadline = clock_mono_ms() + SSH_MS, due = 0;
	enum ssh_stage stage = SSH_STAGE_NONE;

	ssh_search_begin(&s, row->address, (int)row->ssh_port);
	while (clock_mono_ms() < deadline) {
		struct pollfd fds[SSH_SEARCH_SOCKETS];
		int n;

		stage = ssh_search_step(&s, &due);
		if (stage == SSH_STAGE_SPOKE || stage == SSH_STAGE_REFUSED ||
		    stage == SSH_STAGE_CLOSED)
			break;
		n = ssh_search_fds(&s, fds);
		if (due > deadline)
			due = deadline;
		int64_t left = due - clock_mono_ms();
		(void)poll(fds, (nfds_t)n, left > 0 ? (int)left : 0);
	}
	ssh_search_done(&s);
	return stage;
}

void find_ssh(struct findings *f)
{
	struct hv_forward fwd = { .host_addr = "127.0.0.1",
				  .host_port = (int)f->row->ssh_port,
				  .guest_port = 22 };
	static const char *const texts[] = {
		[SSH_STAGE_NONE] = "does not answer",
		[SSH_STAGE_UNREACHABLE] = "does not answer",
		[SSH_STAGE_REFUSED] =
			"refuses connections: no server listens there",
		[SSH_STAGE_CLOSED] = "takes connections and closes them at "
				     "once: the guest's network is up, and no "
				     "server listens in it",
		[SSH_STAGE_SILENT] = "takes connections and says nothing",
		[SSH_STAGE_SPOKE] = "answers: a server is there",
	};

	if (!f->runs || !*f->row->address || !f->row->ssh_port)
		return;
	f->ssh = knock(f->row);
	if (f->ssh == SSH_STAGE_SILENT && f->hv && instance_forwarded(f->row))
		f->ops->forward_reached(f->hv, f->row->uuid, &fwd, &f->reached,
					NULL);
	const char *more =
		f->ssh != SSH_STAGE_SILENT || !instance_forwarded(f->row) ? ""
		: f->reached
			? ": the guest took it, and its server hangs or is "
			  "slow"
			: ": the guest's network is not up";
	find_text(f, "ssh", "%s port %lld %s%s", f->row->address,
		  (long long)f->row->ssh_port, texts[f->ssh], more);
}
