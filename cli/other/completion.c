/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/render/render.h"

/* The scripts in completions/ are part of the program, so that what is
 * printed always fits it. The path is relative to the top of the sources,
 * where the compiler runs. */
#define EMBED(symbol, file)                                                    \
	extern const char symbol[];                                            \
	__asm__(".section .rodata\n" #symbol ":\n"                             \
		".incbin \"completions/" file "\"\n"                           \
		".byte 0\n.previous\n")

EMBED(completion_bash, "vmctl.bash");
EMBED(completion_zsh, "vmctl.zsh");
EMBED(completion_fish, "vmctl.fish");

struct completion_options {
	const char *shell;
};

static const struct {
	const char *shell, *script;
} scripts[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
};

static void complete_shells(struct cli *cli, const char *prefix,
			    struct str *out)
{
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		completion_add(out, scripts[i].shell, NULL);
}

static int run(struct cli *cli, void *opts, struct vmctl_error *err)
{
	const char *shell = ((struct completion_options *)opts)->shell;
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		if (str_eq(scripts[i].shell, shell))
			return render_text(cli->out, scripts[i].script, false,
					   err);
	}
	rc = fail(err, VMCTL_INVALID, 0,
		  "there is no completion for the shell '%s'", shell);
	fail_hint_nearest(err, shell,
			  (const char *const[]){ "bash", "zsh", "fish", NULL },
			  "vmctl completion ",
			  "vmctl completion bash|zsh|fish");
	return rc;
}

const struct command cmd_completion = {
	.path = "completion",
	.summary = "print the completion script of a shell",
	.group = GROUP_OTHER,
	.flags = COMMAND_NO_CONFIG,
	.args =
		(const struct argument[]){
			ARG_ONE(struct completion_options, shell,
				.name = "SHELL", .help = "bash, zsh or fish",
				.complete = complete_shells),
			ARG_END,
		},
	.opts_size = sizeof(struct completion_options),
	.examples =
		(const struct example[]){
			{ "vmctl completion bash > ~/.vmctl.bash",
			  "Write the script for bash, to be sourced by "
			  "~/.bashrc." },
			{ "vmctl completion fish > "
			  "~/.config/fish/completions/vmctl.fish",
			  "Write it where fish looks for it." },
			{ NULL },
		},
	.run = run,
};
