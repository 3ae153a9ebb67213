/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/remote.h"

#include <limits.h>

/* A guest's folder, read while what was read before is copied. */
struct listing {
	struct folder *dir; /* borrowed */
	struct sftp_handle handle;
	struct sftp_reply reply; /* what is being handed out */
	size_t next;
	uint32_t ticket; /* of the next answer, asked for in advance */
	bool waits, over;
	unsigned long entries;
	unsigned empty;
};

/* Nobody has so many files in one folder; a server that never comes to an end
 * is cut off. */
#define ENTRIES_MAX 20000000
#define EMPTY_MAX 16 /* answers in a row that name nothing */

static int ask(struct listing *l, struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_READDIR, .handle = &l->handle };
	int r = remote_call(l->dir->end, &call, &l->ticket, err);

	l->waits = r == 0;
	return r;
}

int remote_list(struct folder *dir, struct listing **ret,
		struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_OPENDIR, .path = dir->path };
	struct sftp_reply reply = SFTP_REPLY_INIT;
	struct listing *l;
	int r = remote_ask(dir->end, &call, &reply, err);

	if (r < 0)
		return r;
	if (reply.status != SFTP_OK)
		return remote_status(&reply, err, "cannot read the folder %s%s",
				     dir->end->prefix, dir->path);
	l = calloc(1, sizeof(*l));
	if (!l) {
		dir->end->ssh->sftp->done(&reply);
		return fail_oom(err);
	}
	l->dir = dir;
	l->handle = reply.handle;
	dir->end->ssh->sftp->done(&reply);
	r = ask(l, err);
	if (r < 0)
		remote_end_list(l);
	else
		*ret = l;
	return r;
}

/* The next answer becomes the one that is handed out. */
static int turn(struct listing *l, struct vmctl_error *err)
{
	struct end *end = l->dir->end;
	int r;

	end->ssh->sftp->done(&l->reply);
	l->next = 0;
	l->waits = false;
	r = remote_wait(end, l->ticket, &l->reply, err);
	if (r < 0)
		return r;
	if (l->reply.status == SFTP_EOF) {
		l->over = true;
		return 0;
	}
	if (l->reply.status != SFTP_OK)
		return remote_status(&l->reply, err,
				     "cannot read the folder %s%s", end->prefix,
				     l->dir->path);
	l->entries += l->reply.name_count;
	l->empty = l->reply.name_count ? 0 : l->empty + 1;
	if (l->entries > ENTRIES_MAX || l->empty > EMPTY_MAX)
		return fail(err, VMCTL_FAILED, 0,
			    "the folder %s%s does not end", end->prefix,
			    l->dir->path);
	return ask(l, err);
}

/* A server could name files outside the folder; see CVE-2019-6111. */
static const char *refusal(const struct sftp_name *n)
{
	if (n->len == 0)
		return "it is empty";
	if (n->len > NAME_MAX)
		return "it is too long";
	if (memchr(n->text, '/', n->len))
		return "it has a slash";
	if (memchr(n->text, '\0', n->len))
		return "it has a NUL";
	return NULL;
}

int remote_next(struct listing *l, struct entry *ret, struct vmctl_error *err)
{
	for (;;) {
		const struct sftp_name *n;
		int r;

		if (l->over)
			return 0;
		if (l->next >= l->reply.name_count) {
			r = cancelled(l->dir->end->ev) ? fail_cancelled(err)
						       : turn(l, err);
			if (r < 0)
				return r;
			continue;
		}
		n = &l->reply.names[l->next++];
		if (str_eq(n->text, ".") || str_eq(n->text, ".."))
			continue;
		*ret = (struct entry){ .name = strdup(n->text),
				       .refused = refusal(n) };
		if (!ret->name)
			return fail_oom(err);
		ret->meta = remote_meta(&n->attr);
		/* The draft has what stat(2) says or lstat(2) does; servers
		 * give the latter. Links are looked at again when read. */
		ret->has_meta =
			n->attr.flags & SFTP_MODE && n->attr.flags & SFTP_SIZE;
		return 1;
	}
}

void remote_end_list(struct listing *l)
{
	struct end *end = l->dir->end;
	struct sftp_call call = { .op = SFTP_OP_CLOSE, .handle = &l->handle };
	uint32_t ticket;

	if (l->waits)
		end->ssh->sftp->drop(end->sftp, l->ticket);
	end->ssh->sftp->done(&l->reply);
	if (remote_call(end, &call, &ticket, NULL) == 0)
		end->ssh->sftp->drop(end->sftp, ticket);
	free(l);
}
