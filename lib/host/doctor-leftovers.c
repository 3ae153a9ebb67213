/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "driver/qemu-img.h"
#include "host/doctor.h"
#include "internal/instance.h"

/*
 * What is there without a record. A record of a deletion is the proof that it
 * may go. Without any the records themselves may have been lost: such things
 * are set aside, in a folder of the storage, and nothing that runs is ended.
 */
#define LOST "lost"
#define LOCK_MS 300

/* The record of an id, NULL: there is none; under its lock when something is to
 * be changed. */
struct held {
	char *dir;
	const char *id;
	int fd;
	struct vmctl_instance *row;
};

static void held_done(struct held *h)
{
	if (h->fd >= 0)
		lock_release(h->dir, h->id, h->fd);
	free(h->dir);
	vmctl_instance_free(h->row);
}
#define auto_held auto_cleanup(held_done) struct held

/* false: somebody is at work on it, or it cannot be told, which is said. */
static bool hold(struct doctor *d, const char *id, struct held *ret)
{
	struct vmctl_error why = { 0 };
	int r = 0;

	ret->dir = context_path(d->ctx, "locks");
	ret->id = id;
	if (!ret->dir)
		return false;
	if (d->fix)
		r = lock_take(ret->dir, id, d->ctx->command, LOCK_MS, NULL,
			      &ret->fd, &why);
	if (r == 0)
		r = state_instance_get(d->db, id, &ret->row, &why);
	if (r < 0 && r != -VMCTL_NOT_FOUND && r != -VMCTL_BUSY)
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
	return r == 0 || r == -VMCTL_NOT_FOUND;
}

static bool is_living(const struct vmctl_instance *row)
{
	return row && row->state != VMCTL_STATE_TERMINATED;
}

static char *lost_path(struct doctor *d, const char *id, const char *suffix)
{
	return str_printf("%s/" LOST "/%s%s", context_storage(d->ctx), id,
			  suffix);
}

static int make_lost(struct doctor *d, struct vmctl_error *err)
{
	auto_free char *dir = path_join(context_storage(d->ctx), LOST);

	return dir ? dir_make(dir, 0700, err) : fail_oom(err);
}

/* --- domains -------------------------------------------------------------- */

