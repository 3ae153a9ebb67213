/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_INSTANCE_H
#define INSTANCE_INSTANCE_H

#include <vmctl/instance.h>

#include "base/str.h"
#include "context.h"
#include "internal/instance.h"

/* The inside of the subsystem. */

DEFINE_CLEANUP(instance, struct vmctl_instance *, vmctl_instance_free);
#define auto_instance auto_cleanup(instance_cleanup) struct vmctl_instance
DEFINE_CLEANUP(instance_list, struct vmctl_instance_list *,
	       vmctl_instance_list_free);
#define auto_instance_list                                                     \
	auto_cleanup(instance_list_cleanup) struct vmctl_instance_list

/* Characters of a name: of a label in a host name (RFC 1123). */
#define INSTANCE_NAME_MAX 63

/* Interfaces that an instance may have. */
#define NIC_MAX 8

/* What is asked for after defaults and checks: everything needed to create,
 * and nothing made yet. Everything in it is owned by it. */
struct draft {
	struct vmctl_instance *row; /* id, name, sizes, mac, uuid, port … */
	char *image_path;
	struct state_instance_key *keys;
	size_t key_count;
	char *host_key_private; /* OpenSSH private key file; NULL: the guest
				 * makes its own */
	char *user_data;	/* as given, NULL: none */
	char *accel_reason;
	struct state_nic nics[NIC_MAX];
	size_t nic_count;
	struct state_port *ports; /* of the host, beside that of ssh */
	size_t port_count;
	const char *const *networks; /* as asked for; borrowed */
	const char *const *key_names; /* likewise; NULL: all */
	const char *ip;
	bool key_made; /* the key "default" was generated for it */
	bool dry;      /* nothing may be made */
	bool guest_makes_host_key;
	bool image_wants_agent, image_has_agent;
	char *agent; /* file to be put into the guest, gzip; NULL: none */
};

/* draft.c. `make_keys` false is for a dry run: where a key pair would have to
 * be made, the draft says so and has none. */
int draft_make(struct vmctl *ctx, const struct vmctl_instance_create *spec,
	       bool make_keys, struct draft *ret, struct vmctl_error *err);
void draft_done(struct draft *d);

/* draft-keys.c: adds the keys of these names; for NULL all there are, or a new
 * pair "default" where there is none (which is only noted without `make`). */
int draft_keys(struct vmctl *ctx, struct draft *d, const char *const *names,
	       bool make, struct vmctl_error *err);
/* The same anew, after one of them was deleted. */
int draft_keys_again(struct vmctl *ctx, struct draft *d,
		     struct vmctl_error *err);

/* label.c: those that it is to have; VMCTL_INVALID. */
int draft_labels(struct draft *d, const char *const *labels,
		 struct vmctl_error *err);

/* Draws id, UUID, ssh port, and the interfaces with their MACs and addresses
 * anew. */
int draft_identity(struct vmctl *ctx, struct draft *d, struct vmctl_error *err);

/* seed.c: the cloud-init documents, and the ISO image that holds them. */
struct seed {
	char *meta_data, *user_data, *network_config;
};
/* Our own cloud-config: who gets in, and as whom the guest proves itself. With
 * the user's data it is one part of two in user_data. */
int seed_cloud_config(const struct draft *d, char **ret,
		      struct vmctl_error *err);
/* seed-agent.c: decides whether the guest is given vmctl's agent; adds it to
 * our cloud-config. */
int draft_agent(struct vmctl *ctx, struct draft *d, struct vmctl_error *err);
struct json_t;
int seed_add_agent(const struct draft *d, struct json_t *doc,
		   struct vmctl_error *err);
int seed_make(const struct draft *d, struct seed *ret, struct vmctl_error *err);
int seed_write(const struct seed *seed, const char *path,
	       struct vmctl_error *err);
void seed_done(struct seed *seed);

/* user-data.c: a user's document as it can be passed on: unpacked, and without
 * what stands before its first line. VMCTL_INVALID. */
int user_data_read(const char *text, size_t len, char **ret,
		   struct vmctl_error *err);
