/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/remote.h"

/* The contents of a guest's file: many requests are under way at once. */

static int opened(struct folder *at, const char *name,
		  const struct sftp_call *call, struct file **ret,
		  struct vmctl_error *err)
{
	auto_copyfile *f = file_new(at, name);
	struct sftp_reply reply = SFTP_REPLY_INIT;
	int r = f ? remote_ask(at->end, call, &reply, err) : fail_oom(err);

	if (r < 0)
		return r;
	if (reply.status != SFTP_OK)
		return remote_status(
			&reply, err, "cannot %s %s",
			call->flags & SFTP_CREATE ? "make" : "open", f->label);
	f->handle = reply.handle;
	f->open = true;
	at->end->ssh->sftp->done(&reply);
	*ret = take_ptr(&f);
	return 0;
}

static int meta_of(struct file *f, struct meta *ret, struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_FSTAT, .handle = &f->handle };
	struct sftp_reply reply = SFTP_REPLY_INIT;
	int r = remote_ask(f->end, &call, &reply, err);

	if (r < 0)
		return r;
	if (reply.status != SFTP_OK)
		return remote_status(&reply, err, "cannot look at %s",
				     f->label);
	*ret = remote_meta(&reply.attr);
	/* No size at all: read until it ends. */
	if (!(reply.attr.flags & SFTP_SIZE))
		ret->size = 0;
	f->end->ssh->sftp->done(&reply);
	if (ret->size < 0)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s: its sftp server gives it an impossible size",
			    f->label);
	return 0;
}

/* Opening a FIFO would wait, in the server, for a writer: look first. */
int remote_open(struct folder *at, const char *name, bool follow,
		struct file **ret, struct meta *ret_meta,
		struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = { .op = SFTP_OP_OPEN,
				  .path = path,
				  .flags = SFTP_READ };
	auto_copyfile *f = NULL;
	struct meta meta;
	int r = path ? remote_ops.look(at, name, follow, &meta, err)
		     : fail_oom(err);

	if (r < 0)
		return r;
	if (meta.kind != KIND_FILE) {
		*ret_meta = meta;
		return 0;
	}
	r = opened(at, name, &call, &f, err);
	if (r == 0)
		r = meta_of(f, &meta, err);
	if (r < 0)
		return r;
	f->step = at->end->info->max_read;
	*ret_meta = meta;
	*ret = take_ptr(&f);
	return 0;
}

int remote_create(struct folder *at, const char *name, mode_t mode,
		  struct file **ret, struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = {
		.op = SFTP_OP_OPEN,
		.path = path,
		.flags = SFTP_READ | SFTP_WRITE | SFTP_CREATE | SFTP_EXCLUSIVE,
		.attr = { .flags = SFTP_MODE, .mode = mode }
	};
	char label[LABEL_MAX];
	struct meta meta;
	int r = path ? opened(at, name, &call, ret, err) : fail_oom(err);

	if (r == -VMCTL_FAILED &&
	    remote_ops.look(at, name, false, &meta, NULL) == 0)
		return fail(err, VMCTL_EXISTS, 0, "%s is there already",
			    folder_label(at, name, label));
	return r;
}

static int cut(struct file *f, int64_t size, struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_FSETSTAT,
				  .handle = &f->handle,
				  .attr = { .flags = SFTP_SIZE,
					    .size = (uint64_t)size } };
	struct sftp_reply reply = SFTP_REPLY_INIT;
	int r = remote_ask(f->end, &call, &reply, err);

	if (r < 0)
		return r;
	if (reply.status != SFTP_OK)
		return remote_status(&reply, err, "cannot cut %s", f->label);
	f->end->ssh->sftp->done(&reply);
	return 0;
}

