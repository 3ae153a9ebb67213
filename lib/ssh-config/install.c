/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pwd.h>

#include "base/file.h"
#include "driver/openssh.h"
#include "ssh-config/ssh-config.h"

/* OpenSSH looks at the password database, whatever HOME says. */
static int default_file(char **ret, struct vmctl_error *err)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (getpwuid_r(geteuid(), &pw, buf, sizeof(buf), &found) || !found ||
	    !pw.pw_dir || pw.pw_dir[0] != '/')
		return fail(err, VMCTL_INVALID, 0,
			    "the password database has no home directory for "
			    "this user, where ssh would look for its "
			    "configuration");
	*ret = path_join(pw.pw_dir, ".ssh/config");
	return *ret ? 0 : fail_oom(err);
}

static int chosen_file(const char *file, char **ret, struct vmctl_error *err)
{
	if (!file)
		return default_file(ret, err);
	auto_free char *cwd = file[0] == '/' ? NULL : getcwd(NULL, 0);
	if (file[0] != '/' && !cwd)
		return fail_sys(err, errno, "cannot find %s", file);
	*ret = cwd ? path_join(cwd, file) : strdup(file);
	return *ret ? 0 : fail_oom(err);
}

int our_include(struct vmctl *ctx, char **ret, struct vmctl_error *err)
{
	auto_free char *path = our_file(ctx);
	auto_str line = STR_INIT;

	if (!path)
		return fail_oom(err);
	if (!quote_possible(path))
		return fail(err, VMCTL_INVALID, 0,
			    "ssh cannot read a file in %s: its name has "
			    "control characters",
			    ctx->data_dir);
	str_add(&line, "Include ");
	quote_include(&line, path);
	return str_take(&line, ret, err);
}

/* Has the ssh that is here read all the keywords that we use, before its
 * configuration has them: a mistake there would be one for every host. */
static int try_out(struct vmctl *ctx, const struct how *how,
		   struct vmctl_error *err)
{
	const struct state_host sample = { .id = (char *)"i-00000000",
					   .name = (char *)"vmctl-sample",
					   .user = (char *)"user" };
	auto_free char *path = path_join(ctx->data_dir, "ssh-config.vmctl-try");
	auto_str text = STR_INIT;
	struct vmctl_error why;
	int r = path ? blocks_text(how, &sample, 1, &text, err) : fail_oom(err);

