/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists the instances, or runs a command in one:
 *
 *	cc -o instances instances.c $(pkg-config --cflags --libs libvmctl)
 *	./instances [NAME COMMAND [ARGUMENT...]]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <vmctl/vmctl.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* The library prints nothing: what is worth saying comes here. */
static void log_line(void *data, enum vmctl_log_level level, const char *text)
{
	(void)data;
	if (level <= VMCTL_LOG_NOTE)
		fprintf(stderr, "instances: %s\n", text);
}

/* Asked in every wait: Ctrl-C makes the call end, and undo what it made. */
static bool cancelled(void *data)
{
	(void)data;
	return interrupted;
}

static int list(struct vmctl *ctx, struct vmctl_error *err)
{
	struct vmctl_error unreachable = { .code = VMCTL_OK };
	struct vmctl_instance_list *all;
	int r = vmctl_instance_list(ctx, 0, &all, &unreachable, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < all->count; i++) {
		const struct vmctl_instance *one = all->items[i];

		printf("%s\t%s\t%s\n", one->name, vmctl_state_name(one->state),
		       one->address);
	}
	if (unreachable.code)
		fprintf(stderr, "instances: %s\n", unreachable.message);
	vmctl_instance_list_free(all);
	return 0;
}

/* The exit status of the command, or a negative code. */
static int run(struct vmctl *ctx, const char *name, char **command,
	       struct vmctl_error *err)
{
	struct vmctl_exec what = {
		.size = sizeof(what),
		.argv = (const char *const *)command,
		.in = -1,
		.out = 1,
		.err = 2,
		.timeout_ms = 60 * 1000,
	};
	struct vmctl_exit end;
	int r = vmctl_instance_exec(ctx, name, &what, &end, err);

	return r < 0 ? r : end.status;
}

int main(int argc, char **argv)
{
	const struct vmctl_options options = {
		.size = sizeof(options),
		.home = getenv("VMCTL_HOME"),
		.uri = getenv("VMCTL_CONNECT"),
		.lock_timeout_ms = -1,
		.log = log_line,
		.cancelled = cancelled,
		.command = "instances",
	};
	struct vmctl_error err;
	struct vmctl *ctx;
	int r;

	signal(SIGINT, on_interrupt);
	r = vmctl_new(&options, &ctx, &err);
	if (r == 0) {
		r = argc > 2 ? run(ctx, argv[1], argv + 2, &err)
			     : list(ctx, &err);
		vmctl_free(ctx);
	}
	if (r >= 0)
		return r;
	fprintf(stderr, "instances: %s\n", err.message);
	if (*err.hint)
		fprintf(stderr, "  %s\n", err.hint);
	return vmctl_code_exit(err.code);
}
