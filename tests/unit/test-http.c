/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "driver/http.h"

/* A server on loopback that gives each who comes the same bytes, and then keeps
 * quiet or hangs up. (TLS is tested with the command.) */
struct server {
	int fd, port;
	pid_t pid;
	struct vmctl_error err;
	const struct http_ops *ops;
};

static int setup(void **state)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(s->fd, 8) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&a, &n) < 0 ||
	    http_load(&s->ops, &s->err) < 0)
		return -1;
	s->port = ntohs(a.sin_port);
	/* Proxies of whoever runs this have no part in it. */
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	*state = s;
	return 0;
}

static void quiet(struct server *s)
{
	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

static int teardown(void **state)
{
	struct server *s = *state;

	quiet(s);
	close(s->fd);
	free(s);
	return 0;
}

static void serve(struct server *s, const char *answer, bool hang_up)
{
	char request[4096];

	quiet(s);
	s->pid = fork();
	if (s->pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(s->fd, NULL, NULL);

		(void)!recv(fd, request, sizeof(request), 0);
		(void)fd_write_all(fd, answer, strlen(answer), NULL);
		while (!hang_up && read(fd, request, sizeof(request)) > 0)
			;
		close(fd);
	}
}

static int get_from(struct server *s, const char *host, struct http_get what,
		    const struct events *ev, struct str *ret)
{
	auto_free char *url = str_printf("http://%s:%d/x.keys", host, s->port);

	what.url = url;
	if (!what.max)
		what.max = 100;
	return s->ops->get(&what, ev, ret, &s->err);
}

static int get(struct server *s, struct str *ret)
{
	return get_from(s, "127.0.0.1", (struct http_get){ 0 }, NULL, ret);
}

static void what_is_served_arrives(void **state)
{
	struct server *s = *state;
	auto_str text = STR_INIT;

	serve(s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false);
	assert_int_equal(get(s, &text), 0);
	assert_string_equal(str_text(&text), "hello");
}

static void the_status_becomes_a_code(void **state)
{
	struct server *s = *state;
	static const struct {
		const char *answer;
		int code;
	} cases[] = {
		{ "HTTP/1.1 404 Not Found\r\n\r\nno", VMCTL_NOT_FOUND },
		{ "HTTP/1.1 410 Gone\r\n\r\n", VMCTL_NOT_FOUND },
		{ "HTTP/1.1 401 Who\r\n\r\n", VMCTL_DENIED },
		{ "HTTP/1.1 403 No\r\n\r\n", VMCTL_DENIED },
		{ "HTTP/1.1 500 Oops\r\n\r\n", VMCTL_FAILED },
		{ "HTTP/1.1 204 Nothing\r\n\r\n", VMCTL_FAILED },
		{ "SSH-2.0-OpenSSH\r\n", VMCTL_FAILED },
		{ "", VMCTL_FAILED },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_str text = STR_INIT;

		serve(s, cases[i].answer, true);
		assert_int_equal(get(s, &text), -cases[i].code);
		assert_null(text.p);
		assert_true(s->err.message[0]);
	}
}

static void a_long_answer_is_refused_whether_it_says_so_or_not(void **state)
{
	struct server *s = *state;
	char body[102];
	auto_str text = STR_INIT;

	memset(body, 'x', 101);
	body[101] = '\0';
	auto_free char *open = str_printf("HTTP/1.1 200 OK\r\n\r\n%s", body);
	auto_free char *told = str_printf(
		"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n%s", body);
	auto_free char *fits =
		str_printf("HTTP/1.1 200 OK\r\n\r\n%.100s", body);

	serve(s, open, true);
	assert_int_equal(get(s, &text), -VMCTL_BAD_DATA);
	assert_non_null(strstr(s->err.message, "100"));
	serve(s, told, true);
	assert_int_equal(get(s, &text), -VMCTL_BAD_DATA);
	assert_null(text.p);
	serve(s, fits, true);
	assert_int_equal(get(s, &text), 0);
	assert_int_equal(text.len, 100);
}

static void an_answer_that_breaks_off_is_a_failure(void **state)
{
	struct server *s = *state;
	auto_str text = STR_INIT;

	serve(s, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", true);
	assert_int_equal(get(s, &text), -VMCTL_FAILED);
	assert_null(text.p);
}

static void a_silent_server_is_given_up_in_time(void **state)
{
	struct server *s = *state;
	struct http_get what = { .timeout_ms = 200 };
	int64_t begin = clock_mono_ms();
	auto_str text = STR_INIT;

	serve(s, "HTTP/1.1 200 OK\r\n", false);
	assert_int_equal(get_from(s, "127.0.0.1", what, NULL, &text),
			 -VMCTL_TIMEOUT);
	assert_true(clock_mono_ms() - begin < 60000);
}

static void getting_can_be_cancelled(void **state)
{
	struct server *s = *state;
	auto_str text = STR_INIT;
	struct counting c;

	serve(s, "", false);
	counting_init(&c, 3);
	assert_int_equal(
		get_from(s, "127.0.0.1", (struct http_get){ 0 }, &c.ev, &text),
		-VMCTL_CANCELLED);
}

static void plain_http_is_for_this_machine_alone(void **state)
{
	struct server *s = *state;
	static const char *const others[] = {
		"192.0.2.1",
		"example.invalid",
		"127.0.0.1.example.invalid",
		"[2001:db8::1]",
		"0x7f000001.example.invalid",
	};
	auto_str text = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		int r = get_from(s, others[i], (struct http_get){ 0 }, NULL,
				 &text);

		/* One looks as if it were, and does not resolve. */
		assert_true(r == -VMCTL_INVALID || (i == 2 && r < 0));
	}
	serve(s, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false);
	assert_int_equal(
		get_from(s, "localhost", (struct http_get){ 0 }, NULL, &text),
		0);
}

static void a_redirection_to_http_is_not_followed(void **state)
{
	struct server *s = *state;
	static const char *const to[] = { "http://127.0.0.1:1/",
					  "file:///etc/passwd",
					  "ftp://127.0.0.1/", "/other" };
	auto_str text = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		auto_free char *answer =
			str_printf("HTTP/1.1 302 Found\r\nLocation: %s\r\n"
				   "Content-Length: 0\r\n\r\n",
				   to[i]);

		serve(s, answer, true);
		assert_int_equal(get(s, &text), -VMCTL_FAILED);
		assert_non_null(strstr(s->err.message, "redirects"));
		assert_null(text.p);
	}
}

