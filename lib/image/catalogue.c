/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull.h"

#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "internal/host.h"

#define CATALOGUE_MAX (1024 * 1024)

static void entry_free(struct vmctl_catalogue_entry *e)
{
	if (!e)
		return;
	free(e->name);
	free(e->arch);
	free(e->os);
	free(e->user);
	free(e->description);
	free(e->url);
	free(e->checksum_url);
	free(e->signature_url);
	strv_free(e->keyrings);
	free(e->file);
	free(e);
}
DEFINE_CLEANUP(entry, struct vmctl_catalogue_entry *, entry_free);
#define auto_entry auto_cleanup(entry_cleanup)

void vmctl_catalogue_free(struct vmctl_catalogue *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		entry_free(c->items[i]);
	free(c->items);
	free(c);
}

const char *vmctl_catalogue_keyring(const struct vmctl_catalogue_entry *e)
{
	for (char **k = e->keyrings; k && *k; k++)
		if (access(*k, R_OK) == 0)
			return *k;
	return NULL;
}

/* --- reading ------------------------------------------------------------- */

/* Where in which file something is wrong. */
struct place {
	const char *file;
	const char *name; /* of the image; NULL before it is known */
};

static int fail_at(const struct place *at, const char *what,
		   struct vmctl_error *err)
{
	return fail(err, VMCTL_BAD_DATA, 0, "%s%s%s: %s", at->file,
		    at->name ? ": image " : "", at->name ? at->name : "", what);
}

/* A member that is a string, or NULL when it is absent. */
static int text_of(const json_t *object, const char *key, const char **ret,
		   const struct place *at, struct vmctl_error *err)
{
	const json_t *value = json_object_get(object, key);
	auto_free char *why = NULL;

	*ret = NULL;
	if (!value)
		return 0;
	if (json_is_string(value) && *json_string_value(value)) {
		*ret = json_string_value(value);
		return 0;
	}
	why = str_printf("\"%s\" is not a text", key);
	return why ? fail_at(at, why, err) : fail_oom(err);
}

static int check_keys(const json_t *object, const char *const *known,
		      const struct place *at, struct vmctl_error *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return fail_at(at, "an object is expected", err);
	json_object_foreach((json_t *)object, key, value)
	{
		auto_free char *why = NULL;
		size_t i = 0;

		while (known[i] && !str_eq(known[i], key))
			i++;
		if (known[i])
			continue;
		why = str_printf("the key \"%s\" is not known", key);
		return why ? fail_at(at, why, err) : fail_oom(err);
	}
	return 0;
}

/* What has no scheme is a file beside the image. NULL gives "". */
static char *address(const char *url, const char *text)
{
	const char *slash = strrchr(url, '/');

	if (!text || pull_is_url(text) || !slash)
		return str_dup(text);
	return str_printf("%.*s/%s", (int)(slash - url), url, text);
}

static int read_keyrings(const json_t *image, struct vmctl_catalogue_entry *e,
			 const struct place *at, struct vmctl_error *err)
{
	const json_t *list = json_object_get(image, "keyrings");
	const json_t *value;
	size_t i;

	e->keyrings = strv_dup(NULL);
	if (!e->keyrings)
		return fail_oom(err);
	if (list && !json_is_array(list))
		return fail_at(at, "\"keyrings\" is not a list", err);
	json_array_foreach(list, i, value)
	{
		const char *path = json_string_value(value);

		if (!path || *path != '/')
			return fail_at(at, "a keyring is not an absolute path",
				       err);
		if (strv_append(&e->keyrings, path) < 0)
			return fail_oom(err);
	}
	return 0;
}

/* What all architectures of an image share. */
static int read_common(const json_t *image, struct vmctl_catalogue_entry *e,
		       const struct place *at, struct vmctl_error *err)
{
	const char *os, *user, *description;
	int r = text_of(image, "os", &os, at, err);

	if (r == 0)
		r = text_of(image, "user", &user, at, err);
	if (r == 0)
		r = text_of(image, "description", &description, at, err);
	if (r == 0)
		r = read_keyrings(image, e, at, err);
	if (r < 0)
		return r;
	if (!user)
		return fail_at(at, "it has no \"user\"", err);
	e->name = strdup(at->name);
	e->file = strdup(at->file);
	e->os = str_dup(os);
	e->user = strdup(user);
	e->description = str_dup(description);
	return e->name && e->file && e->os && e->user && e->description
		       ? 0
		       : fail_oom(err);
}

static int read_file(const json_t *file, struct vmctl_catalogue_entry *e,
		     const struct place *at, struct vmctl_error *err)
{
	static const char *const known[] = { "url", "checksum", "signature",
					     NULL };
	const char *url, *checksum, *signature;
	int r = check_keys(file, known, at, err);

	if (r == 0)
		r = text_of(file, "url", &url, at, err);
	if (r == 0)
		r = text_of(file, "checksum", &checksum, at, err);
	if (r == 0)
		r = text_of(file, "signature", &signature, at, err);
	if (r < 0)
		return r;
	if (!url || !pull_is_url(url) || !checksum)
		return fail_at(at,
			       "a file needs \"url\", an address, and "
			       "\"checksum\"",
			       err);
	e->url = strdup(url);
	e->checksum_url = address(url, checksum);
	e->signature_url = address(url, signature);
	return e->url && e->checksum_url && e->signature_url ? 0
							     : fail_oom(err);
}

static int add_entry(struct vmctl_catalogue *c,
		     struct vmctl_catalogue_entry **take,
		     struct vmctl_error *err)
{
	struct vmctl_catalogue_entry **grown =
		reallocarray(c->items, c->count + 1, sizeof(*grown));

