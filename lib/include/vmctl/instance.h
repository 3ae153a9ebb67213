/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_INSTANCE_H
#define VMCTL_INSTANCE_H

#include <stdint.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Instances: named, long-lived virtual machines made from a base image.
 *
 * Wherever a call takes `name`, an instance id ("i-" and 8 hex digits) is
 * accepted too. A name is a hostname label: 1 to 63 letters, digits and
 * hyphens, not beginning or ending with a hyphen (RFC 1123, section 2.1).
 */

enum vmctl_state {
	VMCTL_STATE_PENDING, /* being created */
	VMCTL_STATE_RUNNING,
	VMCTL_STATE_STOPPING, /* the guest was asked to shut down */
	VMCTL_STATE_STOPPED,
	VMCTL_STATE_PAUSED,
	VMCTL_STATE_SUSPENDED,
	VMCTL_STATE_ERROR,	/* creation failed, or its domain is gone */
	VMCTL_STATE_TERMINATED, /* deleted; only the record is left */
	VMCTL_STATE_UNKNOWN,	/* the hypervisor cannot be asked */
	VMCTL_STATE_COUNT
};

/* "running"; never NULL. */
VMCTL_API const char *vmctl_state_name(enum vmctl_state state);

struct vmctl_instance {
	char *id;
	char *name;
	enum vmctl_state state;
	char *reason; /* why it is in error or unknown, or empty */
	char *type;   /* "t2.micro", or "custom" */
	int64_t vcpus;
	int64_t memory; /* bytes */
	int64_t disk;	/* bytes, as the guest sees it */
	char *image;	/* the image's name when it was created */
	char *image_digest;
	char *user;	      /* account to enter by ssh */
	char **keys;	      /* key names, NULL-terminated */
	char **networks;      /* of its interfaces in order, NULL-terminated:
			       * "user", a network's name, "bridge=NAME" */
	char *address;	      /* where the host reaches it, or empty */
	char *address_source; /* how that is known: "forward" (a port of this
			       * host), "reservation", "lease", "agent",
			       * "arp", "last seen"; empty without address */
	int64_t ssh_port;     /* TCP port for ssh at that address; 0: none */
	char **ports;	      /* of the host, forwarded to it (port.h), as
			       * "127.0.0.1:8080->80/tcp", NULL-terminated */
	char *mac;
	char *accel;	  /* "kvm" or "tcg" */
	char *connection; /* hypervisor URI */
	char *uuid;	  /* domain UUID */
	char *host_key;	  /* the pinned public host key, "type base64"; empty
			   * until the first contact with a guest that makes
			   * its own */
	char *host_key_sha256;
	char *dir;     /* its folder: disk, seed, console log */
	char **labels; /* "key=value" by key, NULL-terminated; see label.h */
	char *note;    /* the user's own words, or empty */
	int64_t created_at, launched_at, terminated_at; /* epoch; 0: never */
	bool stale; /* state is what was last seen, not asked now */
	struct {
		char *p;
		size_t n;
	} own; /* the library's: what many of the texts stand in */
};

struct vmctl_instance_list {
	size_t count;
	struct vmctl_instance **items;
};

VMCTL_API void vmctl_instance_free(struct vmctl_instance *instance);
VMCTL_API void vmctl_instance_list_free(struct vmctl_instance_list *list);

struct vmctl_instance_create {
	size_t size;
	const char *name; /* NULL: made up from the image's name */
	/* What is NULL here comes from the settings (config.h) first. */
	const char *image;	     /* NULL: the only image there is */
	const char *type;	     /* NULL: "t2.micro" */
	int64_t vcpus, memory, disk; /* 0: from the type; else they override */
	const char *const *keys; /* NULL-terminated; NULL: all that are known,
				  * or a new pair named "default" */
	const char *user_data;	 /* cloud-config, "#!" script, or NULL */
	size_t user_data_len;	 /* at most 16 MiB, UTF-8 or that in gzip */
	const char *accel;	 /* "auto", "kvm", "tcg"; NULL: auto */
	const char *const *networks; /* of its interfaces, NULL-terminated:
				      * "user", "nat", a network's name,
				      * "bridge=NAME"; NULL: one, "user" on a
				      * session connection, else "nat" */
	const char *ip; /* address for the first interface, or NULL */
	bool force;	/* whatever memory and disk are left to the
			 * host (LIM-001, LIM-002) */
	const char *const *labels; /* "key=value", NULL-terminated; or NULL */
	const char *const *ports;  /* to forward, as in port.h,
				    * NULL-terminated; NULL: none */
};

