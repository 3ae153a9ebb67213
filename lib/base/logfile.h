/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_LOGFILE_H
#define BASE_LOGFILE_H

/*
 * A log that several processes write at once: a line for each call, appended
 * in one piece. It is rotated when it would exceed 10 MB and on the first line
 * of a day (UTC), to "<path>.2026-01-31", with ".1" and so on behind it for
 * further ones of the day; what was last written more than 7 days ago is
 * removed at a rotation.
 *
 * Nothing is ever reported: a log that cannot be written is no reason for a
 * command to fail.
 */
#define LOGFILE_SIZE 10000000
#define LOGFILE_DAYS 7

/* "TIME PID LEVEL COMMAND: TEXT". Makes the folder. A NULL path is silent. */
void logfile_add(const char *path, const char *level, const char *command,
		 const char *text);

#endif
