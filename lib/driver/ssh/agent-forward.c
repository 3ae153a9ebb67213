/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libssh/server.h> /* ssh_set_message_callback */
#include <unistd.h>

#include "driver/ssh/relay.h"

/*
 * The agent for the other side (draft-miller-ssh-agent, section 4): each of its
 * clients is a channel that the other side opens, and a connection to the agent
 * here.
 */

static struct stream *agent_stream(struct relay *x, ssh_channel channel)
{
	struct vmctl_error why;
	auto_close int fd = -1;
	struct stream *s;

	if (agent_open(x->what->agent, &fd, &why) < 0) {
		log_warn(x->ev, "%s", why.message);
		return NULL;
	}
	s = stream_new(x, STREAM_AGENT, channel, fd);
	if (!s)
		return NULL;
	take_fd(&fd);
	s->open = true; /* by us, as soon as this returns */
	return s;
}

static ssh_channel on_agent_open(ssh_session session, void *userdata)
{
	struct relay *x = ((struct ssh_conn *)userdata)->relay;
	ssh_channel channel;

	if (!x || !x->what->forward_agent || x->agent_count >= AGENTS_MAX)
		return NULL;
	channel = ssh_channel_new(session);
	if (channel && !agent_stream(x, channel)) {
		ssh_channel_free(channel);
		return NULL;
	}
	return channel;
}

/* Without this libssh would keep all else that the other side asks for, and
 * never answer. 1: it shall be refused. */
static int on_message(ssh_session session, ssh_message message, void *data)
{
	return 1;
}

void agent_callbacks(struct ssh_conn *conn)
{
	conn->callbacks = (struct ssh_callbacks_struct){
		.userdata = conn,
		.channel_open_request_auth_agent_function = on_agent_open,
	};
	ssh_callbacks_init(&conn->callbacks);
	ssh_set_callbacks(conn->session, &conn->callbacks);
	ssh_set_message_callback(conn->session, on_message, NULL);
}

void agent_forward(struct relay *x)
{
	struct vmctl_error why;
	auto_close int fd = -1;

	if (agent_open(x->what->agent, &fd, &why) < 0)
		log_warn(x->ev, "the agent is not forwarded: %s", why.message);
	else
		(void)ssh_channel_request_auth_agent(x->session->channel);
}