/* What a creation would do, for --dry-run: text documents in order. */
struct vmctl_plan {
	size_t count;
	struct {
		char *title; /* "domain.xml", "user-data", "steps" … */
		char *text;
	} * parts;
};

VMCTL_API void vmctl_plan_free(struct vmctl_plan *plan);

/*
 * Creates an instance and starts it: record, overlay, seed, domain, start,
 * forwarded port. On failure what was made is undone and the record is left
 * in state error with the reason (INST-007), unless the request was refused
 * before anything was made, in which case no record is left.
 *
 * VMCTL_INVALID for a bad name, size or user data; VMCTL_EXISTS for a name
 * that is taken; VMCTL_NOT_FOUND for an unknown image, type or key;
 * VMCTL_BAD_DATA for a damaged image; VMCTL_LIMIT; VMCTL_HYPERVISOR.
 */
VMCTL_API int vmctl_instance_create(struct vmctl *ctx,
				    const struct vmctl_instance_create *spec,
				    struct vmctl_instance **ret,
				    struct vmctl_error *err);

/* Checks the same and says what would be done; makes nothing. */
VMCTL_API int vmctl_instance_plan(struct vmctl *ctx,
				  const struct vmctl_instance_create *spec,
				  struct vmctl_plan **ret,
				  struct vmctl_error *err);

/* VMCTL_OK when `name` has the form of a name, else VMCTL_INVALID. */
VMCTL_API int vmctl_instance_name_check(const char *name,
					struct vmctl_error *err);

enum vmctl_list_flags {
	VMCTL_LIST_CACHED = 1 << 0,	/* ask the database only */
	VMCTL_LIST_ALL_STATES = 1 << 1, /* with terminated instances */
	/* Without VMCTL_LIST_ALL_STATES: of each no more than id, name, state,
	 * type, memory, disk, image, address, ssh_port, created_at and stale;
	 * the others may be NULL or 0. For many instances this takes a fraction
	 * of the time. */
	VMCTL_LIST_BRIEF = 1 << 2,
};

/* All instances, by name. One bulk call to the hypervisor; when that fails
 * the rows are returned all the same, marked stale, with state unknown, and
 * the call succeeds; *unreachable (may be NULL) then tells why. */
VMCTL_API int vmctl_instance_list(struct vmctl *ctx, unsigned flags,
				  struct vmctl_instance_list **ret,
				  struct vmctl_error *unreachable,
				  struct vmctl_error *err);

/*
 * Waits until it is worth to list again: a hypervisor that the last list asked
 * reports a change, one of the `n` descriptors polls readable, a signal comes,
 * or timeout_ms is over. Where events can be had the first call returns at
 * once: they are only reported from then on. What hypervisors do not know of,
 * such as labels, and engines without events are why there is a timeout.
 * VMCTL_CANCELLED.
 */
VMCTL_API int vmctl_instance_list_wait(struct vmctl *ctx, const int *fds,
				       size_t n, long timeout_ms,
				       struct vmctl_error *err);

VMCTL_API int vmctl_instance_get(struct vmctl *ctx, const char *name,
				 unsigned flags, struct vmctl_instance **ret,
				 struct vmctl_error *err);

/* Starting what runs already succeeds and changes nothing. */
VMCTL_API int vmctl_instance_start(struct vmctl *ctx, const char *name,
				   struct vmctl_error *err);

/* Asks the guest to shut down and waits; after `timeout_ms` fails with
 * VMCTL_TIMEOUT, or with `force` cuts the power. timeout_ms 0 with force cuts
 * it at once. Stopping what is stopped succeeds. */
VMCTL_API int vmctl_instance_stop(struct vmctl *ctx, const char *name,
				  long timeout_ms, bool force,
				  struct vmctl_error *err);

