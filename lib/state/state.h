/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmctl/image.h>
#include <vmctl/instance.h>
#include <vmctl/key.h>

#include "base/log.h"
#include "state/fact.h"

/*
 * The records: one SQLite database for each user. lib/state is the only code
 * that says sqlite3_; everybody else sees structs.
 *
 * WAL, foreign keys on, STRICT tables, BEGIN IMMEDIATE for every write, a busy
 * timeout. No transaction is open when a function here returns, so none can be
 * held across a hypervisor or network call.
 */

struct state;

/* Opens `dir`/vmctl.db (directory 0700, file 0600), making and migrating it as
 * needed. VMCTL_BAD_DATA when the file is damaged or newer than this program,
 * with what to do as hint. A database that cannot be written (permission,
 * read-only file system) opens for reading and fails at the first write. */
int state_open(const char *dir, long busy_timeout_ms, struct state **ret,
	       struct vmctl_error *err);
void state_close(struct state *db); /* NULL is allowed */

/* --- images (state/image.c) ------------------------------------------- */

/* Where an image's file stands and how it looked when its digest was last
 * computed; a cheap look at it tells whether that still holds. */
struct state_file_mark {
	int64_t size, mtime_ns, inode;
};

/*
 * A file without a name: one about to be published, or about to be removed.
 * It is recorded before the file appears and until it is gone, so that what a
 * killed process left is found in state_image_unnamed() and not guessed at.
 * Who reserves, publishes, names, deletes or forgets a file holds the lock
 * of its digest. Reserving what is there already updates its mark.
 */
int state_image_reserve(struct state *db, const struct vmctl_image *image,
			const struct state_file_mark *mark,
			struct vmctl_error *err);

/* The digests of the files without a name. */
int state_image_unnamed(struct state *db, char ***ret, struct vmctl_error *err);

/* Forgets a file without a name, once it has been removed; does nothing when
 * it has a name (again). */
int state_image_forget(struct state *db, const char *digest,
		       struct vmctl_error *err);

/* Names a file, recording it when it is new. `image->instances` and
 * `image->path` are not stored: path is given by the caller's folder and the
 * digest. VMCTL_EXISTS when the name is taken. */
int state_image_add(struct state *db, const struct vmctl_image *image,
		    const struct state_file_mark *mark,
		    struct vmctl_error *err);

/* By exact name, else by digest prefix (8 or more; VMCTL_INVALID when it fits
 * several files). path is left NULL; ret_mark may be NULL. */
int state_image_get(struct state *db, const char *name,
		    struct vmctl_image **ret, struct state_file_mark *ret_mark,
		    struct vmctl_error *err);
int state_image_list(struct state *db, struct vmctl_image_list **ret,
		     struct vmctl_error *err);
int state_image_verified(struct state *db, const char *digest,
			 int64_t verified_at,
			 const struct state_file_mark *mark,
			 struct vmctl_error *err);

/* Deletes the name (exact); *ret_last says that it was the last of its file,
 * which the caller then removes and forgets. VMCTL_IN_USE, naming an instance,
 * while a live instance stands on the file and this is its last name: the same
 * transaction looks and deletes, and state_instance_add asks for a name, so no
 * instance is left without its base. */
int state_image_delete(struct state *db, const char *name, bool *ret_last,
		       struct vmctl_error *err);

/* --- keys (state/key.c) ------------------------------------------------ */

/* VMCTL_EXISTS when the name is taken, or the public key known under another
 * name (which the message tells). */
int state_key_add(struct state *db, const struct vmctl_key *key,
		  struct vmctl_error *err);
int state_keys_add(struct state *db, const struct vmctl_key *const *keys,
		   size_t n, struct vmctl_error *err); /* all or none */
int state_key_get(struct state *db, const char *name, struct vmctl_key **ret,
		  struct vmctl_error *err);
int state_key_list(struct state *db, struct vmctl_key_list **ret,
		   struct vmctl_error *err);

/* *ret_needed: a live instance was made with this private file. VMCTL_STATE
 * when the name belongs to a key with another fingerprint. */
int state_key_delete(struct state *db, const char *name, const char *sha256,
		     bool *ret_needed, struct vmctl_error *err);

