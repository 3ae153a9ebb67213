/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/command.h"

/* The line on standard error that shows what a slow command is about. */
struct progress {
	char phase[160];
	int64_t first_ms;	       /* of the first report at all */
	int64_t phase_ms;	       /* of the phase's first report */
	int64_t drawn_ms;	       /* of the last drawing */
	int64_t plain_ms;	       /* when the next plain line is due */
	/* The rate is that since the older of two marks, which move on every
	 * few seconds: what was long ago says little. */
	int64_t old_ms, new_ms;
	unsigned long long old_done, new_done;
	unsigned spin;
	bool on_screen;
};

/* The library's callback; `data` is the struct cli. */
void progress_report(void *data, const char *text, unsigned long long done,
		     unsigned long long total);

/* Whether anything would be shown at all. */
bool progress_wanted(const struct cli *cli);

/* Takes the line away, before anything else is written to the terminal. */
void progress_clear(struct cli *cli);

#endif