	if (r == 0)
		r = file_write_atomic(path, text.p, text.len, 0600, err);
	if (r < 0)
		return r;
	r = openssh_check(path, &ctx->ev, &why);
	unlink(path);
	if (r == -VMCTL_NOT_FOUND) {
		log_warn(&ctx->ev, "there is no ssh here yet; OpenSSH 8.5 or "
				   "newer is needed");
		return 0;
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

/* Unless something is in it. */
static void remove_folder(const struct user_file *f)
{
	auto_free char *dir =
		strndup(f->path, (size_t)(path_base(f->path) - f->path));

	if (dir)
		(void)rmdir(dir);
}

/* Takes our line out of the file that it is in. */
static int take_out(struct vmctl *ctx, const struct record *rec,
		    struct vmctl_error *err)
{
	auto_user_file f = { 0 };
	auto_free char *include = NULL;
	auto_str text = STR_INIT;
	int r = our_include(ctx, &include, err);

	if (r == 0)
		r = user_file_open(rec->file, &f, err);
	if (r < 0 || !f.exists)
		return r;
	r = include_remove(&f.text, include, &text, err);
	if (r == 0 && text.len != f.text.len)
		r = user_file_replace(&f, &text, rec->file_made, err);
	if (r == 0 && rec->dir_made)
		remove_folder(&f);
	return r;
}

/* --- installing ----------------------------------------------------------- */

struct install {
	struct vmctl *ctx;
	struct record rec, former; /* the latter where `was` */
	struct user_file file;
	char *include;
	struct str text; /* that the user's file is to have */
	bool was;	 /* installed before, or not known */
	bool began;	 /* what follows is ours to take back */
	int lock;
};

static void install_done(struct install *in)
{
	if (in->lock >= 0)
		our_unlock(in->ctx, in->lock);
	record_done(&in->rec);
	record_done(&in->former);
	user_file_done(&in->file);
	free(in->include);
	str_done(&in->text);
}

/* Before anything can go wrong: what is installed must outlive an installation
 * that fails. */
static int find_former(struct install *in, struct vmctl_error *err)
{
	int r = record_get(in->ctx, &in->former, err);

	in->was = r != 0;
	return r < 0 ? r : 0;
}

/* What was made by an earlier installation is ours still; what was installed
 * into another file is taken out there. */
static int meet_former(struct install *in, struct vmctl_error *err)
{
	if (!in->was)
		return 0;
	if (!str_eq(in->former.file, in->rec.file))
		return take_out(in->ctx, &in->former, err);
	in->rec.file_made = in->former.file_made;
	in->rec.dir_made = in->former.dir_made;
	return 0;
}

static int prepare(struct install *in, const struct vmctl_ssh_config *what,
		   struct vmctl_error *err)
{
	int r = how_make(in->ctx, what->program, &in->rec.how, err);

	if (r == 0)
		r = chosen_file(what->file, &in->rec.file, err);
	if (r == 0)
		r = our_include(in->ctx, &in->include, err);
	if (r == 0)
		r = user_file_open(in->rec.file, &in->file, err);
	if (r == 0)
		r = include_add(&in->file.text, in->include, &in->text, err);
	if (r == 0 && !in->was)
		r = our_file_check(in->ctx, err);
	if (r == 0)
		r = try_out(in->ctx, &in->rec.how, err);
	return r;
}

static int make_folder(struct install *in, struct vmctl_error *err)
{
	auto_free char *dir =
		strndup(in->file.path,
			(size_t)(path_base(in->file.path) - in->file.path));

	if (!dir)
		return fail_oom(err);
	if (!in->file.exists)
		in->rec.file_made = true;
	if (access(dir, F_OK) == 0)
		return 0;
	in->rec.dir_made = true;
	return dir_make(dir, 0700, err);
}

/* Not by its length: our line may only have been in another place. */
static bool is_same(const struct str *a, const struct str *b)
{
	return a->len == b->len && (!a->len || memcmp(a->p, b->p, a->len) == 0);
}

/* The user's file comes last: from then on ssh reads ours. */
static int apply(struct install *in, bool *ret_changed, struct vmctl_error *err)
{
	bool same = is_same(&in->text, &in->file.text);
	int r = make_folder(in, err);

	in->began = r == 0;
	if (r == 0)
		r = record_put(in->ctx, &in->rec, err);
	if (r == 0)
		r = our_file_write(in->ctx, &in->rec, err);
	if (r == 0 && !same)
		r = user_file_replace(&in->file, &in->text, false, err);
	if (ret_changed)
		*ret_changed = r == 0 && !same;
	return r;
}

static void take_back(struct install *in)
{
	if (in->began) {
		(void)our_files_remove(in->ctx, NULL);
		(void)record_drop(in->ctx, NULL);
	}
	if (in->rec.dir_made)
		remove_folder(&in->file);
}

static int install(struct install *in, const struct vmctl_ssh_config *what,
		   bool *ret_changed, struct vmctl_error *err)
{
	struct state *db;
	int r = context_state(in->ctx, &db, err);

	if (r == 0)
		r = our_lock(in->ctx, &in->lock, err);
	if (r == 0)
		r = find_former(in, err);
	if (r == 0)
		r = prepare(in, what, err);
	if (r == 0)
		r = meet_former(in, err);
	if (r == 0)
		r = apply(in, ret_changed, err);
	if (r < 0 && in->lock >= 0 && !in->was)
		take_back(in);
	return r;
}

int vmctl_ssh_config_install(struct vmctl *ctx,
			     const struct vmctl_ssh_config *asked,
			     char **ret_file, bool *ret_changed,
			     struct vmctl_error *err)
{
	auto_cleanup(install_done) struct install in = { .ctx = ctx,
							 .lock = -1 };
	struct vmctl_ssh_config what = { 0 };

	/* A caller built against an older header has a shorter struct. */
	memcpy(&what, asked,
	       asked->size < sizeof(what) ? asked->size : sizeof(what));
	int r = install(&in, &what, ret_changed, err);
	if (r < 0)
		return r;
	*ret_file = take_ptr(&in.file.path);
	return 0;
}

int vmctl_ssh_config_uninstall(struct vmctl *ctx, char **ret_file,
			       struct vmctl_error *err)
{
	auto_record rec = { 0 };
	int fd = -1, r = our_lock(ctx, &fd, err);

	if (r < 0)
		return r;
	int found = r = record_get(ctx, &rec, err);
	if (r == 1)
		r = take_out(ctx, &rec, err);
	/* Without a record nothing there is known to be ours. With one, it goes
	 * last: whoever is interrupted can do this again. */
	if (r == 0 && found == 1)
		r = our_files_remove(ctx, err);
	if (r == 0 && found == 1)
		r = record_drop(ctx, err);
	our_unlock(ctx, fd);
	if (r == 0)
		*ret_file = found == 1 ? take_ptr(&rec.file) : NULL;
	return r;
}
