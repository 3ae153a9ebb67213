/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <strings.h>

#include "cli/message.h"

#include <stdarg.h>
#include <termios.h>

#include "base/file.h"
#include "base/json.h"
#include "base/logfile.h"
#include "cli/diagnose.h"
#include "cli/progress.h"

/* Everything that goes to standard error, one write for each line. */

static bool for_programs(const struct cli *cli)
{
	const char *o = cli->globals.output;

	return o && (str_eq(o, "json") || str_eq(o, "ndjson"));
}

bool color_wanted(const char *when, bool tty)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when && str_eq(when, "always"))
		return true;
	if (when && str_eq(when, "never"))
		return false;
	return tty && !(no && *no) && !(term && str_eq(term, "dumb"));
}

/* While a guest has the terminal, a line feed alone would not go back to the
 * first column. */
static bool is_raw(const struct cli *cli)
{
	struct termios tio;

	return cli->tty_err && tcgetattr(STDERR_FILENO, &tio) == 0 &&
	       !(tio.c_oflag & OPOST);
}

static void emit(struct cli *cli, const struct str *text)
{
	progress_clear(cli);
	if (is_raw(cli)) {
		auto_str raw = STR_INIT;

		for (size_t i = 0; i < text->len; i++) {
			if (text->p[i] == '\n')
				str_addc(&raw, '\r');
			str_addc(&raw, text->p[i]);
		}
		(void)fd_write_all(STDERR_FILENO, str_text(&raw), raw.len,
				   NULL);
		return;
	}
	(void)fd_write_all(STDERR_FILENO, str_text(text), text->len, NULL);
}

/* {"error":{"code":…,"message":…,"hint":…}} */
static void emit_json(struct cli *cli, const char *kind, const char *code,
		      const char *message, const char *hint, json_t *diagnosis)
{
	auto_json json_t *inside = json_object();
	auto_json json_t *outside = json_object();
	auto_free char *text = NULL;
	auto_str line = STR_INIT;

	if (code)
		json_object_set_new(inside, "code", json_string(code));
	json_object_set_new(inside, "message", json_string(message));
	if (code)
		json_object_set_new(inside, "hint",
				    hint && *hint ? json_string(hint)
						  : json_null());
	if (diagnosis)
		json_object_set_new(inside, "diagnosis", diagnosis);
	json_object_set(outside, kind, inside);
	if (json_text(outside, 0, &text, NULL))
		return;
	str_addf(&line, "%s\n", text);
	emit(cli, &line);
}

/* The log names the command, never its arguments: those may hold what is
 * nobody else's business. */
static void keep(struct cli *cli, const char *level, const char *text)
{
	struct vmctl *ctx;

	if (cli_context(cli, &ctx, NULL) == 0)
		logfile_add(vmctl_log_path(ctx), level,
			    cli->command ? cli->command->path : "vmctl", text);
}

void cli_error(struct cli *cli, const struct vmctl_error *err)
{
	auto_str line = STR_INIT;
	bool color = color_wanted(cli->globals.color, cli->tty_err);

	keep(cli, "error", err->message);
	if (for_programs(cli)) {
		emit_json(cli, "error", vmctl_code_name(err->code),
			  err->message, err->hint, diagnosis_json(cli));
		return;
	}
	str_addf(&line, "%svmctl:%s %s\n", color ? "\033[1;31m" : "",
		 color ? "\033[0m" : "", err->message);
	if (*err->hint)
		str_addf(&line, "  %s\n", err->hint);
	diagnosis_text(cli, &line);
	emit(cli, &line);
}

void cli_log(void *data, enum vmctl_log_level level, const char *text)
{
	struct cli *cli = data;
	int shown = cli->globals.quiet ? VMCTL_LOG_ERROR
				       : VMCTL_LOG_NOTE + cli->globals.verbose;
	auto_str line = STR_INIT;

	if (level <= VMCTL_LOG_WARN)
		keep(cli, level == VMCTL_LOG_WARN ? "warning" : "error", text);
	/* A program that asked for JSON gets errors and warnings only. */
	if ((int)level > shown ||
	    (level == VMCTL_LOG_NOTE && for_programs(cli) && !cli->tty_err))
		return;
	if (level <= VMCTL_LOG_WARN && for_programs(cli)) {
		emit_json(cli, "warning", NULL, text, NULL, NULL);
		return;
	}
	str_addf(&line, "vmctl: %s%s\n",
		 level == VMCTL_LOG_WARN ? "warning: " : "", text);
	emit(cli, &line);
}

void cli_note(struct cli *cli, const char *fmt, ...)
{
	char text[1024];
	auto_free char *safe = NULL;
	auto_str line = STR_INIT;
	va_list ap;

	/* A program that asked for JSON gets errors and warnings only. */
	if (cli->globals.quiet || (for_programs(cli) && !cli->tty_err))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe = str_printable(text, strlen(text), true);
	if (!safe)
		return;
	str_addf(&line, "%s\n", safe);
	emit(cli, &line);
}

/* One line of standard input without the blanks around it; "" when there is
 * none, or more than an answer would have. Read byte by byte: what follows the
 * line is not ours. */
static void read_answer(char *out, size_t n)
{
	size_t len = 0;
	char c;

	while (!cli_interrupted() && read(STDIN_FILENO, &c, 1) == 1) {
		if (c == '\n') {
			out[len < n ? len : 0] = '\0';
			return;
		}
		if (len < n && (c != ' ' || len))
			out[len++] = c;
	}
	out[0] = '\0';
}

bool cli_confirm(struct cli *cli, const char *fmt, ...)
{
	char text[1024];
	auto_free char *safe = NULL;
	auto_str line = STR_INIT;
	va_list ap;
	char answer[8];

	if (cli->globals.yes || cli->globals.quiet || !cli->tty_in ||
	    !cli->tty_err)
		return true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	safe = str_printable(text, strlen(text), true);
	str_addf(&line, "%s [y/N] ", safe ? safe : "");
	emit(cli, &line);
	read_answer(answer, sizeof(answer));
	return str_eq(answer, "y") || str_eq(answer, "Y") ||
	       strcasecmp(answer, "yes") == 0;
}
