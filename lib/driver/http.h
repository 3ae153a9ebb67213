/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_HTTP_H
#define DRIVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/log.h"
#include "base/str.h"

/* A web client (module http.so, libcurl). */

#define HTTP_ABI 1

struct http_get {
	const char *url;	 /* a fragment is not sent */
	size_t max;		 /* bytes; more is VMCTL_BAD_DATA */
	long connect_timeout_ms; /* 0: 10 s */
	long timeout_ms;	 /* of it all; 0: 30 s */
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
};

int http_load(const struct http_ops **ret, struct vmctl_error *err);

#endif