static void other_addresses_are_refused_without_repeating_them(void **state)
{
	struct server *s = *state;
	static const char *const bad[] = {
		"ftp://127.0.0.1/x",
		"file:///etc/passwd",
		"https://",
		"http://me:pw@127.0.0.1/",
		"https://pw@127.0.0.1/",
		"scp://127.0.0.1/x",
		"https://a b/",
		"",
		"https://127.0.0.1:99999/",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct http_get what = { .url = bad[i], .max = 100 };
		auto_str text = STR_INIT;

		assert_int_equal(s->ops->get(&what, NULL, &text, &s->err),
				 -VMCTL_INVALID);
		assert_null(strstr(s->err.message, "pw"));
	}
}

/* --- downloads ----------------------------------------------------------- */

struct seen {
	int calls, answer;
	uint64_t total;
	bool resumed;
	char validator[100];
};

static int on_begin(void *data, const struct http_head *head,
		    struct vmctl_error *err)
{
	struct seen *seen = data;

	seen->calls++;
	seen->total = head->total;
	seen->resumed = head->resumed;
	snprintf(seen->validator, sizeof(seen->validator), "%s",
		 head->validator);
	return seen->answer ? fail(err, seen->answer, 0, "not wanted") : 0;
}

/* With "hello" in the file before; `after` is what is in it then. */
static int download(struct server *s, const char *validator, struct seen *seen,
		    const struct events *ev, char after[64])
{
	auto_free char *url = str_printf("http://127.0.0.1:%d/x", s->port);
	FILE *file = tmpfile();
	struct http_download what = { .url = url,
				      .fd = fileno(file),
				      .have = 5,
				      .validator = validator,
				      .text = "downloading",
				      .stall_ms = 1000,
				      .begin = on_begin,
				      .data = seen };
	ssize_t n;
	int r;

	*seen = (struct seen){ .answer = seen->answer };
	assert_int_equal(pwrite(what.fd, "hello", 5, 0), 5);
	r = s->ops->download(&what, ev, &s->err);
	n = pread(what.fd, after, 63, 0);
	after[n] = '\0';
	fclose(file);
	return r;
}

