/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COPY_COPY_H
#define COPY_COPY_H

#include <stdint.h>
#include <sys/stat.h>

#include <vmctl/copy.h>

#include "base/str.h"
#include "context.h"
#include "driver/ssh.h"

/*
 * The inside of the subsystem. An end is this host or a guest; both offer the
 * same operations, so that the rules, the walk through a tree and the care for
 * temporary files are written once. What a guest says is never trusted: names
 * come through listings that refuse what is no name, and this host's side is
 * only reached from descriptors of folders, never through a link on the way.
 */

enum kind { KIND_FILE, KIND_DIR, KIND_LINK, KIND_OTHER };

struct meta {
	enum kind kind;
	mode_t mode; /* 07777 at most */
	int64_t size;
	uint64_t id;	   /* of this host's file: the inode; else 0 */
	int64_t allocated; /* bytes on the disk; -1: not known */
	struct timespec atime, mtime;
	bool has_times, has_owner;
	uid_t uid;
	gid_t gid;
};

struct end_ops;

struct end {
	const struct end_ops *ops;
	const struct events *ev;
	char *prefix; /* of paths in messages: "" or "web1:" */
	/* Of a guest: */
	char *name, *id, *user;
	const struct ssh_ops *ssh;
	struct ssh_conn *conn;
	struct sftp *sftp;
	const struct sftp_info *info;
	int64_t hurry; /* not 0: nothing may take longer any more */
	struct end *next;
};

/* A folder that is read or written in. */
struct folder {
	struct end *end;
	char *path; /* "" stands for where relative paths begin */
	int fd;	    /* of this host's; AT_FDCWD for "" */
	bool fresh; /* made by this copy: nothing else is in it */
};

/* What to give a file when it is complete. */
struct final {
	int64_t size; /* -1: what was written is all */
	bool has_mode, has_times, has_owner;
	mode_t mode;
	struct timespec atime, mtime;
	uid_t uid;
	gid_t gid; /* a wish only: not being allowed to is no failure */
};

/* Requests of one file under way at once, and how many bytes they are for. */
/* A file that has no size, as in /proc, and has more than this, has no end. */
#define ENDLESS_MAX ((int64_t)1 << 30)

#define FLIGHTS 128
#define FLIGHT_BYTES (2 * 1024 * 1024)
struct flight {
	uint32_t ticket, len;
	int64_t off;
};

#define CHUNK_BYTES (256 * 1024)
struct chunk {
	const unsigned char *p; /* borrowed until the next read */
	size_t n;		/* 0: the end */
	int64_t off;
};

/* An open file. */
struct file {
	struct end *end;
	char *label; /* "web1:/etc/motd" */
	int64_t pos; /* of the next read */
	int64_t stop; /* where reading ends; -1: where the file ends */
	/* Here: */
	int fd;
	bool stream;	    /* neither seeks nor has a size */
	bool holes;	    /* has some, so look for them */
	int64_t data_end;   /* of the extent that pos is in */
	struct end *other;  /* to tend to while a stream has nothing */
	unsigned char *buf; /* CHUNK_BYTES */
	/* There: */
	struct sftp_handle handle;
	bool open, broken_off;
	struct flight ring[FLIGHTS];
	size_t first, count;
	size_t bytes; /* under way */
	int64_t asked;
	uint32_t step; /* bytes to ask for at once */
	struct flight rest; /* what a short answer left out */
	struct sftp_reply reply;
};

struct entry {
	char *name;
	struct meta meta;
	bool has_meta;
	const char *refused; /* why it is no name that can be used */
};

/* A small file on its way with many others; see small.c. */
#define SMALL_BYTES (64 * 1024)
struct small {
	char *name;
	struct meta meta; /* of the source */
	unsigned char *data;
	size_t len, got;
	bool vanished; /* other than announced: to be copied on its own */
	int r;	       /* what became of it */
	struct vmctl_error err;
	char *temp;
	bool has_old, made;
	struct meta old; /* the regular file in its place */
	struct final final;
	/* The requests under way. */
	bool waits, open;
	uint32_t ticket, more[4];
	size_t more_count;
	struct sftp_handle handle;
};

struct listing;

/*
 * `name` is relative to `at`, or for a folder without a path whatever the user
 * typed. Failures name the path as the user would. VMCTL_NOT_FOUND,
 * VMCTL_EXISTS and VMCTL_DENIED are told apart.
 */
struct end_ops {
	int (*look)(struct folder *at, const char *name, bool follow,
		    struct meta *ret, struct vmctl_error *err);
	/* The real, absolute path. */
	int (*real)(struct folder *at, const char *name, char **ret,
		    struct vmctl_error *err);
	int (*enter)(struct folder *at, const char *name, bool follow,
		     struct folder **ret, struct vmctl_error *err);
	int (*make)(struct folder *at, const char *name, mode_t mode,
		    struct vmctl_error *err);
	int (*set)(struct folder *dir, const struct final *final,
		   struct vmctl_error *err);

