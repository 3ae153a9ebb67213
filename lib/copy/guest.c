/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/instance.h>

#include "copy/remote.h"

#include "internal/instance.h"

static void end_free(struct end *e)
{
	if (!e)
		return;
	if (e->ssh) {
		e->ssh->sftp->close(e->sftp);
		e->ssh->close(e->conn);
	}
	free(e->prefix);
	free(e->name);
	free(e->id);
	free(e->user);
	free(e);
}
DEFINE_CLEANUP(end, struct end *, end_free);

void ends_free(struct end *list)
{
	while (list) {
		struct end *next = list->next;

		end_free(list);
		list = next;
	}
}

static bool same(const char *a, const char *b)
{
	return a && b ? str_eq(a, b) : a == b;
}

static int connect_guest(struct job *job, const struct spot *p,
			 const char *user, struct end **ret,
			 struct vmctl_error *err)
{
	auto_cleanup(end_cleanup) struct end *e = calloc(1, sizeof(*e));
	struct vmctl_instance *row = NULL;
	int r;

	if (!e)
		return fail_oom(err);
	r = instance_log_in(job->ctx, p->instance, user,
			    job->what->connect_timeout_ms, &row, &e->ssh,
			    &e->conn, err);
	if (r == -VMCTL_NOT_FOUND && err) {
		auto_free char *hint = strdup(err->hint);

		fail_hint(err, "%s%sfor a file of this host: ./%s",
			  hint ? hint : "", hint && *hint ? "; " : "", p->word);
	}
	if (r < 0)
		return r;
	e->ops = &remote_ops;
	e->ev = job->ev;
	e->id = str_dup(row->id);
	e->name = str_dup(row->name);
	e->prefix = str_printf("%s:", row->name);
	e->user = user ? strdup(user) : NULL;
	vmctl_instance_free(row);
	if (!e->id || !e->name || !e->prefix || (user && !e->user))
		return fail_oom(err);
	r = e->ssh->sftp->open(e->conn, job->ev, &e->sftp, err);
	if (r < 0) {
		fail_prefix(err, "%s", e->name);
		return r;
	}
	e->info = e->ssh->sftp->info(e->sftp);
	*ret = take_ptr(&e);
	return 0;
}

int job_end(struct job *job, const struct spot *p, struct end **ret,
	    struct vmctl_error *err)
{
	const char *user = p->user ? p->user : job->what->user;
	struct end *e;
	int r;

	if (p->where != SPOT_GUEST) {
		*ret = &job->here;
		return 0;
	}
	for (e = job->ends; e; e = e->next)
		if ((str_eq(p->instance, e->name) ||
		     str_eq(p->instance, e->id)) &&
		    same(user, e->user)) {
			*ret = e;
			return 0;
		}
	r = connect_guest(job, p, user, &e, err);
	if (r < 0)
		return r;
	e->next = job->ends;
	job->ends = e;
	*ret = e;
	return 0;
}

static int ask_expansion(struct end *end, const char *path, char **ret,
			 struct vmctl_error *err)
{
	struct sftp_call call = { .op = SFTP_OP_EXPAND, .path = path };
	struct sftp_reply reply = SFTP_REPLY_INIT;
	int r = remote_ask(end, &call, &reply, err);

	if (r < 0)
		return r;
	if (!remote_is_path(&reply))
		return remote_status(&reply, err, "%s knows no %s", end->name,
				     path);
	*ret = strdup(reply.names[0].text);
	end->ssh->sftp->done(&reply);
	return *ret ? 0 : fail_oom(err);
}

int guest_expand(struct end *end, struct spot *p, struct vmctl_error *err)
{
	auto_free char *path = NULL;
	const char *rest;
	int r;

	if (!end->sftp || p->path[0] != '~')
		return 0;
	rest = p->path + strcspn(p->path, "/");
	if (rest == p->path + 1) {
		path = strdup(rest + strspn(rest, "/"));
		r = path ? 0 : fail_oom(err);
	} else if (end->info->features & SFTP_HAS_EXPAND) {
		r = ask_expansion(end, p->path, &path, err);
	} else {
		return 0; /* the name of a file, then */
	}
	p->contents |= !*rest;
	return r < 0 ? r : spot_move(p, path, err);
}
