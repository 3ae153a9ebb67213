/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <vmctl/context.h>

#include "base/error.h"

/*
 * How code below the context speaks to the caller: nothing is ever printed.
 * A struct events is embedded in the context and handed to drivers by
 * pointer; NULL is allowed everywhere and is silent.
 */
struct events {
	void (*log)(void *data, enum vmctl_log_level level, const char *text);
	void (*progress)(void *data, const char *text, unsigned long long done,
			 unsigned long long total);
	bool (*cancelled)(void *data);
	void *data;
	bool (*ask)(void *data, const char *prompt, char *answer, size_t size);
};

void log_at(const struct events *ev, enum vmctl_log_level level,
	    const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log_warn(ev, ...) log_at(ev, VMCTL_LOG_WARN, __VA_ARGS__)
#define log_note(ev, ...) log_at(ev, VMCTL_LOG_NOTE, __VA_ARGS__)
#define log_info(ev, ...) log_at(ev, VMCTL_LOG_INFO, __VA_ARGS__)
#define log_debug(ev, ...) log_at(ev, VMCTL_LOG_DEBUG, __VA_ARGS__)

void progress_at(const struct events *ev, const char *text,
		 unsigned long long done, unsigned long long total);

/* Whether the caller asked to stop, and the failure to return then. */
bool cancelled(const struct events *ev);
int fail_cancelled(struct vmctl_error *err);

/* Asks the caller's user for a secret. false: there is nobody to ask, or no
 * answer was given; `answer` is wiped then. */
bool ask_secret(const struct events *ev, const char *prompt, char *answer,
		size_t size);

#endif