	int (*list)(struct folder *dir, struct listing **ret,
		    struct vmctl_error *err);
	/* 1, 0 at the end, or a failure. The caller frees the name. */
	int (*next)(struct listing *l, struct entry *ret,
		    struct vmctl_error *err);
	void (*end_list)(struct listing *l);

	int (*read_link)(struct folder *at, const char *name, char **ret,
			 struct vmctl_error *err);
	int (*make_link)(struct folder *at, const char *name, const char *to,
			 struct vmctl_error *err);
	int (*publish)(struct folder *at, const char *from, const char *to,
		       struct vmctl_error *err);
	int (*remove)(struct folder *at, const char *name,
		      struct vmctl_error *err);

	/* For reading. Never waits for a FIFO; kinds other than FILE are not
	 * opened, *ret_meta says so. */
	int (*open)(struct folder *at, const char *name, bool follow,
		    struct file **ret, struct meta *ret_meta,
		    struct vmctl_error *err);
	/* For reading and writing: a new one, or with `again` one that is
	 * there (cut to `size`), or with `as_is` one that stays what it is, as
	 * a device. */
	int (*create)(struct folder *at, const char *name, mode_t mode,
		      struct file **ret, struct vmctl_error *err);
	int (*reopen)(struct folder *at, const char *name, int64_t size,
		      struct file **ret, struct vmctl_error *err);
	int (*open_as_is)(struct folder *at, const char *name,
			  struct file **ret, struct vmctl_error *err);
	/* For writing anew in place: a regular file, which is emptied. */
	int (*rewrite)(struct folder *at, const char *name, struct file **ret,
		       struct vmctl_error *err);
	int (*read)(struct file *f, struct chunk *ret, struct vmctl_error *err);
	int (*write)(struct file *f, int64_t off, const void *p, size_t n,
		     struct vmctl_error *err);
	/* All is written and accepted when this succeeds. */
	int (*finish)(struct file *f, const struct final *final,
		      struct vmctl_error *err);
	void (*close)(struct file *f); /* NULL is allowed */

	/* Bytes that can still be written there; -1: not known. */
	int64_t (*space)(struct folder *at);

	/* Contents of small files; and such into files. What becomes of each
	 * is in it; a failure is one of all. */
	int (*fetch)(struct folder *from, struct small *v, size_t n,
		     struct vmctl_error *err);
	int (*store)(struct folder *to, struct small *v, size_t n,
		     struct vmctl_error *err);

	/* Keeps a connection alive while it is not used. */
	int (*tend)(struct end *end, struct vmctl_error *err);
};

extern const struct end_ops local_ops, remote_ops;

/* One call of vmctl_copy(). */
struct job {
	struct vmctl *ctx;
	const struct events *ev;
	const struct vmctl_copy *what;
	struct end *ends; /* the guests' */
	struct end here;
	struct end *from, *to; /* of the source under way */
	struct vmctl_copied sum;
	uint64_t seen, total; /* bytes, for the progress; total 0: unknown */
	char *phase;
	enum vmctl_code code; /* of all failures, else VMCTL_FAILED */
	struct vmctl_error last;
	bool many; /* each failure is told on its own */
	bool stop; /* what failed would fail for the rest, too */
};

/* --- end.c --------------------------------------------------------------- */

/* From here on only to tidy up: for some seconds, whoever asked to stop. */
void end_hurry(struct end *end);

void folder_free(struct folder *f);
DEFINE_CLEANUP(folder, struct folder *, folder_free);
#define auto_folder auto_cleanup(folder_cleanup) struct folder
static inline void file_close(struct file *f)
{
	if (f)
		f->end->ops->close(f);
}
DEFINE_CLEANUP(copyfile, struct file *, file_close);
#define auto_copyfile auto_cleanup(copyfile_cleanup) struct file

/* Where typed paths begin. NULL when memory is short. */
struct folder *folder_root(struct end *end);
/* "path/name", or the name alone below a root. */
char *folder_path(const struct folder *at, const char *name);
/* With the end's prefix and fit for a message; never NULL. Takes the buffer's
 * place only for the time of the message. */
#define LABEL_MAX 512
const char *folder_label(const struct folder *at, const char *name,
			 char out[LABEL_MAX]);
struct file *file_new(struct folder *at, const char *name);
/* Owner, mode and times of `meta`, as far as they are to be kept. */
struct final final_of(const struct job *job, const struct end *from,
		      const struct end *to, const struct meta *meta);

/* Unless told otherwise, what is replaced hands on its mode and its owner;
 * never bits that give rights. */
void final_keep(struct final *final, const struct meta *old);

/* --- spot.c ------------------------------------------------------------- */

