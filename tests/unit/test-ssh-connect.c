/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "internal/key.h"

/* --- host key ------------------------------------------------------------ */

static void only_the_pinned_host_key_is_accepted(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *private = NULL;
	auto_free char *other = NULL;
	auto_free char *is = NULL;
	auto_free char *should = NULL;

	assert_int_equal(sshd_try(d, &target, NULL), 0);
	assert_int_equal(key_pair_make(NULL, &private, &other, NULL), 0);
	target.host_key = other;
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
	assert_int_equal(key_fingerprint(d->host_key, &is, NULL), 0);
	assert_int_equal(key_fingerprint(other, &should, NULL), 0);
	assert_non_null(strstr(d->err.message, is));
	assert_non_null(strstr(d->err.message, should));
}

static void a_host_key_of_another_type_is_refused_by_fingerprint(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *file = path_join(d->dir, "other");
	auto_free char *pub = path_join(d->dir, "other.pub");
	auto_free char *is = NULL;
	auto_str line = STR_INIT;

	free(must_run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "",
		      "-C", "", "-f", file, NULL));
	assert_int_equal(file_read(pub, 4096, &line, NULL), 0);
	line.p[strcspn(line.p, "\n")] = '\0';
	line.p[strlen("ssh-rsa ") + strcspn(line.p + strlen("ssh-rsa "), " ")] =
		'\0';
	target.host_key = line.p;
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
	assert_int_equal(key_fingerprint(d->host_key, &is, NULL), 0);
	assert_non_null(strstr(d->err.message, is));
}

static void without_a_pinned_host_key_nothing_is_sent(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	static const char *const bad[] = { NULL, "", "ssh-ed25519",
					   "ssh-ed25519 " };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		target.host_key = bad[i];
		assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_INVALID);
	}
}

static void any_host_key_is_told_when_asked_for(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	struct ssh_conn *conn = NULL;
	auto_free char *key = NULL;

	target.host_key = "";
	target.any_host_key = true;
	assert_int_equal(d->ops->connect(&target, NULL, &conn, &d->err), 0);
	assert_int_equal(d->ops->host_key(conn, &key, &d->err), 0);
	assert_string_equal(key, d->host_key);
	d->ops->close(conn);
}

/* --- keys that may enter ------------------------------------------------- */

static void term_012_keys_of_every_type_may_enter(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	static const char *const kinds[][2] = {
		{ "rsa", "2048" },  { "rsa", "4096" },	{ "ecdsa", "256" },
		{ "ecdsa", "384" }, { "ecdsa", "521" }, { "ed25519", "256" },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		auto_free char *file =
			sshd_identity(d, kinds[i][0], kinds[i][1], "");
		const char *identities[] = { file, NULL };

		target.identities = identities;
		if (sshd_try(d, &target, NULL) < 0)
			print_error("%s: %s\n", file, d->err.message);
		assert_int_equal(sshd_try(d, &target, NULL), 0);
	}
}

static void a_key_that_may_not_enter_is_denied(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *host = path_join(d->dir, "host_key");
	const char *identities[] = { host, NULL };

	target.identities = identities;
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_DENIED);
	assert_non_null(strstr(d->err.message, d->user));
}

static void the_keys_are_tried_in_order(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *host = path_join(d->dir, "host_key");
	const char *identities[] = { "/nonexistent", host, d->identity, NULL };
	struct counting c;

	counting_init(&c, 0);
	target.identities = identities;
	assert_int_equal(sshd_try(d, &target, &c.ev), 0);
	assert_non_null(strstr(c.last, "/nonexistent"));
}

static void without_a_usable_key_no_time_is_lost(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	const char *identities[] = { "/nonexistent", d->dir, "/dev/zero",
				     NULL };

	target.identities = identities;
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
	target.identities = NULL;
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
}

/* --- keys that are locked ------------------------------------------------ */

static void term_012_a_locked_key_is_asked_for(void **state)
{
	struct sshd *d = need_sshd(state);
	static const char *const kinds[][2] = { { "ed25519", "256" },
						{ "rsa", "2048" },
						{ "ecdsa", "384" } };
	static const char *const answers[] = { "wrong", "secret phrase" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct ssh_target target = sshd_target(d);
		auto_free char *file = sshd_identity(
			d, kinds[i][0], kinds[i][1], "secret phrase");
		auto_free char *public = public_of(file);
		const char *identities[] = { file, NULL };
		const char *public_keys[] = { public, NULL };
		struct typist t;

		typist_init(&t, answers);
		target.identities = identities;
		target.public_keys = i ? public_keys : NULL;
		assert_int_equal(sshd_try(d, &target, &t.ev), 0);
		assert_int_equal(t.asked, 2);
		assert_non_null(strstr(t.prompt, file));
		assert_null(strstr(t.log, "secret phrase"));
		assert_null(strstr(t.log, "wrong"));
	}
}

