/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/http/request.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/sigpipe.h"

#define TOTAL_MS 30000
#define REDIRECTS 5
#define WAIT_SLICE_MS 100 /* how late a cancellation may be seen */

DEFINE_CLEANUP(url, CURLU *, curl_url_cleanup);
#define auto_url auto_cleanup(url_cleanup)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode begun;

static void begin(void)
{
	begun = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* One answer on its way into memory. */
struct answer {
	struct request request;
	struct str *text;
	size_t max;
	bool too_long;
};

static size_t on_body(char *bytes, size_t one, size_t n, void *data)
{
	struct answer *a = data;

	if (n > a->max - a->text->len) {
		a->too_long = true;
		return 0;
	}
	str_addn(a->text, bytes, n);
	return a->text->oom ? 0 : n;
}

static bool is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* For http: a name may say "localhost" and be anything. */
static curl_socket_t on_socket(void *data, curlsocktype purpose,
			       struct curl_sockaddr *to)
{
	struct request *r = data;

	if (!is_loopback(&to->addr)) {
		r->elsewhere = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* --- the address --------------------------------------------------------- */

static int fail_scheme(struct vmctl_error *err)
{
	return fail(err, VMCTL_INVALID, 0,
		    "only https:// addresses are read, and http:// ones of "
		    "this machine itself");
}

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

/* Whether it looks so; on_socket() makes sure. */
static bool names_loopback(CURLU *url)
{
	char *host = NULL;
	bool is;

	if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return false;
	is = str_eq(host, "localhost") || str_eq(host, "[::1]") ||
	     str_starts(host, "127.");
	curl_free(host);
	return is;
}

static int check_url(const char *text, bool *ret_plain, struct vmctl_error *err)
{
	auto_url CURLU *url = curl_url();
	char *scheme = NULL;
	CURLUcode rc;
	int r = 0;

	if (!url)
		return fail_oom(err);
	rc = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
	if (rc == CURLUE_OUT_OF_MEMORY)
		return fail_oom(err);
	if (rc != CURLUE_OK)
		return fail(err, VMCTL_INVALID, 0, "that is no web address: %s",
			    curl_url_strerror(rc));
	if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
		return fail(err, VMCTL_INVALID, 0,
			    "a web address with a user's name or password in "
			    "it is not read");
	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return fail_scheme(err);
	*ret_plain = str_eq(scheme, "http");
	if (*ret_plain ? !names_loopback(url) : !str_eq(scheme, "https"))
		r = fail_scheme(err);
	curl_free(scheme);
	return r;
}

/* --- the request --------------------------------------------------------- */

/* libcurl itself looks at none of these; curl(1) does. */
static CURLcode set_authorities(CURL *c)
{
	const char *bundle = secure_getenv("CURL_CA_BUNDLE");
	const char *dir = secure_getenv("SSL_CERT_DIR");
	CURLcode rc = CURLE_OK;

	if (!bundle || !*bundle) {
		if (dir && *dir)
			rc = curl_easy_setopt(c, CURLOPT_CAPATH, dir);
		bundle = secure_getenv("SSL_CERT_FILE");
	}
	if (rc == CURLE_OK && bundle && *bundle)
		rc = curl_easy_setopt(c, CURLOPT_CAINFO, bundle);
	return rc;
}

/* Without TLS, and so without anybody between. */
static CURLcode set_plain(CURL *c, struct request *r)
{
	CURLcode rc = curl_easy_setopt(c, CURLOPT_NOPROXY, "*");

	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, r);
	return rc;
}

#define SET(option, value)                                                     \
	if (rc == CURLE_OK)                                                    \
	rc = curl_easy_setopt(c, option, value)

int request_set_up(CURL *c, struct request *r, struct vmctl_error *err)
{
	CURLcode rc = CURLE_OK;
	bool plain = false;
	int code = check_url(r->url, &plain, err);

	if (code < 0)
		return code;
	SET(CURLOPT_URL, r->url);
	SET(CURLOPT_PROTOCOLS_STR, plain ? "http,https" : "https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 1L);
	SET(CURLOPT_MAXREDIRS, (long)REDIRECTS);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_USERAGENT, "vmctl/" VMCTL_VERSION);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    r->connect_timeout_ms ? r->connect_timeout_ms : CONNECT_MS);
	SET(CURLOPT_ERRORBUFFER, r->why);
	if (rc == CURLE_OK)
		rc = set_authorities(c);
	if (rc == CURLE_OK && plain)
		rc = set_plain(c, r);
	return rc == CURLE_OK ? 0
			      : fail(err, VMCTL_FAILED, 0,
				     "cannot set up a web request: %s",
				     curl_easy_strerror(rc));
}

/* Drives the transfer to its end. */
static int drive(CURLM *multi, const struct events *ev, CURLcode *ret,
		 struct vmctl_error *err)
{
	CURLMcode rc = CURLM_OK;
	int running = 1, left;
	CURLMsg *msg;

	while (rc == CURLM_OK && running) {
		if (cancelled(ev))
			return fail_cancelled(err);
		rc = curl_multi_perform(multi, &running);
		if (rc == CURLM_OK && running)
			rc = curl_multi_poll(multi, NULL, 0, WAIT_SLICE_MS,
					     NULL);
	}
	msg = curl_multi_info_read(multi, &left);
	if (rc != CURLM_OK || !msg || msg->msg != CURLMSG_DONE)
		return fail(err, VMCTL_FAILED, 0, "the web request failed: %s",
			    curl_multi_strerror(rc));
	*ret = msg->data.result;
	return 0;
}

int request_run(CURL *c, const struct events *ev, CURLcode *ret,
		struct vmctl_error *err)
{
	CURLM *multi = curl_multi_init();
	int r;

	if (!multi || curl_multi_add_handle(multi, c) != CURLM_OK) {
		curl_multi_cleanup(multi);
		return fail_oom(err);
	}
	r = drive(multi, ev, ret, err);
	curl_multi_remove_handle(multi, c);
	curl_multi_cleanup(multi);
	return r;
}

/* --- what came of it ----------------------------------------------------- */

int request_fail(CURLcode rc, const struct request *r, struct vmctl_error *err)
{
	if (rc == CURLE_OUT_OF_MEMORY)
		return fail_oom(err);
	if (r->elsewhere)
		return fail_scheme(err);
	if (rc == CURLE_OPERATION_TIMEDOUT)
		return fail(err, VMCTL_TIMEOUT, 0, "no answer in time: %s",
			    r->why);
	if (rc == CURLE_UNSUPPORTED_PROTOCOL)
		return fail(err, VMCTL_FAILED, 0,
			    "it redirects to an address that is not https://");
	if (rc == CURLE_PEER_FAILED_VERIFICATION) {
		fail(err, VMCTL_FAILED, 0,
		     "the server's certificate is not trusted: %s", r->why);
		fail_hint(err, "SSL_CERT_FILE names a file with authorities to "
			       "trust instead");
		return -VMCTL_FAILED;
	}
	return fail(err, VMCTL_FAILED, 0, "%s",
		    *r->why ? r->why : curl_easy_strerror(rc));
}

int request_status(CURL *c, struct vmctl_error *err)
{
	enum vmctl_code code = VMCTL_FAILED;
	long status = 0;

	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return 0;
	if (status == 404 || status == 410)
		code = VMCTL_NOT_FOUND;
	if (status == 401 || status == 403)
		code = VMCTL_DENIED;
	return fail(err, code, 0, "the server answers with status %ld", status);
}

static int set_answer(CURL *c, const struct http_get *what, struct answer *a,
		      struct vmctl_error *err)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_TIMEOUT_MS, what->timeout_ms ? what->timeout_ms : TOTAL_MS);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, a);
	return rc == CURLE_OK ? 0 : fail_oom(err);
}