/* Whether any key row or live instance names this private file. */
int state_key_file_needed(struct state *db, const char *private_path, bool *ret,
			  struct vmctl_error *err);

/* --- instances (state/instance.c) -------------------------------------- */

/* An interface of an instance. */
enum state_nic_kind { STATE_NIC_USER, STATE_NIC_NETWORK, STATE_NIC_BRIDGE };
struct state_nic {
	enum state_nic_kind kind;
	char source[64]; /* network or bridge; "" for user */
	char mac[18];
	char address[16]; /* IPv4, or "" */
	bool reserved;	  /* the address is its own, not just seen */
};

/* A port of the host forwarded to an instance, beside that of ssh. */
struct state_port {
	char id[16];	  /* the instance's; not looked at when it is added */
	bool udp;	  /* else TCP */
	char address[16]; /* of the host, IPv4; "0.0.0.0" is all of its */
	int host_port, guest_port;
	bool drawn; /* host_port was chosen by us; not recorded */
};

/* A key as an instance holds it: its own copy (KEY-006). */
struct state_instance_key {
	char *name, *public_key, *private_path; /* private_path may be NULL */
};

/*
 * Adds the row in state pending together with its keys, its ssh port and the
 * intent of this process, in one transaction. The names of what is unique are
 * checked here: VMCTL_EXISTS for the name or a forwarded port; *ret_clash (may
 * be NULL) tells when it was the id, the MAC, the UUID or a port that was drawn
 * instead, which the caller draws anew.
 *
 * VMCTL_NOT_FOUND when no image has row->image_digest; or, with the clash KEY,
 * when a key with a private file has been deleted since it was read. `state`,
 * `reason`, the times other than created_at, `note` and `keys` of *row are not
 * looked at.
 */
enum state_clash {
	STATE_CLASH_NONE,
	STATE_CLASH_NAME,
	STATE_CLASH_DRAWN,
	STATE_CLASH_KEY,
};
int state_instance_add(struct state *db, const struct vmctl_instance *row,
		       const struct state_instance_key *keys, size_t key_count,
		       const struct state_nic *nics, size_t nic_count,
		       const struct state_port *ports, size_t port_count,
		       const char *command, enum state_clash *ret_clash,
		       struct vmctl_error *err);

/* By live name (case does not count, RFC 4343), else by id (also terminated).
 * `address`, `dir` and `stale`
 * are left for the caller; `state` is what was last recorded. */
int state_instance_get(struct state *db, const char *name,
		       struct vmctl_instance **ret, struct vmctl_error *err);

/* The terminated one that had the name last; VMCTL_NOT_FOUND. */
int state_instance_deleted(struct state *db, const char *name,
			   struct vmctl_instance **ret,
			   struct vmctl_error *err);

int state_instance_list(struct state *db, bool terminated,
			struct vmctl_instance_list **ret,
			struct vmctl_error *err);

/* row.c: many texts of a row that was read stand in its `own`. *at is a copy of
 * `text` from now on, and what it was is freed; false when memory is short. */
bool state_row_set(struct vmctl_instance *row, char **at, const char *text);
void state_row_free_text(const struct vmctl_instance *row, char *text);

/* The instance's own keys. Free with state_instance_keys_free. */
int state_instance_keys(struct state *db, const char *id,
			struct state_instance_key **ret, size_t *ret_n,
			struct vmctl_error *err);
void state_instance_keys_free(struct state_instance_key *keys, size_t n);

/* Records the state and the reason ("" clears it). Also sets launched_at on
 * the change to running from a state in which nothing ran, and terminated_at on
 * the change to terminated; the latter frees name, port and MAC. */
int state_instance_set(struct state *db, const char *id, enum vmctl_state state,
		       const char *reason, struct vmctl_error *err);

/* Labels: sets those of `set` ("key=value") and takes away the keys of
 * `remove`, all or none. Either may be NULL. */
int state_instance_label(struct state *db, const char *id,
			 const char *const *set, const char *const *remove,
			 struct vmctl_error *err);
int state_instance_note(struct state *db, const char *id, const char *note,
			struct vmctl_error *err);

