/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_SFTP_EVIL_H
#define TESTS_SFTP_EVIL_H

/*
 * An sftp server of version 3 on standard input and output that misbehaves in
 * the way that `what` names; see the table in sftp-evil.c. Below the folder
 * "/r" it has what that way needs, and every file holds the bytes that
 * evil_byte() gives. Never returns.
 */
void evil_serve(const char *what);

unsigned char evil_byte(unsigned long long offset);

/* How large its files say they are. */
#define EVIL_SIZE 300000
#define EVIL_LARGE (12 * 1024 * 1024)

/* Where its links lead. */
#define EVIL_OUTSIDE "EVIL_OUTSIDE"

#endif
