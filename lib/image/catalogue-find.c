/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull.h"

#include "internal/host.h"

/* Looking for an image in the catalogue. */

bool pull_is_url(const char *what)
{
	return strstr(what, "://") != NULL;
}

/* Names that begin with the word and a colon, as "debian" does "debian:13":
 * the last one, which is the newest. */
static const char *newest_of(const struct vmctl_catalogue *c, const char *word)
{
	const char *newest = NULL;
	size_t n = strlen(word);

	for (size_t i = 0; i < c->count; i++) {
		const char *name = c->items[i]->name;

		if (strncmp(name, word, n) == 0 && name[n] == ':')
			newest = name;
	}
	return newest;
}

static int fail_unknown(const struct vmctl_catalogue *c, const char *what,
			struct vmctl_error *err)
{
	auto_free const char **names = calloc(c->count + 1, sizeof(*names));
	const char *near = newest_of(c, what);
	auto_strv char **systems = strv_dup(NULL);

	if (!names || !systems)
		return fail_oom(err);
	for (size_t i = 0; i < c->count; i++) {
		const char *name = names[i] = c->items[i]->name;
		auto_free char *system = strndup(name, strcspn(name, ":"));

		if (!system || strv_append(&systems, system) < 0)
			return fail_oom(err);
	}
	if (!near && !strchr(what, ':')) {
		const char *system =
			str_nearest(what, (const char *const *)systems);

		near = system ? newest_of(c, system) : NULL;
	}
	fail(err, VMCTL_NOT_FOUND, 0, "the catalogue has no image %s", what);
	if (near)
		fail_hint(err, "did you mean vmctl image pull %s?", near);
	else
		fail_hint_nearest(err, what, names, "vmctl image pull ",
				  "vmctl image catalogue");
	return -VMCTL_NOT_FOUND;
}

static int fail_arch(const char *what, const char *arch,
		     const struct str *others, struct vmctl_error *err)
{
	int r = str_check(others, err);

	if (r < 0)
		return r;
	r = fail(err, VMCTL_NOT_FOUND, 0,
		 "the catalogue has %s for %s, not for %s", what,
		 str_text(others), arch);
	fail_hint(err, "choose one with --arch");
	return r;
}

int catalogue_find(const struct vmctl_catalogue *c, const char *what,
		   const char *arch, const struct vmctl_catalogue_entry **ret,
		   struct vmctl_error *err)
{
	auto_str others = STR_INIT;

	for (size_t i = 0; i < c->count; i++) {
		const struct vmctl_catalogue_entry *e = c->items[i];

		if (pull_is_url(what) ? !str_eq(e->url, what)
				      : !str_eq(e->name, what))
			continue;
		/* An address says by itself which one it is. */
		if (!arch || str_eq(e->arch, arch)) {
			*ret = e;
			return 0;
		}
		str_addf(&others, "%s%s", others.len ? ", " : "", e->arch);
	}
	if (others.len)
		return fail_arch(what, arch, &others, err);
	return fail_unknown(c, what, err);
}

void catalogue_hint(struct vmctl *ctx, const char *name,
		    struct vmctl_error *err)
{
	auto_catalogue struct vmctl_catalogue *c = NULL;
	const struct vmctl_catalogue_entry *e;

	if (vmctl_catalogue_list(ctx, "", &c, NULL) == 0 &&
	    catalogue_find(c, name, host_arch(), &e, NULL) == 0)
		fail_hint(err, "vmctl image pull %s", name);
}

void image_hint_mend(struct vmctl *ctx, const struct vmctl_image *image,
		     struct vmctl_error *err)
{
	auto_catalogue struct vmctl_catalogue *c = NULL;
	const struct vmctl_catalogue_entry *e = NULL;
	auto_str more = STR_INIT;

	if (!*image->source) {
		fail_hint(err,
			  "import it again: vmctl image import --name %s "
			  "FILE",
			  image->name);
		return;
	}
	if (vmctl_catalogue_list(ctx, NULL, &c, NULL) == 0)
		catalogue_find(c, image->source, NULL, &e, NULL);
	if (!e)
		str_addf(&more, " --digest %s", image->source_digest);
	if (e && !str_eq(e->arch, host_arch()))
		str_addf(&more, " --arch %s", e->arch);
	if (!e || !str_eq(e->name, image->name))
		str_addf(&more, " --name %s", image->name);
	fail_hint(err, "pull it again: vmctl image pull %s%s",
		  e ? e->name : image->source, str_text(&more));
}