int remote_reopen(struct folder *at, const char *name, int64_t size,
		  struct file **ret, struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = { .op = SFTP_OP_OPEN,
				  .path = path,
				  .flags = SFTP_READ | SFTP_WRITE };
	auto_copyfile *f = NULL;
	int r = path ? opened(at, name, &call, &f, err) : fail_oom(err);

	if (r == 0)
		r = cut(f, size, err);
	if (r == 0) {
		f->step = at->end->info->max_read;
		*ret = take_ptr(&f);
	}
	return r;
}

int remote_rewrite(struct folder *at, const char *name, struct file **ret,
		   struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = { .op = SFTP_OP_OPEN,
				  .path = path,
				  .flags = SFTP_WRITE };
	auto_copyfile *f = NULL;
	int r = path ? opened(at, name, &call, &f, err) : fail_oom(err);

	if (r == 0)
		r = cut(f, 0, err);
	if (r == 0)
		*ret = take_ptr(&f);
	return r;
}

int remote_open_as_is(struct folder *at, const char *name, struct file **ret,
		      struct vmctl_error *err)
{
	auto_free char *path = folder_path(at, name);
	struct sftp_call call = { .op = SFTP_OP_OPEN,
				  .path = path,
				  .flags = SFTP_WRITE };

	int r = path ? opened(at, name, &call, ret, err) : fail_oom(err);

	if (r == 0)
		(*ret)->stream = true;
	return r;
}

/* --- requests under way -------------------------------------------------- */

static struct flight *flight_add(struct file *f)
{
	return &f->ring[(f->first + f->count++) % FLIGHTS];
}

static struct flight flight_take(struct file *f)
{
	struct flight x = f->ring[f->first];

	f->first = (f->first + 1) % FLIGHTS;
	f->count--;
	f->bytes -= x.len;
	return x;
}

static int send(struct file *f, struct sftp_call *call, int64_t off, size_t n,
		struct vmctl_error *err)
{
	struct flight x = { .off = off, .len = (uint32_t)n };
	int r;

	call->handle = &f->handle;
	call->offset = (uint64_t)off;
	call->len = (uint32_t)n;
	r = remote_call(f->end, call, &x.ticket, err);
	if (r < 0)
		return r;
	*flight_add(f) = x;
	f->bytes += x.len;
	return 0;
}

/* --- reading ------------------------------------------------------------- */

static int ask_ahead(struct file *f, struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_READ };

	while (f->count < FLIGHTS && f->bytes < FLIGHT_BYTES &&
	       (f->stop < 0 ? f->count == 0 : f->asked < f->stop)) {
		int64_t n = f->stop < 0 || f->stop - f->asked > f->step
				    ? f->step
				    : f->stop - f->asked;
		int r = send(f, &call, f->asked, (size_t)n, err);

		if (r < 0)
			return r;
		f->asked += n;
	}
	return 0;
}

static int fail_short(struct file *f, struct vmctl_error *err)
{
	return fail(err, VMCTL_FAILED, 0,
		    "%s became shorter while it was copied", f->label);
}

/* A server may answer with less than was asked for; what follows is under way
 * already, so that what is missing is asked for by itself. */
static int fill_gap(struct file *f, struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_READ,
				  .handle = &f->handle,
				  .offset = (uint64_t)f->rest.off,
				  .len = f->rest.len };

	return remote_ask(f->end, &call, &f->reply, err);
}

static int judge(struct file *f, struct flight x, struct chunk *ret,
		 struct vmctl_error *err)
{
	f->rest.len = 0;
	if (f->reply.status == SFTP_EOF && f->stop < 0) {
		*ret = (struct chunk){ 0 };
		return 0;
	}
	if (f->reply.status == SFTP_EOF)
		return fail_short(f, err);
	if (f->reply.status != SFTP_OK)
		return remote_status(&f->reply, err, "cannot read %s",
				     f->label);
	if (f->reply.len == 0)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s: its sftp server answers without data",
			    f->label);
	if (f->reply.len < x.len) {
		f->step = f->reply.len > 4096 ? f->reply.len : 4096;
		f->rest = (struct flight){ .off = x.off + f->reply.len,
					   .len = x.len - f->reply.len };
		if (f->stop < 0) {
			f->asked = f->rest.off;
			f->rest.len = 0;
		}
	}
	*ret = (struct chunk){ f->reply.data, f->reply.len, x.off };
	f->pos = x.off + f->reply.len;
	return 0;
}

