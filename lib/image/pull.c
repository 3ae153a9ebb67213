/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull.h"

#include <ctype.h>
#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "driver/crypto.h"
#include "internal/host.h"

/* One pull under way. */
struct pull {
	struct vmctl *ctx;
	struct vmctl_image_pull what;
	struct vmctl_catalogue *catalogue; /* NULL: of an address alone */
	const struct vmctl_catalogue_entry *entry;
	const char *url, *verified_by;
	struct vmctl_image_import import; /* what it becomes */
	char *name;
	char checksum[CHECKSUM_TEXT], signer[SIGNER_TEXT];
	char sha256[SHA256_TEXT]; /* once it was verified */
};

static void pull_done(struct pull *p)
{
	vmctl_catalogue_free(p->catalogue);
	free(p->name);
}

/* --- what is meant ------------------------------------------------------- */

static int fail_digest(const struct pull *p, struct vmctl_error *err)
{
	int r = fail(err, VMCTL_INVALID, 0,
		     "%.400s is not in the catalogue, so there is nothing to "
		     "verify it by",
		     p->url);

	fail_hint(err, "give its SHA-256 with --digest");
	return r;
}

/* Without what may follow the file in an address. */
static int name_of_url(struct pull *p, struct vmctl_error *err)
{
	auto_free char *path = strndup(p->url, strcspn(p->url, "?#"));

	if (!path)
		return fail_oom(err);
	return image_name_of_file(path, &p->name, err);
}

static int name_of_entry(struct pull *p, struct vmctl_error *err)
{
	const struct vmctl_catalogue_entry *e = p->entry;

	p->name = str_eq(e->arch, host_arch())
			  ? strdup(e->name)
			  : str_printf("%s-%s", e->name, e->arch);
	return p->name ? 0 : fail_oom(err);
}

/* Into the catalogue's entry, or an address with a digest. */
static int resolve(struct pull *p, struct vmctl_error *err)
{
	bool is_url = pull_is_url(p->what.what);
	const char *arch = p->what.arch;
	int r = vmctl_catalogue_list(p->ctx, NULL, &p->catalogue, err);

	if (r == 0)
		r = catalogue_find(p->catalogue, p->what.what,
				   arch || is_url ? arch : host_arch(),
				   &p->entry, err);
	if (is_url && r == -VMCTL_NOT_FOUND) {
		p->url = p->what.what;
		if (!p->what.digest)
			return fail_digest(p, err);
		if (err)
			*err = (struct vmctl_error){ 0 };
		return 0;
	}
	if (r == 0)
		p->url = p->entry->url;
	return r;
}

static int describe(struct pull *p, struct vmctl_error *err)
{
	const struct vmctl_catalogue_entry *e = p->entry;
	const struct vmctl_image_pull *w = &p->what;
	int r = 0;

	if (w->name)
		p->name = strdup(w->name);
	else
		r = e ? name_of_entry(p, err) : name_of_url(p, err);
	if (r == 0 && !p->name)
		r = fail_oom(err);
	p->import = (struct vmctl_image_import){
		.size = sizeof(p->import),
		.file = p->url,
		.name = p->name,
		.description =
			w->description || !e ? w->description : e->description,
		.os = w->os || !e ? w->os : e->os,
		.arch = e ? e->arch : w->arch,
		.user = w->user || !e ? w->user : e->user,
		.digest = w->digest,
	};
	return r < 0 ? r : image_check_request(&p->import, err);
}

/* --- what it has to be --------------------------------------------------- */

static int read_checksum(struct pull *p, struct vmctl_error *err)
{
	const struct vmctl_catalogue_entry *e = p->entry;
	/* FILE.sha256 is about FILE alone and may call it otherwise. */
	bool only = str_starts(e->checksum_url, e->url);
	auto_str text = STR_INIT;
	int r;

	progress_at(&p->ctx->ev, "looking for the checksum", 0, 0);
	r = pull_text(p->ctx, e->checksum_url, &text, err);
	if (r == 0)
		r = signature_check(p->ctx, e, &text, p->signer, err);
	if (r < 0)
		return r;
	r = checksum_find(str_text(&text), text.len, path_base(e->url), only,
			  p->checksum, err);
	if (r < 0)
		fail_prefix(err, "%.400s", e->checksum_url);
	p->verified_by = *p->signer ? "signature" : "checksum";
	return r;
}