/* Asks the guest to reboot; with `force`, resets it. Configuration, disk,
 * address and forwarded port stay (INST-011). */
VMCTL_API int vmctl_instance_reboot(struct vmctl *ctx, const char *name,
				    bool force, struct vmctl_error *err);

/* Stops it, removes domain, disk, seed and port, frees the name. The record
 * stays as terminated (INST-012). Works on what is half made, and on an
 * instance whose domain is gone. */
VMCTL_API int vmctl_instance_delete(struct vmctl *ctx, const char *name,
				    struct vmctl_error *err);

enum vmctl_wait {
	VMCTL_WAIT_RUNNING,
	VMCTL_WAIT_SSH,	       /* an authenticated session opens */
	VMCTL_WAIT_CLOUD_INIT, /* first-boot work done; failure fails */
	VMCTL_WAIT_STOPPED,    /* nothing of it runs: it was shut down, cut off
				* or crashed, is suspended, or deleted */
	VMCTL_WAIT_IP,	  /* an address is known: a forwarded port, a lease, or
			   * by the guest agent or ARP; that one is reserved
			   * for it does not count */
	VMCTL_WAIT_AGENT, /* the QEMU guest agent or vmctl's own answers */
	VMCTL_WAIT_COUNT
};

struct vmctl_wait_spec {
	size_t size;
	const char *const *names; /* NULL-terminated */
	unsigned conditions;	  /* 1u << enum vmctl_wait, all are wanted;
				   * VMCTL_WAIT_STOPPED only by itself */
	/* Milliseconds, for all together. 0: looks once, which takes a few
	 * seconds at most. Negative: no limit. */
	long timeout_ms;
	/* Called once for each name, as soon as it is known how it ended: with
	 * NULL when everything came true. May be NULL. */
	void (*done)(void *data, const char *name,
		     const struct vmctl_error *why);
	void *data;
};

/*
 * Waits for several instances at once. What was true already counts. A change
 * that the hypervisor reports is seen at once; an instance that another process
 * is still creating is waited for, and so is a hypervisor that is restarted.
 *
 * How one ends: VMCTL_TIMEOUT; VMCTL_STATE at once when it can never come true:
 * of one that failed or was deleted, and, unless VMCTL_WAIT_RUNNING is wanted
 * too, of one that does not run, or stops meanwhile (sys_errno is ESHUTDOWN
 * then), when something in the guest is waited for; VMCTL_FAILED of a
 * cloud-init that failed. Returns that for a single name; for several
 * VMCTL_PARTIAL, or the common code where all failed with the same one.
 */
VMCTL_API int vmctl_instance_wait_all(struct vmctl *ctx,
				      const struct vmctl_wait_spec *spec,
				      struct vmctl_error *err);

/* The same for one instance and one condition. */
VMCTL_API int vmctl_instance_wait(struct vmctl *ctx, const char *name,
				  enum vmctl_wait what, long timeout_ms,
				  struct vmctl_error *err);

struct vmctl_exec {
	size_t size;
	const char *const *argv; /* NULL-terminated; NULL: a login shell */
	bool tty;		 /* with a terminal (see below) */
	const char *user;	 /* NULL: the instance's */
	int in, out, err;	 /* descriptors; in may be -1 */
	long timeout_ms;	 /* 0: none */
	long connect_timeout_ms; /* how long to wait for ssh; 0: 30 s */
	const char *transport;	 /* "agent", "ssh"; NULL or "auto": the first
				  * that is there; a terminal goes by ssh */
	const char *const *env;	 /* "NAME=value", added to the guest's, NULL-
				  * terminated; or NULL */
	const char *cwd;	 /* folder to run in; NULL: the user's home */
	bool no_record;		 /* leave no execution (execution.h) */

	/* What is forwarded meanwhile; see below. */
	const char *const *local_forwards; /* "[ADDRESS:]PORT:HOST:HOSTPORT",
					    * NULL-terminated; or NULL */
	bool forward_agent; /* the guest may use the ssh agent of this host */
	bool no_command;    /* nothing but forwarding, until cancelled */

