/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/image/fields.h"
#include "cli/render/render.h"

#define AT(member) offsetof(struct vmctl_image, member)

static const struct field fields[] = {
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_NAME,
	  .help = "its name" },
	{ "os", "OS", FIELD_STRING, AT(os), 0,
	  .help = "the operating system in it" },
	{ "arch", "ARCH", FIELD_STRING, AT(arch), FIELD_ALWAYS,
	  .help = "the architecture it runs on, as uname -m says it" },
	{ "user", "USER", FIELD_STRING, AT(user), 0,
	  .help = "the account that gets the ssh keys" },
	{ "size", "SIZE", FIELD_SIZE, AT(size), 0,
	  .help = "size of the stored file in bytes" },
	{ "virtual_size", "DISK", FIELD_SIZE, AT(virtual_size), 0,
	  .help = "size of the disk in bytes, as a guest sees it" },
	{ "instances", "INSTANCES", FIELD_INT, AT(instances), 0,
	  .help = "how many instances stand on the file" },
	{ "created_at", "AGE", FIELD_TIME, AT(created_at), FIELD_ALWAYS,
	  .help = "when it was imported" },
	{ "verified_at", "VERIFIED", FIELD_TIME, AT(verified_at), FIELD_WIDE,
	  .help = "when its digest was last computed" },
	{ "description", "DESCRIPTION", FIELD_STRING, AT(description),
	  FIELD_WIDE, .help = "what it is" },
	{ "digest", "DIGEST", FIELD_STRING, AT(digest),
	  FIELD_HIDDEN | FIELD_ALWAYS, .help = "SHA-256 of the stored file" },
	{ "source_digest", "SOURCE DIGEST", FIELD_STRING, AT(source_digest),
	  FIELD_HIDDEN, .help = "SHA-256 of the file that was imported" },
	{ "path", "PATH", FIELD_STRING, AT(path), FIELD_HIDDEN | FIELD_ALWAYS,
	  .help = "the stored file" },
	{ "source", "SOURCE", FIELD_STRING, AT(source), FIELD_HIDDEN,
	  .help = "the address that it was pulled from" },
	{ "checksum", "CHECKSUM", FIELD_STRING, AT(checksum), FIELD_HIDDEN,
	  .help = "what the file was verified by when it was pulled, as in "
		  "sha512:DIGITS" },
	{ "verified_by", "VERIFIED BY", FIELD_STRING, AT(verified_by),
	  FIELD_HIDDEN,
	  .help = "how it was verified when it arrived: none, digest (one "
		  "given by the user), checksum (that of the source), or "
		  "signature (of that checksum)" },
	{ "signed_by", "SIGNED BY", FIELD_STRING, AT(signed_by), FIELD_HIDDEN,
	  .help = "fingerprint of the key that signed the checksum" },
	{ "host_keys", "HOST KEYS", FIELD_STRING, AT(host_keys), FIELD_HIDDEN,
	  .help = "where the ssh host key of its instances comes from: seed "
		  "(made here and given to the guest), or guest (made by it, "
		  "and pinned at the first contact)" },
	{ "agent", "AGENT", FIELD_STRING, AT(agent), FIELD_HIDDEN,
	  .help = "where vmctl's agent in its instances comes from: seed, "
		  "image, or none" },
	{ .key = NULL },
};

const struct record image_record = { "image", fields };

int image_print_made(struct cli *cli, const struct vmctl_image *image,
		     const char *user, struct vmctl_error *err)
{
	const char *output = cli->globals.output;
	auto_free char *line = NULL;

	/* Most images of distributions let nobody in as root. */
	if (!user && str_eq(image->user, "root"))
		cli_note(cli, "no account is named, so root is entered; with "
			      "another, such as debian or ubuntu: --user NAME");
	if (!str_eq(output, "table") && !str_eq(output, "name"))
		return render_one(cli->out, &image_record, image, err);
	line = str_printf("%s\n", image->name);
	return line ? render_text(cli->out, line, false, err) : fail_oom(err);
}
