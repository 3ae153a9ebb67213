/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"
#include "instance/instance.h"

/*
 * What a guest's cloud-init says about its work. The oldest answer in text
 * only; from 22.4 on there is JSON with `errors`, from 23.4 on also with
 * `recoverable_errors`: what was logged as a warning or worse, and was got
 * over. Before, that is in the log alone, so the log is looked at. What exit
 * status 2 says (23.4) is in the JSON as well, and some distributions patch it
 * away. (docs.cloud-init.io: "Failure states", "Exported errors".)
 */

/* Between cloud-init's answer and the lines of its log; in neither of them. */
#define SEPARATOR '\036'

/* The log goes on over reboots: only what the last boot wrote counts. A message
 * may go on in lines that do not begin with a date. */
const char cloud_init_question[] =
	"command -v cloud-init >/dev/null || exit 127\n"
	"cloud-init status --wait >/dev/null 2>&1\n"
	"answer=$(cloud-init status --format json 2>/dev/null)\n"
	"status=$?\n"
	"case $answer in\n"
	"{*) ;;\n"
	"*) answer=$(cloud-init status --long 2>&1); status=$? ;;\n"
	"esac\n"
	"printf '%s\\n\\036\\n' \"$answer\"\n"
	"case $answer in *recoverable_errors*) exit $status ;; esac\n"
	"log=/var/log/cloud-init.log\n"
	"[ -e $log ] || exit $status\n"
	"if [ -r $log ]; then cat $log; else sudo -n cat $log; fi 2>/dev/null "
	"|\n"
	"awk '/ running .init-local. at / { n = 0 }\n"
	"	/^[0-9]+-/ { on = 0 }\n"
	"	/^[0-9]+-[^[]*\\[(WARNING|ERROR|CRITICAL)\\]: / && n < 100 {\n"
	"		sub(/^[^[]*\\[[A-Z]+\\]: /, \"\"); on = 1; text[n++] = "
	"$0\n"
	"		next }\n"
	"	on { text[n - 1] = text[n - 1] \" \" $0 }\n"
	"	END { for (i = 0; i < n; i++) print text[i] }'\n"
	"exit $status\n";

/* The guest may say as much as it likes; a person reads a few sentences. */
#define MESSAGES 10
#define MESSAGE_BYTES 500

struct messages {
	struct str text[MESSAGES];
	size_t n;
	size_t more; /* that were left out */
};

struct report {
	bool disabled;
	struct messages errors; /* what did not happen */
	struct messages notes;	/* what was got over */
};

static void report_done(struct report *r)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		str_done(&r->errors.text[i]);
		str_done(&r->notes.text[i]);
	}
}

/* In one line; what several stages say is said once. */
static int add_message(struct messages *m, const char *text)
{
	auto_str line = STR_INIT;

	for (const char *p = text; *p && line.len < MESSAGE_BYTES; p++) {
		bool blank = strchr(" \t\r\n", *p);
		if (!blank)
			str_addc(&line, *p);
		else if (line.len && line.p[line.len - 1] != ' ')
			str_addc(&line, ' ');
	}
	if (line.len == MESSAGE_BYTES)
		str_add(&line, "...");
	while (line.len && line.p[line.len - 1] == ' ')
		line.p[--line.len] = '\0';
	if (line.oom)
		return -VMCTL_NO_MEMORY;
	if (!line.len)
		return 0;
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->text[i].p, line.p))
			return 0;
	if (m->n == MESSAGES) {
		m->more++;
		return 0;
	}
	m->text[m->n++] = line;
	line = STR_INIT;
	return 0;
}

static char *join_messages(const struct messages *m)
{
	auto_str out = STR_INIT;
	char *text = NULL;

	for (size_t i = 0; i < m->n; i++) {
		str_add(&out, i ? "; " : "");
		str_add(&out, m->text[i].p);
	}
	if (m->more)
		str_addf(&out, "; and %zu more", m->more);
	return str_take(&out, &text, NULL) == 0 ? text : NULL;
}

