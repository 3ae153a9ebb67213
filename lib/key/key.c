/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/key.h>

#include "base/file.h"
#include "context.h"
#include "internal/key.h"
#include "key/key.h"

#define KEY_FILE_MAX (64 * 1024)

/* The path as it is found from everywhere, for the record. */
static int absolute(const char *path, char **ret, struct vmctl_error *err)
{
	char *real = realpath(path, NULL);

	if (!real)
		return fail_sys(err, errno, "cannot use the private key %s",
				path);
	*ret = real;
	return 0;
}

/* The private file must belong to the public key, as far as it tells: only
 * the OpenSSH format has the public half in clear. */
static int private_check(const char *path, const struct pubkey *pub,
			 struct vmctl_error *err)
{
	auto_str text = STR_INIT;
	auto_free unsigned char *blob = NULL;
	bool private, same;
	size_t n = 0;
	int r = file_read(path, KEY_FILE_MAX, &text, err);

	if (r < 0)
		return r;
	private = pubkey_is_private(str_text(&text), text.len);
	r = openssh_public(str_text(&text), text.len, &blob, &n, err);
	if (text.p)
		explicit_bzero(text.p, text.len);
	if (!private)
		return fail(err, VMCTL_BAD_DATA, 0, "%s is no private key",
			    path);
	if (r == -VMCTL_UNSUPPORTED)
		return 0;
	if (r < 0)
		return r;
	same = n == pub->blob_len && memcmp(blob, pub->blob, n) == 0;
	if (!same)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s is the private half of another key", path);
	return 0;
}

int key_store(struct vmctl *ctx, const char *name, const struct pubkey *pub,
	      const char *private_path, struct vmctl_key **ret,
	      struct vmctl_error *err)
{
	auto_key struct vmctl_key *key = NULL;
	struct state *db;
	int r = key_record(name, pub, private_path, &key, err);

	if (r == 0)
		r = context_state(ctx, &db, err);
	if (r == 0)
		r = state_key_add(db, key, err);
	if (r < 0)
		return r;
	if (ret)
		*ret = take_ptr(&key);
	return 0;
}

int vmctl_key_import(struct vmctl *ctx, const char *name, const char *text,
		     size_t len, const char *private_path,
		     struct vmctl_key **ret, struct vmctl_error *err)
{
	auto_pubkey pub = { 0 };
	auto_free char *private = NULL;
	int r = key_name_check(name, err);

	if (r == 0)
		r = pubkey_parse(text, len, &pub, err);
	if (r == 0 && private_path)
		r = private_check(private_path, &pub, err);
	if (r == 0 && private_path)
		r = absolute(private_path, &private, err);
	return r < 0 ? r : key_store(ctx, name, &pub, private, ret, err);
}

/* The file without .pub beside it, when it is the private half. NULL if not. */
static char *find_private(struct vmctl *ctx, const char *path,
			  const struct pubkey *pub)
{
	auto_free char *beside = NULL;
	struct vmctl_error why;
	char *real = NULL;
	int r;

	if (!str_ends(path, ".pub"))
		return NULL;
	beside = strndup(path, strlen(path) - strlen(".pub"));
	if (!beside || access(beside, F_OK) < 0)
		return NULL;
	r = private_check(beside, pub, &why);
	if (r == 0)
		r = absolute(beside, &real, &why);
	if (r < 0)
		log_warn(&ctx->ev, "the private half is not recorded: %s",
			 why.message);
	return real;
}

/* What to type instead of the file of a private key. */
static void hint_public(const char *name, const char *path,
			struct vmctl_error *err)
{
	auto_free char *pub = str_printf("%s.pub", path);

	if (pub && access(pub, F_OK) == 0)
		fail_hint(err, "vmctl key import %s %s", name, pub);
	else
		fail_hint(err, "ssh-keygen -y -f %s > %s.pub", path, path);
}

int vmctl_key_import_file(struct vmctl *ctx, const char *name, const char *path,
			  struct vmctl_key **ret, struct vmctl_error *err)
{
	auto_pubkey pub = { 0 };
	auto_str text = STR_INIT;
	auto_free char *private = NULL;
	int first;
	int r = key_name_check(name, err);

	if (r == 0)
		r = file_read(path, KEY_FILE_MAX, &text, err);
	if (r < 0)
		return r;
	r = pubkey_parse(str_text(&text), text.len, &pub, err);
	if (r == -VMCTL_BAD_DATA)
		fail_prefix(err, "%s", path);
	if (r < 0 && pubkey_is_several(str_text(&text), text.len, &first))
		fail_hint(err, "sed -n %dp %s | vmctl key import %s -", first,
			  path, name);
	if (pubkey_is_private(str_text(&text), text.len)) {
		hint_public(name, path, err);
		explicit_bzero(text.p, text.len);
	}
	if (r < 0)
		return r;
	private = find_private(ctx, path, &pub);
	return key_store(ctx, name, &pub, private, ret, err);
}

int vmctl_key_get(struct vmctl *ctx, const char *name, struct vmctl_key **ret,
		  struct vmctl_error *err)
{
	struct state *db;
	int r = context_state(ctx, &db, err);

	return r < 0 ? r : state_key_get(db, name, ret, err);
}

int vmctl_key_list(struct vmctl *ctx, struct vmctl_key_list **ret,
		   struct vmctl_error *err)
{
	struct state *db;
	int r = context_state(ctx, &db, err);

	return r < 0 ? r : state_key_list(db, ret, err);
}

/* Whether the file is one that vmctl_key_generate() made. */
static bool is_ours(const struct vmctl *ctx, const char *path)
{
	auto_free char *dir = context_path(ctx, "keys/");

	return dir && str_starts(path, dir) && !strchr(path + strlen(dir), '/');
}

int key_file_release(struct vmctl *ctx, const char *private_path,
		     struct vmctl_error *err)
{
	auto_free char *pub = NULL;
	struct state *db;
	bool needed;
	int r;

	if (!private_path || !is_ours(ctx, private_path))
		return 0;
	r = context_state(ctx, &db, err);
	if (r == 0)
		r = state_key_file_needed(db, private_path, &needed, err);
	if (r < 0 || needed)
		return r;
	pub = str_printf("%s.pub", private_path);
	if (!pub)
		return fail_oom(err);
	(void)unlink(pub);
	if (unlink(private_path) < 0 && errno != ENOENT)
		return fail_sys(err, errno, "cannot remove %s", private_path);
	return 0;
}

int vmctl_key_delete(struct vmctl *ctx, const char *name, const char *sha256,
		     struct vmctl_error *err)
{
	auto_key struct vmctl_key *key = NULL;
	struct state *db;
	bool needed;
	int r = context_state(ctx, &db, err);

	if (r == 0)
		r = state_key_get(db, name, &key, err);
	if (r == 0)
		r = state_key_delete(db, name, sha256 ? sha256 : key->sha256,
				     &needed, err);
	if (r < 0)
		return r;
	if (needed)
		log_info(&ctx->ev,
			 "%s stays: an instance is still entered with it",
			 key->private_path);
	return key_file_release(ctx, key->private_path, err);
}