/* The MIME type of a document that is not a message; NULL if none. */
const char *user_data_type(const char *text);
/* Where the headers begin of one that is a MIME message; NULL if it is not. */
const char *user_data_message(const char *text);

/* user-keys.c: the Ed25519 host key that it gives the guest; both stay NULL where
 * it gives none. VMCTL_INVALID when that cannot be told, or is not a pair. */
int user_data_host_key(const char *text, char **ret_private, char **ret_public,
		       struct vmctl_error *err);

/* user-account.c: whether anybody could enter with these users (VMCTL_INVALID); and
 * the account that the keys go to as that of the instance, once they are known.
 * The caller is told of another than the image's, and where there is none. */
int draft_account_check(const struct draft *d, struct vmctl_error *err);
int draft_account(struct vmctl *ctx, struct draft *d, struct vmctl_error *err);

/* record.c: paths of an instance. NULL only when memory is short. */
char *instance_dir(const struct vmctl *ctx, const char *id);
char *instance_file(const struct vmctl *ctx, const char *id, const char *name);

/* VMCTL_STATE: "web1 cannot be started: it is paused", with what to type. */
int fail_state(const struct vmctl_instance *row, const char *what,
	       struct vmctl_error *err);

/* Passes `r` on; says what helps where the machine's process does not answer
 * and no other advice was given (VMCTL_TIMEOUT). */
int hint_silent(const struct vmctl_instance *row, int r,
		struct vmctl_error *err);

/* Whether it is reached by a forwarded port, rather than at an address. */
bool instance_forwarded(const struct vmctl_instance *row);

int instance_set_address(struct vmctl_instance *row, const char *address,
			 const char *source, struct vmctl_error *err);

/* Fills what the database does not hold of the address. */
int instance_locate(struct vmctl_instance *row, struct vmctl_error *err);

/* Fills what the database does not hold: dir, address. */
int instance_complete(const struct vmctl *ctx, struct vmctl_instance *row,
		      struct vmctl_error *err);

/* The driver's view of an instance; its strings are borrowed from the row and
 * from `paths`, which the caller frees with spec_paths_done(). */
struct spec_paths {
	char *disk, *seed, *console_log;
	struct state_nic *nics; /* may be NULL */
	struct hv_nic *hv_nics;
};
int instance_spec(const struct vmctl *ctx, const struct vmctl_instance *row,
		  struct spec_paths *paths, struct hv_spec *ret,
		  struct vmctl_error *err);
int spec_nics(struct spec_paths *paths, const struct state_nic *nics, size_t n,
	      struct hv_spec *spec, struct vmctl_error *err);
void spec_paths_done(struct spec_paths *paths);

/* lookup.c: the record by name or id; VMCTL_NOT_FOUND names the nearest. Takes
 * back what dead processes left half done first. */
int instance_find(struct vmctl *ctx, const char *name,
		  struct vmctl_instance **ret, struct vmctl_error *err);

/* live.c: the state that the hypervisor's answer and the record make together,
 * recorded when it is news. */
int instance_observe(struct vmctl *ctx, struct vmctl_instance *row,
		     enum hv_state seen, struct vmctl_error *err);
/* Whether a machine has the disk that the hypervisor does not know of, and the
 * refusal (VMCTL_HYPERVISOR) to touch it then. */
bool instance_runs_elsewhere(struct vmctl *ctx,
			     const struct vmctl_instance *row);
int fail_elsewhere(const struct vmctl_instance *row, struct vmctl_error *err);
int instance_refresh(struct vmctl *ctx, struct vmctl_instance *row,
		     struct vmctl_error *err);

/* A record and its lock, for what changes an instance. `row` is read after
 * the lock was got. */
struct locked {
	struct vmctl *ctx;
	struct vmctl_instance *row;
	int fd;
};
int instance_lock(struct vmctl *ctx, const char *name, struct locked *ret,
		  struct vmctl_error *err);
void locked_done(struct locked *l);
#define auto_locked auto_cleanup(locked_done) struct locked
#define LOCKED_INIT ((struct locked){ .fd = -1 })

/* power.c: boots a defined domain and sets its forwards; VMCTL_PARTIAL as
 * below. */
