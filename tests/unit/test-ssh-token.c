/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "driver/crypto.h"

/*
 * A security key, whose private half only an agent can use. No such device is
 * at hand: the agent here has an ordinary key and signs what a device would
 * (OpenSSH, PROTOCOL.u2f), with openssl(1).
 */

#define TYPE "sk-ssh-ed25519@openssh.com"
#define APPLICATION "ssh:"
#define USER_PRESENT 1

struct token {
	char *key; /* file of the private half */
	unsigned char pub[ED25519_SIZE];
	char *line; /* of the public half */
};

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

static void put_blob(struct str *s, const struct token *t)
{
	auto_str blob = STR_INIT;

	put(&blob, TYPE, strlen(TYPE));
	put(&blob, t->pub, sizeof(t->pub));
	put(&blob, APPLICATION, strlen(APPLICATION));
	put(s, blob.p, blob.len);
}

static void make_token(struct sshd *d, struct token *t)
{
	auto_free char *der = path_join(d->dir, "token.der");
	auto_str bytes = STR_INIT, blob = STR_INIT;
	auto_free char *b64 = NULL;

	t->key = path_join(d->dir, "token.pem");
	free(must_run("openssl", "genpkey", "-algorithm", "ed25519", "-out",
		      t->key, NULL));
	free(must_run("openssl", "pkey", "-in", t->key, "-pubout", "-outform",
		      "DER", "-out", der, NULL));
	assert_int_equal(file_read(der, 4096, &bytes, NULL), 0);
	assert_true(bytes.len > sizeof(t->pub));
	memcpy(t->pub, bytes.p + bytes.len - sizeof(t->pub), sizeof(t->pub));
	put_blob(&blob, t);
	b64 = base64_encode(blob.p + 4, blob.len - 4);
	t->line = str_printf("%s %s", TYPE, b64);
	assert_non_null(t->line);
}

/* What a device signs: its digest of the application, that somebody touched
 * it, how often it has signed, and a digest of the data. */
static void sign(const struct token *t, const unsigned char *data, size_t n,
		 struct str *reply)
{
	static const unsigned char rest[] = { USER_PRESENT, 0, 0, 0, 7 };
	auto_free char *in = str_printf("%s.in", t->key);
	auto_free char *out = str_printf("%s.out", t->key);
	unsigned char app[SHA256_SIZE], digest[SHA256_SIZE];
	auto_str signed_ = STR_INIT, signature = STR_INIT, blob = STR_INIT;
	const struct crypto_ops *crypto;

	assert_int_equal(crypto_load(&crypto, NULL), 0);
	crypto->sha256(APPLICATION, strlen(APPLICATION), app, NULL);
	crypto->sha256(data, n, digest, NULL);
	str_addn(&signed_, app, sizeof(app));
	str_addn(&signed_, rest, sizeof(rest));
	str_addn(&signed_, digest, sizeof(digest));
	assert_int_equal(
		file_write_atomic(in, signed_.p, signed_.len, 0600, NULL), 0);
	free(must_run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", t->key,
		      "-in", in, "-out", out, NULL));
	assert_int_equal(file_read(out, 4096, &signature, NULL), 0);
	put(&blob, TYPE, strlen(TYPE));
	put(&blob, signature.p, signature.len);
	str_addn(&blob, rest, sizeof(rest));
	str_addc(reply, 14); /* SSH_AGENT_SIGN_RESPONSE */
	put(reply, blob.p, blob.len);
}

static size_t u32_at(const unsigned char *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 |
	       p[3];
}

/* One connection to the agent: requests until it is closed. */
static void attend(const struct token *t, int fd)
{
	unsigned char head[4], request[8192];

	while (recv(fd, head, 4, MSG_WAITALL) == 4) {
		size_t n = u32_at(head);
		auto_str reply = STR_INIT, all = STR_INIT;

		if (n > sizeof(request) ||
		    recv(fd, request, n, MSG_WAITALL) != (ssize_t)n)
			return;
		if (request[0] == 11) { /* …_REQUEST_IDENTITIES */
			str_addc(&reply, 12);
			put_u32(&reply, 1);
			put_blob(&reply, t);
			put(&reply, "token", 5);
		} else if (request[0] == 13) { /* …_SIGN_REQUEST */
			size_t blob = u32_at(request + 1);
			const unsigned char *data = request + 5 + blob;

			sign(t, data + 4, u32_at(data), &reply);
		} else {
			str_addc(&reply, 5); /* failure */
		}
		put(&all, reply.p, reply.len);
		(void)fd_write_all(fd, all.p, all.len, NULL);
	}
}

static pid_t start_agent(const struct sshd *d, const struct token *t)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.80s/token", d->dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&sun, sizeof(sun)),
			 0);
	assert_int_equal(listen(listener, 4), 0);
	setenv("SSH_AUTH_SOCK", sun.sun_path, 1);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGCHLD, SIG_DFL);
		for (;;) {
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

			attend(t, fd);
			close(fd);
		}
	}
	close(listener);
	return pid;
}

static void term_012_a_security_key_is_used_by_the_agent(void **state)
{
	struct sshd *d = need_sshd(state);
	struct ssh_target target = sshd_target(d);
	struct token t;
	struct ssh_conn *conn = NULL;

	make_token(d, &t);
	auto_free char *hint = str_printf("ssh-add %s", t.key);
	const char *identities[] = { t.key, NULL };
	const char *public_keys[] = { t.line, NULL };

	sshd_authorize(d, t.line);
	target.identities = identities;
	target.public_keys = public_keys;
	target.agent_keys = public_keys;
	/* Without the agent it is no use to read the file. */
	assert_int_equal(d->ops->connect(&target, NULL, &conn, &d->err),
			 -VMCTL_BAD_DATA);
	assert_string_equal(d->err.hint, hint);

	pid_t pid = start_agent(d, &t);
	int r = d->ops->connect(&target, NULL, &conn, &d->err);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unsetenv("SSH_AUTH_SOCK");
	if (r < 0)
		print_error("%s\n", d->err.message);
	assert_int_equal(r, 0);
	d->ops->close(conn);
	free(t.key);
	free(t.line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(term_012_a_security_key_is_used_by_the_agent),
	};

	unsetenv("SSH_AUTH_SOCK");
	return cmocka_run_group_tests(tests, sshd_setup, sshd_teardown);
}
