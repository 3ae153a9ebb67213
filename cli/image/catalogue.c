/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/image/fields.h"
#include "cli/render/render.h"

/* Lists what can be pulled. */

struct catalogue_options {
	const char *arch;
	bool all;
};

/* An entry, and what a pull would verify it by here. */
struct row {
	const char *name, *os, *arch, *user, *verifies, *description;
	const char *url, *checksum_url, *signature_url, *keyring, *file;
};

#define AT(member) offsetof(struct row, member)

static const struct field fields[] = {
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_NAME,
	  .help = "its name in the catalogue" },
	{ "os", "OS", FIELD_STRING, AT(os), FIELD_WIDE,
	  .help = "the operating system in it" },
	{ "arch", "ARCH", FIELD_STRING, AT(arch), FIELD_ALWAYS,
	  .help = "the architecture it runs on, as uname -m says it" },
	{ "user", "USER", FIELD_STRING, AT(user), 0,
	  .help = "the account that gets the ssh keys" },
	{ "verifies", "VERIFIES", FIELD_STRING, AT(verifies), FIELD_ALWAYS,
	  .help = "what a pull verifies on this host: checksum, or signature "
		  "as well" },
	{ "description", "DESCRIPTION", FIELD_STRING, AT(description), 0,
	  .help = "what it is" },
	{ "url", "URL", FIELD_STRING, AT(url), FIELD_HIDDEN | FIELD_ALWAYS,
	  .help = "address of the image" },
	{ "checksum_url", "CHECKSUM URL", FIELD_STRING, AT(checksum_url),
	  FIELD_HIDDEN, .help = "address of the file with its checksum" },
	{ "signature_url", "SIGNATURE URL", FIELD_STRING, AT(signature_url),
	  FIELD_HIDDEN, .help = "address of the signature of that file" },
	{ "keyring", "KEYRING", FIELD_STRING, AT(keyring), FIELD_HIDDEN,
	  .help = "file of keys on this host that the signature is checked "
		  "with" },
	{ "catalogue", "CATALOGUE", FIELD_STRING, AT(file),
	  FIELD_HIDDEN | FIELD_ALWAYS,
	  .help = "the file that the entry is in" },
	{ .key = NULL },
};

const struct record catalogue_record = { "catalogue entry", fields };

static const struct option opts[] = {
	OPT_STRING(struct catalogue_options, arch, .name = "arch",
		   .metavar = "ARCH",
		   .help = "images for that architecture, as uname -m says it",
		   .fallback = "this host's"),
	OPT_FLAG(struct catalogue_options, all, .name = "all", .letter = 'a',
		 .help = "images for every architecture"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl image catalogue", "List what can be pulled." },
	{ "vmctl image catalogue -o json --all", "All there is to know." },
	{ NULL },
};

static int put_row(struct cli *cli, const struct vmctl_catalogue_entry *e,
		   struct vmctl_error *err)
{
	const char *keyring =
		*e->signature_url ? vmctl_catalogue_keyring(e) : NULL;
	const struct row row = {
		.name = e->name,
		.os = e->os,
		.arch = e->arch,
		.user = e->user,
		.verifies = keyring ? "signature" : "checksum",
		.description = e->description,
		.url = e->url,
		.checksum_url = e->checksum_url,
		.signature_url = e->signature_url,
		.keyring = keyring,
		.file = e->file,
	};

	return render_row(cli->out, &row, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct catalogue_options *o = data;
	struct vmctl_catalogue *c;
	struct vmctl *ctx;
	int r;

	if (o->all && o->arch)
		return fail(err, VMCTL_INVALID, 0,
			    "--arch and --all exclude each other");
	r = cli_context(cli, &ctx, err);
	if (r == 0)
		r = vmctl_catalogue_list(ctx,
					 o->all	   ? NULL
					 : o->arch ? o->arch
						   : "",
					 &c, err);
	if (r < 0)
		return r;
	r = render_begin(cli->out, &catalogue_record, err);
	for (size_t i = 0; r == 0 && i < c->count; i++)
		r = put_row(cli, c->items[i], err);
	if (r == 0)
		r = render_end(cli->out, err);
	vmctl_catalogue_free(c);
	return r;
}

const struct command cmd_image_catalogue = {
	.path = "image catalogue",
	.aliases = (const char *const[]){ "image catalog", NULL },
	.summary = "list the images that can be pulled",
	.group = GROUP_IMAGES,
	.flags = COMMAND_LISTS,
	.opts = opts,
	.opts_size = sizeof(struct catalogue_options),
	.record = &catalogue_record,
	.examples = examples,
	.exits = (const int[]){ 3, 0 },
	.run = run,
};