	/* How long a copy of this process (fork(2)) keeps an ssh connection for
	 * the next command, which needs none of its own then; 0: not at all.
	 * Not for terminals and forwards. */
	long hold_ms;
};

/* How a command in the guest ended. */
struct vmctl_exit {
	int status; /* 0 to 255: the guest's exit status, 128+N for death
		     * by signal, 124 when the time ran out */
	int signal; /* the signal's number, or 0 */
	bool timed_out;
	/* With timed_out: the command itself had ended by then, with
	 * own_status, and something that it left behind held its output. */
	bool held;
	int own_status;
	const char *transport; /* which was used: "ssh"; not to be freed */
	int64_t bytes_in, bytes_out, bytes_err; /* of its streams */
	int64_t duration_ms; /* of the command, without the way in */
};

/*
 * Runs a command in the guest by the first transport that is there; ssh is
 * used with the pinned host key and the keys of the instance, or the ssh agent.
 * Each argument arrives byte for byte. Streams
 * `in`, `out` and `err` as they come; nothing is cut. With `tty` the remote
 * side gets a terminal of the size of descriptor `in`'s, which is put in raw
 * mode for the time of the call, restored in every case, and followed when
 * its size changes.
 *
 * Output that cannot be written ends it; what is written to a descriptor that
 * is not open is lost, with a warning.
 *
 * Each of `local_forwards` is a port of this host, on the loopback addresses
 * unless another is given (or "*": all), from which connections go on to a host
 * and port as the guest knows them. All are listened on before anything else is
 * done. Those connections that are open when the command has ended are waited
 * for. That there is no agent to forward is a warning.
 *
 * A guest that says nothing is asked whether it is there as the setting
 * ssh.keepalive has it (TERM-011); when its machine has stopped, the message
 * says so.
 *
 * VMCTL_STATE when it does not run (TERM-007) or has no address (TERM-008),
 * VMCTL_TRANSPORT when the connection cannot be made or breaks, or when the
 * transport asked for is not there, or when output cannot be written.
 * VMCTL_INVALID for an unknown transport, for `env` that sets no variable, and
 * for a command that is too long; of a forward, VMCTL_INVALID, VMCTL_EXISTS
 * when the port is taken, VMCTL_DENIED. A `cwd` that cannot be entered is said
 * on `err`, and the status is 126.
 */
VMCTL_API int vmctl_instance_exec(struct vmctl *ctx, const char *name,
				  const struct vmctl_exec *what,
				  struct vmctl_exit *ret,
				  struct vmctl_error *err);

/*
 * The pinned host key, "type base64", which the caller frees. A guest that
 * makes its own is contacted first when its key is not known yet, for at most
 * timeout_ms: keys are exchanged, a key of the instance opens it, and its host
 * key is pinned (VMCTL_LOG_NOTE tells the fingerprint). With a negative
 * timeout_ms it is not, and *ret is "".
 *
 * `seen_sha256`, "SHA256:…", is the fingerprint of a key that somebody met, or
 * NULL: VMCTL_BAD_DATA, telling both, when it is not the pinned one's.
 * Otherwise fails as vmctl_instance_exec() does.
 */
VMCTL_API int vmctl_instance_host_key(struct vmctl *ctx, const char *name,
				      const char *seen_sha256, long timeout_ms,
				      char **ret, struct vmctl_error *err);

/* Forgets the pinned host key: the next contact pins the key met then. For a
 * guest that was given a new one. */
VMCTL_API int vmctl_instance_forget_host_key(struct vmctl *ctx,
					     const char *name,
					     struct vmctl_error *err);

/*
 * A connection to the guest's ssh server, for a program that speaks ssh: a TCP
 * socket on which the server has begun to speak, with nothing read from it. The
 * address is looked up, and a lost forward set again; waits up to timeout_ms
 * for a guest that boots. The descriptor is the caller's.
 *
 * VMCTL_STATE when it does not run; VMCTL_TRANSPORT, with a diagnosis, when
 * nothing answers.
 */
VMCTL_API int vmctl_instance_dial(struct vmctl *ctx, const char *name,
				  long timeout_ms, int *ret_fd,
				  struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
