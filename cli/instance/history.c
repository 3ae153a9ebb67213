/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"
#include "cli/quote.h"
#include "cli/render/render.h"

/* What was done: for now, the commands run in guests. */

struct history_options {
	const char *name;
	int64_t count;
	bool executions, failed;
};

static const struct argument args[] = {
	ARG_ONE(struct history_options, name, .name = "NAME", .optional = true,
		.complete = complete_instances,
		.help = "name or id of an instance, also of one that is gone"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_FLAG(struct history_options, executions, .name = "executions",
		 .help = "commands run in guests"),
	OPT_INT(struct history_options, count, .name = "count", .letter = 'n',
		.metavar = "N", .min = 1, .max = 1000000,
		.help = "only the last N", .fallback = "100"),
	OPT_FLAG(struct history_options, failed, .name = "failed",
		 .help = "only what did not end with status 0"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl history --executions web1",
	  "What was run in an instance lately." },
	{ "vmctl history --executions --failed -n 1000 -o json",
	  "What went wrong anywhere, for a program." },
	{ NULL },
};

/* One execution, as the record has it. */
struct entry {
	int64_t id, started_at, duration_ms, status, signal, pid;
	int64_t bytes_in, bytes_out, bytes_err;
	const char *name, *instance, *user, *transport, *error, *state;
	char *command, *base64;
	char *const *argv;
	bool timed_out;
};
#define AT(member) offsetof(struct entry, member)

static const struct field fields[] = {
	{ "id", "ID", FIELD_INT, AT(id), FIELD_NAME | FIELD_HIDDEN,
	  .help = "its number" },
	{ "started_at", "AGE", FIELD_TIME, AT(started_at), FIELD_ALWAYS,
	  .help = "when it began" },
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_ALWAYS,
	  .help = "the instance, by its name at that time" },
	{ "instance", "INSTANCE", FIELD_STRING, AT(instance),
	  FIELD_HIDDEN | FIELD_ALWAYS, .help = "the instance's id" },
	{ "user", "USER", FIELD_STRING, AT(user), FIELD_WIDE,
	  .help = "the account that it ran as" },
	{ "state", "STATE", FIELD_STRING, AT(state), FIELD_STATE | FIELD_ALWAYS,
	  .help = "running; done, with an exit status; failed, without one, "
		  "for the reason in error; or lost, when vmctl was killed "
		  "before the end was known" },
	{ "status", "STATUS", FIELD_INT, AT(status), FIELD_BELOW_NONE,
	  .help = "exit status, 128+N for death by signal N, 124 when the "
		  "time ran out" },
	{ "signal", "SIGNAL", FIELD_INT, AT(signal),
	  FIELD_HIDDEN | FIELD_ZERO_NONE,
	  .help = "number of the signal that ended it" },
	{ "timed_out", "TIMED OUT", FIELD_BOOL, AT(timed_out), FIELD_HIDDEN,
	  .help = "whether its time ran out" },
	{ "duration", "TIME", FIELD_DURATION, AT(duration_ms), FIELD_BELOW_NONE,
	  .help = "how long it ran" },
	{ "transport", "BY", FIELD_STRING, AT(transport), FIELD_WIDE,
	  .help = "the way into the guest: agent or ssh" },
	{ "bytes_in", "IN", FIELD_SIZE, AT(bytes_in), FIELD_WIDE,
	  .help = "bytes of its standard input" },
	{ "bytes_out", "OUT", FIELD_SIZE, AT(bytes_out), FIELD_WIDE,
	  .help = "bytes of its standard output" },
	{ "bytes_err", "ERR", FIELD_SIZE, AT(bytes_err), FIELD_WIDE,
	  .help = "bytes of its standard error" },
	{ "pid", "PID", FIELD_INT, AT(pid), FIELD_HIDDEN,
	  .help = "number of the process of vmctl" },
	{ "error", "ERROR", FIELD_STRING, AT(error), FIELD_WIDE,
	  .help = "why it has no exit status" },
	{ "argv", "ARGV", FIELD_STRINGS, AT(argv), FIELD_HIDDEN,
	  .help = "its arguments, none for a login shell; in one that is not "
		  "UTF-8, question marks stand for what cannot be shown" },
	{ "argv_base64", "ARGV BASE64", FIELD_STRING, AT(base64), FIELD_HIDDEN,
	  .help = "its arguments byte for byte, each with a zero byte behind, "
		  "in base64" },
	{ "command", "COMMAND", FIELD_STRING, AT(command), 0,
	  .help = "its arguments as they could be typed in bash" },
	{ .key = NULL },
};

static const struct record execution_record = { "execution", fields };

static char *packed(char *const *argv)
{
	auto_str bytes = STR_INIT;

	for (; *argv; argv++)
		str_addn(&bytes, *argv, strlen(*argv) + 1);
	return bytes.oom ? NULL : base64_encode(str_text(&bytes), bytes.len);
}

static int render_execution(struct cli *cli, const struct vmctl_execution *e,
			    struct vmctl_error *err)
{
	static const char *const states[] = { "running", "done", "failed",
					      "lost" };
	struct entry item = {
		.id = e->id,
		.started_at = e->started_at_ms / 1000,
		.duration_ms = e->duration_ms,
		.status = e->status,
		.signal = e->signal,
		.pid = e->pid,
		.bytes_in = e->bytes_in,
		.bytes_out = e->bytes_out,
		.bytes_err = e->bytes_err,
		.name = e->name,
		.instance = e->instance,
		.user = e->user,
		.transport = e->transport,
		.error = e->error,
		.state = states[e->state],
		.argv = e->argv,
		.timed_out = e->timed_out,
	};
	auto_free char *base64 = packed(e->argv);
	auto_free char *command = NULL;
	auto_str text = STR_INIT;
	int r;

	add_quoted_words((const char *const *)e->argv, &text);
	if (!e->argv[0])
		str_add(&text, "(login shell)");
	r = str_take(&text, &command, err);
	if (r < 0 || !base64)
		return r < 0 ? r : -VMCTL_NO_MEMORY;
	item.base64 = base64;
	item.command = command;
	return render_row(cli->out, &item, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct history_options *o = data;
	const struct vmctl_execution_filter filter = {
		.size = sizeof(filter),
		.instance = o->name,
		.limit = o->count ? o->count : 100,
		.failed = o->failed,
	};
	struct vmctl_execution_list *list;
	struct vmctl *ctx;
	int r;

	/* Without it there will be all that was done; until then nothing is
	 * shown under a name that will mean something else. */
	if (!o->executions) {
		r = fail(err, VMCTL_INVALID, 0,
			 "history shows executions only, as yet");
		fail_hint(err, "vmctl history --executions");
		return r;
	}
	r = cli_context(cli, &ctx, err);
	if (r == 0)
		r = vmctl_execution_list(ctx, &filter, &list, err);
	if (r < 0)
		return r;
	r = render_begin(cli->out, &execution_record, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = render_execution(cli, list->items[i], err);
	if (r == 0)
		r = render_end(cli->out, err);
	vmctl_execution_list_free(list);
	return r;
}

const struct command cmd_history = {
	.path = "history",
	.summary = "show what was run in guests",
	.group = GROUP_INSTANCES,
	.flags = COMMAND_LISTS,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct history_options),
	.record = &execution_record,
	.examples = examples,
	.exits = (const int[]){ 3, 0 },
	.run = run,
};
