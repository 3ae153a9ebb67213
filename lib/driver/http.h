/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_HTTP_H
#define DRIVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/str.h"

/* A web client (module http.so, libcurl). */

#define HTTP_ABI 2

struct http_get {
	const char *url;	 /* a fragment is not sent */
	size_t max;		 /* bytes; more is VMCTL_BAD_DATA */
	long connect_timeout_ms; /* 0: 10 s */
	long timeout_ms;	 /* of it all; 0: 30 s */
};

/* How an answer begins. */
struct http_head {
	uint64_t total; /* bytes of the whole file */
	bool resumed;	/* only what is missing follows */
	/* What a later request may refer to: an ETag or a date; "" for none. */
	const char *validator;
};

struct http_download {
	const char *url;
	int fd;		/* of a file that can be written at any offset */
	uint64_t have;	/* how many bytes of it are there already */
	const char *validator; /* of the answer that these are of; NULL or ""
				* begins anew */
	const char *text;	 /* of the progress */
	long connect_timeout_ms; /* 0: 10 s */
	long stall_ms;		 /* without a byte; 0: 60 s */

	/* Asked before anything is written. A failure ends the download with
	 * it. May be NULL. */
	int (*begin)(void *data, const struct http_head *head,
		     struct vmctl_error *err);
	void *data;
};

struct http_ops {
	unsigned abi;

	/*
	 * What a GET gives. Only https, and http to this machine itself;
	 * redirected, at most five times, to https alone. Certificates are
	 * checked against the system's authorities, or those of CURL_CA_BUNDLE,
	 * SSL_CERT_FILE or SSL_CERT_DIR, as curl(1) does; the environment's
	 * proxies are used for https.
	 *
	 * VMCTL_INVALID: not such an address, or one with a password in it.
	 * VMCTL_NOT_FOUND: the server says 404 or 410. VMCTL_DENIED: 401, 403.
	 * VMCTL_TIMEOUT, VMCTL_CANCELLED, VMCTL_BAD_DATA (too long); all else
	 * is VMCTL_FAILED.
	 */
	int (*get)(const struct http_get *what, const struct events *ev,
		   struct str *ret, struct vmctl_error *err);

	/*
	 * A GET into a file, of addresses as above. Where the server has still
	 * the same file, only what is missing is sent (RFC 9110, Range with
	 * If-Range); else the file is made empty first. What has arrived is
	 * left in the file however it ends. Codes as above, and VMCTL_BAD_DATA
	 * for an answer that does not say how long it is, VMCTL_LIMIT for a
	 * full disk, VMCTL_TIMEOUT when nothing arrives for stall_ms.
	 */
	int (*download)(const struct http_download *what,
			const struct events *ev, struct vmctl_error *err);
};

int http_load(const struct http_ops **ret, struct vmctl_error *err);

#endif
