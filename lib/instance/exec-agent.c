/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "driver/agent.h"
#include "instance/transport.h"
#include "instance/turn.h"

/* A guest that has the channel open and does not answer is too busy to, or
 * paused: there may be a patient way. */
#define ANSWER_MS 5000

/* Nobody is kept out by what is wrong with this way in: the next rung has its
 * own, and the better words where it has the same trouble. */
static int not_here(int r, struct vmctl_error *err)
{
	if (r == -VMCTL_CANCELLED || r == -VMCTL_NO_MEMORY || r == -VMCTL_BUSY)
		return r;
	if (err)
		err->code = VMCTL_UNSUPPORTED;
	return -VMCTL_UNSUPPORTED;
}

int agent_link_open(struct vmctl *ctx, const struct vmctl_instance *row,
		    long timeout_ms, struct agent_link *ret,
		    struct vmctl_error *err)
{
	struct agent_link link = { 0 };
	struct hv *hv;
	int r;

	link.has_turn = turn_take(ctx, row->id, TURN_AGENT, &link.turn);
	if (!link.has_turn)
		return fail(err, VMCTL_BUSY, 0, "the channel is in use");
	r = context_hv(ctx, row->connection, &link.ops, &hv, err);
	if (r == 0)
		r = link.ops->channel_open(hv, row->uuid, HV_AGENT, &link.pipe,
					   err);
	if (r == 0)
		r = agent_connect(link.pipe->fd,
				  timeout_ms > 0 && timeout_ms < ANSWER_MS
					  ? timeout_ms
					  : ANSWER_MS,
				  &ctx->ev, &link.conn, err);
	if (r < 0) {
		agent_link_close(&link);
		return not_here(r, err);
	}
	*ret = link;
	return 0;
}

void agent_link_close(struct agent_link *link)
{
	agent_close(link->conn);
	if (link->pipe)
		link->ops->channel_close(link->pipe);
	if (link->has_turn)
		turn_give(&link->turn, link->conn);
	*link = (struct agent_link){ 0 };
}

static int exec_agent(struct vmctl *ctx, struct vmctl_instance *row,
		      const struct vmctl_exec *what, struct vmctl_exit *ret,
		      struct vmctl_error *err)
{
	auto_agent_link link = { 0 };
	struct agent_exit exit = { 0 };
	int64_t begun = clock_mono_ms();
	int r;

	if (what->tty || !what->argv)
		return fail(err, VMCTL_UNSUPPORTED, 0, "%s goes by ssh",
			    what->tty ? "a terminal" : "a login shell");
	r = agent_link_open(ctx, row, what->connect_timeout_ms, &link, err);
	if (r < 0)
		return r;
	log_info(&ctx->ev,
		 "%s: by the agent %s, session %u, connected in %lld ms",
		 row->name, agent_info(link.conn)->version,
		 (unsigned)agent_info(link.conn)->generation,
		 (long long)(clock_mono_ms() - begun));
	struct agent_exec exec = {
		.argv = what->argv,
		.env = what->env,
		.cwd = what->cwd,
		.user = what->user ? what->user : row->user,
		.in = what->in,
		.out = what->out,
		.err = what->err,
		.timeout_ms = what->timeout_ms,
	};
	begun = clock_mono_ms();
	r = agent_exec(link.conn, &exec, &ctx->ev, &exit, err);
	if (r == -VMCTL_UNSUPPORTED)
		return r;
	if (r < 0) {
		fail_prefix(err, "%s", row->name);
		return r;
	}
	*ret = (struct vmctl_exit){
		.status = exit.status,
		.signal = exit.signal,
		.timed_out = exit.timed_out,
		.held = exit.held,
		.own_status = exit.own_status,
		.bytes_in = exit.bytes_in,
		.bytes_out = exit.bytes_out,
		.bytes_err = exit.bytes_err,
		.duration_ms = clock_mono_ms() - begun,
	};
	return 0;
}

const struct transport transport_agent = { "agent", 5000, exec_agent };
