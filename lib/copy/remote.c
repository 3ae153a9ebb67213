/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/remote.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

/* A guest, by sftp: all but the contents of files. */

int remote_call(struct end *end, const struct sftp_call *call,
		uint32_t *ret_ticket, struct vmctl_error *err)
{
	return end->ssh->sftp->call(end->sftp, call, end->ev, ret_ticket, err);
}

int remote_wait(struct end *end, uint32_t ticket, struct sftp_reply *ret,
		struct vmctl_error *err)
{
	int r = end->ssh->sftp->wait(end->sftp, ticket,
				     end->hurry ? end->hurry : -1, end->ev, ret,
				     err);

	if (r < 0)
		fail_prefix(err, "%s", end->name);
	return r;
}

int remote_ask(struct end *end, const struct sftp_call *call,
	       struct sftp_reply *ret, struct vmctl_error *err)
{
	uint32_t ticket;
	int r = remote_call(end, call, &ticket, err);

	return r < 0 ? r : remote_wait(end, ticket, ret, err);
}

int remote_status(struct sftp_reply *reply, struct vmctl_error *err,
		  const char *fmt, ...)
{
	char what[LABEL_MAX + 128];
	enum vmctl_code code = VMCTL_FAILED;
	const char *why = reply->message;
	va_list ap;
	int r;

	if (reply->status == SFTP_NO_SUCH_FILE) {
		code = VMCTL_NOT_FOUND;
		why = "no such file or folder";
	} else if (reply->status == SFTP_PERMISSION_DENIED) {
		code = VMCTL_DENIED;
		why = "permission denied";
	} else if (reply->status == SFTP_UNSUPPORTED) {
		code = VMCTL_UNSUPPORTED;
		why = "its sftp server cannot do that";
	} else if (reply->status == SFTP_OK) {
		/* Well said, but not what was asked for. */
		code = VMCTL_BAD_DATA;
		why = "a senseless answer";
	} else if (!*why || str_eq(why, "Failure")) {
		why = "its sftp server does not say why";
	}
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	r = fail(err, code, 0, "%s: %s", what, why);
	free(reply->names);
	free(reply->packet);
	*reply = SFTP_REPLY_INIT;
	return r;
}

/* A request that has no other answer than a status. */
static int command(struct folder *at, const struct sftp_call *call,
		   const char *what, const char *name, struct vmctl_error *err)
{
	struct sftp_reply reply = SFTP_REPLY_INIT;
	char label[LABEL_MAX];
	int r = remote_ask(at->end, call, &reply, err);

	if (r < 0)
		return r;
	if (reply.status != SFTP_OK)
		return remote_status(&reply, err, "cannot %s %s", what,
				     folder_label(at, name, label));
	at->end->ssh->sftp->done(&reply);
	return 0;
}

struct meta remote_meta(const struct sftp_attr *a)
{
	struct meta m = {
		.kind = S_ISREG(a->mode)   ? KIND_FILE
			: S_ISDIR(a->mode) ? KIND_DIR
			: S_ISLNK(a->mode) ? KIND_LINK
					   : KIND_OTHER,
		.mode = a->mode & 07777,
		.size = a->size > INT64_MAX ? -1 : (int64_t)a->size,
		.allocated = -1,
		.atime.tv_sec = a->atime,
		.mtime.tv_sec = a->mtime,
		.has_times = a->flags & SFTP_TIMES,
		.has_owner = a->flags & SFTP_OWNER,
		.uid = a->uid,
		.gid = a->gid,
	};

	/* Without a type it is a file, as it is for OpenSSH's client. */
	if (!(a->flags & SFTP_MODE)) {
		m.kind = KIND_FILE;
		m.mode = 0666;
	}
	return m;
}

/* Version 3 has 32 bits of seconds. */
static bool fits(const struct timespec *t)
{
	return t->tv_sec >= 0 && t->tv_sec <= UINT32_MAX;
}

struct sftp_attr remote_attr(const struct final *final)
{
	struct sftp_attr a = { 0 };

