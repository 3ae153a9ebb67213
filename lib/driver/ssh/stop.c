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
 * is, and leads a session; whatever has been started from there, job control
 * or not, is in that session, unless it took pains to leave it. All process
 * groups of these sessions are sent SIGTERM and, a second later, SIGKILL.
 * sudo(8) is asked where the command belongs to somebody else by now. The
 * script needs no more than a shell and sleep(1), and goes on alone if this
 * side has to leave.
 *
 * A connection serves one command at a time (see holder.h).
 */
static const char script[] =
	"exec /bin/sh -c '"
	"look() {\n"
	"	groups=\n"
	"	for f in /proc/[0-9]*/stat; do\n"
	"		read -r line <$f || continue\n"
	"		pid=${line%% *}\n"
	/* Behind the name, which may hold anything: state, parent, group,
	 * session. */
	"		set -- ${line##*) }\n"
	"		[ \"$1\" != Z ] || continue\n"
	"		if [ $find ]; then\n"
	"			if [ $2 = $PPID ] && [ $4 = $pid ] &&"
	" [ $pid != $$ ]; then\n"
	"				sessions=\"$sessions $pid \"\n"
	"			fi\n"
	"			continue\n"
	"		fi\n"
	"		case $sessions in *\" $4 \"*) ;; *) continue ;; esac\n"
	"		case $groups in *\" $3 \"*) ;;"
	" *) groups=\"$groups $3 \" ;; esac\n"
	"	done\n"
	"}\n"
	"sessions=\n"
	"find=1\n"
	"look\n"
	"find=\n"
	"for signal in TERM KILL; do\n"
	"	look\n"
	"	[ \"$groups\" ] || exit 0\n"
	"	for g in $groups; do\n"
	"		kill -$signal -$g ||"
	" sudo -n kill -$signal -$g </dev/null\n"
	"	done\n"
	"	[ $signal = KILL ] || sleep 1\n"
	"done' >/dev/null 2>&1";

/* How long the request may take. The caller has its own wait for the end. */
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

bool relay_stopping(const struct relay *x)
{
	return x->stopper && !x->broken && !ssh_channel_is_closed(x->stopper);
}
