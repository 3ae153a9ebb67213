/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/remote.h"

/*
 * Many small files at once: each step is asked for all of them before any
 * answer is waited for, so that a batch costs as many round trips as one file.
 */

static bool live(const struct small *x)
{
	return x->r == 0 && !x->vanished;
}

static int ask(struct end *end, struct small *x, const struct sftp_call *call,
	       struct vmctl_error *err)
{
	int r = remote_call(end, call, &x->ticket, err);

	x->waits = r == 0;
	return r;
}

static int answer(struct end *end, struct small *x, struct sftp_reply *ret,
		  struct vmctl_error *err)
{
	x->waits = false;
	return remote_wait(end, x->ticket, ret, err);
}

/* One whose answer is of no interest. */
static int send_off(struct end *end, const struct sftp_call *call,
		    struct vmctl_error *err)
{
	uint32_t ticket;
	int r = remote_call(end, call, &ticket, err);

	if (r == 0)
		end->ssh->sftp->drop(end->sftp, ticket);
	return r;
}

static int ask_more(struct end *end, struct small *x,
		    const struct sftp_call *call, struct vmctl_error *err)
{
	int r = remote_call(end, call, &x->more[x->more_count], err);

	if (r == 0)
		x->more_count++;
	return r;
}

static void refuse(struct folder *at, struct small *x, struct sftp_reply *reply,
		   const char *what)
{
	char label[LABEL_MAX];

	x->r = remote_status(reply, &x->err, "cannot %s %s", what,
			     folder_label(at, x->name, label));
}

static int ask_open(struct folder *at, struct small *x, const char *name,
		    uint32_t flags, mode_t mode, struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = {
		.op = SFTP_OP_OPEN,
		.path = path,
		.flags = flags,
		.attr = { .flags = flags & SFTP_CREATE ? SFTP_MODE : 0,
			  .mode = mode }
	};

	return path ? ask(at->end, x, &call, err) : fail_oom(err);
}

/* The handle, or in *ret_status why there is none. */
static int take_handle(struct folder *at, struct small *x, const char *what,
		       struct vmctl_error *err)
{
	struct sftp_reply reply = SFTP_REPLY_INIT;
	int r = answer(at->end, x, &reply, err);

	if (r < 0)
		return r;
	if (reply.status != SFTP_OK) {
		/* A temporary name may be taken, or none be possible: the
		 * ordinary way knows. */
		x->vanished =
			reply.status == SFTP_FAILURE ||
			(reply.status == SFTP_PERMISSION_DENIED && x->has_old);
		if (x->vanished)
			at->end->ssh->sftp->done(&reply);
		else
			refuse(at, x, &reply, what);
		return 0;
	}
	x->handle = reply.handle;
	x->open = true;
	at->end->ssh->sftp->done(&reply);
	return 0;
}

static int send_close(struct end *end, struct small *x, struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_CLOSE, .handle = &x->handle };

	x->open = false;
	return send_off(end, &call, err);
}

/* After a failure of the whole. */
static void abandon(struct end *end, struct small *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].waits)
			end->ssh->sftp->drop(end->sftp, v[i].ticket);
		while (v[i].more_count)
			end->ssh->sftp->drop(end->sftp,
					     v[i].more[--v[i].more_count]);
		if (v[i].open)
			(void)send_close(end, &v[i], NULL);
		v[i].waits = false;
	}
}

/* --- reading ------------------------------------------------------------- */

static int ask_contents(struct end *end, struct small *x,
			struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_READ, .handle = &x->handle };
	size_t size = (size_t)x->meta.size;
	int r = 0;

	/* One that says it is empty may be made on reading, as in /proc. */
	for (size_t off = 0; r == 0 && (off < size || !off); off += call.len) {
		size_t left = size ? size - off : 512;

		call.offset = off;
		call.len = left < end->info->max_read ? (uint32_t)left
						      : end->info->max_read;
		if (x->more_count == ARRAY_LEN(x->more)) {
			x->vanished = true;
			break;
		}
		r = ask_more(end, x, &call, err);
	}
	return r < 0 ? r : send_close(end, x, err);
}

static int take_contents(struct folder *at, struct small *x,
			 struct vmctl_error *err)
{
	size_t size = (size_t)x->meta.size;

	x->data = malloc(size ? size : 1);
	if (!x->data)
		return fail_oom(err);
	for (size_t i = 0; i < x->more_count; i++) {
		struct sftp_reply reply = SFTP_REPLY_INIT;
		int r = remote_wait(at->end, x->more[i], &reply, err);

		if (r < 0) {
			x->more_count = 0; /* the session is lost */
			return r;
		}
		if (reply.status == SFTP_OK && reply.len <= size - x->len) {
			memcpy(x->data + x->len, reply.data, reply.len);
			x->len += reply.len;
			/* One in the middle was cut: offsets do not fit. */
			x->vanished |= i + 1 < x->more_count &&
				       reply.len < at->end->info->max_read;
		} else if (reply.status != SFTP_EOF &&
			   reply.status != SFTP_OK && live(x)) {
			refuse(at, x, &reply, "read");
		} else if (reply.status == SFTP_OK) {
			x->vanished = true;
		}
		at->end->ssh->sftp->done(&reply);
	}
	x->more_count = 0;
	x->vanished |= x->r == 0 && x->len != size;
	return 0;
}