	if (final->size >= 0) {
		a.flags |= SFTP_SIZE;
		a.size = (uint64_t) final->size;
	}
	if (final->has_mode) {
		a.flags |= SFTP_MODE;
		a.mode = final->mode;
	}
	if (final->has_times && fits(&final->atime) && fits(&final->mtime)) {
		a.flags |= SFTP_TIMES;
		a.atime = (uint32_t) final->atime.tv_sec;
		a.mtime = (uint32_t) final->mtime.tv_sec;
	}
	return a;
}

static int look(struct folder *at, const char *name, bool follow,
		struct meta *ret, struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = { .op = follow ? SFTP_OP_STAT : SFTP_OP_LSTAT,
				  .path = path };
	struct sftp_reply reply = SFTP_REPLY_INIT;
	char label[LABEL_MAX];
	int r = path ? remote_ask(at->end, &call, &reply, err) : fail_oom(err);

	if (r < 0)
		return r;
	if (reply.status != SFTP_OK)
		return remote_status(&reply, err, "cannot look at %s",
				     folder_label(at, name, label));
	*ret = remote_meta(&reply.attr);
	at->end->ssh->sftp->done(&reply);
	return 0;
}

bool remote_is_path(const struct sftp_reply *reply)
{
	return reply->status == SFTP_OK && reply->name_count == 1 &&
	       reply->names[0].len > 0 &&
	       reply->names[0].len == strlen(reply->names[0].text);
}

/* READLINK and REALPATH: the answer is a list of one name. */
static int one_name(struct folder *at, enum sftp_op op, const char *name,
		    const char *what, char **ret, struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = { .op = op, .path = path };
	struct sftp_reply reply = SFTP_REPLY_INIT;
	char label[LABEL_MAX];
	int r = path ? remote_ask(at->end, &call, &reply, err) : fail_oom(err);

	if (r < 0)
		return r;
	if (!remote_is_path(&reply))
		return remote_status(&reply, err, "cannot %s %s", what,
				     folder_label(at, name, label));
	*ret = strdup(reply.names[0].text);
	at->end->ssh->sftp->done(&reply);
	return *ret ? 0 : fail_oom(err);
}

static int real(struct folder *at, const char *name, char **ret,
		struct vmctl_error *err)
{
	return one_name(at, SFTP_OP_REALPATH, name,
			"find out where it is: ", ret, err);
}

static int read_link(struct folder *at, const char *name, char **ret,
		     struct vmctl_error *err)
{
	return one_name(at, SFTP_OP_READLINK, name, "read the link", ret, err);
}

static int enter(struct folder *at, const char *name, bool follow,
		 struct folder **ret, struct vmctl_error *err)
{
	auto_folder *f = folder_root(at->end);
	char label[LABEL_MAX];
	struct meta meta;
	int r = look(at, name, follow, &meta, err);

	if (r < 0)
		return r;
	if (meta.kind != KIND_DIR)
		return fail(err, VMCTL_EXISTS, 0, "%s is no folder",
			    folder_label(at, name, label));
	if (!f)
		return fail_oom(err);
	free(f->path);
	f->path = folder_path(at, name);
	if (!f->path)
		return fail_oom(err);
	*ret = take_ptr(&f);
	return 0;
}

static int make(struct folder *at, const char *name, mode_t mode,
		struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = { .op = SFTP_OP_MKDIR,
				  .path = path,
				  .attr = { .flags = SFTP_MODE,
					    .mode = mode } };
	char label[LABEL_MAX];
	struct meta meta;
	int r;

	if (!path)
		return fail_oom(err);
	r = command(at, &call, "make the folder", name, err);
	/* "Failure" is all that version 3 has to say of what is there. */
	if (r == -VMCTL_FAILED && look(at, name, false, &meta, NULL) == 0)
		return fail(err, VMCTL_EXISTS, 0, "%s is in the way",
			    folder_label(at, name, label));
	return r;
}

