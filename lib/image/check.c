/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/image.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/str.h"

#define NAME_MAX_LEN 63
#define TEXT_MAX 1024

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define ALNUM LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS

/* Whether the first character is one of `first` and all are of `all`. */
static bool made_of(const char *text, const char *first, const char *all,
		    size_t max)
{
	size_t n = strlen(text);

	return n >= 1 && n <= max && strchr(first, text[0]) &&
	       strspn(text, all) == n;
}

static bool is_name(const char *text)
{
	return made_of(text, ALNUM, ALNUM "._:-", NAME_MAX_LEN);
}

static int fail_name(const char *name, struct vmctl_error *err)
{
	if (!*name)
		return fail(err, VMCTL_INVALID, 0,
			    "an image name must not be empty");
	return fail(err, VMCTL_INVALID, 0,
		    "\"%.80s\" is not an image name: 1 to %d letters, digits "
		    "and . _ : -, the first a letter or digit",
		    name, NAME_MAX_LEN);
}

static int check_text(const char *text, const char *what,
		      struct vmctl_error *err)
{
	size_t n = text ? strlen(text) : 0;
	auto_free char *printable = NULL;

	if (n > TEXT_MAX)
		return fail(err, VMCTL_INVALID, 0,
			    "the %s is longer than %d bytes", what, TEXT_MAX);
	if (!text)
		return 0;
	printable = str_printable(text, n, false);
	if (!printable)
		return fail_oom(err);
	if (!str_eq(printable, text))
		return fail(err, VMCTL_INVALID, 0,
			    "the %s has control characters or is not UTF-8",
			    what);
	return 0;
}

int image_check_request(const struct vmctl_image_import *what,
			struct vmctl_error *err)
{
	int r;

	if (!what->file || !*what->file)
		return fail(err, VMCTL_INVALID, 0, "no image file is given");
	if (what->name && !is_name(what->name))
		return fail_name(what->name, err);
	r = check_text(what->description, "description", err);
	if (r == 0)
		r = check_text(what->os, "operating system's name", err);
	if (r < 0)
		return r;
	if (what->arch && !made_of(what->arch, ALNUM, ALNUM "_-", 32))
		return fail(err, VMCTL_INVALID, 0,
			    "\"%.80s\" is not an architecture as uname -m "
			    "says it",
			    what->arch);
	if (what->user && !made_of(what->user, ALNUM "_", ALNUM "_.-", 32))
		return fail(err, VMCTL_INVALID, 0,
			    "\"%.80s\" is not a user name", what->user);
	if (what->format && !str_eq(what->format, "qcow2") &&
	    !str_eq(what->format, "raw"))
		return fail(err, VMCTL_INVALID, 0,
			    "the format is qcow2 or raw, not \"%.80s\"",
			    what->format);
	if (what->host_keys && !str_eq(what->host_keys, "seed") &&
	    !str_eq(what->host_keys, "guest"))
		return fail(err, VMCTL_INVALID, 0,
			    "host keys come from seed or guest, not from "
			    "\"%.80s\"",
			    what->host_keys);
	if (what->agent && !str_eq(what->agent, "seed") &&
	    !str_eq(what->agent, "image") && !str_eq(what->agent, "none"))
		return fail(err, VMCTL_INVALID, 0,
			    "the agent comes from seed, image or none, not "
			    "from \"%.80s\"",
			    what->agent);
	if (what->digest && (strlen(what->digest) != 64 ||
			     strspn(what->digest, DIGITS "abcdefABCDEF") != 64))
		return fail(err, VMCTL_INVALID, 0,
			    "a SHA-256 digest has 64 hexadecimal digits");
	return 0;
}

int image_name_of_file(const char *file, char **ret, struct vmctl_error *err)
{
	static const char *const suffixes[] = { ".qcow2", ".qcow", ".img",
						".raw", ".disk" };
	auto_free char *name = strdup(path_base(file));

	if (!name)
		return fail_oom(err);
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (str_ends(name, suffixes[i])) {
			name[strlen(name) - strlen(suffixes[i])] = '\0';
			break;
		}
	}
	if (!is_name(name)) {
		int r = fail(err, VMCTL_INVALID, 0,
			     "the file name \"%.80s\" does not make an image "
			     "name",
			     path_base(file));

		fail_hint(err, "give it one with --name");
		return r;
	}
	*ret = take_ptr(&name);
	return 0;
}