int instance_boot(struct vmctl *ctx, struct vmctl_instance *row,
		  struct vmctl_error *err);
/* The first interface's address as it is now: where nothing is known yet, what
 * is recorded stands. */
int instance_look_up(struct vmctl *ctx, struct vmctl_instance *row,
		     struct vmctl_error *err);
/* Sees to it that a running instance can be reached: looks its address up, and
 * sets its forwards. */
int instance_reach(struct vmctl *ctx, struct vmctl_instance *row,
		   struct vmctl_error *err);
/* forward.c: the forwards alone, choosing another port for ssh when the
 * recorded one is taken. VMCTL_PARTIAL when it is one of the others that cannot
 * be set: ssh's is then. */
int instance_forward(struct vmctl *ctx, struct vmctl_instance *row,
		     struct vmctl_error *err);

/* delete.c: removes the domain; domain and files. Not existing is success. */
int instance_remove_domain(struct vmctl *ctx, const struct vmctl_instance *row,
			   struct vmctl_error *err);
/* delete.c: gives reserved addresses back. */
int instance_give_back(struct vmctl *ctx, const struct vmctl_instance *row,
		       struct vmctl_error *err);
int instance_remove_effects(struct vmctl *ctx, const struct vmctl_instance *row,
			    struct vmctl_error *err);

/* Both, and the record: it is terminated. */
int instance_terminate(struct vmctl *ctx, const struct vmctl_instance *row,
		       struct vmctl_error *err);

/* reap.c: the record of a creation that failed, all of which is taken back. */
int instance_record_failure(struct vmctl *ctx, const char *id,
			    enum vmctl_state state, const char *reason,
			    struct vmctl_error *err);

/* connect.c: an authenticated ssh connection. Waits up to timeout_ms for the
 * guest to answer. */
struct ssh_conn;
struct ssh_ops;
int instance_connect(struct vmctl *ctx, struct vmctl_instance *row,
		     const char *user, long timeout_ms,
		     const struct ssh_ops **ret_ops, struct ssh_conn **ret,
		     struct vmctl_error *err);

/* log-in.c: the same, for who runs something in it: VMCTL_BUSY at once when so
 * many are on their way in that it takes a turn (turn.h), VMCTL_STATE when it
 * has no address, VMCTL_TRANSPORT for whatever else keeps one out. timeout_ms
 * 0: 30 s. */
int instance_enter(struct vmctl *ctx, struct vmctl_instance *row,
		   const char *user, long timeout_ms,
		   const struct ssh_ops **ret_ops, struct ssh_conn **ret,
		   struct vmctl_error *err);

/* host-key.c: makes the key that the seed brings, unless the guest makes its
 * own. A dry run makes none and says so. */
int draft_host_key(struct draft *d, struct vmctl_error *err);

/* host-key.c: after the first contact with a guest that made its own host key:
 * the key that it proved to have is recorded in `row` and the database, and its
 * fingerprint told. VMCTL_BAD_DATA when another was pinned meanwhile. */
int instance_pin(struct vmctl *ctx, struct vmctl_instance *row,
		 const char *host_key, struct vmctl_error *err);

/* cloud-init.c: what to ask a guest's shell about its cloud-init, which waits
 * until that is done, and what the answer and exit status mean: VMCTL_FAILED
 * with cloud-init's own words, VMCTL_UNSUPPORTED when it does not work there.
 * Warnings that it got over go to the log. */
extern const char cloud_init_question[];
int cloud_init_verdict(const struct events *ev, const char *name, int status,
		       const char *answer, struct vmctl_error *err);

/* Whether it says on the console that it has come to its end. */
bool cloud_init_is_done(const struct vmctl *ctx, const char *id);

/* console-tail.c: the last lines with text in them of the console, of the
 * newest start of the machine, the oldest first: without escape sequences, fit
 * for a terminal. *ret may be empty; the caller frees it with strv_free().
 * DENIED where the record belongs to another user. */
int console_tail(const struct vmctl *ctx, const char *id, size_t lines,
		 char ***ret, struct vmctl_error *err);

#endif
