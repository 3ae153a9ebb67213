/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/key/fields.h"

#include "cli/render/render.h"

#define AT(member) offsetof(struct vmctl_key, member)

static const struct field fields[] = {
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_NAME,
	  .help = "its name" },
	{ "type", "TYPE", FIELD_STRING, AT(type), FIELD_ALWAYS,
	  .help = "ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256 and so on" },
	{ "bits", "BITS", FIELD_INT, AT(bits), 0,
	  .help = "its length, as ssh-keygen -l counts it" },
	{ "comment", "COMMENT", FIELD_STRING, AT(comment), 0,
	  .help = "what follows the key in its file" },
	{ "created_at", "AGE", FIELD_TIME, AT(created_at), FIELD_ALWAYS,
	  .help = "when it was stored" },
	{ "sha256", "FINGERPRINT", FIELD_STRING, AT(sha256),
	  FIELD_WIDE | FIELD_ALWAYS,
	  .help = "SHA-256 fingerprint, as ssh-keygen -l prints it" },
	{ "private_path", "PRIVATE KEY", FIELD_STRING, AT(private_path),
	  FIELD_WIDE, .help = "file with the private half, if it is known" },
	{ "md5", "MD5", FIELD_STRING, AT(md5), FIELD_HIDDEN | FIELD_ALWAYS,
	  .help = "MD5 fingerprint, as ssh-keygen -l -E md5 prints it" },
	{ "public_key", "PUBLIC KEY", FIELD_STRING, AT(public_key),
	  FIELD_HIDDEN | FIELD_ALWAYS,
	  .help = "the public key, without the comment" },
	{ .key = NULL },
};

const struct record key_fields = { "key", fields };

static bool names_only(const struct cli *cli)
{
	const char *output = cli->globals.output;

	return str_eq(output, "table") || str_eq(output, "name");
}

int key_print_made(struct cli *cli, const struct vmctl_key *key,
		   struct vmctl_error *err)
{
	auto_free char *line = NULL;

	if (!names_only(cli))
		return render_one(cli->out, &key_fields, key, err);
	line = str_printf("%s\n", key->name);
	return line ? render_text(cli->out, line, false, err) : fail_oom(err);
}

int key_print_all_made(struct cli *cli, const struct vmctl_key_list *list,
		       struct vmctl_error *err)
{
	bool names = names_only(cli);
	int r = names ? 0 : render_begin(cli->out, &key_fields, err);

	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = names ? key_print_made(cli, list->items[i], err)
			  : render_row(cli->out, list->items[i], err);
	return r == 0 && !names ? render_end(cli->out, err) : r;
}
