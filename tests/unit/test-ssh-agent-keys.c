/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"

/* Which keys of an agent are offered, and when. */

static const char *const whatever[] = { NULL };

/* Having its group changed, it does not die with its parent: see stop_agent(),
 * which is also called when a test has failed. */
static pid_t agent;

static pid_t start_agent(const char *socket)
{
	pid_t pid = agent = fork();
	struct stat st;
	struct wait w = wait_begin(10000, 100);

	if (pid == 0) {
		(void)freopen("/dev/null", "w", stdout);
		execlp("ssh-agent", "ssh-agent", "-D", "-a", socket,
		       (char *)NULL);
		_exit(127);
	}
	while (stat(socket, &st) < 0)
		assert_true(wait_more(&w));
	setenv("SSH_AUTH_SOCK", socket, 1);
	return pid;
}

static int stop_agent(void **state)
{
	if (agent > 0) {
		kill(agent, SIGKILL);
		waitpid(agent, NULL, 0);
	}
	agent = 0;
	unsetenv("SSH_AUTH_SOCK");
	return 0;
}

static void term_012_the_agent_is_asked_after_the_files(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *socket = path_join(d->dir, "agent");
	auto_free char *file = sshd_identity(d, "ed25519", "256", "");
	start_agent(socket);
	free(must_run("ssh-add", "-q", file, NULL));
	target.identities = NULL;
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
	target.agent_keys = whatever;
	assert_int_equal(sshd_try(d, &target, NULL), 0);
	stop_agent(NULL);
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
}

static void term_012_the_agent_goes_before_a_question(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	static const char *const answers[] = { "secret" };
	auto_free char *socket = path_join(d->dir, "agent3");
	auto_free char *file = sshd_identity(d, "ed25519", "256", "");
	auto_free char *public = public_of(file);
	const char *identities[] = { file, NULL };
	const char *public_keys[] = { public, NULL };
	struct typist t;

	start_agent(socket);
	free(must_run("ssh-add", "-q", file, NULL));
	free(must_run("ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f",
		      file, NULL));
	typist_init(&t, answers);
	target.identities = identities;
	target.public_keys = public_keys;
	target.agent_keys = public_keys;
	assert_int_equal(sshd_try(d, &target, &t.ev), 0);
	assert_int_equal(t.asked, 0);
	/* It has another key only: then the question. */
	free(must_run("ssh-add", "-q", "-D", NULL));
	free(must_run("ssh-add", "-q", d->identity, NULL));
	assert_int_equal(sshd_try(d, &target, &t.ev), 0);
	assert_int_equal(t.asked, 1);
}

static void an_agent_that_hangs_or_is_gone_does_no_harm(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *socket = path_join(d->dir, "agent2");
	int64_t begin = clock_mono_ms();
	pid_t pid = start_agent(socket);

	target.agent_keys = whatever;
	target.identities = NULL;
	kill(pid, SIGSTOP);
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
	assert_true(clock_mono_ms() - begin < 20000);
	kill(pid, SIGKILL);
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
}

/* --- an agent with many keys --------------------------------------------- */

/* More than a server lets anybody try. */
static void add_strangers(const struct sshd *d, int count)
{
	for (int i = 0; i < count; i++) {
		auto_free char *file = str_printf("%s/stranger-%d", d->dir, i);

		if (access(file, F_OK) < 0)
			free(must_run("ssh-keygen", "-q", "-t", "ed25519", "-N",
				      "", "-f", file, NULL));
		free(must_run("ssh-add", "-q", file, NULL));
	}
}

static void only_the_keys_that_are_meant_are_offered(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *socket = path_join(d->dir, "agent4");
	auto_free char *file = sshd_identity(d, "ed25519", "256", "");
	auto_free char *second = sshd_identity(d, "rsa", "2048", "");
	auto_free char *public = public_of(file);
	auto_free char *rsa = public_of(second);
	auto_free char *longer = str_printf("%sAAAA", public);
	const char *ours[] = { public, NULL };
	const char *other[] = { rsa, public, NULL };
	const char *prefix[] = { longer, NULL };

	sshd_max_tries(d, 6);
	start_agent(socket);
	add_strangers(d, 7);
	free(must_run("ssh-add", "-q", file, NULL));
	target.identities = NULL;
	target.agent_keys = ours;
	assert_int_equal(sshd_try(d, &target, NULL), 0);
	/* One that the agent has not is no matter. */
	target.agent_keys = other;
	assert_int_equal(sshd_try(d, &target, NULL), 0);
	free(must_run("ssh-add", "-q", "-d", file, NULL));
	free(must_run("ssh-add", "-q", second, NULL));
	assert_int_equal(sshd_try(d, &target, NULL), 0);
	/* None of them: nothing is offered, and no time is lost. */
	target.agent_keys = ours;
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
	target.agent_keys = prefix;
	free(must_run("ssh-add", "-q", file, NULL));
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
}

/* Without a key of its own an instance is opened by whatever fits. */
static void a_server_that_gives_up_has_denied(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *socket = path_join(d->dir, "agent5");
	int64_t begin = clock_mono_ms();

	sshd_max_tries(d, 3);
	start_agent(socket);
	add_strangers(d, 5);
	free(must_run("ssh-add", "-q", d->identity, NULL));
	target.identities = NULL;
	target.agent_keys = whatever;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_DENIED);
		assert_non_null(strstr(d->err.message, "gave up"));
		assert_non_null(strstr(d->err.message, d->user));
	}
	assert_true(clock_mono_ms() - begin < target.timeout_ms);
	sshd_max_tries(d, 20);
	assert_int_equal(sshd_try(d, &target, NULL), 0);
}

/* What was refused from its file is not offered again by the agent: the server
 * counts, and the one that fits has its turn. */
static void a_key_is_offered_once(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *socket = path_join(d->dir, "agent6");
	auto_free char *file = sshd_identity(d, "ed25519", "256", "");
	auto_free char *public = public_of(file);
	char *paths[4] = { NULL }, *keys[5] = { NULL };

	sshd_max_tries(d, 5);
	start_agent(socket);
	add_strangers(d, 3);
	for (int i = 0; i < 3; i++) {
		paths[i] = str_printf("%s/stranger-%d", d->dir, i);
		keys[i] = public_of(paths[i]);
	}
	keys[3] = public;
	free(must_run("ssh-add", "-q", file, NULL));
	target.identities = (const char *const *)paths;
	target.public_keys = (const char *const *)keys;
	target.agent_keys = (const char *const *)keys;
	assert_int_equal(sshd_try(d, &target, NULL), 0);
	for (int i = 0; i < 3; i++) {
		free(paths[i]);
		free(keys[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			term_012_the_agent_goes_before_a_question, stop_agent),
		cmocka_unit_test_teardown(
			term_012_the_agent_is_asked_after_the_files,
			stop_agent),
		cmocka_unit_test_teardown(
			an_agent_that_hangs_or_is_gone_does_no_harm,
			stop_agent),
		cmocka_unit_test_teardown(
			only_the_keys_that_are_meant_are_offered, stop_agent),
		cmocka_unit_test_teardown(a_server_that_gives_up_has_denied,
					  stop_agent),
		cmocka_unit_test_teardown(a_key_is_offered_once, stop_agent),
	};

	unsetenv("SSH_AUTH_SOCK");
	return cmocka_run_group_tests(tests, sshd_setup, sshd_teardown);
}
