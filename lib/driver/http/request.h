/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_HTTP_REQUEST_H
#define DRIVER_HTTP_REQUEST_H

#include <curl/curl.h>

#include "driver/http.h"

/* What the two kinds of request have in common. Private to the module. */

DEFINE_CLEANUP(easy, CURL *, curl_easy_cleanup);
#define auto_easy auto_cleanup(easy_cleanup)

#define CONNECT_MS 10000

struct request {
	const char *url;
	long connect_timeout_ms;
	bool elsewhere; /* http led to an address not of this machine */
	char why[CURL_ERROR_SIZE];
};

/* The curl_easy_setopt() of everything but time limits and what is done with
 * the answer. `r` must outlive the handle. */
int request_set_up(CURL *c, struct request *r, struct vmctl_error *err);

/* Drives the transfer to its end; *ret is what libcurl says of it. */
int request_run(CURL *c, const struct events *ev, CURLcode *ret,
		struct vmctl_error *err);

/* The failures that mean the same for both. */
int request_fail(CURLcode rc, const struct request *r, struct vmctl_error *err);

/* 0 for 200, else what the status means. */
int request_status(CURL *c, struct vmctl_error *err);

/* Of the table. */
int http_download(const struct http_download *what, const struct events *ev,
		  struct vmctl_error *err);

#endif