static int judge(CURL *c, CURLcode rc, const struct answer *a,
		 struct vmctl_error *err)
{
	if (a->text->oom)
		return fail_oom(err);
	if (a->too_long)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "the answer is longer than %zu bytes", a->max);
	return rc == CURLE_OK ? request_status(c, err)
			      : request_fail(rc, &a->request, err);
}

static int get(const struct http_get *what, const struct events *ev,
	       struct str *ret, struct vmctl_error *err)
{
	auto_easy CURL *c = curl_easy_init();
	struct answer a = {
		.request = { .url = what->url,
			     .connect_timeout_ms = what->connect_timeout_ms },
		.text = ret,
		.max = what->max,
	};
	CURLcode rc = CURLE_OK;
	int r;

	if (!c)
		return fail_oom(err);
	r = request_set_up(c, &a.request, err);
	if (r == 0)
		r = set_answer(c, what, &a, err);
	if (r == 0)
		r = request_run(c, ev, &rc, err);
	return r < 0 ? r : judge(c, rc, &a, err);
}

static int start(struct vmctl_error *err)
{
	pthread_once(&once, begin);
	if (begun == CURLE_OK)
		return 0;
	return fail(err, VMCTL_FAILED, 0, "libcurl does not start: %s",
		    curl_easy_strerror(begun));
}

static int module_get(const struct http_get *what, const struct events *ev,
		      struct str *ret, struct vmctl_error *err)
{
	struct str text = STR_INIT;
	struct sigpipe s;
	int r;

	/* At once, because growing leaves copies behind. */
	str_reserve(&text, what->max + 1);
	sigpipe_block(&s);
	r = start(err);
	if (r == 0)
		r = get(what, ev, &text, err);
	sigpipe_restore(&s);
	if (r < 0) {
		if (text.p) /* whatever it was */
			explicit_bzero(text.p, text.len);
		str_done(&text);
		return r;
	}
	*ret = text;
	return 0;
}

static int module_download(const struct http_download *what,
			   const struct events *ev, struct vmctl_error *err)
{
	struct sigpipe s;
	int r;

	sigpipe_block(&s);
	r = start(err);
	if (r == 0)
		r = http_download(what, ev, err);
	sigpipe_restore(&s);
	return r;
}

extern const struct http_ops vmctl_module_http;
VMCTL_API const struct http_ops vmctl_module_http = {
	.abi = HTTP_ABI,
	.get = module_get,
	.download = module_download,
};