static void a_locked_key_in_pem_format_is_asked_for_too(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	static const char *const answers[] = { "secret" };
	auto_free char *file = sshd_identity(d, "rsa", "2048", "secret");
	const char *identities[] = { file, NULL };
	struct typist t;

	free(must_run("ssh-keygen", "-q", "-p", "-m", "PEM", "-P", "secret",
		      "-N", "secret", "-f", file, NULL));
	typist_init(&t, answers);
	target.identities = identities;
	assert_int_equal(sshd_try(d, &target, &t.ev), 0);
	assert_int_equal(t.asked, 1);
}

static void a_locked_key_that_stays_locked_is_named(void **state)
{
	struct sshd *d = need_sshd(state);
	static const char *const wrong[] = { "a", "b", "c", "secret" };
	static const char *const nothing[] = { "" };
	static const struct {
		const char *const *answers;
		int asked;
	} cases[] = { { wrong, 3 }, { nothing, 1 }, { NULL, 1 } };
	auto_free char *file = sshd_identity(d, "ed25519", "256", "secret");
	auto_free char *hint = str_printf("ssh-add %s", file);
	const char *identities[] = { file, NULL };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ssh_target target = sshd_target(d);
		struct typist t;

		typist_init(&t, cases[i].answers);
		target.identities = identities;
		assert_int_equal(sshd_try(d, &target, &t.ev), -VMCTL_BAD_DATA);
		assert_int_equal(t.asked, cases[i].asked);
		assert_non_null(strstr(d->err.message, file));
		assert_non_null(strstr(d->err.message, "passphrase"));
		assert_string_equal(d->err.hint, hint);
	}
}

static void without_anybody_to_ask_a_locked_key_is_named(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *file = sshd_identity(d, "ed25519", "256", "secret");
	const char *identities[] = { file, NULL };
	const char *both[] = { file, d->identity, NULL };

	target.identities = identities;
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_BAD_DATA);
	assert_non_null(strstr(d->err.message, file));
	assert_true(str_starts(d->err.hint, "ssh-add "));
	target.identities = both;
	assert_int_equal(sshd_try(d, &target, NULL), 0);
}

static void nobody_is_asked_for_a_key_that_the_server_refuses(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	static const char *const answers[] = { "secret" };
	auto_free char *file = path_join(d->dir, "stranger");
	const char *identities[] = { file, NULL };
	struct typist t;

	free(must_run("ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f",
		      file, NULL));
	auto_free char *public = public_of(file);
	const char *public_keys[] = { public, NULL };

	typist_init(&t, answers);
	target.identities = identities;
	target.public_keys = public_keys;
	assert_int_equal(sshd_try(d, &target, &t.ev), -VMCTL_DENIED);
	assert_int_equal(t.asked, 0);
}

static void with_a_keyring_nobody_is_asked_twice(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	static const char *const answers[] = { "secret", NULL };
	static const char *const none[] = { NULL, "secret" };
	auto_free char *file = sshd_identity(d, "ed25519", "256", "secret");
	const char *identities[] = { "/nonexistent", file, NULL };
	struct ssh_keyring *ring = NULL;
	struct typist t;

	target.identities = identities;
	target.keyring = &ring;
	typist_init(&t, answers);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sshd_try(d, &target, &t.ev), 0);
	assert_int_equal(t.asked, 1);
	/* And nothing is complained of twice. */
	assert_null(strstr(strstr(t.log, "left out") + 1, "left out"));
	d->ops->forget(ring);

	ring = NULL;
	typist_init(&t, none);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sshd_try(d, &target, &t.ev), -VMCTL_BAD_DATA);
	assert_int_equal(t.asked, 1);
	d->ops->forget(ring);
}

/* libssh falls over a passphrase for such a cipher, so nobody is asked for
 * one. */
