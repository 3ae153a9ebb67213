/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "host/doctor.h"
#include "internal/image.h"
#include "internal/instance.h"

/* The records, and whether what they speak of is there. */

void check_settings(struct doctor *d)
{
	const char *path = d->ctx->config_path;

	if (!d->config)
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &d->config_why);
	else if (path && access(path, F_OK) == 0)
		say_ok(d, "%s can be read", path);
	else
		say_ok(d, "there are none; all have their defaults");
}

/* --- the database --------------------------------------------------------- */

/* Without any record all of them would look as if they were nobody's. */
static bool has_instance_folders(struct doctor *d)
{
	auto_free char *path = context_path(d->ctx, "instances");
	auto_dir DIR *dir = path ? opendir(path) : NULL;
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			return true;
	return false;
}

static void say_damaged(struct doctor *d, const char *path)
{
	if (d->health_r == -VMCTL_BAD_DATA || d->health_r == 0)
		say_problem(d, "%s",
			    d->health.finding ? d->health.finding
					      : d->health_why.message);
	else
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &d->health_why);
	if (d->health.finding)
		doctor_type(d,
			    "keep a copy of %s, then: sqlite3 '%s' .recover "
			    "| sqlite3 '%s.new'",
			    path, path, path);
	else if (d->health_why.hint[0])
		doctor_type(d, "%s", d->health_why.hint);
}

void check_database(struct doctor *d)
{
	auto_free char *path = context_path(d->ctx, "vmctl.db");
	const struct state_health *h = &d->health;
	bool old = h->version < h->newest;

	if (!path)
		return;
	if (d->health_r < 0 || h->finding) {
		say_damaged(d, path);
	} else if (!h->exists && has_instance_folders(d)) {
		say_problem(d,
			    "%s is gone, and there are instances: they are "
			    "not known without it",
			    path);
		doctor_type(d, "put it back where it was before any other "
			       "command");
	} else if (!h->exists) {
		say_ok(d, "none yet");
	} else if (old && d->db) {
		say_fixed(d, "%s was of format %d and is of %d now", path,
			  h->version, h->newest);
	} else if (old) {
		say_note(d,
			 "%s is of format %d; the next command brings it to "
			 "%d",
			 path, h->version, h->newest);
		doctor_type(d, "vmctl list");
	} else if (h->read_only) {
		say_problem(d, "%s is sound, but cannot be written", path);
		doctor_type(d, "ls -l '%s'; df '%s'", path, path);
	} else {
		say_ok(d, "%s is sound, of format %d", path, h->version);
	}
}

/* --- work that was not ended ---------------------------------------------- */

static void say_intent(struct doctor *d, const struct state_intent *in,
		       bool left)
{
	struct vmctl_instance *row = NULL;
	bool known = state_instance_get(d->db, in->id, &row, NULL) == 0;
	const char *name = known ? row->name : in->id;

	if (d->fix && !left)
		say_fixed(d,
			  "the %s of %s, which process %ld left half done, "
			  "is settled",
			  in->verb, name, (long)in->pid);
	else
		say_problem(d, "process %ld (%s) died in the %s of %s%s",
			    (long)in->pid, in->command, in->verb, name,
			    d->fix ? ", and it cannot be settled now" : "");
	if (!d->fix)
		doctor_type(d, "vmctl host doctor --fix; vmctl list does it "
			       "too");
	else if (left)
		doctor_type(d, "vmctl show %s", name);
	vmctl_instance_free(row);
}

void check_intents(struct doctor *d)
{
	auto_free struct state_intent *dead = NULL, *left = NULL;
	struct vmctl_error why = { 0 };
	size_t n = 0, m = 0;
	int r = state_intent_dead(d->db, &dead, &n, &why);

	if (r == 0 && n && d->fix)
		r = instance_reap(d->ctx, &why);
	if (r == 0 && n && d->fix)
		r = state_intent_dead(d->db, &left, &m, &why);
	if (r < 0) {
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		bool stays = false;

		for (size_t j = 0; j < m; j++)
			stays |= str_eq(left[j].id, dead[i].id);
		say_intent(d, &dead[i], stays);
	}
	if (!n)
		say_ok(d, "no dead process left work half done");
}

/* --- instances ------------------------------------------------------------ */

static bool is_gone(struct doctor *d, const char *sub)
{
	auto_free char *path = context_path(d->ctx, sub);
	struct stat st;

	return path && stat(path, &st) < 0 && errno == ENOENT;
}

