/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/owner.h"
#include "host/doctor.h"
#include "internal/image.h"
#include "internal/instance.h"

/* Our own folders and files: whose they are, and who may do what. */

/* The nearest folder that is there. The caller frees it. */
static char *nearest(const char *path)
{
	char *at = strdup(path);

	while (at && access(at, F_OK) < 0) {
		char *slash = strrchr(at, '/');

		if (!slash || !slash[1])
			break;
		slash[slash == at ? 1 : 0] = '\0';
	}
	return at;
}

static void look_at_future(struct doctor *d, const char *path)
{
	auto_free char *parent = nearest(path);

	if (parent && access(parent, W_OK | X_OK) == 0) {
		say_ok(d, "%s is made when it is needed", path);
		return;
	}
	say_problem(d,
		    "%s is not there and cannot be made: you may not write "
		    "to %s",
		    path, parent ? parent : "/");
	doctor_type(d, "export VMCTL_HOME=FOLDER, one that you may write to");
}

static void set_mode(struct doctor *d, const char *path, mode_t mode,
		     mode_t want, enum vmctl_verdict verdict, const char *why)
{
	if (d->fix && chmod(path, want) == 0) {
		say_fixed(d, "%s, whose mode was %o, now has %o", path,
			  (unsigned)mode, (unsigned)want);
		return;
	}
	doctor_say(d, verdict, "%s %s (mode %o)", path, why, (unsigned)mode);
	doctor_type(d, "chmod %o '%s'", (unsigned)want, path);
}

/* Whether it can be used, apart from its mode. */
static bool look_at_owner(struct doctor *d, const char *path,
			  const struct stat *st)
{
	if (!S_ISDIR(st->st_mode)) {
		say_problem(d, "%s is no folder", path);
		return false;
	}
	if (st->st_uid != geteuid() && access(path, R_OK | W_OK | X_OK) < 0) {
		say_problem(d, "%s belongs to another user and cannot be used",
			    path);
		doctor_type(d, "sudo chown -R \"$(id -u):$(id -g)\" '%s'",
			    path);
		return false;
	}
	return true;
}

/* Nothing in it is for others; where QEMU runs as another user that user has to
 * pass. */
static void look_at_mode(struct doctor *d, const char *path,
			 const struct stat *st)
{
	mode_t mode = st->st_mode & 07777;
	mode_t may = 0700 | context_dir_mode(d->ctx);
	mode_t want = (mode & (may | 07000)) | 0700;

	if (st->st_uid != geteuid() || mode & 01000)
		return;
	if ((mode & 0700) != 0700)
		set_mode(d, path, mode, want, VMCTL_VERDICT_PROBLEM,
			 "is closed to yourself");
	else if (mode & 022)
		set_mode(d, path, mode, want, VMCTL_VERDICT_PROBLEM,
			 "can be changed by other users");
	else if (mode & 044)
		set_mode(d, path, mode, want, VMCTL_VERDICT_WARNING,
			 "can be read by other users");
}

static void look_at_secret(struct doctor *d, const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid() && (st.st_mode & 077))
		set_mode(d, path, st.st_mode & 07777, 0600,
			 VMCTL_VERDICT_PROBLEM, "is open to other users");
}

/* ssh refuses a private key that others can read. */
static void look_at_secrets(struct doctor *d)
{
	auto_free char *db = context_path(d->ctx, "vmctl.db");
	auto_free char *keys = context_path(d->ctx, "keys");
	auto_dir DIR *dir = keys ? opendir(keys) : NULL;
	const struct dirent *e;

	if (db)
		look_at_secret(d, db);
	while (dir && (e = readdir(dir))) {
		auto_free char *path = path_join(keys, e->d_name);

		if (path && !str_ends(path, ".pub"))
			look_at_secret(d, path);
	}
}

/* libvirt finds a session's daemon by it, and su and sudo pass on another's. */
static void look_at_runtime(struct doctor *d)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	/* Root's sudo -E has one that is not used, and no sign of anything. */
	if (!run || !*run || owner_is_us(run) || owner_differs(run))
		return;
	say_problem(d, "XDG_RUNTIME_DIR is %s, which is no folder of yours",
		    run);
	doctor_type(d, "unset XDG_RUNTIME_DIR");
}

/* The way to `path` and what is in it, as far as it is below the home
 * directory: the first that root left, or NULL. The caller frees it. */
static char *left_by_root(const char *home, const char *path)
{
	auto_free char *at = strdup(path);
	size_t n = strlen(home);
	struct stat st;

	if (!at || strncmp(at, home, n) != 0 || at[n] != '/')
		return NULL;
	for (char *p = at + n + 1;; p++) {
		char was = *p;

		if (was && was != '/')
			continue;
		*p = '\0';
		if (lstat(at, &st) < 0)
			return NULL;
		if (st.st_uid == 0)
			return take_ptr(&at);
		if (!was)
			return NULL;
		*p = was;
	}
}

static char *left_in(const char *home, const char *dir)
{
	char *found = left_by_root(home, dir);
	auto_dir DIR *d = found ? NULL : opendir(dir);
	const struct dirent *e;

	while (!found && d && (e = readdir(d))) {
		auto_free char *path = path_join(dir, e->d_name);

		if (path && !str_eq(e->d_name, ".."))
			found = left_by_root(home, path);
	}
	return found;
}