/* What ssh has to know of a live instance. */
struct state_host {
	char *id, *name, *user;
	struct state_instance_key *keys;
	size_t key_count;
};
/* All of them, by name. Free with state_hosts_free. */
int state_hosts(struct state *db, struct state_host **ret, size_t *ret_n,
		struct vmctl_error *err);
void state_hosts_free(struct state_host *hosts, size_t n);
/* From now on `changed` is called after each commit by this handle that may
 * have changed what state_hosts() gives: instances that came, went, were
 * renamed, or have another user or other keys; and when an intent ends, so that
 * what a killed process did not come to is made up for. No transaction is open
 * then, and it may read and write the database. Before each transaction it is
 * asked whether that is `wanted`, until it is: who only reads pays nothing. */
void state_watch(struct state *db, bool (*wanted)(void *data),
		 void (*changed)(void *data), void *data);
/* The interfaces, in order. The caller frees *ret. */
int state_nics(struct state *db, const char *id, struct state_nic **ret,
	       size_t *ret_n, struct vmctl_error *err);

/* What an interface is connected to, as struct vmctl_instance says it. NULL
 * only when memory is short. */
char *state_nic_label(const struct state_nic *nic);

/* Frees the addresses of an instance whose creation failed (INST-007). */
int state_nics_drop_addresses(struct state *db, const char *id,
			      struct vmctl_error *err);

/* Records the address seen on an interface whose address is not reserved. */
int state_nic_seen(struct state *db, const char *id, const char *mac,
		   const char *address, struct vmctl_error *err);

/* Whether a live instance has that address of that connection's network, or has
 * this MAC; *ret_name (may be NULL) gets its name, which the caller frees. */
int state_address_taken(struct state *db, const char *connection,
			const char *network, const char *address, bool *ret,
			struct vmctl_error *err);
int state_mac_owner(struct state *db, const char *mac, char **ret_name,
		    struct vmctl_error *err);

/* How many live instances have an interface in that connection's network;
 * *ret_name (may be NULL) gets the name of one, NULL for none. */
int state_network_users(struct state *db, const char *connection,
			const char *network, int64_t *ret, char **ret_name,
			struct vmctl_error *err);

/* Networks that vmctl made (state/network.c): the one of that name and UUID.
 * *ret is 0 for others. */
int state_network_add(struct state *db, const char *connection,
		      const char *name, const char *uuid,
		      struct vmctl_error *err);
int state_network_made(struct state *db, const char *connection,
		       const char *name, const char *uuid, int64_t *ret,
		       struct vmctl_error *err);
int state_network_forget(struct state *db, const char *connection,
			 const char *name, const char *uuid,
			 struct vmctl_error *err);

/* The port that ssh is forwarded from. VMCTL_EXISTS: another instance's, or
 * one that is forwarded otherwise. */
int state_instance_set_port(struct state *db, const char *id, int64_t port,
			    struct vmctl_error *err);

/* Pins the host key of an instance that has none. *ret_pinned is false, and
 * nothing changes, when it has one already. */
int state_instance_pin(struct state *db, const char *id, const char *host_key,
		       const char *sha256, bool *ret_pinned,
		       struct vmctl_error *err);
/* Forgets it. */
int state_instance_unpin(struct state *db, const char *id,
			 struct vmctl_error *err);

/* --- forwarded ports (state/port.c) ------------------------------------- */

/* "127.0.0.1:8080->80/tcp" */
#define PORT_TEXT 48
const char *state_port_text(const struct state_port *port, char buf[PORT_TEXT]);

/* Whether the host can give only one of the two: "0.0.0.0" takes the port at
 * every address. */
bool state_ports_overlap(const struct state_port *a,
			 const struct state_port *b);

/* Those of an instance, by host port. The caller frees *ret. */
int state_ports(struct state *db, const char *id, struct state_port **ret,
		size_t *ret_n, struct vmctl_error *err);

/* The name of the live instance, on whatever connection, that has this port of
 * the host or one that overlaps; NULL: none has. The caller frees it. *ret_ssh
 * (may be NULL): it is the port of its ssh. */
int state_port_owner(struct state *db, const struct state_port *port,
		     char **ret_name, bool *ret_ssh, struct vmctl_error *err);