/* Warnings that say that what the user wanted was not understood, or failed. */
static bool is_failure(const char *text)
{
	static const char *const starts[] = {
		"Boothooks ",
		"Failed at merging in cloud config part",
		"Failed at registering python file",
		"Failed calling handler",
		"Failed loading yaml blob",
		"Failed to register handler",
		"Ignoring jinja template",
		"Unable to render networking",
		"Unhandled non-multipart",
		"Unhandled unknown content-type",
	};

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (str_starts(text, starts[i]))
			return true;
	return false;
}

static int add_warning(struct report *r, const char *text)
{
	return add_message(is_failure(text) ? &r->errors : &r->notes, text);
}

static int read_json(struct report *r, const json_t *doc)
{
	const char *level;
	const json_t *item;
	json_t *list;
	size_t i;
	int bad = 0;

	r->disabled = str_eq(json_get_string(doc, "status", ""), "disabled");
	json_array_foreach(json_object_get(doc, "errors"), i, item)
	{
		if (json_is_string(item))
			bad |= add_message(&r->errors, json_string_value(item));
	}
	json_object_foreach(json_object_get(doc, "recoverable_errors"), level,
			    list)
	{
		if (str_eq(level, "DEPRECATED"))
			continue;
		json_array_foreach(list, i, item)
		{
			if (json_is_string(item))
				bad |= add_warning(r, json_string_value(item));
		}
	}
	return bad;
}

/* status: error / time: ... / detail: / what went wrong, to the end */
static int read_text(struct report *r, const char *text, int status)
{
	const char *detail = strstr(text, "detail:");

	r->disabled = strstr(text, "status: disabled");
	return status == 0 ? 0
			   : add_message(&r->errors,
					 detail ? detail + strlen("detail:")
						: text);
}

static int read_answer(struct report *r, int status, const char *answer,
		       struct vmctl_error *err)
{
	auto_json json_t *doc = NULL;
	const char *end = strchr(answer, SEPARATOR);
	auto_free char *first =
		strndup(answer, end ? (size_t)(end - answer) : strlen(answer));

	if (!first)
		return fail_oom(err);
	int bad = *first == '{' && json_parse(first, strlen(first),
					      "the answer", &doc, NULL) == 0
			  ? read_json(r, doc)
			  : read_text(r, first, status);
	for (const char *p = end ? end + 1 : ""; !bad && *p;) {
		size_t n = strcspn(p, "\n");
		auto_free char *line = strndup(p, n);
		bad = line ? add_warning(r, line) : -VMCTL_NO_MEMORY;
		p += n + (p[n] == '\n');
	}
	/* It failed, and does not say at what. */
	if (!bad && !r->errors.n && status != 0 && status != 2)
		bad = add_message(&r->errors, first);
	return bad ? fail_oom(err) : 0;
}

int cloud_init_verdict(const struct events *ev, const char *name, int status,
		       const char *answer, struct vmctl_error *err)
{
	auto_cleanup(report_done) struct report r = { 0 };

	if (status == 127)
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "%s: the guest has no cloud-init", name);
	int bad = read_answer(&r, status, answer, err);
	if (bad < 0)
		return bad;
	if (r.disabled)
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "%s: cloud-init is disabled in the guest", name);
	auto_free char *errors = join_messages(&r.errors);
	auto_free char *notes = join_messages(&r.notes);
	if (!errors || !notes)
		return fail_oom(err);
	if (*errors || (status != 0 && status != 2)) {
		fail(err, VMCTL_FAILED, 0, "%s: cloud-init failed: %s", name,
		     *errors ? errors : "no reason given");
		fail_hint(err,
			  "vmctl exec %s -- sudo cat "
			  "/var/log/cloud-init-output.log",
			  name);
		return -VMCTL_FAILED;
	}
	if (*notes)
		log_warn(ev, "%s: cloud-init is done, but warns: %s", name,
			 notes);
	return 0;
}

#define CONSOLE_SEARCHED 400

/* "Cloud-init v. 22.4.2 finished at …" */
bool cloud_init_is_done(const struct vmctl *ctx, const char *id)
{
	auto_strv char **lines = NULL;
	bool done = false;

	if (console_tail(ctx, id, CONSOLE_SEARCHED, &lines, NULL) < 0)
		return false;
	for (char **line = lines; !done && *line; line++) {
		const char *at = strstr(*line, "Cloud-init v.");

		done = at && strstr(at, " finished at ");
	}
	return done;
}
