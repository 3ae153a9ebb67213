/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <vmctl/vmctl.h>

#include "base/clock.h"
#include "base/file.h"
#include "internal/key.h"

DEFINE_CLEANUP(key, struct vmctl_key *, vmctl_key_free);
#define auto_key auto_cleanup(key_cleanup)

/* An agent that says what a test wants it to say, whatever it is asked. */
struct home {
	char dir[256];
	struct vmctl *ctx;
	struct vmctl_error err;
	pid_t agent;
	const struct ssh_ops *ops;
};

static int setup(void **state)
{
	struct home *h = calloc(1, sizeof(*h));
	struct vmctl_options o = { .size = sizeof(o),
				   .home = h->dir,
				   .lock_timeout_ms = -1 };

	snprintf(h->dir, sizeof(h->dir), "%s/vmctl-agent.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(h->dir) || vmctl_new(&o, &h->ctx, &h->err) < 0 ||
	    ssh_load(&h->ops, &h->err) < 0)
		return -1;
	unsetenv("SSH_AUTH_SOCK");
	/* The configuration of who runs the tests may name an agent. */
	setenv("PATH", h->dir, 1);
	*state = h;
	return 0;
}

static void stop_agent(struct home *h)
{
	if (h->agent > 0) {
		kill(h->agent, SIGKILL);
		waitpid(h->agent, NULL, 0);
	}
	h->agent = 0;
}

static int teardown(void **state)
{
	struct home *h = *state;
	int r;

	stop_agent(h);
	vmctl_free(h->ctx);
	r = dir_remove(h->dir, NULL);
	free(h);
	return r;
}

static void talk(int listener, const void *answer, size_t n, bool hang_up)
{
	char request[5];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		(void)!recv(fd, request, sizeof(request), MSG_WAITALL);
		(void)fd_write_all(fd, answer, n, NULL);
		if (!hang_up)
			(void)!read(fd, request, 1);
		close(fd);
	}
}

static void start_agent(struct home *h, const void *answer, size_t n,
			bool hang_up)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	stop_agent(h);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.80s/agent", h->dir);
	(void)unlink(sun.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 4), 0);
	setenv("SSH_AUTH_SOCK", sun.sun_path, 1);
	h->agent = fork();
	if (h->agent == 0)
		talk(fd, answer, n, hang_up);
	close(fd);
}

/* --- answers ------------------------------------------------------------- */

static void put_u32(struct str *s, size_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		str_addc(s, (char)(v >> shift));
}

static void put(struct str *s, const void *bytes, size_t n)
{
	put_u32(s, n);
	str_addn(s, bytes, n);
}

/* One key of an answer, of a line "type base64". */
static void put_key(struct str *s, const char *line, const char *comment)
{
	auto_free unsigned char *blob = NULL;
	const char *b64 = strchr(line, ' ') + 1;
	size_t n;

	assert_int_equal(base64_decode(b64, strlen(b64), &blob, &n, NULL), 0);
	put(s, blob, n);
	put(s, comment, strlen(comment));
}

static void answer_with(struct home *h, size_t count, const struct str *keys)
{
	auto_str all = STR_INIT;

	put_u32(&all, 5 + keys->len);
	str_addc(&all, 12);
	put_u32(&all, count);
	str_addn(&all, str_text(keys), keys->len);
	start_agent(h, all.p, all.len, false);
}

static char *new_key(void)
{
	auto_free char *private = NULL;
	char *public = NULL;

	assert_int_equal(key_pair_make(NULL, &private, &public, NULL), 0);
	return public;
}

static int take(struct home *h, const char *which, struct vmctl_key **ret)
{
	return vmctl_key_import_agent(h->ctx, "k", which, ret, &h->err);
}

static size_t stored(struct home *h)
{
	struct vmctl_key_list *list;
	size_t n;

	assert_int_equal(vmctl_key_list(h->ctx, &list, &h->err), 0);
	n = list->count;
	vmctl_key_list_free(list);
	return n;
}

/* --- tests --------------------------------------------------------------- */

static void key_008_the_only_key_of_the_agent_is_taken(void **state)
{
	struct home *h = *state;
	auto_free char *line = new_key();
	auto_key struct vmctl_key *key = NULL;
	auto_str keys = STR_INIT;

	put_key(&keys, line, "me@here");
	answer_with(h, 1, &keys);
	assert_int_equal(take(h, NULL, &key), 0);
	assert_string_equal(key->public_key, line);
	assert_string_equal(key->comment, "me@here");
	assert_null(key->private_path);
}