/* The same as a refusal, VMCTL_EXISTS. */
int state_port_refuse_owned(struct state *db, const struct state_port *port,
			    struct vmctl_error *err);

/* Adds all of them or none. VMCTL_EXISTS, naming whose it is; *ret_drawn (may
 * be NULL) tells when that is one that was drawn. */
int state_ports_add(struct state *db, const char *id,
		    const struct state_port *ports, size_t n, bool *ret_drawn,
		    struct vmctl_error *err);

/* Takes the wish back, of all of them or of none: they are not listed any more,
 * but nobody else can have the port until the hypervisor has let it go too and
 * the row is removed. What is not there is passed over. */
int state_ports_let_go(struct state *db, const char *id,
		       const struct state_port *ports, size_t n,
		       struct vmctl_error *err);
int state_ports_going(struct state *db, const char *id, struct state_port **ret,
		      size_t *ret_n, struct vmctl_error *err);
int state_port_gone(struct state *db, const char *id,
		    const struct state_port *port, struct vmctl_error *err);

/* Whether it is still wanted. */
int state_port_known(struct state *db, const char *id,
		     const struct state_port *port, bool *ret,
		     struct vmctl_error *err);

/* Frees all of the instance's, whatever the hypervisor has. */
int state_ports_drop(struct state *db, const char *id, struct vmctl_error *err);

/* Forgets the instances that were terminated before that time; their ids stay
 * unlikely to come again, as they are drawn at random. */
int state_instance_forget(struct state *db, int64_t before,
			  struct vmctl_error *err);

/* --- intents (state/intent.c) ------------------------------------------ */

/*
 * Work in progress that a crash would leave half done. The row names its
 * process by pid, start time and boot id, so that a reused pid is not taken
 * for it. Everything that a creation makes is named after the instance's id,
 * so that undoing needs no more than the id.
 */
struct state_intent {
	char id[16];   /* of the instance */
	char verb[16]; /* "create", "delete", "stop" */
	char step[32]; /* last step begun */
	pid_t pid;
	uint64_t start_time;
	char boot_id[40];
	char command[256];
};

int state_intent_begin(struct state *db, const char *id, const char *verb,
		       const char *command, struct vmctl_error *err);
int state_intent_step(struct state *db, const char *id, const char *step,
		      struct vmctl_error *err);
int state_intent_end(struct state *db, const char *id, struct vmctl_error *err);

/* The intents whose process is gone. The caller frees *ret. */
int state_intent_dead(struct state *db, struct state_intent **ret,
		      size_t *ret_n, struct vmctl_error *err);

/* --- soundness (state/check.c) ------------------------------------------- */

/* Has SQLite look through the whole file. *ret is its first finding, NULL when
 * there is none; the caller frees it. */
int state_check(struct state *db, char **ret, struct vmctl_error *err);

/* Whether any image or live instance is recorded. */
int state_stores_files(struct state *db, bool *ret, struct vmctl_error *err);

/* --- locks (state/lock.c) ----------------------------------------------- */

/*
 * Locks on a file in `dir`, named `name`, released by the kernel when the
 * process ends (flock(2)). The file holds the holder's pid and command for
 * the message of who waits; its presence means nothing.
 *
 * Waits up to timeout_ms and then fails with VMCTL_BUSY, naming the holder.
 */
int lock_take(const char *dir, const char *name, const char *command,
	      long timeout_ms, const struct events *ev, int *ret_fd,
	      struct vmctl_error *err);

/* Not waiting: *ret_fd is -1 when another process holds it. */
int lock_try(const char *dir, const char *name, const char *command,
	     int *ret_fd, struct vmctl_error *err);

/* Who holds it, or did last: for messages. false: nobody that is known. */
#define LOCK_COMMAND_MAX 300
bool lock_holder(const char *dir, const char *name, long *ret_pid,
		 char ret_command[LOCK_COMMAND_MAX]);

/* How many files of locks are in the folder that nobody holds, as killed
 * processes leave them. They mean nothing; with `remove` they go. */
int lock_sweep(const char *dir, bool remove, size_t *ret,
	       struct vmctl_error *err);

/* Gives it back, removing the file. -1 is allowed. */
void lock_release(const char *dir, const char *name, int fd);

#endif
