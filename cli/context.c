/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/context.h"

#include <signal.h>

#include "cli/ask.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/screen.h"

/* The library's context for a command, and the signals that end it. */

static volatile sig_atomic_t caught;

/* How long undoing may take. A call to a hypervisor's daemon that hangs is not
 * ended by a signal, and without this no SIGTERM would end the process: what
 * it leaves then is what a killed one leaves, and the next command's. */
#define PATIENCE_S 30

/* Somebody waits for a completion. */
#define GLANCE_MS 100

/* The first signal asks the library to undo and stop; a second interrupt
 * ends the process at once, for somebody who will not wait for that. Other
 * signals may come in pairs (a service manager sends SIGTERM and SIGHUP), so
 * they do not count. */
static void on_signal(int sig)
{
	if (caught && sig == SIGINT) {
		screen_restore();
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	if (!caught)
		alarm(PATIENCE_S);
	caught = sig;
}

static void on_alarm(int sig)
{
	(void)sig;
	screen_restore();
	die_of_signal();
}

static void catch_signals(void)
{
	static const int list[] = { SIGINT, SIGTERM, SIGHUP };
	/* No SA_RESTART: a wait shall end. */
	struct sigaction act = { .sa_handler = on_signal }, old;
	const struct sigaction late = { .sa_handler = on_alarm };

	sigemptyset(&act.sa_mask);
	sigaction(SIGALRM, &late, NULL);
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		/* What nohup or a shell's "&" ignores stays ignored. */
		if (sigaction(list[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(list[i], &act, NULL);
	}
}

bool cli_interrupted(void)
{
	return caught != 0;
}

int caught_signal(void)
{
	return caught;
}

void die_of_signal(void)
{
	int sig = caught;

	if (!sig)
		return;
	signal(sig, SIG_DFL);
	raise(sig);
}

static bool is_cancelled(void *data)
{
	return cli_interrupted();
}

static const char *from_environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

int cli_context(struct cli *cli, struct vmctl **ret, struct vmctl_error *err)
{
	struct vmctl_options opts = {
		.size = sizeof(opts),
		.home = from_environment("VMCTL_HOME"),
		.uri = cli->globals.connect,
		.lock_timeout_ms =
			cli->glance ? GLANCE_MS : cli_timeout(cli, -1),
		.log = cli_log,
		/* What nobody sees need not be found out. */
		.progress = !cli->worker && progress_wanted(cli)
				    ? progress_report
				    : NULL,
		.cancelled = is_cancelled,
		.command = cli->name,
		.data = cli,
		.ask = cli->worker || cli->glance ? NULL : ask_person,
		.glance = cli->glance,
		/* 0 is a matter of guests and of locks. */
		.answer_timeout_ms = cli_timeout(cli, 0),
	};
	int rc;

	if (!cli->ctx) {
		if (!opts.uri)
			opts.uri = from_environment("VMCTL_CONNECT");
		if (!cli->in_shell)
			catch_signals();
		rc = vmctl_new(&opts, &cli->ctx, err);
		if (rc)
			return rc;
	}
	*ret = cli->ctx;
	return 0;
}

void cli_context_close(struct cli *cli)
{
	vmctl_free(take_ptr(&cli->ctx));
}

long cli_timeout(const struct cli *cli, long fallback_ms)
{
	return cli->globals.timeout < 0 ? fallback_ms
					: (long)cli->globals.timeout;
}

long cli_timeout_of(const struct cli *cli, const char *setting)
{
	int64_t ms = 0;

	if (cli->globals.timeout < 0 && cli->ctx)
		vmctl_config_number(cli->ctx, setting, &ms, NULL);
	return cli_timeout(cli, (long)ms);
}
