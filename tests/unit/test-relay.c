/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "relay-help.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/socket-at.h"
#include "driver/hostport.h"
#include "instance/relay-loop.h"
#include "internal/instance.h"
#include "unit.h"

/* The process that forwards ports: its coming and going, and connections. The
 * guest is this program, at 127.0.0.1. */

/* --- being asked ---------------------------------------------------------- */

static void without_one_nothing_is_forwarded(void **state)
{
	struct guest *g = *state;
	const struct hv_forward fwd = forward_to(free_port(SOCK_STREAM), 80);

	assert_int_equal(listed(g), 0);
	assert_int_equal(relay_remove(&g->at, &fwd, &g->err), -VMCTL_NOT_FOUND);
	relay_end(&g->ctx, g->at.id);
	assert_false(has_socket(g));
}

static void ports_are_added_listed_and_removed(void **state)
{
	struct guest *g = *state;
	struct hv_forward fwd = forward_to(free_port(SOCK_STREAM), 80);
	struct hv_forward udp = forward_to(fwd.host_port, 53);
	auto_free struct hv_forward *list = NULL;
	size_t n;

	udp.udp = true;
	must(relay_add(&g->at, &fwd, err));
	must(relay_add(&g->at, &udp, err));
	must_fail(VMCTL_EXISTS, relay_add(&g->at, &fwd, err));
	must(relay_list(&g->at, &list, &n, err));
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(list[i].host_port, fwd.host_port);
		assert_int_equal(list[i].guest_port, list[i].udp ? 53 : 80);
		assert_string_equal(list[i].host_addr, "127.0.0.1");
	}
	must(relay_remove(&g->at, &fwd, err));
	must(hostport_check(false, "127.0.0.1", fwd.host_port, err));
	must_fail(VMCTL_NOT_FOUND, relay_remove(&g->at, &fwd, err));
	assert_int_equal(listed(g), 1);
}

static void a_taken_port_is_told_with_its_owner(void **state)
{
	struct guest *g = *state;
	auto_close int taken = listen_at("127.0.0.1", 0);
	const struct hv_forward fwd = forward_to(port_of(taken), 80);

	must_fail(VMCTL_EXISTS, relay_add(&g->at, &fwd, err));
	assert_int_equal(relay_add(&g->at, &fwd, &g->err), -VMCTL_EXISTS);
	auto_free char *me = str_printf("(process %d)", (int)getpid());
	assert_non_null(strstr(g->err.message, me));
	assert_int_equal(listed(g), 0);
}

/* Commands that find no relay at the same moment make one, not several. */
static void many_at_once_make_one(void **state)
{
	struct guest *g = *state;
	pid_t pids[8];
	int ports[8], first = 0;

	for (int i = 0; i < 8; i++)
		ports[i] = free_port(SOCK_STREAM);
	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			const struct hv_forward fwd = forward_to(ports[i], 80);

			_exit(relay_add(&g->at, &fwd, NULL) < 0);
		}
	}
	for (int i = 0; i < 8; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(listed(g), 8);
	for (int i = 0; i < 8; i++) {
		first = first ? first : relay_at_port(ports[i]);
		assert_int_equal(relay_at_port(ports[i]), first);
	}
}

static void it_has_nothing_open_that_is_not_its_own(void **state)
{
	struct guest *g = *state;
	auto_free char *secret = str_printf("%s/secret", g->dir);
	auto_close int fd = open(secret, O_CREAT | O_RDWR, 0600);
	int port = forward(g, 80);
	auto_free char *dir =
		str_printf("/proc/%d/fd", (int)relay_at_port(port));
	auto_dir DIR *fds = opendir(dir);
	const struct dirent *e;
	int n = 0;

	assert_non_null(fds);
	while ((e = readdir(fds))) {
		char to[256];
		ssize_t len = readlinkat(dirfd(fds), e->d_name, to, 255);

		if (len < 0)
			continue;
		to[len] = '\0';
		n++;
		assert_true(str_eq(to, "/dev/null") ||
			    str_starts(to, "socket:") ||
			    str_starts(to, "anon_inode:") ||
			    str_ends(to, "/relays"));
	}
	/* 3 streams, folder, its socket, epoll, signals, the port. */
	assert_int_equal(n, 8);
}

/* --- coming and going ----------------------------------------------------- */

static void it_ends_when_it_is_told_and_its_ports_are_free(void **state)
{
	struct guest *g = *state;
	auto_close int server = listen_at("127.0.0.1", 0), client = -1, guest;
	int port = forward(g, port_of(server));

	connect_both(port, server, &client, &guest);
	relay_end(&g->ctx, g->at.id);
	must(hostport_check(false, "127.0.0.1", port, err));
	assert_false(has_socket(g));
	assert_true(is_cut(client));
	assert_true(is_cut(guest));
	close(guest);
}