	if (!grown)
		return fail_oom(err);
	c->items = grown;
	grown[c->count++] = take_ptr(take);
	return 0;
}

/* The form that an image that is imported needs. */
static int check_entry(const struct vmctl_catalogue_entry *e,
		       const struct place *at, struct vmctl_error *err)
{
	const struct vmctl_image_import as = {
		.size = sizeof(as),
		.file = e->url,
		.name = e->name,
		.arch = e->arch,
		.os = e->os,
		.user = e->user,
		.description = e->description,
	};
	int r = image_check_request(&as, err);

	if (r == -VMCTL_INVALID && err) {
		auto_free char *why = strdup(err->message);

		return why ? fail_at(at, why, err) : fail_oom(err);
	}
	return r;
}

static int read_image(const json_t *image, struct vmctl_catalogue *c,
		      const char *file, struct vmctl_error *err)
{
	static const char *const known[] = { "name", "os",	 "description",
					     "user", "keyrings", "files",
					     NULL };
	struct place at = { file, NULL };
	const json_t *files = json_object_get(image, "files");
	const char *arch;
	json_t *value;
	int r = check_keys(image, known, &at, err);

	if (r == 0)
		r = text_of(image, "name", &at.name, &at, err);
	if (r < 0)
		return r;
	if (!at.name)
		return fail_at(&at, "an image has no \"name\"", err);
	if (!json_is_object(files) || json_object_size(files) == 0)
		return fail_at(&at, "it has no \"files\"", err);
	json_object_foreach((json_t *)files, arch, value)
	{
		auto_entry struct vmctl_catalogue_entry *e =
			calloc(1, sizeof(*e));

		if (!e || !(e->arch = strdup(arch)))
			return fail_oom(err);
		r = read_common(image, e, &at, err);
		if (r == 0)
			r = read_file(value, e, &at, err);
		if (r == 0)
			r = check_entry(e, &at, err);
		if (r == 0)
			r = add_entry(c, &e, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void drop_name(struct vmctl_catalogue *c, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (str_eq(c->items[i]->name, name))
			entry_free(c->items[i]);
		else
			c->items[kept++] = c->items[i];
	}
	c->count = kept;
}

/* Adds the images of a file; those of an earlier one that have the same name
 * go. A file that does not exist is *ret_found = false. */
static int read_catalogue(const char *file, struct vmctl_catalogue *c,
			  bool *ret_found, struct vmctl_error *err)
{
	static const char *const known[] = { "images", NULL };
	const struct place at = { file, NULL };
	auto_json json_t *root = NULL;
	auto_str text = STR_INIT;
	const json_t *images, *image;
	size_t i;
	int r = file_read(file, CATALOGUE_MAX, &text, err);

	if (r == -VMCTL_NOT_FOUND)
		return 0;
	if (r == 0)
		r = json_parse(str_text(&text), text.len, file, &root, err);
	if (r == 0)
		r = check_keys(root, known, &at, err);
	images = json_object_get(root, "images");
	if (r == 0 && !json_is_array(images))
		r = fail_at(&at, "it has no list \"images\"", err);
	if (r < 0)
		return r;
	json_array_foreach(images, i, image)
	{
		const char *name =
			json_string_value(json_object_get(image, "name"));

		if (name)
			drop_name(c, name);
		r = read_image(image, c, file, err);
		if (r < 0)
			return r;
	}
	*ret_found = true;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct vmctl_catalogue_entry *x =
		*(struct vmctl_catalogue_entry *const *)a;
	const struct vmctl_catalogue_entry *y =
		*(struct vmctl_catalogue_entry *const *)b;
	int order = strverscmp(x->name, y->name);

	return order ? order : strcmp(x->arch, y->arch);
}

/* The installed one and the user's. */
static int read_all(struct vmctl *ctx, struct vmctl_catalogue *c,
		    struct vmctl_error *err)
{
	const char *file = secure_getenv("VMCTL_CATALOGUE");
	const char *slash =
		ctx->config_path ? strrchr(ctx->config_path, '/') : NULL;
	auto_free char *own = NULL;
	bool found = false;
	int r;

	if (!file || !*file)
		file = VMCTL_DATADIR "/catalogue.json";
	r = read_catalogue(file, c, &found, err);
	if (r == 0 && slash) {
		own = str_printf("%.*s/catalogue.json",
				 (int)(slash - ctx->config_path),
				 ctx->config_path);
		r = own ? read_catalogue(own, c, &found, err) : fail_oom(err);
	}
	if (r == 0 && !found) {
		r = fail(err, VMCTL_NOT_FOUND, 0,
			 "there is no catalogue of images: %s is missing",
			 file);
		fail_hint(err, "install vmctl completely (make install), or "
			       "set VMCTL_CATALOGUE to a catalogue");
	}
	return r;
}

static void keep_arch(struct vmctl_catalogue *c, const char *arch)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (str_eq(c->items[i]->arch, arch))
			c->items[kept++] = c->items[i];
		else
			entry_free(c->items[i]);
	}
	c->count = kept;
}

int vmctl_catalogue_list(struct vmctl *ctx, const char *arch,
			 struct vmctl_catalogue **ret, struct vmctl_error *err)
{
	auto_catalogue struct vmctl_catalogue *c = calloc(1, sizeof(*c));
	int r = c ? read_all(ctx, c, err) : fail_oom(err);

	if (r < 0)
		return r;
	if (arch)
		keep_arch(c, *arch ? arch : host_arch());
	if (c->count)
		qsort(c->items, c->count, sizeof(*c->items), by_name);
	*ret = take_ptr(&c);
	return 0;
}
