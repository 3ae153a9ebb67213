/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/ssh/session.h"
#include "driver/ssh/sftp.h"

static int module_connect(const struct ssh_target *target,
			  const struct events *ev, struct ssh_conn **ret,
			  struct vmctl_error *err)
{
	struct guard g;
	int r;

	guard_enter(&g, ev);
	r = conn_open(target, ev, ret, err);
	guard_leave(&g);
	return r;
}

static int module_exec(struct ssh_conn *conn, const struct ssh_exec *what,
		       const struct events *ev, struct ssh_exit *ret,
		       struct vmctl_error *err)
{
	struct guard g;
	int r;

	guard_enter(&g, ev);
	r = conn_exec(conn, what, ev, ret, err);
	guard_leave(&g);
	return r;
}

static int module_fd(struct ssh_conn *conn)
{
	return ssh_get_fd(conn->session);
}

static int module_idle(struct ssh_conn *conn, int fd, long timeout_ms,
		       struct vmctl_error *err)
{
	struct guard g;
	int r;

	guard_enter(&g, NULL);
	r = conn_idle(conn, fd, timeout_ms, err);
	guard_leave(&g);
	return r;
}

static void module_close(struct ssh_conn *conn)
{
	struct guard g;

	guard_enter(&g, NULL);
	conn_close(conn);
	guard_leave(&g);
}

static int module_host_key(struct ssh_conn *conn, char **ret,
			   struct vmctl_error *err)
{
	struct guard g;
	int r;

	guard_enter(&g, NULL);
	r = conn_host_key(conn, ret, err);
	guard_leave(&g);
	return r;
}

#define AGENT_MS 10000

static int module_agent_keys(const struct ssh_agent *agent,
			     const struct events *ev, char ***ret,
			     struct vmctl_error *err)
{
	return agent_list(agent, AGENT_MS, ev, ret, err);
}

extern const struct ssh_ops vmctl_module_ssh;
VMCTL_API const struct ssh_ops vmctl_module_ssh = {
	.abi = SSH_ABI,
	.connect = module_connect,
	.exec = module_exec,
	.fd = module_fd,
	.idle = module_idle,
	.close = module_close,
	.forget = keyring_free,
	.agent_keys = module_agent_keys,
	.host_key = module_host_key,
	.sftp = &sftp_table,
};