static void a_download_fills_the_file(void **state)
{
	struct server *s = *state;
	static const struct {
		const char *answer, *validator;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nETag: \"abc\"\r\nContent-Length: 3\r\n"
		  "\r\nnew",
		  "\"abc\"" },
		{ "HTTP/1.1 200 OK\r\nEtag:W/\"abc\"\r\nlast-modified:  Fri, "
		  "20 "
		  "Nov 2026 10:00:00 GMT \r\nContent-Length: 3\r\n\r\nnew",
		  "Fri, 20 Nov 2026 10:00:00 GMT" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen seen = { 0 };
		char after[64];

		serve(s, cases[i].answer, false);
		assert_int_equal(download(s, NULL, &seen, NULL, after), 0);
		assert_string_equal(after, "new");
		assert_int_equal(seen.calls, 1);
		assert_int_equal(seen.total, 3);
		assert_false(seen.resumed);
		assert_string_equal(seen.validator, cases[i].validator);
	}
	/* The same when it was asked for a part. */
	struct seen seen = { 0 };
	char after[64];

	assert_int_equal(download(s, "\"abc\"", &seen, NULL, after), 0);
	assert_string_equal(after, "new");
	serve(s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
	assert_int_equal(download(s, "\"abc\"", &seen, NULL, after), 0);
	assert_string_equal(after, "");
}

static void a_download_goes_on_where_it_stopped(void **state)
{
	struct server *s = *state;
	struct seen seen = { 0 };
	char after[64];

	serve(s,
	      "HTTP/1.1 206 Part\r\nETag: \"abc\"\r\nContent-Length: 6\r\n"
	      "Content-Range: bytes 5-10/11\r\n\r\n world",
	      false);
	assert_int_equal(download(s, "\"abc\"", &seen, NULL, after), 0);
	assert_string_equal(after, "hello world");
	assert_true(seen.resumed);
	assert_int_equal(seen.total, 11);
	/* There is nothing behind it: it is complete. */
	serve(s,
	      "HTTP/1.1 416 No\r\nContent-Range: bytes */5\r\n"
	      "Content-Length: 2\r\n\r\nno",
	      false);
	assert_int_equal(download(s, "\"abc\"", &seen, NULL, after), 0);
	assert_string_equal(after, "hello");
}

static void an_answer_that_is_not_of_use_leaves_the_file_alone(void **state)
{
	struct server *s = *state;
	static const struct {
		const char *answer;
		int code;
	} cases[] = {
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes 4-10/11\r\n"
		  "Content-Length: 7\r\n\r\no world",
		  VMCTL_FAILED },
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes 5-7/11\r\n"
		  "Content-Length: 3\r\n\r\n wo",
		  VMCTL_FAILED },
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes 5-3/4\r\n\r\n wo",
		  VMCTL_FAILED },
		{ "HTTP/1.1 206 P\r\nContent-Length: 3\r\n\r\n wo",
		  VMCTL_FAILED },
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes 5-/\r\n"
		  "Content-Length: 3\r\n\r\n wo",
		  VMCTL_FAILED },
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes "
		  "99999999999999999999-1/2\r\nContent-Length: 3\r\n\r\n wo",
		  VMCTL_FAILED },
		{ "HTTP/1.1 416 No\r\nContent-Range: bytes */9\r\n\r\n",
		  VMCTL_FAILED },
		{ "HTTP/1.1 416 No\r\n\r\n", VMCTL_FAILED },
		{ "HTTP/1.1 200 OK\r\n\r\nwhatever", VMCTL_BAD_DATA },
		{ "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno",
		  VMCTL_NOT_FOUND },
		{ "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
		  VMCTL_NOT_FOUND },
		{ "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
		  VMCTL_DENIED },
		{ "HTTP/1.1 500 No\r\n\r\nno", VMCTL_FAILED },
		{ "HTTP/1.1 204 No\r\n\r\n", VMCTL_FAILED },
		{ "SSH-2.0-OpenSSH\r\n", VMCTL_FAILED },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen seen = { 0 };
		char after[64];

		serve(s, cases[i].answer, true);
		assert_int_equal(download(s, "\"abc\"", &seen, NULL, after),
				 -cases[i].code);
		assert_string_equal(after, "hello");
		assert_true(s->err.message[0]);
	}
}

