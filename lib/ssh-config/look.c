/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "internal/ssh-config.h"
#include "ssh-config/ssh-config.h"

static int fail_look(struct vmctl_error *err, const char *fmt, const char *what)
	__attribute__((format(printf, 2, 0)));
static int fail_look(struct vmctl_error *err, const char *fmt, const char *what)
{
	auto_free char *text = str_printf(fmt, what);

	fail(err, VMCTL_BAD_DATA, 0, "%s", text ? text : what);
	fail_hint(err, "vmctl ssh-config install");
	return -VMCTL_BAD_DATA;
}

/* Whether our line is where it takes effect. */
static int look_at_include(struct vmctl *ctx, const struct record *rec,
			   struct vmctl_error *err)
{
	auto_user_file f = { 0 };
	auto_free char *include = NULL;
	auto_str text = STR_INIT;
	int r = our_include(ctx, &include, err);

	if (r == 0)
		r = user_file_open(rec->file, &f, err);
	if (r == 0)
		r = include_add(&f.text, include, &text, err);
	if (r < 0)
		return r;
	if (!f.exists || !str_eq(str_text(&text), str_text(&f.text)))
		return fail_look(err,
				 "%s no longer has the line by which ssh knows "
				 "instances by name",
				 rec->file);
	return 0;
}

int ssh_config_look(struct vmctl *ctx, struct vmctl_error *err)
{
	auto_record rec = { 0 };
	auto_free char *path = our_file(ctx);
	int r = path ? record_get(ctx, &rec, err) : fail_oom(err);

	if (r <= 0)
		return r;
	if (access(rec.how.program, X_OK) < 0)
		return fail_look(err, "ssh is told to start %s, which is gone",
				 rec.how.program);
	if (access(path, R_OK) < 0)
		return fail_look(err, "%s, which ssh is told to read, is gone",
				 path);
	r = look_at_include(ctx, &rec, err);
	return r < 0 ? r : 1;
}
