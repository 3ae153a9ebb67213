/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "context.h"

#include <pwd.h>
#include <sys/stat.h>

#include <vmctl/vmctl.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/owner.h"
#include "internal/config.h"
#include "internal/ssh-config.h"

/*
 * Root's own machines live where the system keeps such things: libvirt runs
 * QEMU as another user for root, and that user cannot enter /root.
 */
#define ROOT_DATA_DIR "/var/lib/vmctl"

const char *vmctl_version(void)
{
	return VMCTL_VERSION;
}

char *context_home(void)
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
	auto_free char *home = context_home();
	return home ? str_printf("%s/%s/vmctl", home, below_home) : NULL;
}

int context_fail_home(struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0, "no home directory is known");
	fail_hint(err, "set VMCTL_HOME to a folder for vmctl's files");
	return -VMCTL_INVALID;
}

/* Without a home directory there are neither settings nor a log, which is no
 * reason to fail. */
static int set_files(struct vmctl *ctx, bool one_folder,
		     struct vmctl_error *err)
{
	auto_free char *config = NULL, *log = NULL;

	config = one_folder ? strdup(ctx->data_dir)
			    : xdg_dir("XDG_CONFIG_HOME", ".config");
	log = one_folder ? strdup(ctx->data_dir)
			 : xdg_dir("XDG_STATE_HOME", ".local/state");
	/* It is no reason to leave root's files in somebody's directory. */
	if (log && owner_differs(log))
		free(take_ptr(&log));
	ctx->one_folder = one_folder;
	if (config)
		ctx->config_path = path_join(config, "config.json");
	if (log)
		ctx->log_path = path_join(log, "log/vmctl.log");
	return (config && !ctx->config_path) || (log && !ctx->log_path)
		       ? fail_oom(err)
		       : 0;
}

static int set_dirs(struct vmctl *ctx, const char *home,
		    struct vmctl_error *err)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	const char *data = getenv("XDG_DATA_HOME");
	bool one_folder = home && *home;

	if (one_folder) {
		/* libvirt needs absolute paths, and so does everything that
		 * is recorded. */
		auto_free char *cwd = home[0] == '/' ? NULL : getcwd(NULL, 0);
		ctx->data_dir = cwd ? path_join(cwd, home) : strdup(home);
	} else if (geteuid() == 0 && (!data || owner_differs(data))) {
		ctx->data_dir = strdup(ROOT_DATA_DIR);
	} else {
		ctx->data_dir = xdg_dir("XDG_DATA_HOME", ".local/share");
	}
	if (!ctx->data_dir)
		return context_fail_home(err);
	if (!one_folder && run && owner_is_us(run))
		ctx->runtime_dir = path_join(run, "vmctl");
	else
		ctx->runtime_dir = path_join(ctx->data_dir, "run");
	return ctx->runtime_dir ? set_files(ctx, one_folder, err)
				: fail_oom(err);
}

static int set_options(struct vmctl *ctx, const struct vmctl_options *o,
		       struct vmctl_error *err)
{
	ctx->ev = (struct events){ o->log, o->progress, o->cancelled, o->data,
				   o->ask };
	ctx->uri = o->uri && *o->uri ? strdup(o->uri) : NULL;
	ctx->command = strdup(o->command ? o->command : "libvmctl");
	ctx->glance = o->glance;
	ctx->answer_ms = o->answer_timeout_ms;
	ctx->lock_timeout_ms =
		o->lock_timeout_ms < 0 ? 10000 : o->lock_timeout_ms;
	if ((o->uri && *o->uri && !ctx->uri) || !ctx->command)
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
	free(ctx->config_path);
	free(ctx->log_path);
	free(ctx->storage_dir);
	config_free(ctx->config);
	free(ctx->uri);
	free(ctx->command);
	free(ctx);
}

const char *vmctl_data_dir(struct vmctl *ctx)
{
	return ctx->data_dir;
}

const char *vmctl_log_path(struct vmctl *ctx)
{
	return ctx->log_path;
}

/* What of the settings the context itself needs. The connection and the folder
 * stay for its life once they are known. */
static int take_settings(struct vmctl *ctx, struct vmctl_error *err)
{
	const char *storage = config_text(ctx->config, "storage");

	if (!ctx->uri)
		ctx->uri = str_dup(config_text(ctx->config, "connect"));
	if (!ctx->storage_dir)
		ctx->storage_dir = strdup(storage ? storage : ctx->data_dir);
	return ctx->uri && ctx->storage_dir ? 0 : fail_oom(err);
}

int context_config(struct vmctl *ctx, const struct config **ret,
		   struct vmctl_error *err)
{
	if (!ctx->config) {
		int r = config_load(ctx->config_path, &ctx->config, err);
		if (r < 0)
			return r;
		r = take_settings(ctx, err);
		if (r < 0) {
			config_free(take_ptr(&ctx->config));
			return r;
		}
	}
	*ret = ctx->config;
	return 0;
}

