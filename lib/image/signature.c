/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull.h"

#include "base/file.h"
#include "driver/gpgv.h"
#include "driver/http.h"

#define KEYRING_MAX (8 * 1024 * 1024)
#define TEXT_MAX (1024 * 1024)

_Static_assert(SIGNER_TEXT == GPGV_FINGERPRINT, "they hold the same");

int pull_text(struct vmctl *ctx, const char *url, struct str *ret,
	      struct vmctl_error *err)
{
	const struct http_get what = { .url = url, .max = TEXT_MAX };
	const struct http_ops *ops;
	int r = http_load(&ops, err);

	if (r < 0)
		return r;
	r = ops->get(&what, &ctx->ev, ret, err);
	if (r < 0 && r != -VMCTL_INVALID && r != -VMCTL_CANCELLED)
		fail_prefix(err, "%.400s", url);
	return r;
}

/* A file for gpgv that goes with its scope, and after a kill with a sweep. */
static int put_aside(struct vmctl *ctx, const struct str *text,
		     struct image_temp *ret, struct vmctl_error *err)
{
	int r = image_temp_make(ctx, ret, err);

	return r < 0 ? r
		     : fd_write_all(ret->fd, str_text(text), text->len, err);
}

static int put_keyring(struct vmctl *ctx, const char *keyring,
		       struct image_temp *ret, struct vmctl_error *err)
{
	auto_str text = STR_INIT;
	auto_str keys = STR_INIT;
	int r = file_read(keyring, KEYRING_MAX, &text, err);

	if (r == 0)
		r = gpgv_dearmour(str_text(&text), text.len, &keys, err);
	if (r == -VMCTL_BAD_DATA)
		fail_prefix(err, "the keyring %s", keyring);
	return r < 0 ? r : put_aside(ctx, &keys, ret, err);
}

/* Verifies; a signature within the text replaces it by what is signed. */
static int verify(struct vmctl *ctx, const char *keyring, struct str *text,
		  const struct str *signature, char signer[SIGNER_TEXT],
		  struct vmctl_error *err)
{
	auto_image_temp keys = { .fd = -1 }, data = { .fd = -1 };
	auto_image_temp sig = { .fd = -1 }, out = { .fd = -1 };
	auto_str signed_text = STR_INIT;
	struct gpgv_check what;
	int r = put_keyring(ctx, keyring, &keys, err);

	if (r == 0)
		r = put_aside(ctx, text, &data, err);
	if (r == 0)
		r = signature ? put_aside(ctx, signature, &sig, err)
			      : image_temp_make(ctx, &out, err);
	if (r < 0)
		return r;
	what = (struct gpgv_check){ .keyring = keys.path,
				    .signature = sig.path,
				    .data = data.path,
				    .output = out.path };
	r = gpgv_verify(&what, &ctx->ev, signer, err);
	if (r < 0 || signature)
		return r;
	r = file_read(out.path, TEXT_MAX, &signed_text, err);
	if (r < 0)
		return r;
	str_done(text);
	*text = signed_text;
	signed_text = STR_INIT;
	return 0;
}

/* Not being able to check is no failure, but it is said. */
static void tell_unchecked(struct vmctl *ctx,
			   const struct vmctl_catalogue_entry *e,
			   const char *why)
{
	auto_str keyrings = STR_INIT;

	for (char **k = e->keyrings; !why && *k; k++)
		str_addf(&keyrings, "%s%s", keyrings.len ? " or " : "", *k);
	log_warn(&ctx->ev,
		 "the signature of %s is not checked, only its checksum: %s%s",
		 e->name, why ? why : "there is no keyring ",
		 str_text(&keyrings));
}

int signature_check(struct vmctl *ctx, const struct vmctl_catalogue_entry *e,
		    struct str *text, char signer[SIGNER_TEXT],
		    struct vmctl_error *err)
{
	const char *keyring = vmctl_catalogue_keyring(e);
	bool within = str_eq(e->signature_url, e->checksum_url);
	auto_str signature = STR_INIT;
	char found[SIGNER_TEXT] = "";
	int r = 0;

	signer[0] = '\0';
	if (!*e->signature_url)
		return 0;
	if (!keyring) {
		tell_unchecked(ctx, e, NULL);
		return 0;
	}
	if (!within)
		r = pull_text(ctx, e->signature_url, &signature, err);
	if (r < 0)
		return r;
	r = verify(ctx, keyring, text, within ? NULL : &signature, found, err);
	if (r == -VMCTL_NOT_FOUND) {
		tell_unchecked(ctx, e, "gpgv is not installed");
		return 0;
	}
	if (r == -VMCTL_BAD_DATA) {
		fail_prefix(err, "%.400s", e->signature_url);
		fail_hint(err, "nothing was stored; the keyring is %s",
			  keyring);
	}
	if (r == 0)
		memcpy(signer, found, sizeof(found));
	return r;
}
