/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/render/render.h"

struct version {
	char *version, *library, *compiler, *modules, *manual;
};

#define FIELD(member, head, ...)                                               \
	{                                                                      \
		.key = #member, .heading = head, .type = FIELD_STRING,         \
		.offset = offsetof(struct version, member), __VA_ARGS__        \
	}

static const struct record version_record = {
	.name = "version",
	.fields =
		(const struct field[]){
			FIELD(version, "VERSION", .flags = FIELD_NAME,
			      .help = "version of the program"),
			FIELD(library, "LIBRARY",
			      .help = "version of libvmctl that is loaded"),
			FIELD(compiler, "COMPILER",
			      .help = "what built the program"),
			FIELD(modules, "MODULES",
			      .help = "folder that driver modules are loaded "
				      "from"),
			FIELD(manual, "MANUAL", .help = "folder of the manual"),
			{ .key = NULL },
		},
};

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static int run(struct cli *cli, void *opts, struct vmctl_error *err)
{
	const struct version version = {
		.version = (char *)VMCTL_VERSION,
		.library = (char *)vmctl_version(),
		.compiler = (char *)COMPILER,
		.modules = (char *)VMCTL_MODULE_DIR,
		.manual = (char *)VMCTL_MANDIR,
	};

	/* The short form, as --version has it. */
	if (str_eq(cli->globals.output, "table") && !cli->globals.columns)
		return render_text(cli->out, "vmctl " VMCTL_VERSION "\n", false,
				   err);
	return render_one(cli->out, &version_record, &version, err);
}

const struct command cmd_version = {
	.path = "version",
	.summary = "show the version and how the program was built",
	.group = GROUP_OTHER,
	.flags = COMMAND_NO_CONFIG,
	.record = &version_record,
	.examples =
		(const struct example[]){
			{ "vmctl version", "Show the version only." },
			{ "vmctl version -o wide", "Show all facts." },
			{ "vmctl version -o json", "The same for a program." },
			{ NULL },
		},
	.run = run,
};