static void a_cipher_that_libssh_does_not_manage_is_named(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	static const char *const ciphers[] = {
		"aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
		"chacha20-poly1305@openssh.com"
	};
	static const char *const answers[] = { "secret", "secret", "secret" };

	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++) {
		auto_free char *file = sshd_identity(d, "ed25519", "256", "");
		auto_free char *hint =
			str_printf("ssh-add %s, or: ssh-keygen -p -Z "
				   "aes256-ctr -f %s",
				   file, file);
		auto_free char *public = public_of(file);
		const char *identities[] = { file, NULL };
		const char *both[] = { file, d->identity, NULL };
		const char *public_keys[] = { public, NULL };
		struct typist t;

		free(must_run("ssh-keygen", "-q", "-p", "-Z", ciphers[i], "-P",
			      "", "-N", "secret", "-f", file, NULL));
		typist_init(&t, answers);
		target.identities = identities;
		target.public_keys = i ? public_keys : NULL;
		assert_int_equal(sshd_try(d, &target, &t.ev), -VMCTL_BAD_DATA);
		assert_int_equal(t.asked, 0);
		assert_non_null(strstr(d->err.message, file));
		assert_non_null(strstr(d->err.message, ciphers[i]));
		assert_string_equal(d->err.hint, hint);
		/* Another key is not held up by it. */
		target.identities = both;
		target.public_keys = NULL;
		assert_int_equal(sshd_try(d, &target, &t.ev), 0);
		assert_int_equal(t.asked, 0);
		/* What the hint says is the way out. */
		free(must_run("ssh-keygen", "-q", "-p", "-Z", "aes256-ctr",
			      "-P", "secret", "-N", "secret", "-f", file,
			      NULL));
		target.identities = identities;
		assert_int_equal(sshd_try(d, &target, &t.ev), 0);
		assert_int_equal(t.asked, 1);
	}
}

static void every_cipher_that_libssh_manages_is_asked_for(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	static const char *const ciphers[] = {
		"3des-cbc",   "aes128-cbc", "aes128-ctr", "aes192-cbc",
		"aes192-ctr", "aes256-cbc", "aes256-ctr",
	};
	static const char *const answers[] = { "secret" };
	auto_free char *file = sshd_identity(d, "ed25519", "256", "secret");
	const char *identities[] = { file, NULL };

	target.identities = identities;
	for (size_t i = 0; i < ARRAY_LEN(ciphers); i++) {
		struct typist t;

		free(must_run("ssh-keygen", "-q", "-p", "-Z", ciphers[i], "-P",
			      "secret", "-N", "secret", "-f", file, NULL));
		typist_init(&t, answers);
		assert_int_equal(sshd_try(d, &target, &t.ev), 0);
		assert_int_equal(t.asked, 1);
	}
}

/* Cut short anywhere, or with a byte of its head changed, such as one of the
 * name of the cipher. */
static void a_damaged_key_file_is_left_out(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_free char *file = sshd_identity(d, "ed25519", "256", "secret");
	auto_free char *bad = str_printf("%s.bad", file);
	const char *identities[] = { bad, NULL };
	auto_str text = STR_INIT;
	struct typist t;

	target.identities = identities;
	assert_int_equal(file_read(file, 65536, &text, NULL), 0);
	for (size_t n = 0; n + 20 < text.len; n += 9) {
		typist_init(&t, NULL);
		assert_int_equal(file_write_atomic(bad, text.p, n, 0600, NULL),
				 0);
		assert_int_equal(sshd_try(d, &target, &t.ev), -VMCTL_BAD_DATA);
		assert_int_equal(t.asked, 0);
		assert_non_null(strstr(t.log, "is left out"));
	}
	for (size_t n = 36; n < 110; n += 3) {
		char was = text.p[n];

		typist_init(&t, NULL);
		text.p[n] = was == 'A' ? 'B' : 'A';
		assert_int_equal(
			file_write_atomic(bad, text.p, text.len, 0600, NULL),
			0);
		text.p[n] = was;
		/* In the salt it is nothing that is seen. */
		assert_int_equal(sshd_try(d, &target, &t.ev), -VMCTL_BAD_DATA);
	}
}

/* The clock of an attempt stops for a person. */
static bool type_slowly(void *data, const char *prompt, char *answer,
			size_t size)
{
	struct wait w = wait_begin(1500, 100);

	while (wait_more(&w))
		;
	return type_answer(data, prompt, answer, size);
}

static void a_slow_typist_is_waited_for(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	static const char *const answers[] = { "secret" };
	auto_free char *file = sshd_identity(d, "ed25519", "256", "secret");
	const char *identities[] = { file, NULL };
	struct typist t;

	typist_init(&t, answers);
	t.ev.ask = type_slowly;
	target.identities = identities;
	target.timeout_ms = 1400;
	assert_int_equal(sshd_try(d, &target, &t.ev), 0);
}

/* --- servers that are none ----------------------------------------------- */

