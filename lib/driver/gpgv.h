/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_GPGV_H
#define DRIVER_GPGV_H

#include "base/log.h"
#include "base/str.h"

/* OpenPGP signatures, through the program gpgv(1). */

#define GPGV_FINGERPRINT 65 /* hexadecimal, of version 4 or 5, and a NUL */

struct gpgv_check {
	const char *keyring;   /* file of keys, not armoured; each is trusted */
	const char *signature; /* file; NULL when it is within `data` */
	const char *data;      /* file that is signed */
	const char *output;    /* file for the text that is signed, which is not
				* all of `data` when it is signed within; NULL
				* for none. It is written over */
};

/*
 * 0 when there is a good signature by a key of the keyring and none that is
 * bad, as apt(8) does it; the fingerprint of the (primary) key is put into
 * `signer`. VMCTL_BAD_DATA otherwise: a bad one, or none by a known key that
 * still holds. VMCTL_NOT_FOUND when gpgv is not installed.
 */
int gpgv_verify(const struct gpgv_check *what, const struct events *ev,
		char signer[GPGV_FINGERPRINT], struct vmctl_error *err);

/* The keys of a file as gpgv takes them: without armour (RFC 4880, section
 * 6.2), which several blocks may have. VMCTL_BAD_DATA. */
int gpgv_dearmour(const char *text, size_t len, struct str *ret,
		  struct vmctl_error *err);

#endif