int remote_read(struct file *f, struct chunk *ret, struct vmctl_error *err)
{
	struct flight x = f->rest;
	int r;

	f->end->ssh->sftp->done(&f->reply);
	/* A jump: whatever was asked for ahead is of no use. */
	if (!f->count && !x.len)
		f->asked = f->pos;
	r = ask_ahead(f, err);
	if (r < 0)
		return r;
	if (x.len) {
		r = fill_gap(f, err);
	} else if (f->count) {
		x = flight_take(f);
		r = remote_wait(f->end, x.ticket, &f->reply, err);
	} else {
		*ret = (struct chunk){ 0 };
		return 0;
	}
	return r < 0 ? r : judge(f, x, ret, err);
}

/* --- writing ------------------------------------------------------------- */

static int accept_one(struct file *f, struct vmctl_error *err)
{
	struct flight x = flight_take(f);
	struct sftp_reply reply = SFTP_REPLY_INIT;
	int r = remote_wait(f->end, x.ticket, &reply, err);

	if (r < 0)
		return r;
	if (reply.status != SFTP_OK)
		return remote_status(&reply, err, "cannot write %s", f->label);
	f->end->ssh->sftp->done(&reply);
	return 0;
}

int remote_write(struct file *f, int64_t off, const void *p, size_t n,
		 struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_WRITE };
	size_t step = f->end->info->max_write;

	for (size_t done = 0; done < n;) {
		size_t part = n - done < step ? n - done : step;
		int r = 0;

		while (r == 0 && f->count &&
		       (f->count == FLIGHTS || f->bytes + part > FLIGHT_BYTES))
			r = accept_one(f, err);
		if (r < 0)
			return r;
		call.data = (const char *)p + done;
		r = send(f, &call, off + (int64_t)done, part, err);
		if (r < 0)
			return r;
		done += part;
	}
	return 0;
}

/* What matters is asked for together and then waited for; the owner is only a
 * wish. */
int remote_finish(struct file *f, const struct final *final,
		  struct vmctl_error *err)
{
	struct sftp_call owner = { .op = SFTP_OP_FSETSTAT,
				   .handle = &f->handle,
				   .attr = { .flags = SFTP_OWNER,
					     .uid = final->uid,
					     .gid = final->gid } };
	struct sftp_call set = { .op = SFTP_OP_FSETSTAT,
				 .attr = remote_attr(final) };
	struct sftp_call close = { .op = SFTP_OP_CLOSE };
	uint32_t ticket;
	int r = 0;

	while (r == 0 && f->count)
		r = accept_one(f, err);
	if (r == 0 && final->has_owner) {
		r = remote_call(f->end, &owner, &ticket, err);
		if (r == 0)
			f->end->ssh->sftp->drop(f->end->sftp, ticket);
	}
	if (r == 0 && set.attr.flags)
		r = send(f, &set, 0, 0, err);
	if (r == 0) {
		r = send(f, &close, 0, 0, err);
		f->open = false;
	}
	while (r == 0 && f->count)
		r = accept_one(f, err);
	return r;
}

void remote_close(struct file *f)
{
	struct sftp_call call = { .op = SFTP_OP_CLOSE, .handle = &f->handle };
	struct end *end = f->end;
	uint32_t ticket;

	end->ssh->sftp->done(&f->reply);
	while (f->count)
		end->ssh->sftp->drop(end->sftp, flight_take(f).ticket);
	if (f->open && remote_call(end, &call, &ticket, NULL) == 0)
		end->ssh->sftp->drop(end->sftp, ticket);
	free(f->label);
	free(f);
}