/* A port of 127.0.0.1 where something listens, or a free one. */
static int open_port(bool listening, int *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	if (listening)
		assert_int_equal(listen(fd, 4), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void a_refused_port_is_a_failure_of_the_transport(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_close int fd = open_port(false, &target.port);

	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_TRANSPORT);
	assert_int_equal(d->err.sys_errno, ECONNREFUSED);
}

static void a_silent_port_is_given_up_in_time(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_close int fd = open_port(true, &target.port);
	int64_t begin = clock_mono_ms(), took;

	target.timeout_ms = 300;
	assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_TRANSPORT);
	took = clock_mono_ms() - begin;
	assert_true(took >= 300 && took < 60000);
}

/* Says something to the first who comes, then waits until it goes. */
static pid_t say(int listener, const char *text, bool hang_up)
{
	pid_t pid = fork();
	char byte;

	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	listener = accept(listener, NULL, NULL);
	(void)fd_write_all(listener, text, strlen(text), NULL);
	while (!hang_up && read(listener, &byte, 1) > 0)
		;
	_exit(0);
}

static void what_is_no_ssh_server_is_a_failure_of_the_transport(void **state)
{
	struct sshd *d = need_sshd(state);
	static const struct {
		const char *text;
		bool hang_up;
	} servers[] = {
		{ "", true }, /* as QEMU does while nobody listens inside */
		{ "SSH-2.0-OpenSSH_9.2\r\n", false },
		{ "SSH-2.0-OpenSSH_9.2\r\n", true },
		{ "SSH-1.5-old\r\n", false },
		{ "HTTP/1.0 400 Bad Request\r\n\r\n", true },
		{ "SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff", false },
		{ "\x1b]0;title\x07SSH", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		struct ssh_target target = sshd_target(d);
		auto_close int fd = open_port(true, &target.port);
		pid_t pid = say(fd, servers[i].text, servers[i].hang_up);

		target.timeout_ms = 300;
		assert_int_equal(sshd_try(d, &target, NULL), -VMCTL_TRANSPORT);
		assert_null(strchr(d->err.message, 0x1b));
		waitpid(pid, NULL, 0);
	}
}

static void connecting_can_be_cancelled(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	auto_close int fd = open_port(true, &target.port);
	int64_t begin = clock_mono_ms();
	struct counting c;

	counting_init(&c, 4);
	assert_int_equal(sshd_try(d, &target, &c.ev), -VMCTL_CANCELLED);
	assert_true(clock_mono_ms() - begin < 60000);
}

static void no_descriptor_is_left_open(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	struct ssh_target wrong = target;
	int before, after;

	assert_int_equal(sshd_try(d, &target, NULL), 0);
	before = dup(0);
	close(before);
	wrong.identities = NULL;
	for (int i = 0; i < 3; i++) {
		sshd_try(d, &target, NULL);
		sshd_try(d, &wrong, NULL);
		wrong.host_key = "ssh-ed25519 AAAA";
		sshd_try(d, &wrong, NULL);
		wrong.host_key = target.host_key;
	}
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_pinned_host_key_is_accepted),
		cmocka_unit_test(
			a_host_key_of_another_type_is_refused_by_fingerprint),
		cmocka_unit_test(without_a_pinned_host_key_nothing_is_sent),
		cmocka_unit_test(any_host_key_is_told_when_asked_for),
		cmocka_unit_test(term_012_keys_of_every_type_may_enter),
		cmocka_unit_test(a_key_that_may_not_enter_is_denied),
		cmocka_unit_test(the_keys_are_tried_in_order),
		cmocka_unit_test(without_a_usable_key_no_time_is_lost),
		cmocka_unit_test(term_012_a_locked_key_is_asked_for),
		cmocka_unit_test(a_locked_key_in_pem_format_is_asked_for_too),
		cmocka_unit_test(a_locked_key_that_stays_locked_is_named),
		cmocka_unit_test(without_anybody_to_ask_a_locked_key_is_named),
		cmocka_unit_test(
			nobody_is_asked_for_a_key_that_the_server_refuses),
		cmocka_unit_test(with_a_keyring_nobody_is_asked_twice),
		cmocka_unit_test(a_cipher_that_libssh_does_not_manage_is_named),
		cmocka_unit_test(every_cipher_that_libssh_manages_is_asked_for),
		cmocka_unit_test(a_damaged_key_file_is_left_out),
		cmocka_unit_test(a_slow_typist_is_waited_for),
		cmocka_unit_test(a_refused_port_is_a_failure_of_the_transport),
		cmocka_unit_test(a_silent_port_is_given_up_in_time),
		cmocka_unit_test(
			what_is_no_ssh_server_is_a_failure_of_the_transport),
		cmocka_unit_test(connecting_can_be_cancelled),
		cmocka_unit_test(no_descriptor_is_left_open),
	};

	unsetenv("SSH_AUTH_SOCK");
	return cmocka_run_group_tests(tests, sshd_setup, sshd_teardown);
}
