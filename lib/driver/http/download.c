/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/http/request.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define STALL_S 60
#define VALIDATOR_MAX 256
#define PASS_MAX (64 * 1024)

/* One download under way. */
struct download {
	struct request request;
	const struct http_download *what;
	const struct events *ev;
	CURL *c;
	uint64_t have; /* what of the file is relied on; 0 begins anew */

	/* Of the answer that is being read; there is one before each
	 * redirection. */
	char etag[VALIDATOR_MAX], modified[VALIDATOR_MAX];
	uint64_t range_from, range_total;
	bool range, range_unsatisfied;

	bool begun; /* the body has begun, at offset `began_at` */
	uint64_t began_at, at, total;
	uint64_t passed; /* bytes of a body that is not wanted */
	int failed;	 /* of our own doing; *err is set */
	struct vmctl_error *err;
};

/* --- headers ------------------------------------------------------------- */

/* The value when the line is that header, without blanks around it. */
static bool header(const char *line, size_t n, const char *name,
		   char value[VALIDATOR_MAX])
{
	size_t len = strlen(name);

	if (n <= len || strncasecmp(line, name, len) != 0 || line[len] != ':')
		return false;
	line += len + 1;
	n -= len + 1;
	while (n && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	if (n >= VALIDATOR_MAX || memchr(line, '\0', n))
		n = 0;
	memcpy(value, line, n);
	value[n] = '\0';
	return true;
}

static bool number(const char **text, uint64_t *ret)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*ret = strtoull(*text, &end, 10);
	*text = end;
	return errno == 0;
}

/* "bytes 100-199/200" of a 206, "bytes *" "/200" of a 416. */
static void read_range(struct download *d, const char *text)
{
	uint64_t last = 0;

	if (strncasecmp(text, "bytes ", 6) != 0)
		return;
	text += 6;
	if (*text == '*') {
		text++;
		d->range_unsatisfied = true;
	} else {
		if (!number(&text, &d->range_from) || *text++ != '-' ||
		    !number(&text, &last))
			return;
		d->range = true;
	}
	if (*text++ != '/' || !number(&text, &d->range_total))
		d->range = d->range_unsatisfied = false;
	if (d->range && (last < d->range_from || last + 1 != d->range_total))
		d->range = false; /* not to the end, as was asked */
}

static size_t on_header(char *line, size_t one, size_t n, void *data)
{
	struct download *d = data;
	char value[VALIDATOR_MAX];

	if (n >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
		d->etag[0] = d->modified[0] = '\0';
		d->range = d->range_unsatisfied = false;
	} else if (header(line, n, "ETag", value)) {
		/* A weak one is not good for parts (RFC 9110, 13.1.5). */
		if (*value == '"')
			memcpy(d->etag, value, sizeof(value));
	} else if (header(line, n, "Last-Modified", value)) {
		memcpy(d->modified, value, sizeof(value));
	} else if (header(line, n, "Content-Range", value)) {
		read_range(d, value);
	}
	return n;
}

/* --- the body ------------------------------------------------------------ */

static int begin_part(struct download *d)
{
	if (!d->range || d->range_from != d->have)
		return fail(d->err, VMCTL_FAILED, 0,
			    "the server sends another part than it was asked "
			    "for");
	d->at = d->have;
	d->total = d->range_total;
	return 0;
}

