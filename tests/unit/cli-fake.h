/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_CLI_FAKE_H
#define TESTS_CLI_FAKE_H

/* A small table of commands that uses every feature of the framework. The
 * program that includes this has it in place of the real one. */

/* clang-format off */
#include "cli/command.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#undef fail
/* clang-format on */

struct create_options {
	const char *name, *image, *accel;
	int64_t memory, grace, cpus;
	struct strings keys;
	bool wait;
	int loud;
};

static void complete_two_images(struct cli *cli, const char *prefix,
				struct str *out)
{
	completion_add(out, "debian", "12");
	completion_add(out, "mini", NULL);
}

static int run_nothing(struct cli *cli, void *opts, struct vmctl_error *err)
{
	return 0;
}

static const char *const accels[] = { "auto", "kvm", "tcg", NULL };

static const struct record fake_record = {
	.name = "instance",
	.fields = (const struct field[]){ { .key = "name",
					    .heading = "NAME",
					    .help = "what it is called" },
					  { .key = "memory",
					    .heading = "MEMORY",
					    .type = FIELD_SIZE,
					    .help = "memory of the guest" },
					  { .key = NULL } },
};

static const struct command fake_create = {
	.path = "create",
	.aliases = (const char *const[]){ "new", NULL },
	.summary = "create an instance and start it",
	.group = GROUP_INSTANCES,
	.flags = COMMAND_DRY_RUN,
	.args =
		(const struct argument[]){
			ARG_ONE(struct create_options, name, .name = "NAME",
				.help = "name of the instance",
				.optional = true),
			ARG_END },
	.opts =
		(const struct option[]){
			OPT_STRING(struct create_options, image,
				   .name = "image", .letter = 'i',
				   .metavar = "IMAGE",
				   .help = "image to start from",
				   .complete = complete_two_images),
			OPT_CHOICE(struct create_options, accel,
				   .name = "accel", .choices = accels,
				   .help = "acceleration", .fallback = "auto"),
			OPT_SIZE(struct create_options, memory,
				 .name = "memory", .metavar = "SIZE",
				 .help = "memory of the guest, as much as the "
					 "type says unless this is given"),
			OPT_DURATION(struct create_options, grace,
				     .name = "grace", .metavar = "DURATION",
				     .help = "patience"),
			OPT_INT(struct create_options, cpus, .name = "cpus",
				.metavar = "N", .min = 1, .max = 64,
				.help = "virtual CPUs"),
			OPT_STRINGS(struct create_options, keys, .name = "key",
				    .letter = 'k', .metavar = "KEY",
				    .help = "ssh key"),
			OPT_FLAG(struct create_options, wait, .name = "wait",
				 .letter = 'w', .help = "wait for ssh"),
			OPT_COUNT(struct create_options, loud, .name = "loud",
				  .letter = 'l', .help = "say more"),
			OPT_END },
	.opts_size = sizeof(struct create_options),
	.record = &fake_record,
	.examples = (const struct example[]){ { "vmctl create web1 -k me",
						"with one key" },
					      { NULL } },
	.exits = (const int[]){ 3, 8, 0 },
	.run = run_nothing,
};

struct names_options {
	const char *from;
	struct strings names, words;
};

static const struct command fake_delete = {
	.path = "delete",
	.aliases = (const char *const[]){ "rm", "terminate", NULL },
	.summary = "delete instances",
	.group = GROUP_INSTANCES,
	.args = (const struct argument[]){ ARG_MANY(struct names_options, names,
						    .name = "NAME",
						    .help = "which ones"),
					   ARG_END },
	.opts_size = sizeof(struct names_options),
	.run = run_nothing,
};

static const struct command fake_exec = {
	.path = "exec",
	.summary = "run a command in the guest",
	.group = GROUP_INSTANCES,
	.flags = COMMAND_STOPS_AT_ARGS | COMMAND_PASSES_STATUS,
	.args =
		(const struct argument[]){
			ARG_ONE(struct names_options, from, .name = "NAME",
				.help = "which one"),
			{ .name = "COMMAND",
			  .help = "command line for the guest",
			  .offset = BIND(struct names_options, words,
					 struct strings),
			  .after_dashes = true },
			ARG_END },
	.opts_size = sizeof(struct names_options),
	.run = run_nothing,
};

static const struct command fake_each = {
	.path = "each",
	.summary = "run a command in several guests",
	.group = GROUP_INSTANCES,
	.args =
		(const struct argument[]){
			ARG_MANY(struct names_options, names, .name = "NAME",
				 .help = "which ones",
				 .complete = complete_two_images),
			{ .name = "COMMAND",
			  .help = "command line for the guests",
			  .offset = BIND(struct names_options, words,
					 struct strings),
			  .after_dashes = true,
			  .optional = true },
			ARG_END },
	.opts_size = sizeof(struct names_options),
	.run = run_nothing,
};

/* "many NAME... -- COMMAND..." and "many NAME COMMAND...". */
static const struct command fake_many = {
	.path = "many",
	.summary = "run a command in one guest or several",
	.group = GROUP_HIDDEN,
	.flags = COMMAND_STOPS_AT_ARGS,
	.args =
		(const struct argument[]){
			ARG_MANY(struct names_options, names, .name = "NAME",
				 .help = "which ones", .optional = true,
				 .complete = complete_two_images),
			{ .name = "COMMAND",
			  .help = "command line for the guests",
			  .offset = BIND(struct names_options, words,
					 struct strings),
			  .after_dashes = true },
			ARG_END },
	.opts_size = sizeof(struct names_options),
	.run = run_nothing,
};

static const struct command fake_image_import = {
	.path = "image import",
	.summary = "import a disk image",
	.group = GROUP_IMAGES,
	.args =
		(const struct argument[]){
			ARG_ONE(struct names_options, from, .name = "FILE",
				.help = "the file", .complete = complete_files),
			ARG_END },
	.opts_size = sizeof(struct names_options),
	.run = run_nothing,
};

static const struct command fake_image_list = {
	.path = "image list",
	.aliases = (const char *const[]){ "image ls", NULL },
	.summary = "list images",
	.group = GROUP_IMAGES,
	.record = &fake_record,
	.run = run_nothing,
};

static const struct command fake_help = {
	.path = "help",
	.summary = "show help",
	.group = GROUP_OTHER,
	.args =
		(const struct argument[]){
			ARG_MANY(struct names_options, names, .name = "COMMAND",
				 .help = "which one", .optional = true,
				 .complete = complete_commands),
			ARG_END },
	.opts_size = sizeof(struct names_options),
	.run = run_nothing,
};

static const struct command fake_hidden = {
	.path = "__hidden",
	.summary = "for programs",
	.group = GROUP_HIDDEN,
	.run = run_nothing,
};

const struct command *const commands[] = { &fake_create,       &fake_delete,
					   &fake_exec,	       &fake_each,
					   &fake_image_import, &fake_image_list,
					   &fake_help,	       &fake_hidden,
					   &fake_many,	       NULL };
const char *const command_symbols[] = { "cmd_create",	    "cmd_delete",
					"cmd_exec",	    "cmd_each",
					"cmd_image_import", "cmd_image_list",
					"cmd_help",	    "cmd_hidden",
					"cmd_many",	    NULL };

#endif
