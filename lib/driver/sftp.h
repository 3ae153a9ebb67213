/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_SFTP_H
#define DRIVER_SFTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

/*
 * Files of a guest by SFTP version 3 (draft-ietf-secsh-filexfer-02, and the
 * PROTOCOL file of OpenSSH for extensions).
 *
 * Requests are sent without waiting: a call gives a ticket, and the reply is
 * waited for by ticket, in any order. So the caller decides how much is under
 * way at once, for one large file as for many small ones. Everything the
 * server says is checked for form; what it means, such as a name with a slash
 * in it, is for the caller to judge.
 */

struct sftp; /* one session */
struct ssh_conn;

#define SFTP_HANDLE_MAX 256
struct sftp_handle {
	uint32_t len;
	unsigned char bytes[SFTP_HANDLE_MAX];
};

enum sftp_attr_flags { /* which members are there; values of the wire */
	SFTP_SIZE = 1,
	SFTP_OWNER = 2,
	SFTP_MODE = 4,
	SFTP_TIMES = 8,
};

struct sftp_attr {
	uint32_t flags;
	uint64_t size;
	uint32_t uid, gid;
	uint32_t mode; /* st_mode with the type, as on every Unix */
	uint32_t atime, mtime;
};

enum sftp_open_flags {
	SFTP_READ = 1,
	SFTP_WRITE = 2,
	SFTP_CREATE = 8,
	SFTP_TRUNCATE = 0x10,
	SFTP_EXCLUSIVE = 0x20,
};

/* What the session offers beyond version 3. */
enum sftp_features {
	SFTP_HAS_POSIX_RENAME = 1,
	SFTP_HAS_STATVFS = 2,
	SFTP_HAS_EXPAND = 4,
	SFTP_HAS_LIMITS = 8,
};

struct sftp_info {
	unsigned features;
	uint32_t max_read, max_write; /* bytes in one request */
};

/* Members used: path, path2, handle, offset, len, data, flags, attr. */
enum sftp_op {
	SFTP_OP_OPEN,	      /* path flags attr -> handle */
	SFTP_OP_CLOSE,	      /* handle */
	SFTP_OP_READ,	      /* handle offset len -> data */
	SFTP_OP_WRITE,	      /* handle offset data len */
	SFTP_OP_STAT,	      /* path -> attr */
	SFTP_OP_LSTAT,	      /* path -> attr */
	SFTP_OP_FSTAT,	      /* handle -> attr */
	SFTP_OP_SETSTAT,      /* path attr */
	SFTP_OP_FSETSTAT,     /* handle attr */
	SFTP_OP_OPENDIR,      /* path -> handle */
	SFTP_OP_READDIR,      /* handle -> names */
	SFTP_OP_REMOVE,	      /* path */
	SFTP_OP_MKDIR,	      /* path attr */
	SFTP_OP_RMDIR,	      /* path */
	SFTP_OP_REALPATH,     /* path -> names */
	SFTP_OP_RENAME,	      /* path path2; path2 may not exist */
	SFTP_OP_READLINK,     /* path -> names */
	SFTP_OP_SYMLINK,      /* path: what it points at, path2: the link */
	SFTP_OP_POSIX_RENAME, /* path path2; replaces (extension) */
	SFTP_OP_STATVFS,      /* path -> space (extension) */
	SFTP_OP_EXPAND,	      /* path -> names (extension) */
	SFTP_OP_LIMITS,	      /* -> limits (extension) */
	SFTP_OP_COUNT
};

struct sftp_call {
	enum sftp_op op;
	const char *path, *path2;
	const struct sftp_handle *handle;
	uint64_t offset;
	const void *data;
	uint32_t len, flags;
	struct sftp_attr attr;
};

enum sftp_status { /* of the wire; others are possible */
	SFTP_OK = 0,
	SFTP_EOF = 1,
	SFTP_NO_SUCH_FILE = 2,
	SFTP_PERMISSION_DENIED = 3,
	SFTP_FAILURE = 4,
	SFTP_BAD_MESSAGE = 5,
	SFTP_UNSUPPORTED = 8,
};

struct sftp_name {
	const char *text; /* NUL-terminated; */
	size_t len;	  /* longer than strlen() when it holds a NUL */
	struct sftp_attr attr;
};

/* What came back; free with done(). `status` is SFTP_OK when the
 * wanted answer came. */
struct sftp_reply {
	uint32_t status;
	const char *message; /* the server's own words, "" for none */
	struct sftp_handle handle;
	const unsigned char *data; /* never more than was asked for */
	uint32_t len;
	struct sftp_attr attr;
	struct sftp_name *names;
	size_t name_count;
	uint64_t free_bytes; /* for the caller of SFTP_OP_STATVFS */
	uint64_t max_read, max_write;
	void *packet; /* owns the above */
};

#define SFTP_REPLY_INIT ((struct sftp_reply){ 0 })

struct sftp_ops {
	/*
	 * A session of the subsystem sftp. It keeps using `conn`, which is to
	 * be closed after it. VMCTL_UNSUPPORTED when the server has no sftp.
	 */
	int (*open)(struct ssh_conn *conn, const struct events *ev,
		    struct sftp **ret, struct vmctl_error *err);
	void (*close)(struct sftp *s); /* NULL is allowed */

	/* Borrowed from the session. */
	const struct sftp_info *(*info)(const struct sftp *s);

	/* While one of the two waits, the other goes on sending. NULL ends
	 * that. */
	void (*pair)(struct sftp *s, struct sftp *other);

	/*
	 * Sends a request. Waits only when far too much is still to be sent.
	 * VMCTL_TRANSPORT when the connection broke or stays silent (as for
	 * exec), VMCTL_BAD_DATA when the server does not keep to the protocol:
	 * the session is of no more use then. VMCTL_CANCELLED. A path of more
	 * than 64 KiB is VMCTL_INVALID.
	 */
	int (*call)(struct sftp *s, const struct sftp_call *call,
		    const struct events *ev, uint32_t *ret_ticket,
		    struct vmctl_error *err);

	/* Waits for a reply; a refusal by the server is no failure here but a
	 * status in it. Fails as call() does, and with VMCTL_TIMEOUT when
	 * `deadline` (of clock_mono_ms(); negative: none) has passed; the
	 * ticket is void then, too. */
	int (*wait)(struct sftp *s, uint32_t ticket, int64_t deadline,
		    const struct events *ev, struct sftp_reply *ret,
		    struct vmctl_error *err);

	/* Whoever loses interest in a reply says so. */
	void (*drop)(struct sftp *s, uint32_t ticket);
	void (*done)(struct sftp_reply *reply);

	/* Sends, receives and keeps alive without waiting, for a caller that
	 * waits for something else. */
	int (*tend)(struct sftp *s, struct vmctl_error *err);
};

#endif