static int begin_whole(struct download *d)
{
	curl_off_t length = -1;

	curl_easy_getinfo(d->c, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (length < 0)
		return fail(d->err, VMCTL_BAD_DATA, 0,
			    "the server does not say how long the file is");
	d->at = 0;
	d->total = (uint64_t)length;
	return 0;
}

/* Before the first byte of the body: 1 when the body is not wanted, because
 * the status is not one that brings the file. */
static int begin_body(struct download *d)
{
	struct http_head head = {
		.validator = *d->etag ? d->etag : d->modified,
	};
	long status = 0;
	int r;

	curl_easy_getinfo(d->c, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 && status != 206)
		return 1;
	r = status == 206 ? begin_part(d) : begin_whole(d);
	if (r < 0)
		return r;
	head.total = d->total;
	head.resumed = status == 206;
	if (d->what->begin)
		r = d->what->begin(d->what->data, &head, d->err);
	/* Of whatever else was in the file nothing is kept. */
	if (r == 0 && ftruncate(d->what->fd, (off_t)d->at) < 0)
		r = fail_sys(d->err, errno, "cannot write the file");
	d->began_at = d->at;
	d->begun = r == 0;
	return r;
}

static int write_at(struct download *d, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = pwrite(d->what->fd, bytes, n, (off_t)d->at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return fail_sys(d->err, errno, "cannot write the file");
		bytes += done;
		n -= (size_t)done;
		d->at += (uint64_t)done;
	}
	progress_at(d->ev, d->what->text, d->at, d->total);
	return 0;
}

/* The text of an error. That of a 416 is waited for, because its header is of
 * interest once libcurl is done. */
static size_t pass_over(struct download *d, size_t n)
{
	long status = 0;

	curl_easy_getinfo(d->c, CURLINFO_RESPONSE_CODE, &status);
	d->passed += n;
	if (status == 416 && d->passed <= PASS_MAX)
		return n;
	d->failed = request_status(d->c, d->err);
	return 0;
}

/* libcurl ends a body at its Content-Length, but a part need not have one, and
 * Content-Range means nothing to it. More than was announced would get past
 * whoever looked whether there is room; nothing of such an answer is kept. */
static int refuse_surplus(struct download *d)
{
	if (ftruncate(d->what->fd, (off_t)d->began_at) < 0)
		return fail_sys(d->err, errno, "cannot write the file");
	return fail(d->err, VMCTL_BAD_DATA, 0,
		    "the server sends more than the %" PRIu64
		    " bytes that it announced",
		    d->total);
}

static size_t on_body(char *bytes, size_t one, size_t n, void *data)
{
	struct download *d = data;
	int r = d->begun ? 0 : begin_body(d);

	if (r == 1)
		return pass_over(d, n);
	if (r == 0)
		r = n > d->total - d->at ? refuse_surplus(d)
					 : write_at(d, bytes, n);
	d->failed = r;
	return r == 0 ? n : 0;
}

/* --- the request --------------------------------------------------------- */

#define SET(option, value)                                                     \
	if (rc == CURLE_OK)                                                    \
	rc = curl_easy_setopt(d->c, option, value)

static int set_body(struct download *d, struct vmctl_error *err)
{
	long stall =
		d->what->stall_ms ? (d->what->stall_ms + 999) / 1000 : STALL_S;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, d);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, d);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME, stall);
	return rc == CURLE_OK ? 0 : fail_oom(err);
}

/* Not CURLOPT_RESUME_FROM: with it libcurl calls a whole file a failure. */
static int set_range(struct download *d, struct curl_slist **headers,
		     struct vmctl_error *err)
{
	auto_free char *line = NULL;
	CURLcode rc = CURLE_OK;
	char range[32];

	if (d->have == 0)
		return 0;
	line = str_printf("If-Range: %s", d->what->validator);
	*headers = line ? curl_slist_append(NULL, line) : NULL;
	if (!*headers)
		return fail_oom(err);
	snprintf(range, sizeof(range), "%" PRIu64 "-", d->have);
	SET(CURLOPT_RANGE, range);
	SET(CURLOPT_HTTPHEADER, *headers);
	return rc == CURLE_OK ? 0 : fail_oom(err);
}

/* An empty file has no body, so nobody has made ours empty yet. */
static int finish(struct download *d, struct vmctl_error *err)
{
	int r = d->begun ? 0 : begin_body(d);

	if (r == 1)
		return request_status(d->c, err);
	if (r == 0 && d->at != d->total)
		r = fail(err, VMCTL_FAILED, 0,
			 "the server sent %" PRIu64 " of %" PRIu64 " bytes",
			 d->at, d->total);
	return r;
}

/* 1: the server cannot go on from there, and has to be asked for it all. */
static int attempt(struct download *d, struct vmctl_error *err)
{
	auto_cleanup(easy_cleanup) CURL *c = curl_easy_init();
	struct curl_slist *headers = NULL;
	CURLcode rc = CURLE_OK;
	long status = 0;
	int r;

	d->c = c;
	if (!c)
		return fail_oom(err);
	r = request_set_up(c, &d->request, err);
	if (r == 0)
		r = set_body(d, err);
	if (r == 0)
		r = set_range(d, &headers, err);
	if (r == 0)
		r = request_run(c, d->ev, &rc, err);
	curl_slist_free_all(headers);
	if (r < 0)
		return r;
	if (d->failed)
		return d->failed;
	if (rc != CURLE_OK)
		return request_fail(rc, &d->request, err);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (status != 416 || d->have == 0)
		return finish(d, err);
	/* "There is nothing behind these bytes" is how a complete file looks.
	 */
	return d->range_unsatisfied && d->range_total == d->have ? 0 : 1;
}

int http_download(const struct http_download *what, const struct events *ev,
		  struct vmctl_error *err)
{
	bool resume = what->have > 0 && what->validator && *what->validator;
	struct vmctl_error unused;
	struct download d = {
		.request = { .url = what->url,
			     .connect_timeout_ms = what->connect_timeout_ms },
		.what = what,
		.ev = ev,
		.have = resume ? what->have : 0,
		.err = err ? err : &unused,
	};
	int r = attempt(&d, err);

	if (r == 1) {
		d.have = d.passed = 0;
		r = attempt(&d, err);
	}
	return r;
}
