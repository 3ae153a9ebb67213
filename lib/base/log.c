/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

void log_at(const struct events *ev, enum vmctl_log_level level,
	    const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!ev || !ev->log)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	auto_free char *safe = str_printable(text, strlen(text), false);
	if (safe)
		ev->log(ev->data, level, safe);
}

void progress_at(const struct events *ev, const char *text,
		 unsigned long long done, unsigned long long total)
{
	if (ev && ev->progress)
		ev->progress(ev->data, text, done, total);
}

bool cancelled(const struct events *ev)
{
	return ev && ev->cancelled && ev->cancelled(ev->data);
}

int fail_cancelled(struct vmctl_error *err)
{
	return fail(err, VMCTL_CANCELLED, 0, "interrupted");
}

bool ask_secret(const struct events *ev, const char *prompt, char *answer,
		size_t size)
{
	bool answered = ev && ev->ask &&
			ev->ask(ev->data, prompt, answer, size) &&
			memchr(answer, '\0', size);

	if (!answered)
		explicit_bzero(answer, size);
	return answered;
}