/* What `sudo -E` with an older vmctl, or with another program, made in this
 * user's home directory. */
static void look_for_roots(struct doctor *d)
{
	auto_free char *home = geteuid() ? context_home() : NULL;
	const char *log = d->ctx->log_path, *config = d->ctx->config_path;
	auto_free char *logs =
		log ? strndup(log, (size_t)(path_base(log) - log - 1)) : NULL;
	auto_free char *state =
		logs ? strndup(logs, (size_t)(path_base(logs) - logs - 1))
		     : NULL;
	auto_free char *configs =
		config ? strndup(config,
				 (size_t)(path_base(config) - config - 1))
		       : NULL;
	const char *const dirs[] = { d->ctx->data_dir, d->ctx->runtime_dir,
				     configs, state, logs };
	auto_free char *last = NULL;

	for (size_t i = 0; home && i < ARRAY_LEN(dirs); i++) {
		char *found = dirs[i] ? left_in(home, dirs[i]) : NULL;

		if (found && !(last && str_eq(last, found))) {
			say_problem(d,
				    "%s belongs to root, in your home "
				    "directory",
				    found);
			doctor_type(d,
				    "sudo chown -R \"$(id -u):$(id -g)\" '%s'",
				    found);
		}
		if (found) {
			free(last);
			last = found;
		}
	}
}

void check_data_folder(struct doctor *d)
{
	const char *path = d->ctx->data_dir;
	size_t before = d->out->count;
	struct stat st;

	look_at_runtime(d);
	look_for_roots(d);
	if (stat(path, &st) < 0 && errno == ENOENT) {
		look_at_future(d, path);
		return;
	}
	if (stat(path, &st) < 0) {
		say_problem(d, "%s cannot be looked at: %s", path,
			    strerrordesc_np(errno));
		doctor_type(d, "export VMCTL_HOME=FOLDER, one of yours");
		return;
	}
	if (!look_at_owner(d, path, &st))
		return;
	look_at_mode(d, path, &st);
	if (doctor_silent(d, before) && access(path, W_OK | X_OK) < 0)
		say_problem(d, "%s cannot be written: %s", path,
			    strerrordesc_np(errno));
	look_at_secrets(d);
	if (doctor_silent(d, before))
		say_ok(d, "%s", path);
}

/* --- the storage ---------------------------------------------------------- */

static void look_at_image(struct doctor *d, const char *path)
{
	auto_close int fd =
		open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct vmctl_error why = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    !(st.st_mode & 07) || (geteuid() != 0 && st.st_uid != geteuid()))
		return;
	if (d->fix && image_shut(fd, path, &why) == 0 && fstat(fd, &st) == 0 &&
	    !(st.st_mode & 07)) {
		say_fixed(d,
			  "%s, which all could read, is closed to other "
			  "users now",
			  path);
		return;
	}
	say_warning(d, "%s can be read by other users", path);
	if (!d->fix)
		doctor_type(d, "vmctl host doctor --fix");
	else
		doctor_type(d, "vmctl config set storage DIR, on a file system "
			       "with access control lists");
}

/* What an image holds is for its instances alone, as their disks are. Where
 * nobody passes the folder its files need no look. */
static void look_at_images(struct doctor *d)
{
	auto_free char *images = context_path(d->ctx, "images");
	auto_dir DIR *dir = images && context_dir_mode(d->ctx) & 01
				    ? opendir(images)
				    : NULL;
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		auto_free char *path = path_join(images, e->d_name);

		if (path && str_ends(path, ".qcow2"))
			look_at_image(d, path);
	}
}

/* The one folder on the way that is ours to open. */
static bool open_storage(struct doctor *d, const char *path)
{
	struct stat st;

	if (!d->fix || stat(path, &st) < 0 || st.st_uid != geteuid() ||
	    st.st_mode & S_IXOTH)
		return false;
	if (chmod(path, (st.st_mode & 07777) | S_IXOTH) < 0)
		return false;
	say_fixed(d, "the user that libvirt runs QEMU as can enter %s now",
		  path);
	return true;
}

void check_storage_folder(struct doctor *d)
{
	const char *path = context_storage(d->ctx);
	struct vmctl_error why = { 0 };
	struct stat st;

	if (d->foreign) {
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &d->foreign_why);
		return;
	}
	if (stat(path, &st) < 0 && errno == ENOENT) {
		look_at_future(d, path);
		return;
	}
	int seen = stat(path, &st);
	if (seen == 0 && !look_at_owner(d, path, &st))
		return;
	if (seen < 0 || access(path, W_OK | X_OK) < 0) {
		say_problem(d, "%s cannot be used: %s", path,
			    strerrordesc_np(errno));
		doctor_type(d, "sudo chown -R \"$(id -u):$(id -g)\" '%s'",
			    path);
		return;
	}
	look_at_images(d);
	int r = doctor_answers(d, d->ctx->uri)
			? instance_access_check(d->ctx, &why)
			: 0;
	if (r < 0 && open_storage(d, path))
		r = instance_access_check(d->ctx, &why);
	if (r < 0)
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
	else
		say_ok(d, "%s", path);
}