/* What a word of the command line stands for. */
struct spot {
	enum { SPOT_HERE, SPOT_GUEST, SPOT_STREAM } where;
	const char *word; /* borrowed */
	char *instance, *user;
	char *path; /* without slashes at the end; never empty */
	/* The last component of what was typed: what a copy of it is called.
	 * Whatever a guest says about its paths never changes that. */
	char *name;
	bool slash;    /* there were some */
	bool contents; /* ends in "." or "..", or is a root or login directory:
			* nothing to name a copy after */
};
int spot_parse(const char *word, struct spot *ret, struct vmctl_error *err);
/* It is really there. */
int spot_move(struct spot *p, const char *path, struct vmctl_error *err);
void spot_done(struct spot *p);
/* The last component of the path; and what is before it, "" for nothing.
 * Allocated. */
const char *spot_base(const struct spot *p);
char *spot_parent(const struct spot *p);

/* --- guest.c ------------------------------------------------------------- */

/* The end for a place, connected at first use. */
int job_end(struct job *job, const struct spot *p, struct end **ret,
	    struct vmctl_error *err);
void ends_free(struct end *list);
/* "~", "~/…" and "~USER/…" at the beginning of a guest's path. */
int guest_expand(struct end *end, struct spot *p, struct vmctl_error *err);

/* --- target.c ------------------------------------------------------------ */

/* Where everything goes. */
struct target {
	struct spot spot;
	struct end *end;
	struct folder *root; /* where the typed path begins */
	struct folder *into; /* the folder that is there; NULL: none */
	bool exists;
	struct meta meta;
};
void target_done(struct target *t);
int target_find(struct job *job, size_t sources, struct target *ret,
		struct vmctl_error *err);
/* The folder that the typed target is in. */
int target_parent(struct target *t, struct folder **ret,
		  struct vmctl_error *err);
/* Says how to make the folder that is missing. */
void hint_parent(const struct target *t, const char *parent,
		 struct vmctl_error *err);
/* VMCTL_INVALID when `to`/`as` is the source, or in it if that is a folder. */
int refuse_itself(struct folder *from, const char *path, bool folder,
		  struct folder *to, const char *as, struct vmctl_error *err);

/* --- job.c --------------------------------------------------------------- */

/* One thing was not copied: tells the caller. Returns `r` when the rest is in
 * vain, else 0. */
int job_failed(struct job *job, int r, const struct vmctl_error *why);
void job_advance(struct job *job, int64_t bytes);
/* A failed write: was it the lack of space, and how much is missing? */
void job_explain(struct job *job, struct folder *at, int64_t needed,
		 struct vmctl_error *err);

/* --- measure.c ----------------------------------------------------------- */

/* The bytes in a folder; 0: that is not known. */
uint64_t measure_tree(struct folder *dir);

/* --- file.c, transfer.c, resume.c ---------------------------------------- */

int copy_file(struct job *job, struct folder *from, const char *name,
	      bool follow, struct folder *to, const char *as,
	      struct vmctl_error *err);
/* From an open stream, or into one. */
int copy_stream_in(struct job *job, struct file *from, struct folder *to,
		   const char *as, struct vmctl_error *err);
int copy_stream_out(struct job *job, struct folder *from, const char *name,
		    struct file *to, struct vmctl_error *err);
int transfer(struct job *job, struct file *from, struct file *to,
	     int64_t *ret_end, struct vmctl_error *err);
struct file *local_stream(struct end *here, int fd, const char *label);

/* ".NAME.vmctl-KEY-N.part": NULL when memory is short. */
#define TEMP_TRIES 8
char *temp_name(const char *name, uint64_t key, unsigned n);
uint64_t temp_key(const struct folder *from, const char *name,
		  const struct meta *meta);
/* What is left of an earlier copy of the same: *ret_temp NULL when nothing
 * is. It is reopened; *ret_at is how much of it is right. */
int resume_find(struct job *job, struct file *from, struct folder *to,
		const char *as, uint64_t key, char **ret_temp,
		struct file **ret, int64_t *ret_at, struct vmctl_error *err);
/* Removes what earlier copies of the same left, once the copy is complete: what
 * was too little to go on with, too. */
void resume_sweep(struct folder *to, const char *as, uint64_t key);

/* --- small.c, tree.c ----------------------------------------------------- */

#define BATCH 64
struct batch {
	struct folder *from, *to;
	struct small v[BATCH];
	size_t n, bytes;
};
/* Whether it is one to go with others. */
bool small_fits(const struct job *job, const struct meta *meta);
int batch_add(struct job *job, struct batch *b, char *take_name,
	      const struct meta *meta, struct vmctl_error *err);
int batch_flush(struct job *job, struct batch *b, struct vmctl_error *err);
void batch_done(struct batch *b);

int copy_tree(struct job *job, struct folder *from, struct folder *to,
	      const struct meta *meta, unsigned depth, struct vmctl_error *err);
/* Makes the folder in `to`, or enters the one that is there. */
int make_folder(struct folder *to, const char *name, mode_t mode,
		struct folder **ret, struct vmctl_error *err);

#endif