static void it_ends_with_the_machine(void **state)
{
	struct guest *g = *state;
	const struct hv_forward more = forward_to(free_port(SOCK_STREAM), 80);
	int port = forward(g, 80);

	guest_power(g, false);
	until_free(port);
	assert_false(has_socket(g));
	must_fail(VMCTL_STATE, relay_add(&g->at, &more, err));
	assert_false(has_socket(g));
	guest_power(g, true);
	must(relay_add(&g->at, &more, err));
}

static void it_ends_when_its_socket_is_removed(void **state)
{
	struct guest *g = *state;
	int port = forward(g, 80);

	assert_int_equal(unlink(g->socket), 0);
	until_free(port);
	/* One that was put in its place is left alone. */
	port = forward(g, 80);
	assert_int_equal(unlink(g->socket), 0);
	auto_close int other = open(g->socket, O_CREAT | O_RDWR, 0600);
	until_free(port);
	assert_true(has_socket(g));
}

static void it_ends_with_its_last_port(void **state)
{
	struct guest *g = *state;
	const struct hv_forward fwd = forward_to(forward(g, 80), 80);
	struct wait w = wait_begin(30000, 50);

	must(relay_remove(&g->at, &fwd, err));
	while (has_socket(g))
		assert_true(wait_more(&w));
}

static void a_killed_one_is_made_anew(void **state)
{
	struct guest *g = *state;
	int port = forward(g, 80);
	const struct hv_forward fwd = forward_to(port, 80);
	pid_t pid = relay_at_port(port);

	kill(pid, SIGKILL);
	until_free(port);
	assert_int_equal(instance_dead_relays(&g->ctx, false), 1);
	assert_int_equal(listed(g), 0);
	must(relay_add(&g->at, &fwd, err));
	assert_int_not_equal(relay_at_port(port), pid);
	assert_int_equal(instance_dead_relays(&g->ctx, true), 0);
	/* Asked nicely it leaves nothing. */
	kill(relay_at_port(port), SIGTERM);
	until_free(port);
	assert_int_equal(instance_dead_relays(&g->ctx, false), 0);
	forward(g, 80);
	kill(relay_at_port(forward(g, 81)), SIGKILL);
	struct wait w = wait_begin(20000, 50);
	while (!instance_dead_relays(&g->ctx, false))
		assert_true(wait_more(&w));
	assert_int_equal(instance_dead_relays(&g->ctx, true), 1);
	assert_false(has_socket(g));
}

/* Another version of vmctl speaks to it, or whoever. */
static void what_it_does_not_understand_ends_it(void **state)
{
	struct guest *g = *state;
	int port = forward(g, 80);
	const struct hv_forward fwd = forward_to(port, 80);
	const struct relay_request q = { .magic = RELAY_MAGIC,
					 .size = sizeof(q),
					 .version = "0.0.1" };
	auto_free char *dir = str_printf("%s/relays", g->dir);
	auto_close int folder = open(dir, O_RDONLY | O_DIRECTORY);
	auto_close int fd = socket_at_connect(folder, g->at.id);

	assert_true(fd >= 0);
	assert_int_equal(send(fd, &q, sizeof(q), 0), sizeof(q));
	until_free(port);
	assert_int_equal(listed(g), 0);
	must(relay_add(&g->at, &fwd, err));
}

