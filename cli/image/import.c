/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"
#include "base/json.h"
#include "cli/image/fields.h"

/* Stores a disk image that is here as a file. */

#define METADATA_MAX (64 * 1024)

struct import_options {
	const char *file;
	const char *name, *description, *os, *arch, *user, *digest, *format;
	const char *metadata, *host_keys, *agent;
};

static const char *const formats[] = { "qcow2", "raw", NULL };
static const char *const host_keys[] = { "seed", "guest", NULL };

static const char *const agents[] = { "seed", "image", "none", NULL };

static const struct argument args[] = {
	ARG_ONE(struct import_options, file, .name = "FILE",
		.complete = complete_files, .help = "disk image, qcow2 or raw"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_STRING(struct import_options, name, .name = "name", .letter = 'n',
		   .metavar = "NAME", .help = "name for the image",
		   .fallback = "the file's, without its suffix"),
	OPT_STRING(struct import_options, description, .name = "description",
		   .letter = 'd', .metavar = "TEXT", .help = "what it is"),
	OPT_STRING(struct import_options, os, .name = "os", .metavar = "TEXT",
		   .help = "the operating system in it, as in 'debian 12'"),
	OPT_STRING(struct import_options, arch, .name = "arch",
		   .metavar = "ARCH",
		   .help = "the architecture it runs on, as uname -m says it",
		   .fallback = "this host's"),
	OPT_STRING(struct import_options, user, .name = "user", .letter = 'u',
		   .metavar = "USER",
		   .help = "the account in it that gets the ssh keys",
		   .fallback = "root"),
	OPT_STRING(struct import_options, digest, .name = "digest",
		   .metavar = "SHA256",
		   .help = "digest that the file must have"),
	OPT_CHOICE(struct import_options, format, .name = "format",
		   .metavar = "FORMAT", .choices = formats,
		   .help = "format of the file",
		   .fallback = "what the file's first bytes say"),
	OPT_CHOICE(struct import_options, host_keys, .name = "host-keys",
		   .metavar = "FROM", .choices = host_keys,
		   .help = "where the ssh host key of its instances comes "
			   "from: made here and given to the guest by the "
			   "seed, or made by the guest and pinned at the "
			   "first contact",
		   .fallback = "seed"),
	OPT_CHOICE(struct import_options, agent, .name = "agent",
		   .metavar = "FROM", .choices = agents,
		   .help = "where vmctl's agent in its instances comes from: "
			   "put there by the seed, or in the image, or there "
			   "is to be none",
		   .fallback = "seed"),
	OPT_STRING(
		struct import_options, metadata, .name = "metadata",
		.metavar = "FILE", .complete = complete_files,
		.help = "JSON object with name, description, os, arch, user, "
			"host_keys and agent; options go before it"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl image import debian-amd64.qcow2 --name debian-12 "
	  "--user debian",
	  "Store an image that was downloaded." },
	{ "vmctl image import disk.img --format raw",
	  "Convert a raw disk that has no boot sector." },
	{ NULL },
};

/* Where the value of a key of the metadata goes: NULL for an unknown key. */
static const char **metadata_slot(struct import_options *o, const char *key)
{
	const struct {
		const char *key;
		const char **slot;
	} slots[] = {
		{ "name", &o->name },	{ "description", &o->description },
		{ "os", &o->os },	{ "arch", &o->arch },
		{ "user", &o->user },	{ "host_keys", &o->host_keys },
		{ "agent", &o->agent },
	};

	for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
		if (str_eq(slots[i].key, key))
			return slots[i].slot;
	}
	return NULL;
}

/* Fills what no option gave. The texts are *ret's. */
static int read_metadata(struct import_options *o, json_t **ret,
			 struct vmctl_error *err)
{
	auto_json json_t *object = NULL;
	auto_str text = STR_INIT;
	const char *key;
	json_t *value;
	int r = file_read(o->metadata, METADATA_MAX, &text, err);

	if (r == 0)
		r = json_parse(str_text(&text), text.len, o->metadata, &object,
			       err);
	if (r < 0)
		return r;
	if (!json_is_object(object))
		return fail(err, VMCTL_BAD_DATA, 0, "%s is not a JSON object",
			    o->metadata);
	json_object_foreach(object, key, value)
	{
		const char **slot = metadata_slot(o, key);

		if (!slot)
			return fail(err, VMCTL_BAD_DATA, 0,
				    "%s: the key \"%s\" is not known; known "
				    "are name, description, os, arch, user, "
				    "host_keys, agent",
				    o->metadata, key);
		if (!json_is_string(value))
			return fail(err, VMCTL_BAD_DATA, 0,
				    "%s: the value of \"%s\" is not a string",
				    o->metadata, key);
		if (!*slot)
			*slot = json_string_value(value);
	}
	*ret = take_ptr(&object);
	return 0;
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	struct import_options *o = data;
	auto_json json_t *metadata = NULL;
	struct vmctl_image *image;
	struct vmctl *ctx;
	int r = o->metadata ? read_metadata(o, &metadata, err) : 0;

	if (r == 0)
		r = cli_context(cli, &ctx, err);
	if (r < 0)
		return r;

	const struct vmctl_image_import what = {
		.size = sizeof(what),
		.file = o->file,
		.name = o->name,
		.description = o->description,
		.os = o->os,
		.arch = o->arch,
		.user = o->user,
		.digest = o->digest,
		.format = o->format,
		.host_keys = o->host_keys,
		.agent = o->agent,
	};
	r = vmctl_image_import(ctx, &what, &image, err);
	if (r < 0)
		return r;
	r = image_print_made(cli, image, o->user, err);
	vmctl_image_free(image);
	return r;
}

const struct command cmd_image_import = {
	.path = "image import",
	.summary = "store a disk image",
	.group = GROUP_IMAGES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct import_options),
	.record = &image_record,
	.examples = examples,
	.exits = (const int[]){ 3, 4, 8, 0 },
	.run = run,
};