/* A transaction takes milliseconds: waiting for one is never a matter of how
 * long a command may wait for another, and "--timeout 0" no reason to fail. On
 * a disk that is busy it takes seconds, for each commit is synced, and several
 * processes do not get their turn in order. */
static long busy_ms(const struct vmctl *ctx)
{
	const long least = ctx->glance ? 0 : 30000, most = 3600000;

	return ctx->lock_timeout_ms < least  ? least
	       : ctx->lock_timeout_ms > most ? most
					     : ctx->lock_timeout_ms;
}

/* The folder of the database; to have a look, it must be there. */
static int prepare_data_dir(const struct vmctl *ctx, struct vmctl_error *err)
{
	auto_free char *path = path_join(ctx->data_dir, "vmctl.db");
	struct stat st;

	if (!path)
		return fail_oom(err);
	/* A directory that root was told to use may be anybody's, but a
	 * database in it has its user. */
	if (geteuid() == 0 && stat(path, &st) == 0 && st.st_uid != 0) {
		int r = owner_check(path, err);
		if (r < 0)
			return r;
	}
	if (!ctx->glance)
		return dir_make(ctx->data_dir, context_dir_mode(ctx), err);
	return access(path, F_OK) == 0
		       ? 0
		       : fail(err, VMCTL_NOT_FOUND, errno, "%s", path);
}

int context_state(struct vmctl *ctx, struct state **ret,
		  struct vmctl_error *err)
{
	const struct config *config;

	if (!ctx->db) {
		int r = context_config(ctx, &config, err);
		if (r == 0)
			r = prepare_data_dir(ctx, err);
		if (r == 0)
			r = state_open(ctx->data_dir, busy_ms(ctx), &ctx->db,
				       err);
		if (r == 0)
			r = context_storage_check(ctx, ctx->db, err);
		if (r == 0)
			ssh_config_watch(ctx);
		if (r < 0) {
			state_close(take_ptr(&ctx->db));
			return r;
		}
	}
	*ret = ctx->db;
	return 0;
}

/* A command may come to the same connection several times: that it cannot be
 * made is found out, and waited for, once. */
#define AGAIN_MS 1000

static int make_link(struct vmctl *ctx, const char *uri, struct link *link,
		     struct vmctl_error *err)
{
	struct link made = { .uri = strdup(uri) };

	if (!made.uri)
		return fail_oom(err);
	if (ctx->hv_ops->open(uri, ctx->answer_ms, &ctx->ev, &made.hv,
			      &made.why) < 0) {
		made.hv = NULL;
		made.failed_at = clock_mono_ms();
	}
	/* More connections than places: the last one is replaced. */
	drop_link(ctx, link);
	*link = made;
	return 0;
}

/* A daemon that was restarted while we were connected: the connection is made
 * anew behind the same pointer, which callers hold. */
static void revive_link(struct vmctl *ctx, struct link *link)
{
	if (ctx->hv_ops->revive(link->hv, &link->why) < 0)
		link->failed_at = clock_mono_ms();
	else
		link->why.code = VMCTL_OK;
}

static int open_link(struct vmctl *ctx, const char *uri, struct hv **ret,
		     struct vmctl_error *err)
{
	struct link *link = ctx->links;
	int r = 0;

	while (link->uri && !str_eq(link->uri, uri) &&
	       link < ctx->links + ARRAY_LEN(ctx->links) - 1)
		link++;
	bool known = link->uri && str_eq(link->uri, uri);
	bool again = known && link->why.code &&
		     clock_mono_ms() - link->failed_at <= AGAIN_MS;
	if (!known || (!link->hv && !again))
		r = make_link(ctx, uri, link, err);
	else if (!again)
		revive_link(ctx, link);
	if (r < 0)
		return r;
	if (!link->hv || link->why.code) {
		if (err)
			*err = link->why;
		return -(int)link->why.code;
	}
	*ret = link->hv;
	return 0;
}

int context_hv(struct vmctl *ctx, const char *uri,
	       const struct hv_ops **ret_ops, struct hv **ret,
	       struct vmctl_error *err)
{
	const struct config *config;
	int r = context_config(ctx, &config, err);

	if (r == 0 && !ctx->hv_ops)
		r = hv_load(&ctx->hv_ops, err);
	if (r == 0)
		r = open_link(ctx, uri ? uri : ctx->uri, ret, err);
	if (r == 0)
		*ret_ops = ctx->hv_ops;
	return r;
}

mode_t context_dir_mode(const struct vmctl *ctx)
{
	bool own = ctx->uri && str_ends(ctx->uri, "/session");

	return geteuid() == 0 || !own ? 0711 : 0700;
}

const char *context_storage(const struct vmctl *ctx)
{
	return ctx->storage_dir ? ctx->storage_dir : ctx->data_dir;
}

char *context_path(const struct vmctl *ctx, const char *sub)
{
	bool stored = str_starts(sub, "images") || str_starts(sub, "instances");

	return path_join(stored ? context_storage(ctx) : ctx->data_dir, sub);
}