/* Those who say nothing keep nobody out. */
static void the_silent_are_in_nobodys_way(void **state)
{
	struct guest *g = *state;
	auto_free char *dir = str_printf("%s/relays", g->dir);
	int fds[40];

	forward(g, 80);
	auto_close int folder = open(dir, O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = socket_at_connect(folder, g->at.id);
	assert_int_equal(listed(g), 1);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	assert_int_equal(listed(g), 1);
}

/* --- connections ---------------------------------------------------------- */

static void the_end_of_what_is_said_is_passed_on_by_itself(void **state)
{
	struct guest *g = *state;
	auto_close int server = listen_at("127.0.0.1", 0);
	int port = forward(g, port_of(server));

	for (int first = 0; first < 2; first++) {
		int ends[2];

		connect_both(port, server, &ends[0], &ends[1]);
		say(ends[first], "question");
		shutdown(ends[first], SHUT_WR);
		hears(ends[!first], "question");
		assert_true(is_at_end(ends[!first]));
		/* The other direction is open still, for as long as it likes.
		 */
		for (int i = 0; i < 3; i++) {
			say(ends[!first], "answer");
			hears(ends[first], "answer");
		}
		close(ends[!first]);
		assert_true(is_at_end(ends[first]));
		close(ends[first]);
	}
}

static void a_reset_is_passed_on_as_one(void **state)
{
	struct guest *g = *state;
	auto_close int server = listen_at("127.0.0.1", 0);
	int port = forward(g, port_of(server));

	for (int first = 0; first < 2; first++) {
		int ends[2];

		connect_both(port, server, &ends[0], &ends[1]);
		say(ends[first], "half of it");
		hears(ends[!first], "half of it");
		cut(ends[first]);
		assert_true(is_cut(ends[!first]));
		close(ends[!first]);
	}
}

static void where_the_guest_is_not_nobody_is_kept_waiting(void **state)
{
	struct guest *g = *state;
	/* Nobody listens at the guest's port. */
	int port = forward(g, free_port(SOCK_STREAM));
	auto_close int refused = connect_to("127.0.0.1", port), lost = -1;

	assert_true(is_cut(refused));
	relay_end(&g->ctx, g->at.id);
	/* Its address is not known, until somebody tells. */
	auto_close int server = listen_at("127.0.0.1", 0);
	g->at.guest = "";
	port = forward(g, port_of(server));
	lost = connect_to("127.0.0.1", port);
	assert_true(is_cut(lost));
	g->at.guest = "127.0.0.1";
	assert_int_equal(listed(g), 1);
	g->at.guest = ""; /* it stays known */
	assert_int_equal(listed(g), 1);
	int client, guest;
	connect_both(port, server, &client, &guest);
	close(client);
	close(guest);
}

/* Another address is for those who come after that. */
static void another_address_is_for_new_connections(void **state)
{
	struct guest *g = *state;
	auto_close int one = listen_at("127.0.0.1", 0);
	auto_close int two = listen_at("127.0.0.2", port_of(one));
	int port = forward(g, port_of(one)), a[2], b[2];

	connect_both(port, one, &a[0], &a[1]);
	g->at.guest = "127.0.0.2";
	assert_int_equal(listed(g), 1);
	connect_both(port, two, &b[0], &b[1]);
	say(a[0], "still");
	hears(a[1], "still");
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static void what_is_open_outlives_the_removal_of_its_port(void **state)
{
	struct guest *g = *state;
	auto_close int server = listen_at("127.0.0.1", 0);
	const struct hv_forward fwd =
		forward_to(forward(g, port_of(server)), port_of(server));
	int client, guest;

	connect_both(fwd.host_port, server, &client, &guest);
	must(relay_remove(&g->at, &fwd, err));
	say(client, "on");
	hears(guest, "on");
	close(client);
	assert_true(is_at_end(guest));
	close(guest);
}

static void sixty_four_megabytes_go_both_ways_at_once(void **state)
{
	struct guest *g = *state;
	auto_close int server = listen_at("127.0.0.1", 0);
	int port = forward(g, port_of(server)), ends[2];

	connect_both(port, server, &ends[0], &ends[1]);
	exchange_bytes(ends, 64 << 20);
	for (int i = 0; i < 2; i++)
		close(ends[i]);
}

/* No more is taken from one side than the other one takes, others go on, and
 * waiting costs nothing. */
static void who_does_not_read_holds_up_himself_alone(void **state)
{
	struct guest *g = *state;
	auto_close int server = listen_at("127.0.0.1", 0);
	int port = forward(g, port_of(server)), slow[2], quick[2];

	slow[0] = connect_with("127.0.0.1", port, 32768);
	slow[1] = accept_from(server);
	connect_both(port, server, &quick[0], &quick[1]);
	/* It has ended in both directions, and the last of what it said waits:
	 * that is when a careless loop turns without end. */
	shutdown(slow[0], SHUT_WR);
	assert_true(is_at_end(slow[1]));
	size_t sent = fill(slow[1]), got;
	assert_true(sent < 64 << 20);
	shutdown(slow[1], SHUT_WR);
	got = read_until_sent(slow[0], slow[1]);
	assert_true(got < sent);
	long before = cpu_ms(relay_at_port(port));
	int64_t begun = clock_mono_ms();
	exchange_bytes(quick, 1 << 20);
	struct wait w = wait_begin(2000, 100);
	while (wait_more(&w))
		;
	assert_true(cpu_ms(relay_at_port(port)) - before <
		    (clock_mono_ms() - begun) / 4);
	assert_int_equal(drain(slow[0]), sent - got);
	for (int i = 0; i < 2; i++) {
		close(slow[i]);
		close(quick[i]);
	}
}

/* A client that did not read goes on, and so much and the end are there for it
 * besides what the relay holds already. */
static void an_end_comes_after(struct guest *g, size_t more)
{
	static const char buffer[RELAY_BUFFER];
	auto_close int server = listen_at("127.0.0.1", 0);
	int port = forward(g, port_of(server));
	pid_t relay = relay_at_port(port);
	auto_close int client = connect_with("127.0.0.1", port, 32768);
	auto_close int guest = accept_from(server);
	const int room = 2 * RELAY_ROUNDS * RELAY_BUFFER;
	size_t sent = 0, got = 0;

	/* For all that is said while nobody reads. */
	setsockopt(guest, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	while (!holds_up(relay, guest)) {
		send_all(guest, buffer, sizeof(buffer));
		sent += sizeof(buffer);
	}
	kill(relay, SIGSTOP);
	while (is_readable(client, 20))
		got += take(client);
	for (size_t left = more, n; left; left -= n) {
		n = left < sizeof(buffer) ? left : sizeof(buffer);
		send_all(guest, buffer, n);
	}
	shutdown(guest, SHUT_WR);
	kill(relay, SIGCONT);
	assert_int_equal(got + drain(client), sent + more);
}

/* In a turn the relay takes so many buffers, or twice as many: it holds one
 * that it could not send, and another one waits for it. */
static void an_end_at_the_end_of_a_turn_is_passed_on(void **state)
{
	for (size_t turn = RELAY_ROUNDS; turn <= 2 * RELAY_ROUNDS; turn *= 2)
		for (size_t i = 0; i <= 8; i++)
			an_end_comes_after(*state,
					   (turn - 2) * RELAY_BUFFER -
						   i * RELAY_BUFFER / 4);
}

static void two_hundred_at_once_are_served(void **state)
{
	struct guest *g = *state;
	auto_close int server = listen_at("127.0.0.1", 0);
	int port = forward(g, port_of(server));
	int clients[200], guests[200];

	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		clients[i] = connect_to("127.0.0.1", port);
	for (size_t i = 0; i < ARRAY_LEN(guests); i++)
		guests[i] = accept_from(server);
	for (size_t i = 0; i < ARRAY_LEN(guests); i++)
		say(guests[i], "hello");
	for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
		hears(clients[i], "hello");
		close(clients[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(guests); i++) {
		assert_true(is_at_end(guests[i]));
		close(guests[i]);
	}
}

/* Of a process that may not have more descriptors than these. */
static void beyond_the_cap_they_wait_and_are_served_later(void **state)
{
	struct guest *g = *state;
	auto_close int server = listen_at("127.0.0.1", 0);
	int port = forward_with_fds(g, port_of(server), 128);
	int clients[40], guests[40];

	for (size_t i = 0; i < ARRAY_LEN(clients); i++)
		clients[i] = connect_to("127.0.0.1", port);
	/* A quarter of that. */
	for (size_t i = 0; i < 32; i++)
		guests[i] = accept_from(server);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(listed(g), 1); /* others are heard */
		assert_false(is_readable(server, 200));
	}
	for (size_t i = 0; i < 8; i++) {
		close(clients[i]);
		close(guests[i]);
		guests[32 + i] = accept_from(server);
	}
	for (size_t i = 8; i < ARRAY_LEN(clients); i++) {
		close(clients[i]);
		close(guests[i]);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, guest_setup, guest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_one_nothing_is_forwarded),
		TEST(ports_are_added_listed_and_removed),
		TEST(a_taken_port_is_told_with_its_owner),
		TEST(many_at_once_make_one),
		TEST(it_has_nothing_open_that_is_not_its_own),
		TEST(it_ends_when_it_is_told_and_its_ports_are_free),
		TEST(it_ends_with_the_machine),
		TEST(it_ends_when_its_socket_is_removed),
		TEST(it_ends_with_its_last_port),
		TEST(a_killed_one_is_made_anew),
		TEST(what_it_does_not_understand_ends_it),
		TEST(the_silent_are_in_nobodys_way),
		TEST(the_end_of_what_is_said_is_passed_on_by_itself),
		TEST(a_reset_is_passed_on_as_one),
		TEST(where_the_guest_is_not_nobody_is_kept_waiting),
		TEST(another_address_is_for_new_connections),
		TEST(what_is_open_outlives_the_removal_of_its_port),
		TEST(sixty_four_megabytes_go_both_ways_at_once),
		TEST(who_does_not_read_holds_up_himself_alone),
		TEST(an_end_at_the_end_of_a_turn_is_passed_on),
		TEST(two_hundred_at_once_are_served),
		TEST(beyond_the_cap_they_wait_and_are_served_later),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