static void key_008_of_several_one_must_be_named(void **state)
{
	struct home *h = *state;
	auto_free char *one = new_key();
	auto_free char *two = new_key();
	auto_free char *print = NULL;
	auto_key struct vmctl_key *key = NULL;
	auto_str keys = STR_INIT;

	assert_int_equal(key_fingerprint(two, &print, NULL), 0);
	put_key(&keys, one, "same");
	put_key(&keys, two, "same");
	put_key(&keys, one, "again"); /* a second time */
	answer_with(h, 3, &keys);
	assert_int_equal(take(h, NULL, NULL), -VMCTL_INVALID);
	assert_non_null(strstr(h->err.message, "2 keys"));
	assert_non_null(strstr(h->err.message, print));
	assert_non_null(strstr(h->err.message, "same"));
	assert_int_equal(take(h, "same", NULL), -VMCTL_INVALID);
	assert_non_null(strstr(h->err.hint, "FINGERPRINT"));
	assert_int_equal(take(h, "other", NULL), -VMCTL_NOT_FOUND);
	assert_int_equal(take(h, print + 1, NULL), -VMCTL_NOT_FOUND);
	assert_int_equal(stored(h), 0);
	assert_int_equal(take(h, print, &key), 0);
	assert_string_equal(key->public_key, two);
}

static void what_is_no_key_of_ours_is_passed_over(void **state)
{
	struct home *h = *state;
	auto_free char *line = new_key();
	auto_key struct vmctl_key *key = NULL;
	auto_str keys = STR_INIT, cert = STR_INIT;

	put(&cert, "ssh-ed25519-cert-v01@openssh.com", 32);
	put(&keys, cert.p, cert.len);
	put(&keys, "cert", 4);
	put(&keys, "\0\0\0\5a b\nc", 9);
	put(&keys, "blank", 5);
	put(&keys, "", 0);
	put(&keys, "nothing", 7);
	put(&keys, "-----BEGIN OPENSSH PRIVATE KEY-----\n", 36);
	put(&keys, "", 0);
	put_key(&keys, line, "evil\x1b]0;x\x07\nssh-rsa AAAA");
	answer_with(h, 5, &keys);
	assert_int_equal(take(h, NULL, &key), 0);
	assert_string_equal(key->public_key, line);
	assert_null(strpbrk(key->comment, "\x1b\x07\n"));
}

static void an_agent_without_keys_or_none_at_all_is_told_apart(void **state)
{
	struct home *h = *state;
	auto_str none = STR_INIT;

	assert_int_equal(take(h, NULL, NULL), -VMCTL_NOT_FOUND);
	assert_non_null(strstr(h->err.message, "SSH_AUTH_SOCK"));
	answer_with(h, 0, &none);
	assert_int_equal(take(h, NULL, NULL), -VMCTL_NOT_FOUND);
	assert_non_null(strstr(h->err.message, "no key"));
	stop_agent(h);
	assert_int_equal(take(h, NULL, NULL), -VMCTL_NOT_FOUND);
	assert_non_null(strstr(h->err.message, "no ssh agent answers"));
}

static void nonsense_from_an_agent_does_no_harm(void **state)
{
	struct home *h = *state;
	static const struct {
		const char *bytes;
		size_t n;
	} answers[] = {
		{ "", 0 },
		{ "\0\0", 2 },
		{ "\0\0\0\0", 4 },
		{ "\0\0\0\1\5", 5 },	      /* failure */
		{ "\0\0\0\1\14", 5 },	      /* no count */
		{ "\0\0\0\5\14\0\0\0\1", 9 }, /* no key */
		{ "\0\0\0\5\14\377\377\377\377", 9 },
		{ "\0\0\0\11\14\0\0\0\1\377\377\377\377", 13 },
		{ "\0\0\0\15\14\0\0\0\1\0\0\0\0\0\0\0\5", 17 },
		{ "\377\377\377\377\14", 5 },
		{ "HTTP/1.0 400\r\n\r\n", 16 },
	};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		start_agent(h, answers[i].bytes, answers[i].n, true);
		assert_int_equal(take(h, NULL, NULL), -VMCTL_NOT_FOUND);
	}
	assert_int_equal(stored(h), 0);
}

static void a_silent_agent_can_be_left(void **state)
{
	struct home *h = *state;
	int64_t begin = clock_mono_ms();
	char **lines = NULL;
	struct counting c;

	start_agent(h, "", 0, false);
	counting_init(&c, 3);
	assert_int_equal(h->ops->agent_keys(NULL, &c.ev, &lines, &h->err),
			 -VMCTL_CANCELLED);
	assert_null(lines);
	assert_true(clock_mono_ms() - begin < 60000);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(key_008_the_only_key_of_the_agent_is_taken),
		TEST(key_008_of_several_one_must_be_named),
		TEST(what_is_no_key_of_ours_is_passed_over),
		TEST(an_agent_without_keys_or_none_at_all_is_told_apart),
		TEST(nonsense_from_an_agent_does_no_harm),
		TEST(a_silent_agent_can_be_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
