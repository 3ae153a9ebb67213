/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay-help.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include "base/clock.h"
#include "driver/hostport.h"
#include "instance/relay-loop.h"
#include "unit.h"

/* Datagrams that are forwarded. */

static struct sockaddr_in place(const char *address, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port) };

	assert_int_equal(inet_pton(AF_INET, address, &a.sin_addr), 1);
	return a;
}

/* A guest's server. */
static int serve_at(const char *address, int port)
{
	const struct sockaddr_in a = place(address, port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* It hears nobody but whom it speaks to. */
static int speak_to(const char *address, int port)
{
	const struct sockaddr_in a = place(address, port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)),
			 0);
	return fd;
}

static int forward_udp(struct guest *g, const char *address, int server)
{
	struct hv_forward fwd =
		forward_to(free_port(SOCK_DGRAM), port_of(server));

	fwd.udp = true;
	snprintf(fwd.host_addr, sizeof(fwd.host_addr), "%s", address);
	must(relay_add(&g->at, &fwd, err));
	return fwd.host_port;
}

/* The server answers what it hears, once. */
static void answer(int server)
{
	struct sockaddr_in who;
	socklen_t len = sizeof(who);
	static char buf[65536];
	ssize_t n;

	assert_true(is_readable(server, 60000));
	n = recvfrom(server, buf, sizeof(buf), 0, (struct sockaddr *)&who,
		     &len);
	assert_true(n >= 0);
	assert_int_equal(
		sendto(server, buf, (size_t)n, 0, (struct sockaddr *)&who, len),
		n);
}

static void datagrams_find_their_way_back(void **state)
{
	struct guest *g = *state;
	auto_close int server = serve_at("127.0.0.1", 0);
	int port = forward_udp(g, "127.0.0.1", server);
	auto_close int one = speak_to("127.0.0.1", port);
	auto_close int two = speak_to("127.0.0.1", port);

	for (int i = 0; i < 3; i++) {
		say(one, "from one");
		say(two, "from two");
		answer(server);
		answer(server);
		hears(two, "from two");
		hears(one, "from one");
	}
	/* One of no bytes is one, and so is the largest. */
	static char most[65507];
	assert_int_equal(send(one, most, sizeof(most), 0), sizeof(most));
	answer(server);
	assert_true(is_readable(one, 60000));
	assert_int_equal(recv(one, most, sizeof(most), 0), sizeof(most));
	assert_int_equal(send(one, most, 0, 0), 0);
	answer(server);
	assert_true(is_readable(one, 60000));
	assert_int_equal(recv(one, most, sizeof(most), 0), 0);
}

static void an_answer_comes_from_where_was_asked(void **state)
{
	struct guest *g = *state;
	auto_close int server = serve_at("127.0.0.1", 0);
	int port = forward_udp(g, "0.0.0.0", server);
	auto_close int one = speak_to("127.0.0.1", port);
	auto_close int five = speak_to("127.0.0.5", port);

	say(one, "to one");
	answer(server);
	say(five, "to five");
	answer(server);
	hears(five, "to five");
	hears(one, "to one");
}

/* What nobody heard is lost, and only that. */
static void a_server_that_comes_late_is_heard(void **state)
{
	struct guest *g = *state;
	int server = serve_at("127.0.0.1", 0), guest_port = port_of(server);
	int port = forward_udp(g, "127.0.0.1", server);
	auto_close int one = speak_to("127.0.0.1", port);

	close(server);
	say(one, "lost");
	assert_int_equal(listed(g), 1);
	server = serve_at("127.0.0.1", guest_port);
	for (int i = 0; i < 3; i++) {
		say(one, "heard");
		answer(server);
		hears(one, "heard");
	}
	close(server);
}

static void more_than_are_kept_push_out_the_oldest(void **state)
{
	struct guest *g = *state;
	auto_close int server = serve_at("127.0.0.1", 0);
	int port = forward_udp(g, "127.0.0.1", server);
	auto_close int last = speak_to("127.0.0.1", port);
	auto_close int first = speak_to("127.0.0.1", port);

	say(first, "first");
	answer(server);
	for (int i = 0; i < RELAY_PEERS + 40; i++) {
		auto_close int other = speak_to("127.0.0.1", port);

		say(other, "other");
		answer(server);
		hears(other, "other");
	}
	assert_true(relay_open_fds(g) < RELAY_PEERS + 40);
	say(last, "last");
	answer(server);
	hears(last, "last");
	say(first, "again");
	answer(server);
	hears(first, "first");
}

static void the_removal_of_the_port_ends_it(void **state)
{
	struct guest *g = *state;
	auto_close int server = serve_at("127.0.0.1", 0);
	struct hv_forward fwd = forward_to(forward_udp(g, "127.0.0.1", server),
					   port_of(server));
	auto_close int one = speak_to("127.0.0.1", fwd.host_port);

	fwd.udp = true;
	say(one, "one");
	answer(server);
	hears(one, "one");
	must(relay_remove(&g->at, &fwd, err));
	must(hostport_check(true, "127.0.0.1", fwd.host_port, err));
	must(relay_add(&g->at, &fwd, err));
	say(one, "two");
	answer(server);
	assert_true(is_readable(one, 60000));
}

static void without_an_address_they_are_lost(void **state)
{
	struct guest *g = *state;
	auto_close int server = serve_at("127.0.0.1", 0);

	g->at.guest = "";
	int port = forward_udp(g, "127.0.0.1", server);
	auto_close int one = speak_to("127.0.0.1", port);
	say(one, "lost");
	/* It takes one thing after the other: when it answers, that is gone. */
	assert_int_equal(listed(g), 1);
	assert_int_equal(listed(g), 1);
	g->at.guest = "127.0.0.1";
	assert_int_equal(listed(g), 1);
	say(one, "found");
	assert_true(is_readable(server, 60000));
	hears(server, "found");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, guest_setup, guest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(datagrams_find_their_way_back),
		TEST(an_answer_comes_from_where_was_asked),
		TEST(a_server_that_comes_late_is_heard),
		TEST(more_than_are_kept_push_out_the_oldest),
		TEST(the_removal_of_the_port_ends_it),
		TEST(without_an_address_they_are_lost),
	};

	return cmocka_run_group_tests_name("relay-udp", tests, NULL, NULL);
}
