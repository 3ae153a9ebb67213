/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SSH_CONFIG_SSH_CONFIG_H
#define SSH_CONFIG_SSH_CONFIG_H

#include <sys/stat.h>

#include <vmctl/ssh-config.h>

#include "base/str.h"
#include "context.h"

/* The inside of the subsystem. */

/* --- quote.c: bytes in the places of an ssh_config(5) --------------------- */

/* Whether a line can hold it: it has no control characters. */
bool quote_possible(const char *text);

/* One argument of a keyword, or of KnownHostsCommand: quoted when it has to be.
 * In those that expand tokens a percent sign is doubled. */
void quote_word(struct str *out, const char *text);
void quote_word_percent(struct str *out, const char *text);

/* One word of ProxyCommand, which a shell reads after tokens are expanded. */
void quote_shell_percent(struct str *out, const char *text);

/* The argument of Include. OpenSSH before 9.9 takes a percent sign and "${" as
 * they are, later ones expand them, and all take it for a pattern: it becomes
 * one that stands for the same file in all of them. */
void quote_include(struct str *out, const char *path);

/* NAME=value in letters that nobody expands, splits or quotes: other bytes
 * become "+" and two hexadecimal digits. */
void quote_pin(struct str *out, const char *name, const char *value);

/* --- blocks.c: the text -------------------------------------------------- */

/* What the programs that ssh starts must be told to find the same records:
 * environment variables, as quote_pin() gives them, NULL-terminated. */
struct how {
	char *program;
	char **pins;
	char *key_dir; /* of public keys whose private half the agent has */
};
void how_done(struct how *h);
#define auto_how auto_cleanup(how_done) struct how

/* With everything of the present context and environment. */
int how_make(const struct vmctl *ctx, const char *program, struct how *ret,
	     struct vmctl_error *err);

int blocks_text(const struct how *how, const struct state_host *hosts, size_t n,
		struct str *out, struct vmctl_error *err);

/* --- keys.c -------------------------------------------------------------- */

/* What goes into IdentityFile for a key: its private half where that is there,
 * else a file with the public one. NULL when memory is short. */
char *key_identity(const struct how *how, const struct state_instance_key *key);

/* Writes these files, and with `sweep` removes those of no host. */
int keys_write(const struct how *how, const struct state_host *hosts, size_t n,
	       bool sweep, struct vmctl_error *err);

/* Removes all of them, and the directory if nothing else is in it. */
void keys_remove(const char *key_dir);

/* --- user-file.c: the user's own file ------------------------------------- */

struct user_file {
	char *path; /* behind symbolic links */
	struct str text;
	bool exists;
	struct stat st; /* when it does */
};
void user_file_done(struct user_file *f);
#define auto_user_file auto_cleanup(user_file_done) struct user_file

/* Reads it and makes sure that it can be changed. Not existing is success. */
int user_file_open(const char *path, struct user_file *ret,
		   struct vmctl_error *err);

/* Replaces its contents, unless somebody else changed it since: VMCTL_BUSY.
 * Without any text it is removed if `made` says that it was ours. */
int user_file_replace(const struct user_file *f, const struct str *text,
		      bool made, struct vmctl_error *err);

/* The text with our lines at the top; unchanged when they take effect where
 * they are. `include` is the whole Include line without line feed. */
int include_add(const struct str *text, const char *include, struct str *out,
		struct vmctl_error *err);

/* The text without them. */
int include_remove(const struct str *text, const char *include, struct str *out,
		   struct vmctl_error *err);

/* Whether a Host line of the text names exactly this host. */
bool names_host(const struct str *text, const char *name);

/* install.c: the whole line without line feed. The caller frees it. */
int our_include(struct vmctl *ctx, char **ret, struct vmctl_error *err);

/* --- record.c: what is installed ----------------------------------------- */

struct record {
	struct how how;
	char *file;	      /* the user's */
	bool file_made, dir_made; /* by us */
};
void record_done(struct record *r);
#define auto_record auto_cleanup(record_done) struct record

/* 1, 0 when nothing is installed, or -code. */
int record_get(struct vmctl *ctx, struct record *ret, struct vmctl_error *err);
int record_put(struct vmctl *ctx, const struct record *r,
	       struct vmctl_error *err);
int record_drop(struct vmctl *ctx, struct vmctl_error *err);

/* --- refresh.c ----------------------------------------------------------- */

/* Our own file, and the directory that it is in, which others may use for
 * something else. NULL only when memory is short. */
char *our_dir(const struct vmctl *ctx);
char *our_file(const struct vmctl *ctx);

/* One process at a time writes. */
int our_lock(struct vmctl *ctx, int *ret_fd, struct vmctl_error *err);
void our_unlock(struct vmctl *ctx, int fd);

/* Writes our file if it is not as it should be. Under the lock. */
int our_file_write(struct vmctl *ctx, const struct record *r,
		   struct vmctl_error *err);

/* VMCTL_EXISTS when a file that vmctl did not write is in its place. */
int our_file_check(const struct vmctl *ctx, struct vmctl_error *err);

/* Removes what vmctl has written, and the directories if they are empty then.
 */
int our_files_remove(const struct vmctl *ctx, struct vmctl_error *err);

#endif
