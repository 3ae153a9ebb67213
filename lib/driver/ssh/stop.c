/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "driver/ssh/relay.h"

/*
 * Ends a command of this connection with all that it has started. The signal
 * requests of RFC 4254 do not: an OpenSSH server passes none on to what root
 * runs, and one that is passed on reaches one process group once.
 *
 * So a second channel of the same connection runs a script, which leaves the
 * command, its input and its status alone. What a server starts for a channel
 * is a child of the process that serves the connection, as the script itself
 * is, and leads a session. What has been started from there is in that session,
 * job control or not, or was when it left it the child of one that is, as what
 * sudo(8) runs on a terminal of its own. All process groups of these sessions
 * are sent SIGTERM and, a second later, SIGKILL; with sudo's help too where
 * somebody else has a process in it, as a signal that reached one of the group
 * counts as sent. The script needs no more than a shell and sleep(1).
 *
 * It says a word when SIGTERM is sent, and goes on alone if this side leaves
 * then. Before that it would find no command: the process that serves the
 * connection is gone, and init is everybody's parent.
 *
 * It is one line without backslashes and single quotes, so that every login
 * shell leaves it to /bin/sh as it is: see ssh_command().
 *
 * A connection serves one command at a time (see holder.h).
 */
static const char script[] =
	"exec /bin/sh -c '"
	"exec 2>/dev/null; "
	"belongs() { "
	"case $sessions in *\" $sid \"*) return 0 ;; esac; "
	"case $members in *\" $parent \"*) return 0 ;; esac; "
	"[ $find ] && [ $parent = $PPID ] && [ $sid = $pid ] &&"
	" [ $pid != $$ ]; "
	"}; "
	"look() { "
	"members=; "
	"more=1; "
	"while [ $more ]; do "
	"more= groups= others=; "
	"for f in /proc/[0-9]*/stat; do "
	"read -r line <$f || continue; "
	"pid=${line%% *}; "
	/* Behind the name, which may hold anything. */
	"set -- ${line##*) }; "
	"parent=$2 group=$3 sid=$4; "
	"[ \"$1\" != Z ] && belongs || continue; "
	"case $members in *\" $pid \"*) ;;"
	" *) members=\"$members $pid \" more=1 ;; esac; "
	"case $sessions in *\" $sid \"*) ;;"
	" *) sessions=\"$sessions $sid \" ;; esac; "
	"case $groups in *\" $group \"*) ;;"
	" *) groups=\"$groups $group \" ;; esac; "
	"[ -O ${f%/stat} ] || others=\"$others $group \"; "
	"done; "
	"done; "
	"}; "
	"[ $PPID != 1 ] || exit; "
	"trap \"\" PIPE; "
	"sessions=; "
	"find=1; "
	"for signal in TERM KILL; do "
	"look; "
	"find=; "
	"[ \"$groups\" ] || exit 0; "
	"for g in $groups; do "
	"kill -$signal -$g; "
	"case $others in *\" $g \"*)"
	" sudo -n kill -$signal -$g </dev/null ;; esac; "
	"done; "
	"[ $signal = KILL ] || { echo; sleep 1; }; "
	"done'";

/* How long the request may take, and then the first word. The caller has its
 * own wait for the end. */
#define REQUEST_MS 3000

/* Repeats a call of libssh until it is decided, whatever the caller wants by
 * now: to stop is what it wants. */
static int decide(struct ssh_conn *conn, ssh_channel channel, int64_t limit,
		  int (*call)(ssh_channel channel))
{
	int rc;

	while ((rc = call(channel)) == SSH_AGAIN)
		if (conn_wait(conn, limit, NULL, NULL) < 0)
			return SSH_ERROR;
	return rc;
}

static int request(ssh_channel channel)
{
	return ssh_channel_request_exec(channel, script);
}

bool relay_stop_command(struct relay *x)
{
	int64_t limit = clock_mono_ms() + REQUEST_MS;
	ssh_channel channel;
	int rc;

	if (x->stopper || x->broken)
		return x->stopper;
	channel = ssh_channel_new(x->conn->session);
	if (!channel)
		return false;
	rc = decide(x->conn, channel, limit, ssh_channel_open_session);
	if (rc == SSH_OK)
		rc = decide(x->conn, channel, limit, request);
	if (rc != SSH_OK) {
		ssh_channel_free(channel);
		return false;
	}
	x->stopper = channel;
	return true;
}

bool relay_stop_sent(struct relay *x)
{
	int64_t limit = clock_mono_ms() + REQUEST_MS;
	int n;

	while ((n = ssh_channel_poll(x->stopper, 0)) == 0)
		if (conn_wait(x->conn, limit, NULL, NULL) < 0)
			return false;
	return n > 0;
}

bool relay_stopping(const struct relay *x)
{
	return x->stopper && !x->broken && !ssh_channel_is_closed(x->stopper);
}