int remote_fetch(struct folder *from, struct small *v, size_t n,
		 struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = ask_open(from, &v[i], v[i].name, SFTP_READ, 0, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = take_handle(from, &v[i], "open", err);
		if (r == 0 && live(&v[i]))
			r = ask_contents(from->end, &v[i], err);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		if (v[i].r == 0)
			r = take_contents(from, &v[i], err);
	if (r < 0)
		abandon(from->end, v, n);
	return r;
}

/* --- writing ------------------------------------------------------------- */

static int ask_old(struct folder *to, struct small *x, struct vmctl_error *err)
{
	auto_free char *path = folder_path(to, x->name);
	struct sftp_call call = { .op = SFTP_OP_LSTAT, .path = path };

	return path ? ask(to->end, x, &call, err) : fail_oom(err);
}

static int take_old(struct folder *to, struct small *x, struct vmctl_error *err)
{
	struct sftp_reply reply = SFTP_REPLY_INIT;
	int r = answer(to->end, x, &reply, err);

	if (r < 0)
		return r;
	if (reply.status == SFTP_OK) {
		x->old = remote_meta(&reply.attr);
		x->has_old = x->old.kind == KIND_FILE;
		/* What is in the way is told by the ordinary way. */
		x->vanished =
			x->old.kind == KIND_DIR || x->old.kind == KIND_OTHER;
	}
	to->end->ssh->sftp->done(&reply);
	return 0;
}

static int ask_write(struct end *end, struct small *x, struct vmctl_error *err)
{
	struct sftp_call write = { .op = SFTP_OP_WRITE, .handle = &x->handle };
	struct sftp_call set = { .op = SFTP_OP_FSETSTAT,
				 .handle = &x->handle,
				 .attr = { .flags = SFTP_OWNER,
					   .uid = x->final.uid,
					   .gid = x->final.gid } };
	struct sftp_call close = { .op = SFTP_OP_CLOSE, .handle = &x->handle };
	size_t step = end->info->max_write;
	int r = 0;

	for (size_t off = 0; r == 0 && off < x->len; off += write.len) {
		write.offset = off;
		write.data = x->data + off;
		write.len =
			(uint32_t)(x->len - off < step ? x->len - off : step);
		/* The last two places are for what follows. */
		if (x->more_count == ARRAY_LEN(x->more) - 2) {
			x->vanished = true;
			return send_close(end, x, err);
		}
		r = ask_more(end, x, &write, err);
	}
	if (r == 0 && x->final.has_owner)
		r = send_off(end, &set, err);
	set.attr = remote_attr(&x->final);
	if (r == 0 && set.attr.flags)
		r = ask_more(end, x, &set, err);
	if (r == 0) {
		x->open = false;
		r = ask_more(end, x, &close, err);
	}
	return r;
}

static int take_written(struct folder *to, struct small *x,
			struct vmctl_error *err)
{
	for (size_t i = 0; i < x->more_count; i++) {
		struct sftp_reply reply = SFTP_REPLY_INIT;
		int r = remote_wait(to->end, x->more[i], &reply, err);

		if (r < 0) {
			x->more_count = 0;
			return r;
		}
		if (reply.status != SFTP_OK && live(x))
			refuse(to, x, &reply, "write");
		to->end->ssh->sftp->done(&reply);
	}
	x->more_count = 0;
	return 0;
}

static int ask_publish(struct folder *to, struct small *x,
		       struct vmctl_error *err)
{
	auto_free char *a = folder_path(to, x->temp);
	auto_free char *b = folder_path(to, x->name);
	struct sftp_call call = { .op = SFTP_OP_POSIX_RENAME,
				  .path = a,
				  .path2 = b };

	if (!a || !b)
		return fail_oom(err);
	if (to->end->info->features & SFTP_HAS_POSIX_RENAME)
		return ask(to->end, x, &call, err);
	x->r = remote_publish(to, x->temp, x->name, &x->err);
	return 0;
}

static int take_published(struct folder *to, struct small *x,
			  struct vmctl_error *err)
{
	struct sftp_reply reply = SFTP_REPLY_INIT;
	int r = answer(to->end, x, &reply, err);

	if (r < 0)
		return r;
	if (reply.status != SFTP_OK)
		refuse(to, x, &reply, "put its new contents in the place of");
	to->end->ssh->sftp->done(&reply);
	return 0;
}

static int remove_temp(struct folder *to, struct small *x,
		       struct vmctl_error *err)
{
	auto_free char *path = folder_path(to, x->temp);
	struct sftp_call call = { .op = SFTP_OP_REMOVE, .path = path };

	return path ? send_off(to->end, &call, err) : fail_oom(err);
}

static int write_all(struct folder *to, struct small *v, size_t n,
		     struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		mode_t mode = v[i].has_old ? v[i].old.mode : v[i].meta.mode;

		if (live(&v[i]))
			r = ask_open(to, &v[i], v[i].temp,
				     SFTP_WRITE | SFTP_CREATE | SFTP_EXCLUSIVE,
				     mode & 0777, err);
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!v[i].waits)
			continue;
		r = take_handle(to, &v[i], "make", err);
		v[i].made = v[i].open;
		if (r == 0 && live(&v[i])) {
			final_keep(&v[i].final,
				   v[i].has_old ? &v[i].old : NULL);
			r = ask_write(to->end, &v[i], err);
		}
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		r = take_written(to, &v[i], err);
	return r;
}

int remote_store(struct folder *to, struct small *v, size_t n,
		 struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n && !to->fresh; i++)
		if (live(&v[i]))
			r = ask_old(to, &v[i], err);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (v[i].waits)
			r = take_old(to, &v[i], err);
	if (r == 0)
		r = write_all(to, v, n, err);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (live(&v[i]))
			r = ask_publish(to, &v[i], err);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (v[i].waits)
			r = take_published(to, &v[i], err);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (v[i].made && !live(&v[i]))
			r = remove_temp(to, &v[i], err);
	if (r < 0)
		abandon(to->end, v, n);
	return r;
}