static void a_part_is_no_longer_than_it_was_announced(void **state)
{
	struct server *s = *state;
	auto_str flood = STR_INIT;

	str_addf(&flood, "HTTP/1.1 206 P\r\nETag: \"abc\"\r\n"
			 "Content-Range: bytes 5-10/11\r\n\r\n world");
	for (int i = 0; i < 100000; i++)
		str_addf(&flood, "and more");
	const struct {
		const char *answer;
		bool hang_up;
	} cases[] = {
		{ str_text(&flood), true },
		{ str_text(&flood), false },
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes 5-10/11\r\n"
		  "Content-Length: 7\r\n\r\n world!",
		  false },
		/* The bytes that are wanted, and later others. */
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes 5-10/11\r\n"
		  "Transfer-Encoding: chunked\r\n\r\n6\r\n world\r\n"
		  "1\r\n!\r\n0\r\n\r\n",
		  false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct seen seen = { 0 };
		char after[64];

		serve(s, cases[i].answer, cases[i].hang_up);
		assert_int_equal(download(s, "\"abc\"", &seen, NULL, after),
				 -VMCTL_BAD_DATA);
		assert_non_null(strstr(s->err.message, "11 bytes"));
		assert_string_equal(after, "hello");
	}
}

static void a_download_ends_when_it_is_not_wanted(void **state)
{
	struct server *s = *state;
	struct seen seen = { .answer = VMCTL_LIMIT };
	struct counting c;
	char after[64];

	serve(s, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnew", false);
	assert_int_equal(download(s, NULL, &seen, NULL, after), -VMCTL_LIMIT);
	assert_string_equal(after, "hello");
	assert_string_equal(s->err.message, "not wanted");
	seen.answer = 0;
	counting_init(&c, 5);
	assert_int_equal(download(s, NULL, &seen, &c.ev, after),
			 -VMCTL_CANCELLED);
	assert_string_equal(after, "new");
	/* Then nothing comes any more. */
	assert_int_equal(download(s, NULL, &seen, NULL, after), -VMCTL_TIMEOUT);
	assert_string_equal(after, "new");
	serve(s, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnew", true);
	assert_int_equal(download(s, NULL, &seen, NULL, after), -VMCTL_FAILED);
	assert_string_equal(after, "new");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_served_arrives),
		TEST(the_status_becomes_a_code),
		TEST(a_long_answer_is_refused_whether_it_says_so_or_not),
		TEST(an_answer_that_breaks_off_is_a_failure),
		TEST(a_silent_server_is_given_up_in_time),
		TEST(getting_can_be_cancelled),
		TEST(plain_http_is_for_this_machine_alone),
		TEST(a_redirection_to_http_is_not_followed),
		TEST(other_addresses_are_refused_without_repeating_them),
		TEST(a_download_fills_the_file),
		TEST(a_download_goes_on_where_it_stopped),
		TEST(an_answer_that_is_not_of_use_leaves_the_file_alone),
		TEST(a_part_is_no_longer_than_it_was_announced),
		TEST(a_download_ends_when_it_is_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