static int learn_checksum(struct pull *p, struct vmctl_error *err)
{
	if (p->entry)
		return read_checksum(p, err);
	snprintf(p->checksum, sizeof(p->checksum), "sha256:%s", p->what.digest);
	for (char *c = p->checksum; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	p->verified_by = "digest";
	return 0;
}

/* --- what is here -------------------------------------------------------- */

static bool is_same(const struct pull *p, const struct vmctl_image *image)
{
	return str_eq(p->checksum, image->checksum) ||
	       (str_starts(p->checksum, "sha256:") &&
		str_eq(p->checksum + 7, image->source_digest));
}

/* 1 when the image is here and sound, and nothing is left to do. */
static int here_already(struct pull *p, struct vmctl_image **ret,
			struct vmctl_error *err)
{
	auto_image struct vmctl_image *image = NULL;
	struct state_file_mark mark;
	int r = image_find(p->ctx, p->name, &image, &mark, err);

	if (r <= 0)
		return r;
	if (!is_same(p, image)) {
		fail(err, VMCTL_EXISTS, 0,
		     "an image named %s exists already, and is not the one "
		     "that %.400s is now",
		     p->name, p->url);
		fail_hint(err,
			  "choose another name with --name, or first: vmctl "
			  "image delete %s",
			  p->name);
		return -VMCTL_EXISTS;
	}
	if (!image_intact(image->path, &mark))
		return 0;
	*ret = take_ptr(&image);
	return 1;
}

/* --- getting it ---------------------------------------------------------- */

static int fail_mismatch(const struct pull *p, const char *is,
			 struct vmctl_error *err)
{
	fail(err, VMCTL_BAD_DATA, 0,
	     "%.200s: what was downloaded has the checksum %s, not the "
	     "expected %s",
	     p->url, is, p->checksum);
	fail_hint(err, p->entry ? "nothing was stored; a new version may just "
				  "be appearing there, so try again later"
				: "nothing was stored; look for the digest "
				  "where the image is published");
	return -VMCTL_BAD_DATA;
}

static int verify(struct pull *p, int fd, struct vmctl_error *err)
{
	unsigned char sha256[SHA256_SIZE], sha512[SHA512_SIZE];
	bool strong = str_starts(p->checksum, "sha512:");
	const struct crypto_ops *crypto;
	char hex[2 * SHA512_SIZE + 1], is[CHECKSUM_TEXT];
	off_t size = lseek(fd, 0, SEEK_END);
	int r = crypto_load(&crypto, err);

	if (r < 0)
		return r;
	if (size < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return fail_sys(err, errno, "cannot read what was downloaded");
	r = crypto->sha_both(fd, (uint64_t)size, "verifying", &p->ctx->ev,
			     sha256, sha512, err);
	if (r < 0)
		return r;
	hex_encode(sha256, sizeof(sha256), p->sha256);
	hex_encode(sha512, sizeof(sha512), hex);
	snprintf(is, sizeof(is), "%s:%s", strong ? "sha512" : "sha256",
		 strong ? hex : p->sha256);
	return str_eq(is, p->checksum) ? 0 : fail_mismatch(p, is, err);
}

static int store(struct pull *p, const struct partial *part,
		 struct vmctl_image **ret, struct vmctl_error *err)
{
	const struct image_own own = { .path = part->path,
				       .fd = part->fd,
				       .shown = p->url,
				       .sha256 = p->sha256,
				       .source = p->url,
				       .checksum = p->checksum,
				       .verified_by = p->verified_by,
				       .signed_by = p->signer };

	return image_import_own(p->ctx, &p->import, &own, ret, err);
}

static int fetch(struct pull *p, struct vmctl_image **ret,
		 struct vmctl_error *err)
{
	auto_partial part = { .fd = -1, .lock = -1 };
	auto_free char *text = str_printf("downloading %s", p->name);
	int r = text ? partial_open(p->ctx, p->url, p->checksum, &part, err)
		     : fail_oom(err);

	/* Another process may have pulled it while this one waited. */
	if (r == 0)
		r = here_already(p, ret, err);
	if (r != 0) {
		if (part.path && lseek(part.fd, 0, SEEK_END) == 0)
			partial_remove(&part);
		return r;
	}
	r = partial_fill(&part, p->url, text, p->what.stall_ms, err);
	if (r < 0)
		return r;
	r = verify(p, part.fd, err);
	if (r == 0)
		r = store(p, &part, ret, err);
	if (r == 0 || r == -VMCTL_BAD_DATA)
		partial_remove(&part);
	return r;
}

int vmctl_image_pull(struct vmctl *ctx, const struct vmctl_image_pull *what,
		     struct vmctl_image **ret, struct vmctl_error *err)
{
	auto_cleanup(pull_done) struct pull p = { .ctx = ctx };
	int r;

	memcpy(&p.what, what,
	       what->size < sizeof(p.what) ? what->size : sizeof(p.what));
	if (!p.what.what || !*p.what.what)
		return fail(err, VMCTL_INVALID, 0, "no image is named");
	r = resolve(&p, err);
	if (r == 0)
		r = describe(&p, err);
	if (r == 0)
		r = learn_checksum(&p, err);
	if (r == 0)
		r = here_already(&p, ret, err);
	if (r == 0)
		r = fetch(&p, ret, err);
	return r < 0 ? r : 0;
}
