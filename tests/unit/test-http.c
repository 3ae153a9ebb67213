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
	assert_true(clock_mono_ms() - begin < 5000);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
