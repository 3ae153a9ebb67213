/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "context.h"

#include <pwd.h>
#include <sys/stat.h>

#include <vmctl/vmctl.h>

#include "base/file.h"

/*
 * Root's own machines live where the system keeps such things: libvirt runs
 * QEMU as another user for root, and that user cannot enter /root.
 */
#define ROOT_DATA_DIR "/var/lib/vmctl"

const char *vmctl_version(void)
{
	return VMCTL_VERSION;
}

static char *home_dir(void)
{
	const char *home = getenv("HOME");
	char buf[4096];
	struct passwd pw, *found = NULL;

	if (home && home[0] == '/')
		return strdup(home);
	if (getpwuid_r(geteuid(), &pw, buf, sizeof(buf), &found) || !found ||
	    !pw.pw_dir || pw.pw_dir[0] != '/')
		return NULL;
	return strdup(pw.pw_dir);
}

/* An XDG folder, "vmctl" below it: paths that are not absolute count as not
 * set (XDG Base Directory Specification). */
static char *xdg_dir(const char *variable, const char *below_home)
{
	const char *v = getenv(variable);

	if (v && v[0] == '/')
		return path_join(v, "vmctl");
	auto_free char *home = home_dir();
	return home ? str_printf("%s/%s/vmctl", home, below_home) : NULL;
}

static int set_dirs(struct vmctl *ctx, const char *home,
		    struct vmctl_error *err)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (home && *home) {
		/* libvirt needs absolute paths, and so does everything that
		 * is recorded. */
		auto_free char *cwd = home[0] == '/' ? NULL : getcwd(NULL, 0);
		ctx->data_dir = cwd ? path_join(cwd, home) : strdup(home);
	} else if (geteuid() == 0 && !getenv("XDG_DATA_HOME")) {
		ctx->data_dir = strdup(ROOT_DATA_DIR);
	} else {
		ctx->data_dir = xdg_dir("XDG_DATA_HOME", ".local/share");
	}
	if (!ctx->data_dir) {
		fail(err, VMCTL_INVALID, 0, "no home directory is known");
		fail_hint(err, "set VMCTL_HOME to a folder for vmctl's files");
		return -VMCTL_INVALID;
	}
	if (!(home && *home) && run && run[0] == '/')
		ctx->runtime_dir = path_join(run, "vmctl");
	else
		ctx->runtime_dir = path_join(ctx->data_dir, "run");
	return ctx->runtime_dir ? 0 : fail_oom(err);
}

static int set_options(struct vmctl *ctx, const struct vmctl_options *o,
		       struct vmctl_error *err)
{
	ctx->ev = (struct events){ o->log, o->progress, o->cancelled, o->data };
	ctx->uri = strdup(o->uri && *o->uri ? o->uri : "qemu:///session");
	ctx->command = strdup(o->command ? o->command : "libvmctl");
	ctx->lock_timeout_ms =
		o->lock_timeout_ms < 0 ? 10000 : o->lock_timeout_ms;
	if (!ctx->uri || !ctx->command)
		return fail_oom(err);
	return set_dirs(ctx, o->home, err);
}

int vmctl_new(const struct vmctl_options *opts, struct vmctl **ret,
	      struct vmctl_error *err)
{
	struct vmctl_options o = { .lock_timeout_ms = -1 };
	struct vmctl *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return fail_oom(err);
	/* A caller built against an older header has a shorter struct. */
	if (opts)
		memcpy(&o, opts,
		       opts->size < sizeof(o) ? opts->size : sizeof(o));
	int r = set_options(ctx, &o, err);
	if (r < 0) {
		vmctl_free(ctx);
		return r;
	}
	*ret = ctx;
	return 0;
}

static void drop_link(struct vmctl *ctx, struct link *link)
{
	if (link->hv)
		ctx->hv_ops->close(link->hv);
	free(link->uri);
	*link = (struct link){ 0 };
}

void vmctl_free(struct vmctl *ctx)
{
	if (!ctx)
		return;
	for (size_t i = 0; i < ARRAY_LEN(ctx->links); i++)
		drop_link(ctx, &ctx->links[i]);
	state_close(ctx->db);
	free(ctx->data_dir);
	free(ctx->runtime_dir);
	free(ctx->uri);
	free(ctx->command);
	free(ctx);
}

const char *vmctl_data_dir(struct vmctl *ctx)
{
	return ctx->data_dir;
}

int context_state(struct vmctl *ctx, struct state **ret,
		  struct vmctl_error *err)
{
	if (!ctx->db) {
		int r = dir_make(ctx->data_dir, context_dir_mode(), err);
		if (r == 0)
			r = state_open(ctx->data_dir, ctx->lock_timeout_ms,
				       &ctx->db, err);
		if (r < 0)
			return r;
	}
	*ret = ctx->db;
	return 0;
}

static int open_link(struct vmctl *ctx, const char *uri, struct hv **ret,
		     struct vmctl_error *err)
{
	struct link *link = ctx->links;

	while (link->uri && !str_eq(link->uri, uri) &&
	       link < ctx->links + ARRAY_LEN(ctx->links) - 1)
		link++;
	if (!link->uri || !str_eq(link->uri, uri)) {
		struct link made = { .uri = strdup(uri) };
		int r = made.uri ? ctx->hv_ops->open(uri, &ctx->ev, &made.hv,
						     err)
				 : fail_oom(err);
		if (r < 0) {
			free(made.uri);
			return r;
		}
		/* More connections than places: the last one is replaced. */
		drop_link(ctx, link);
		*link = made;
	}
	*ret = link->hv;
	return 0;
}

int context_hv(struct vmctl *ctx, const char *uri,
	       const struct hv_ops **ret_ops, struct hv **ret,
	       struct vmctl_error *err)
{
	int r = ctx->hv_ops ? 0 : hv_load(&ctx->hv_ops, err);

	if (r == 0)
		r = open_link(ctx, uri ? uri : ctx->uri, ret, err);
	if (r == 0)
		*ret_ops = ctx->hv_ops;
	return r;
}

mode_t context_dir_mode(void)
{
	return geteuid() == 0 ? 0711 : 0700;
}

char *context_path(const struct vmctl *ctx, const char *sub)
{
	return path_join(ctx->data_dir, sub);
}