/* What it stands on; what failed in its making has nothing. */
static void look_at_files(struct doctor *d, const struct vmctl_instance *row)
{
	auto_free char *disk = str_printf("instances/%s/disk.qcow2", row->id);
	auto_free char *base = str_printf("images/%s.qcow2", row->image_digest);

	auto_free char *seed = str_printf("instances/%s/seed.iso", row->id);

	if (!disk || !base || !seed)
		return;
	if (is_gone(d, disk)) {
		say_problem(d, "the disk of %s is gone: %s/%s", row->name,
			    context_storage(d->ctx), disk);
		doctor_type(d, "vmctl delete %s", row->name);
	} else if (is_gone(d, base)) {
		say_problem(d,
			    "the image that the disk of %s stands on is "
			    "gone: %s/%s",
			    row->name, context_storage(d->ctx), base);
		doctor_type(d, "vmctl image verify %s tells what to do",
			    row->image);
	} else if (is_gone(d, seed)) {
		say_problem(d,
			    "the seed of %s is gone, without which it does "
			    "not start: %s/%s",
			    row->name, context_storage(d->ctx), seed);
		doctor_type(d,
			    "truncate -s 1M '%s/%s', if the guest keeps all on "
			    "its disk",
			    context_storage(d->ctx), seed);
	}
}

static void look_at_domain(struct doctor *d, const struct vmctl_instance *row)
{
	struct vmctl_error why = { 0 };
	const struct hv_ops *ops;
	enum hv_state seen;
	struct hv *hv;

	if (!doctor_answers(d, row->connection))
		return;
	if (context_hv(d->ctx, row->connection, &ops, &hv, &why) < 0 ||
	    ops->state(hv, row->uuid, &seen, &why) < 0) {
		doctor_say_error(d, VMCTL_VERDICT_WARNING, &why);
		return;
	}
	if (seen != HV_ABSENT)
		return;
	say_problem(d, "%s has a record and no domain: somebody undefined %s",
		    row->name, row->id);
	doctor_type(d, "vmctl start %s defines it again", row->name);
}

static void look_at_instance(struct doctor *d, const struct vmctl_instance *row)
{
	size_t before = d->out->count;
	auto_free char *dir = str_printf("instances/%s", row->id);

	if (row->state == VMCTL_STATE_PENDING)
		return;
	if (row->state == VMCTL_STATE_ERROR && dir && is_gone(d, dir)) {
		say_warning(d, "%s was never made: %s", row->name, row->reason);
		doctor_type(d, "vmctl delete %s", row->name);
		return;
	}
	look_at_files(d, row);
	if (doctor_silent(d, before))
		look_at_domain(d, row);
}

void check_instances(struct doctor *d)
{
	struct vmctl_instance_list *list = NULL;
	struct vmctl_error why = { 0 };
	size_t before = d->out->count;

	if (state_instance_list(d->db, false, &list, &why) < 0) {
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		look_at_instance(d, list->items[i]);
	if (doctor_silent(d, before))
		say_ok(d, "%zu, each with what belongs to it", list->count);
	vmctl_instance_list_free(list);
}

/* --- images --------------------------------------------------------------- */

static void say_halves(struct doctor *d, size_t n)
{
	if (n && d->fix)
		say_fixed(d,
			  "%zu %s of imports and deletions that were ended "
			  "are removed",
			  n, n == 1 ? "file" : "files");
	else if (n) {
		say_problem(d,
			    "%zu %s left by imports or deletions that were "
			    "ended",
			    n, n == 1 ? "file is" : "files are");
		doctor_type(d, "vmctl host doctor --fix");
	}
}

void check_images(struct doctor *d)
{
	struct image_leftovers left = { 0 };
	struct vmctl_error why = { 0 };
	size_t before = d->out->count;

	if (image_leftovers(d->ctx, d->fix, &left, &why) < 0) {
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
		return;
	}
	say_halves(d, left.halves);
	for (char **name = left.missing; *name; name++) {
		say_problem(d, "the file of the image %s is gone", *name);
		doctor_type(d, "vmctl image verify %s tells what to do", *name);
	}
	for (char **name = left.changed; *name; name++) {
		say_warning(d,
			    "the file of the image %s has changed since it "
			    "was verified",
			    *name);
		doctor_type(d, "vmctl image verify %s", *name);
	}
	/* It may be what the disk of a lost instance stands on. */
	for (char **path = left.unknown; *path; path++) {
		say_warning(d, "%s is an image that no record names", *path);
		doctor_type(d,
			    "vmctl image import --name NAME '%s' to use it, "
			    "or rm -f '%s'",
			    *path, *path);
	}
	if (doctor_silent(d, before))
		say_ok(d, "all files of images are there, and no others");
	image_leftovers_done(&left);
}
