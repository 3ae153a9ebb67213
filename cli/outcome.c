/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/outcome.h"

#define AT(member) offsetof(struct outcome, member)

static const char *result_text(const void *record)
{
	const struct outcome *o = record;

	if (!o->ran)
		return o->code;
	if (o->timed_out)
		return "timeout";
	return o->signal ? "signal" : "exit";
}

static const struct field fields[] = {
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_NAME,
	  .help = "the instance" },
	{ "status", "STATUS", FIELD_INT, AT(status), 0,
	  .help = "exit status of the command, 124 or 128+N as below; where "
		  "none ran, that of the error" },
	{ "result", "RESULT", FIELD_TEXT, 0, 0, .text = result_text,
	  .help = "how it ended: exit, signal, timeout; or why no command "
		  "ran, as in not-found, state, transport" },
	{ "duration", "TIME", FIELD_DURATION, AT(duration_ms), FIELD_ZERO_NONE,
	  .help = "how long the command ran" },
	{ "signal", "SIGNAL", FIELD_INT, AT(signal),
	  FIELD_WIDE | FIELD_ZERO_NONE,
	  .help = "number of the signal that ended it" },
	{ "transport", "BY", FIELD_STRING, AT(transport), FIELD_WIDE,
	  .help = "the way into the guest that was used" },
	{ "bytes_out", "OUT", FIELD_SIZE, AT(bytes_out), FIELD_WIDE,
	  .help = "bytes of its standard output" },
	{ "bytes_err", "ERR", FIELD_SIZE, AT(bytes_err), FIELD_WIDE,
	  .help = "bytes of its standard error" },
	{ "message", "MESSAGE", FIELD_STRING, AT(message), FIELD_HIDDEN,
	  .help = "why no command ran, in words" },
	{ .key = NULL },
};

const struct record outcome_record = { "outcome", fields };

void outcome_tell_late(struct cli *cli, const char *name,
		       const struct vmctl_exit *exit)
{
	struct vmctl_error late;

	if (exit->held) {
		fail(&late, VMCTL_TIMEOUT, 0,
		     "%s: the command ended with status %d, but something that "
		     "it started still held its output when the time was up",
		     name, exit->own_status);
		fail_hint(&late, "what is to go on needs streams of its own: "
				 "setsid COMMAND </dev/null >/dev/null 2>&1 &");
	} else {
		fail(&late, VMCTL_TIMEOUT, 0,
		     "%s: the command did not end in time", name);
	}
	cli_error(cli, &late);
}

int outcomes_status(const struct outcome *list, size_t n)
{
	int64_t worst = 0;
	bool any = false, same = true;

	for (size_t i = 0; i < n; i++) {
		int64_t status = list[i].status;

		any |= list[i].ran;
		same &= !list[i].ran && status == list[0].status;
		if (!list[i].ran && status != 255)
			status = vmctl_code_exit(VMCTL_PARTIAL);
		if (status > worst)
			worst = status;
	}
	return (int)(n && !any && same ? list[0].status : worst);
}
