/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_RELAY_HELP_H
#define TESTS_RELAY_HELP_H

#include <sys/socket.h>

#include "base/str.h"
#include "instance/relay.h"

/* A home with an instance whose disk this program holds as QEMU would, and ends
 * of connections. All of it fails the test rather than return a failure. */
struct guest {
	struct vmctl ctx;
	struct relay_at at; /* its guest is at 127.0.0.1 */
	struct vmctl_error err;
	char *dir, *socket; /* of the relay */
	int disk;	    /* locked: it runs */
};

int guest_setup(void **state);
int guest_teardown(void **state);
void guest_power(struct guest *g, bool on);

/* Ports. */
int free_port(int type);
int port_of(int fd);
struct hv_forward forward_to(int host_port, int guest_port);
int forward(struct guest *g, int guest_port); /* the port of this host */
int forward_with_fds(struct guest *g, int guest_port, unsigned fds);
void until_free(int port);
int relay_at_port(int port); /* the process */
long cpu_ms(int pid);
int relay_open_fds(struct guest *g);
size_t listed(struct guest *g);
bool has_socket(const struct guest *g);

/* TCP. */
int listen_at(const char *address, int port);
int connect_to(const char *address, int port);
/* With a buffer of that size from the beginning: what is on its way when a
 * buffer shrinks is dropped, and sent again only after longer and longer. */
int connect_with(const char *address, int port, int receive_buffer);
int accept_from(int server);
void connect_both(int port, int server, int *ret_client, int *ret_guest);
void say(int fd, const char *text);
void hears(int fd, const char *text);
bool is_readable(int fd, int ms);
bool is_at_end(int fd);
bool is_cut(int fd); /* by a reset */
void cut(int fd);
void exchange_bytes(const int ends[2], size_t total); /* both ways, checked */
size_t fill(int fd); /* until nothing more is taken */
/* Only until the other end of it all has got rid of what it said. */
size_t read_until_sent(int fd, int sender);
size_t drain(int fd); /* until its end */
size_t take(int fd);  /* what is there, once something is; 0: its end */
void send_all(int fd, const char *bytes, size_t n);
/* Does the relay leave in its own end what was said at `fd`? Waits until it does, or
 * until it has taken all of that. */
bool holds_up(pid_t relay, int fd);

#endif
