/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"

/* The agent of this side, as the other side has it. */

#define PATIENCE_MS 30000

static pid_t agent;

static void stop_agent(void)
{
	if (!agent)
		return;
	unsetenv("SSH_AUTH_SOCK");
	kill(agent, SIGKILL);
	waitpid(agent, NULL, 0);
	agent = 0;
}

/* An agent with one key, named "by-the-agent". (As it runs with another group,
 * it cannot be made to die with its parent.) */
static void start_agent(struct sshd *d)
{
	auto_free char *sock = path_join(d->dir, "agent");
	auto_free char *key = path_join(d->dir, "agent-key");
	struct wait w = wait_begin(PATIENCE_MS, 20);

	stop_agent(); /* of a test that failed */
	(void)unlink(sock);
	(void)unlink(key);
	agent = fork();
	if (agent == 0) {
		close(1);
		close(2);
		execlp("ssh-agent", "ssh-agent", "-D", "-a", sock, NULL);
		_exit(127);
	}
	while (access(sock, F_OK) < 0)
		assert_true(wait_more(&w));
	setenv("SSH_AUTH_SOCK", sock, 1);
	free(must_run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
		      "by-the-agent", "-f", key, NULL));
	free(must_run("ssh-add", "-q", key, NULL));
}

/* One command, with the agent forwarded. The caller frees what it wrote. */
static char *with_agent(struct sshd *d, struct ssh_conn *conn,
			const char *command, bool forward, int wanted)
{
	auto_close int out = memfd_create("out", MFD_CLOEXEC);
	struct ssh_exec what = {
		.command = command,
		.in = -1,
		.out = out,
		.err = out,
		.forward_agent = forward,
		.timeout_ms = PATIENCE_MS,
	};
	struct ssh_exit exit = { 0 };
	struct str text = STR_INIT;
	char *all;
	int r = d->ops->exec(conn, &what, NULL, &exit, &d->err);

	slurp(out, &text);
	assert_int_equal(str_take(&text, &all, NULL), 0);
	if (r < 0 || exit.status != wanted)
		print_error("%d, status %d: %s\n", r, exit.status, all);
	assert_int_equal(r, 0);
	assert_int_equal(exit.status, wanted);
	return all;
}

static void the_agent_is_there_when_it_is_forwarded(void **state)
{
	struct sshd *d = need_sshd(state);
	start_agent(d);
	struct ssh_conn *conn = sshd_connect(d);
	auto_free char *one = with_agent(d, conn, "ssh-add -l", true, 0);
	/* Several clients at once, and one after the other. */
	auto_free char *many = with_agent(
		d, conn,
		"for i in 1 2 3 4 5 6 7 8 9 10; do ssh-add -l & done; wait;"
		"for i in 1 2 3 4 5; do ssh-add -l; done",
		true, 0);
	size_t n = 0;

	assert_non_null(strstr(one, "by-the-agent"));
	for (const char *at = many; (at = strstr(at, "by-the-agent")); at++)
		n++;
	assert_int_equal(n, 15);
	d->ops->close(conn);
	stop_agent();
}

/* It signs, so that one can go on from there. */
static void a_key_of_the_agent_opens_a_further_session(void **state)
{
	struct sshd *d = need_sshd(state);
	start_agent(d);
	auto_free char *public = must_run("ssh-add", "-L", NULL);
	struct ssh_conn *conn = sshd_connect(d);
	auto_free char *command = str_printf(
		"ssh -F none -o StrictHostKeyChecking=no -o LogLevel=ERROR "
		"-o UserKnownHostsFile=/dev/null -o IdentityFile=none "
		"-o BatchMode=yes -p %d %s@127.0.0.1 echo further",
		d->port, d->user);
	auto_free char *before = with_agent(d, conn, command, true, 255);

	sshd_authorize(d, public);
	auto_free char *after = with_agent(d, conn, command, true, 0);
	assert_string_equal(after, "further\n");
	d->ops->close(conn);
	stop_agent();
}

static void without_being_asked_nothing_is_forwarded(void **state)
{
	struct sshd *d = need_sshd(state);
	start_agent(d);
	struct ssh_conn *conn = sshd_connect(d);
	auto_free char *unset =
		with_agent(d, conn, "echo \"[$SSH_AUTH_SOCK]\"", false, 0);
	auto_free char *place =
		with_agent(d, conn, "printf %s \"$SSH_AUTH_SOCK\"", true, 0);
	/* The server has the socket still, and asks for a channel. */
	auto_free char *command =
		str_printf("SSH_AUTH_SOCK=%s ssh-add -l || echo denied", place);
	auto_free char *denied = with_agent(d, conn, command, false, 0);
	auto_free char *good = with_agent(d, conn, "ssh-add -l", true, 0);

	assert_string_equal(unset, "[]\n");
	assert_true(strlen(place) > 0);
	assert_null(strstr(denied, "by-the-agent"));
	assert_non_null(strstr(denied, "denied"));
	assert_non_null(strstr(good, "by-the-agent"));
	d->ops->close(conn);
	stop_agent();
}

static void without_an_agent_there_is_a_warning_and_a_session(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_conn *conn = sshd_connect(d);
	struct ssh_exec what = { .command = "exit 4",
				 .in = -1,
				 .out = -1,
				 .err = -1,
				 .forward_agent = true };
	struct ssh_exit exit = { 0 };
	struct counting c;

	unsetenv("SSH_AUTH_SOCK");
	counting_init(&c, 0);
	assert_int_equal(d->ops->exec(conn, &what, &c.ev, &exit, &d->err), 0);
	assert_int_equal(exit.status, 4);
	assert_non_null(strstr(c.last, "the agent is not forwarded"));
	assert_non_null(strstr(c.last, "SSH_AUTH_SOCK"));
	d->ops->close(conn);
}

/* One that dies meanwhile is the trouble of its clients only. */
static void an_agent_that_goes_away_ends_nothing_else(void **state)
{
	struct sshd *d = need_sshd(state);
	start_agent(d);
	struct ssh_conn *conn = sshd_connect(d);
	auto_free char *command =
		str_printf("ssh-add -l >/dev/null || exit 9; kill -9 %d;"
			   "ssh-add -l; ssh-add -l; echo still",
			   agent);
	auto_free char *text = with_agent(d, conn, command, true, 0);

	assert_non_null(strstr(text, "still\n"));
	assert_null(strstr(text, "by-the-agent"));
	d->ops->close(conn);
	stop_agent();
}

static int teardown(void **state)
{
	stop_agent();
	return sshd_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_agent_is_there_when_it_is_forwarded),
		cmocka_unit_test(a_key_of_the_agent_opens_a_further_session),
		cmocka_unit_test(without_being_asked_nothing_is_forwarded),
		cmocka_unit_test(
			without_an_agent_there_is_a_warning_and_a_session),
		cmocka_unit_test(an_agent_that_goes_away_ends_nothing_else),
	};

	return cmocka_run_group_tests(tests, sshd_setup, teardown);
}