/* The domain of another home or another user is none of ours. */
static bool is_ours(struct doctor *d, const struct hv_owned *o)
{
	auto_free char *sub = str_printf("instances/%s/disk.qcow2", o->id);
	auto_free char *disk = sub ? context_path(d->ctx, sub) : NULL;
	struct stat a, b;

	if (disk && str_eq(disk, o->disk))
		return true;
	return disk && stat(disk, &a) == 0 && stat(o->disk, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool is_active(const struct hv_owned *o)
{
	return o->state != HV_STOPPED && o->state != HV_ABSENT;
}

static int keep_document(struct doctor *d, const struct hv_ops *ops,
			 struct hv *hv, const struct hv_owned *o,
			 struct vmctl_error *err)
{
	auto_free char *path = lost_path(d, o->id, ".xml");
	auto_free char *xml = NULL;
	int r = path ? ops->document(hv, o->uuid, &xml, err) : fail_oom(err);

	if (r == 0)
		r = make_lost(d, err);
	return r < 0 ? r : file_write_atomic(path, xml, strlen(xml), 0600, err);
}

static int remove_domain(struct doctor *d, const struct hv_ops *ops,
			 struct hv *hv, const struct hv_owned *o,
			 const struct vmctl_instance *row,
			 struct vmctl_error *err)
{
	int r = row ? 0 : keep_document(d, ops, hv, o, err);

	if (r == 0 && row && is_active(o)) {
		r = ops->destroy(hv, o->uuid, err);
		r = r == -VMCTL_STATE || r == -VMCTL_NOT_FOUND ? 0 : r;
	}
	if (r == 0)
		r = ops->undefine(hv, o->uuid, err);
	/* What ran without a definition is gone already. */
	return r == -VMCTL_NOT_FOUND ? 0 : r;
}

static void say_domain(struct doctor *d, const struct hv_owned *o,
		       const struct vmctl_instance *row)
{
	const char *name = row ? row->name : o->name;

	strv_append(&d->kept, o->id);
	say_problem(d, "the domain %s (%s) %s, and %s", o->id, name,
		    is_active(o) ? "runs or is saved" : "is defined",
		    row ? "its instance was deleted" : "has no record");
	if (row || !is_active(o))
		doctor_type(d, "vmctl host doctor --fix");
	else
		doctor_type(d,
			    "save what it has, virsh -c %s destroy %s, then "
			    "vmctl host doctor --fix",
			    d->ctx->uri, o->id);
}

static void look_at_domain(struct doctor *d, const struct hv_ops *ops,
			   struct hv *hv, const struct hv_owned *o)
{
	auto_held h = { .fd = -1 };
	struct vmctl_error why = { 0 };

	if (!is_ours(d, o))
		return;
	if (!hold(d, o->id, &h) || is_living(h.row))
		return;
	if (!d->fix || (!h.row && is_active(o))) {
		say_domain(d, o, h.row);
	} else if (remove_domain(d, ops, hv, o, h.row, &why) < 0) {
		strv_append(&d->kept, o->id);
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
	} else if (h.row) {
		say_fixed(d,
			  "the domain %s is removed: its instance %s was "
			  "deleted",
			  o->id, h.row->name);
	} else {
		say_fixed(d,
			  "the domain %s (%s), which had no record, is "
			  "removed; %s/" LOST "/%s.xml defines it again",
			  o->id, o->name, context_storage(d->ctx), o->id);
	}
}

void check_domains(struct doctor *d)
{
	auto_free struct hv_owned *owned = NULL;
	struct vmctl_error why = { 0 };
	size_t before = d->out->count, n = 0;
	const struct hv_ops *ops;
	struct hv *hv;

	if (context_hv(d->ctx, NULL, &ops, &hv, &why) < 0 ||
	    ops->owned(hv, &owned, &n, &why) < 0) {
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
		return;
	}
	for (size_t i = 0; i < n; i++)
		look_at_domain(d, ops, hv, &owned[i]);
	if (doctor_silent(d, before))
		say_ok(d, "none of vmctl's without a record");
}

/* --- folders of instances ------------------------------------------------- */

/* It is in use by what runs, or its domain is still there. */
static bool is_needed(struct doctor *d, const char *id, const char *path)
{
	auto_free char *disk = path_join(path, "disk.qcow2");

	for (char **k = d->kept; *k; k++)
		if (str_eq(*k, id))
			return true;
	return !disk || qemu_disk_in_use(disk);
}

static int set_aside(struct doctor *d, const char *id, const char *path,
		     struct vmctl_error *err)
{
	auto_free char *to = lost_path(d, id, "");
	int r = to ? make_lost(d, err) : fail_oom(err);

	if (r == 0 && rename(path, to) < 0)
		r = fail_sys(err, errno, "cannot move %s to %s", path, to);
	if (r == 0)
		r = dir_sync_of(to, err);
	return r < 0 ? r : dir_sync_of(path, err);
}

static void say_folder(struct doctor *d, const char *id, const char *path,
		       const struct vmctl_instance *row)
{
	bool needed = is_needed(d, id, path);

	say_problem(d, "%s is the folder of an instance that %s%s", path,
		    row ? "was deleted" : "has no record",
		    needed ? ", and in use" : "");
	if (!needed)
		doctor_type(d, "vmctl host doctor --fix");
	else
		doctor_type(d,
			    "virsh -c %s destroy %s, then vmctl host doctor "
			    "--fix",
			    d->ctx->uri, id);
}

/* Where libvirt does not answer a domain that nobody sees may stand on it. */
static bool may_move(struct doctor *d, const char *id, const char *path,
		     const struct vmctl_instance *row)
{
	return d->fix && !is_needed(d, id, path) &&
	       (row || doctor_answers(d, d->ctx->uri));
}

static void look_at_folder(struct doctor *d, const char *id, const char *path)
{
	auto_held h = { .fd = -1 };
	struct vmctl_error why = { 0 };

	if (!hold(d, id, &h) || is_living(h.row))
		return;
	if (!may_move(d, id, path, h.row)) {
		say_folder(d, id, path, h.row);
		return;
	}
	int r = h.row ? dir_remove(path, &why) : set_aside(d, id, path, &why);
	if (r < 0)
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
	else if (h.row)
		say_fixed(d, "%s is removed: its instance %s was deleted", path,
			  h.row->name);
	else
		say_fixed(d, "%s, which had no record, is moved to %s/" LOST,
			  path, context_storage(d->ctx));
}

void check_instance_folders(struct doctor *d)
{
	auto_free char *folder = context_path(d->ctx, "instances");
	auto_dir DIR *dir = folder ? opendir(folder) : NULL;
	size_t before = d->out->count;
	const struct dirent *e;

	if (!dir && errno != ENOENT)
		say_problem(d, "%s cannot be read: %s", folder ? folder : "",
			    strerrordesc_np(errno));
	while (dir && (e = readdir(dir))) {
		auto_free char *path = path_join(folder, e->d_name);

		if (path && storage_is_instance(e->d_name))
			look_at_folder(d, e->d_name, path);
	}
	if (doctor_silent(d, before))
		say_ok(d, "none without a record");
}

/* What is kept there takes room until somebody looks at it. */
void check_lost(struct doctor *d)
{
	auto_free char *path = path_join(context_storage(d->ctx), LOST);
	auto_dir DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *e;
	size_t n = 0;

	if (d->foreign) {
		say_note(d, "not looked at: the storage cannot be used");
		return;
	}
	while (dir && (e = readdir(dir)))
		n += storage_is_instance(e->d_name) ||
		     str_ends(e->d_name, ".xml");
	if (!n) {
		say_ok(d, "nothing");
		return;
	}
	say_note(d, "%zu %s set aside in %s", n,
		 n == 1 ? "thing is" : "things are", path);
	doctor_type(d, "rm -r '%s' when nothing in it is wanted", path);
}

/* --- locks and sockets ---------------------------------------------------- */

void check_locks(struct doctor *d)
{
	auto_free char *dir = context_path(d->ctx, "locks");
	struct vmctl_error why = { 0 };
	size_t n = 0;

	if (!dir || lock_sweep(dir, d->fix, &n, &why) < 0)
		doctor_say_error(d, VMCTL_VERDICT_WARNING, &why);
	else if (n && d->fix)
		say_fixed(d, "%zu %s of locks that nobody held %s removed", n,
			  n == 1 ? "file" : "files", n == 1 ? "is" : "are");
	else if (n)
		say_note(d,
			 "%zu %s of locks that nobody holds, which mean "
			 "nothing",
			 n, n == 1 ? "file" : "files");
	else
		say_ok(d, "none is left");
}

void check_holders(struct doctor *d)
{
	size_t n = instance_dead_holders(d->ctx, d->fix);

	if (n && d->fix)
		say_fixed(d,
			  "%zu %s of kept ssh connections that had ended %s "
			  "removed",
			  n, n == 1 ? "socket" : "sockets",
			  n == 1 ? "is" : "are");
	else if (n)
		say_note(d,
			 "%zu %s of kept ssh connections that have ended, "
			 "which the next exec removes",
			 n, n == 1 ? "socket" : "sockets");
	else
		say_ok(d, "no kept ssh connection has died");
}

void check_relays(struct doctor *d)
{
	size_t n = instance_dead_relays(d->ctx, d->fix);

	if (n && d->fix)
		say_fixed(d,
			  "%zu %s of processes that forwarded ports and have "
			  "ended %s removed",
			  n, n == 1 ? "socket" : "sockets",
			  n == 1 ? "is" : "are");
	else if (n)
		say_note(d,
			 "%zu %s of processes that forwarded ports and have "
			 "ended: killed, or as this host was switched off",
			 n, n == 1 ? "socket" : "sockets");
	else
		say_ok(d, "no process that forwards ports has died");
}
