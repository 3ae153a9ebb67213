/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_SSH_HELP_H
#define TESTS_SSH_HELP_H

#include "state-help.h"

#include "base/str.h"
#include "driver/ssh.h"

/*
 * An OpenSSH server for the tests of the module ssh: a process that listens on
 * a free port of 127.0.0.1 and starts `sshd -i` for each connection, with its
 * own host key and one key that may enter, both made by lib/key. Its sftp
 * server is the program DIR/sftp, which a test has to make.
 */
struct sshd {
	char dir[256];
	pid_t pid; /* of the listener */
	int port;
	char *user;
	char *host_key; /* "ssh-ed25519 AAAA…" */
	char *identity; /* path of the private key */
	const char *identities[2];
	const struct ssh_ops *ops;
	struct vmctl_error err;
};

/* For cmocka. Without an sshd they fail. */
int sshd_setup(void **state);
int sshd_teardown(void **state);

/* The server, or the test is skipped. */
struct sshd *need_sshd(void **state);

struct ssh_target sshd_target(const struct sshd *d);

/* Connected, or the test fails. */
struct ssh_conn *sshd_connect(struct sshd *d);

/* Whether it gives a terminal: an ordinary user's may not be able to. */
bool sshd_has_tty(struct sshd *d);

/* Appends a line to what may enter. */
void sshd_authorize(struct sshd *d, const char *public_key);

/* How many keys it lets a client try from now on; 20 at first. */
void sshd_max_tries(const struct sshd *d, int tries);

/* A key made by ssh-keygen, which may enter: its file. The caller frees it. */
char *sshd_identity(struct sshd *d, const char *type, const char *bits,
		    const char *passphrase);

/* The public half of a file as struct ssh_target wants it. The caller frees
 * it. */
char *public_of(const char *file);

/* Connects and closes again. */
int sshd_try(struct sshd *d, const struct ssh_target *target,
	     const struct events *ev);

/* From now on commands are read by that shell, as if it were in passwd(5); NULL
 * is the one that is there. */
void sshd_login_shell(struct sshd *d, const char *shell);

/* Runs a program with words up to NULL; it must succeed. Its output, which the
 * caller frees. */
char *must_run(const char *program, ...);

/* One command over a connection of its own, and what it gave. */
struct outcome {
	int r;
	struct ssh_exit exit;
	struct str out, err;
	struct vmctl_error error;
};
void outcome_done(struct outcome *o);
#define auto_outcome auto_cleanup(outcome_done) struct outcome

/* `in` as in struct ssh_exec; `ev` may be NULL. */
void sshd_run(struct sshd *d, const char *command, int in, long timeout_ms,
	      const struct events *ev, struct outcome *ret);

/* The same with a time-out, after which the command must have written `lines`
 * lines to `file`, or to its output when that is NULL: a machine that is busy
 * is given more time to begin it. */
void sshd_run_timed(struct sshd *d, const char *command, const char *file,
		    size_t lines, struct outcome *ret);

/* A descriptor to read `n` bytes from: a pipe for which a process writes. */
int pipe_of(const void *bytes, size_t n);

/* All that a file holds, from its beginning. */
void slurp(int fd, struct str *ret);

/* Events whose `cancelled` counts, and says yes from the given call on. */
struct counting {
	struct events ev;
	int calls, limit;
	void (*each)(struct counting *c); /* may be NULL */
	void *data;
	char last[512]; /* last line logged as a warning */
};
void counting_init(struct counting *c, int limit);

/* Who is asked types these in turn, NULL being nothing. */
struct typist {
	struct events ev;
	const char *const *answers;
	int asked;
	char prompt[256];
	char log[8192]; /* all that was logged */
};
void typist_init(struct typist *t, const char *const *answers);
bool type_answer(void *data, const char *prompt, char *answer, size_t size);

#endif