static int set(struct folder *dir, const struct final *final,
	       struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_SETSTAT,
				  .path = dir->path,
				  .attr = remote_attr(final) };

	return call.attr.flags
		       ? command(dir, &call, "set mode and times of", "", err)
		       : 0;
}

static int make_link(struct folder *at, const char *name, const char *to,
		     struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = { .op = SFTP_OP_SYMLINK,
				  .path = to,
				  .path2 = path };
	char label[LABEL_MAX];
	struct meta meta;
	int r;

	if (!path)
		return fail_oom(err);
	r = command(at, &call, "make the link", name, err);
	if (r == -VMCTL_FAILED && look(at, name, false, &meta, NULL) == 0)
		return fail(err, VMCTL_EXISTS, 0, "%s is in the way",
			    folder_label(at, name, label));
	return r;
}

static int remove_file(struct folder *at, const char *name,
		       struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = { .op = SFTP_OP_REMOVE, .path = path };

	return path ? command(at, &call, "remove", name, err) : fail_oom(err);
}

static int rename_to(struct folder *at, const char *from, const char *to,
		     const char *name, enum sftp_op op, struct vmctl_error *err)
{
	struct sftp_call call = { .op = op, .path = from, .path2 = to };

	return command(at, &call, "put its new contents in the place of", name,
		       err);
}

/* Plain RENAME refuses to replace (draft, 6.5). What is replaced is put aside,
 * and back when that fails: it is never lost, only out of its place for a
 * moment. */
int remote_publish(struct folder *at, const char *from, const char *to,
		   struct vmctl_error *err)
{
	auto_free char *a = folder_path(at, from);
	auto_free char *b = folder_path(at, to);
	auto_free char *aside = str_printf("%s.old", from);
	auto_free char *c = aside ? folder_path(at, aside) : NULL;
	struct meta meta;
	int r;

	if (!a || !b || !c)
		return fail_oom(err);
	if (at->end->info->features & SFTP_HAS_POSIX_RENAME)
		return rename_to(at, a, b, to, SFTP_OP_POSIX_RENAME, err);
	if (look(at, to, false, &meta, NULL) < 0 || meta.kind == KIND_DIR)
		return rename_to(at, a, b, to, SFTP_OP_RENAME, err);
	r = rename_to(at, b, c, to, SFTP_OP_RENAME, err);
	if (r < 0)
		return r;
	r = rename_to(at, a, b, to, SFTP_OP_RENAME, err);
	if (r < 0)
		(void)rename_to(at, c, b, to, SFTP_OP_RENAME, NULL);
	else
		(void)remove_file(at, aside, NULL);
	return r;
}

static int64_t space(struct folder *at)
{
	struct sftp_call call = { .op = SFTP_OP_STATVFS,
				  .path = *at->path ? at->path : "." };
	struct sftp_reply reply = SFTP_REPLY_INIT;
	int64_t n = -1;

	if (!(at->end->info->features & SFTP_HAS_STATVFS) ||
	    remote_ask(at->end, &call, &reply, NULL) < 0)
		return -1;
	if (reply.status == SFTP_OK)
		n = reply.free_bytes > INT64_MAX ? INT64_MAX
						 : (int64_t)reply.free_bytes;
	at->end->ssh->sftp->done(&reply);
	return n;
}

static int tend(struct end *end, struct vmctl_error *err)
{
	return end->ssh->sftp->tend(end->sftp, err);
}

const struct end_ops remote_ops = {
	.look = look,
	.real = real,
	.enter = enter,
	.make = make,
	.set = set,
	.list = remote_list,
	.next = remote_next,
	.end_list = remote_end_list,
	.read_link = read_link,
	.make_link = make_link,
	.publish = remote_publish,
	.remove = remove_file,
	.open = remote_open,
	.create = remote_create,
	.reopen = remote_reopen,
	.open_as_is = remote_open_as_is,
	.rewrite = remote_rewrite,
	.read = remote_read,
	.write = remote_write,
	.finish = remote_finish,
	.close = remote_close,
	.space = space,
	.fetch = remote_fetch,
	.store = remote_store,
	.tend = tend,
};
