/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/file.h"
#include "internal/ssh-config.h"
#include "ssh-config/ssh-config.h"

/* Our own file, and keeping it up to date. */

#define LOCK "ssh-config"
#define LOCK_MS 5000

#define FIRST_WORDS "# Instances of vmctl; see vmctl-ssh-config-install(1)."

#define OUR_MAX ((size_t)64 << 20)

char *our_dir(const struct vmctl *ctx)
{
	return path_join(ctx->data_dir, "ssh");
}

char *our_file(const struct vmctl *ctx)
{
	return path_join(ctx->data_dir, "ssh/config");
}

int our_lock(struct vmctl *ctx, int *ret_fd, struct vmctl_error *err)
{
	auto_free char *dir = context_path(ctx, "locks");

	return dir ? lock_take(dir, LOCK, ctx->command, LOCK_MS, NULL, ret_fd,
			       err)
		   : fail_oom(err);
}

void our_unlock(struct vmctl *ctx, int fd)
{
	auto_free char *dir = context_path(ctx, "locks");

	if (dir)
		lock_release(dir, LOCK, fd);
	else
		close(fd);
}

/* An instance that has just got the name of a host that the user has written
 * down goes before it from now on. */
static void warn_of_namesakes(struct vmctl *ctx, const struct record *rec,
			      const struct str *old,
			      const struct state_host *hosts, size_t n)
{
	auto_str users = STR_INIT;

	if (file_read(rec->file, OUR_MAX, &users, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (names_host(&users, hosts[i].name) &&
		    !names_host(old, hosts[i].name))
			log_warn(&ctx->ev,
				 "%s is a host in %s too: ssh %s now goes to "
				 "the instance",
				 hosts[i].name, rec->file, hosts[i].name);
}

struct hosts {
	struct state_host *items;
	size_t count;
};

static void hosts_done(struct hosts *h)
{
	state_hosts_free(h->items, h->count);
}
#define auto_hosts auto_cleanup(hosts_done) struct hosts

int our_file_write(struct vmctl *ctx, const struct record *rec,
		   struct vmctl_error *err)
{
	auto_hosts h = { 0 };
	auto_free char *dir = our_dir(ctx);
	auto_free char *path = our_file(ctx);
	auto_str text = STR_INIT, old = STR_INIT;
	struct state *db;
	int r = dir && path ? context_state(ctx, &db, err) : fail_oom(err);

	if (r == 0)
		r = state_hosts(db, &h.items, &h.count, err);
	if (r < 0)
		return r;
	str_add(&text, FIRST_WORDS " Written again at every change.\n");
	r = blocks_text(&rec->how, h.items, h.count, &text, err);
	if (r < 0)
		return r;
	(void)file_read(path, OUR_MAX, &old, NULL);
	if (old.len == text.len && str_eq(str_text(&old), text.p))
		return 0;
	r = dir_make(dir, 0700, err);
	if (r == 0)
		r = keys_write(&rec->how, h.items, h.count, true, err);
	if (r == 0)
		r = file_write_atomic(path, text.p, text.len, 0600, err);
	if (r == 0)
		warn_of_namesakes(ctx, rec, &old, h.items, h.count);
	return r;
}

int our_file_check(const struct vmctl *ctx, struct vmctl_error *err)
{
	auto_free char *path = our_file(ctx);
	auto_str text = STR_INIT;
	int r = path ? file_read(path, OUR_MAX, &text, err) : fail_oom(err);

	if (r == -VMCTL_NOT_FOUND)
		return 0;
	if (r < 0)
		return r;
	if (str_starts(str_text(&text), FIRST_WORDS))
		return 0;
	fail(err, VMCTL_EXISTS, 0,
	     "%s is there already, and vmctl did not write it", path);
	fail_hint(err, "move it away, or choose another VMCTL_HOME");
	return -VMCTL_EXISTS;
}

int our_files_remove(const struct vmctl *ctx, struct vmctl_error *err)
{
	auto_free char *dir = our_dir(ctx);
	auto_free char *path = our_file(ctx);
	auto_free char *keys = dir ? path_join(dir, "keys") : NULL;

	if (!path || !keys)
		return fail_oom(err);
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return fail_sys(err, errno, "cannot remove %s", path);
	keys_remove(keys);
	(void)rmdir(dir);
	return 0;
}

/* Read under the lock, so that the last one to write knows all that was
 * committed before. */
static int refresh(struct vmctl *ctx, struct vmctl_error *err)
{
	auto_record rec = { 0 };
	int fd = -1, r = our_lock(ctx, &fd, err);

	if (r < 0)
		return r;
	r = record_get(ctx, &rec, err);
	if (r == 1)
		r = our_file_write(ctx, &rec, err);
	our_unlock(ctx, fd);
	return r;
}

static void on_change(void *data)
{
	struct vmctl *ctx = data;
	struct vmctl_error err;

	if (refresh(ctx, &err) < 0)
		log_warn(&ctx->ev,
			 "ssh does not know of this change (vmctl ssh-config "
			 "install mends that): %s",
			 err.message);
}

/* Looked at again before each change: another process may have installed it
 * since this one began. */
static bool is_installed(void *data)
{
	const struct vmctl *ctx = data;
	auto_free char *path = our_file(ctx);

	return path && access(path, F_OK) == 0;
}

void ssh_config_watch(struct vmctl *ctx)
{
	state_watch(ctx->db, is_installed, on_change, ctx);
}
