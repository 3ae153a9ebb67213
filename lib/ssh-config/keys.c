/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>

#include "base/file.h"
#include "ssh-config/ssh-config.h"

/*
 * A key whose private half is not here may be in the agent. ssh takes it from
 * there when IdentityFile names a file with the public half; without one,
 * IdentitiesOnly would lock it out.
 */

/* FNV-1a: two keys of the same name, one after the other, have two files. */
static uint64_t hash(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

static bool private_is_here(const struct state_instance_key *key)
{
	return key->private_path && *key->private_path &&
	       access(key->private_path, F_OK) == 0;
}

static char *public_file(const struct state_instance_key *key)
{
	return str_printf("%s-%016" PRIx64 ".pub", key->name,
			  hash(key->public_key));
}

char *key_identity(const struct how *how, const struct state_instance_key *key)
{
	if (private_is_here(key))
		return strdup(key->private_path);
	auto_free char *name = public_file(key);
	return name ? path_join(how->key_dir, name) : NULL;
}

static bool is_current(const char *path, const char *line)
{
	auto_str now = STR_INIT;

	return file_read(path, 65536, &now, NULL) == 0 &&
	       str_eq(str_text(&now), line);
}

static int write_one(const char *path, const struct state_instance_key *key,
		     struct vmctl_error *err)
{
	auto_free char *line =
		str_printf("%s %s\n", key->public_key, key->name);

	if (!line)
		return fail_oom(err);
	return is_current(path, line)
		       ? 0
		       : file_write_atomic(path, line, strlen(line), 0600, err);
}

static bool is_wanted(const struct state_host *hosts, size_t n,
		      const char *name)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < hosts[i].key_count; k++) {
			const struct state_instance_key *key =
				&hosts[i].keys[k];
			auto_free char *file = public_file(key);

			if (file && str_eq(file, name) && !private_is_here(key))
				return true;
		}
	return false;
}

/* As public_file() makes it: others may keep keys of their own there. */
static bool is_our_name(const char *name)
{
	size_t n = strlen(name);

	return n > 21 && str_ends(name, ".pub") && name[n - 21] == '-' &&
	       strspn(name + n - 20, "0123456789abcdef") == 16;
}

/* Not being able to is no matter: they hold nothing secret. */
static void remove_old(const char *path, const struct state_host *hosts,
		       size_t n)
{
	auto_dir DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (is_our_name(e->d_name) && !is_wanted(hosts, n, e->d_name))
			(void)unlinkat(dirfd(dir), e->d_name, 0);
}

int keys_write(const struct how *how, const struct state_host *hosts, size_t n,
	       bool sweep, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		for (size_t k = 0; r == 0 && k < hosts[i].key_count; k++) {
			const struct state_instance_key *key =
				&hosts[i].keys[k];
			if (private_is_here(key))
				continue;
			auto_free char *path = key_identity(how, key);
			r = path ? dir_make(how->key_dir, 0700, err)
				 : fail_oom(err);
			if (r == 0)
				r = write_one(path, key, err);
		}
	if (r == 0 && sweep)
		remove_old(how->key_dir, hosts, n);
	return r;
}

void keys_remove(const char *key_dir)
{
	remove_old(key_dir, NULL, 0);
	(void)rmdir(key_dir);
}
