/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "driver/agent-protocol.h"

/*
 * vmctl-agent: runs commands in a guest for vmctl on the host, over a
 * virtio-serial port. One process with one loop; beside it, for each command, a
 * keeper, who sees to it that all that the command started can be ended.
 *
 * It links nothing but the C library, statically: it runs in whatever guest.
 */

int64_t now_ms(void); /* monotonic */

/* --- port.c: the bytes ---------------------------------------------------- */

#define OUT_SIZE (128 * 1024)
/* Output of commands leaves so much to frames that cannot wait. */
#define OUT_RESERVE (32 * 1024)

struct port {
	int fd;	      /* -1: listening, nobody there */
	int listener; /* -1: it is a device */
	int epoll;    /* edges of fd, and listener: readable when there is news */
	bool writable;
	unsigned char out[OUT_SIZE];
	size_t out_off, out_len;
};

enum port_news {
	PORT_NONE = 0,
	PORT_READABLE = 1,
	PORT_HUNG_UP = 2,
};

/* -1 with a message on standard error. `path` NULL: the port of the name. It is
 * waited for, as long as it is not there. */
int port_open(struct port *p, const char *path, int seconds);
int port_listen(struct port *p, const char *path);

unsigned port_news(struct port *p);

/* As read(2). Of a device 0 is that there is no host, now. */
ssize_t port_read(struct port *p, void *buf, size_t n);
bool port_is_hung_up(const struct port *p);

/* Room for output of commands; for a frame that cannot wait. */
size_t port_room(const struct port *p);
/* Where a payload of at most port_room() may be put, to be sent by port_add()
 * with NULL. */
unsigned char *port_tail(struct port *p);
/* false: no room even for this, so the host does not read at all. */
bool port_add(struct port *p, int type, uint32_t id, const void *payload,
	      size_t n);
bool port_add_raw(struct port *p, const void *bytes, size_t n);
void port_flush(struct port *p); /* what goes without blocking */
void port_discard(struct port *p);
void port_hang_up(struct port *p); /* the host has gone */

/* --- session.c: the frames ------------------------------------------------- */

struct session {
	struct port *port;
	bool open; /* a HELLO was answered */
	uint32_t generation;
	int64_t look_at; /* when to look whether the host has gone; 0: never */
	char boot_id[40];
	unsigned char in[2 * 32768];
	size_t len;	/* bytes in `in` */
	size_t scanned; /* no mark begins before */
	/* A request that is not complete. */
	uint32_t request_id; /* 0: none */
	unsigned char *request;
	size_t request_len;
};

void session_init(struct session *s, struct port *p);
/* Takes what the port has: the whole of it, as it tells of news only once. false:
 * the device was taken out. */
bool session_read(struct session *s);
/* The port says that the host is not there: kills what runs, if that stays so. */
void session_doubt(struct session *s);
void session_look(struct session *s); /* at its time */

/* --- request.c: what is to be run ------------------------------------------ */

struct request {
	unsigned char *bytes; /* the texts below are in it */
	unsigned flags;
	uint32_t timeout_ms;
	char *user, *cwd;
	char **argv, **env; /* NULL-terminated */
};

/* Takes `bytes`, of which there is one more than `n`. false: cannot be read. */
bool request_parse(struct request *r, unsigned char *take_bytes, size_t n);
void request_done(struct request *r);

/* --- user.c: as whom -------------------------------------------------------- */

#define GROUPS_MAX 1024

struct user {
	uid_t uid;
	gid_t gid, groups[GROUPS_MAX];
	size_t group_count;
	char *name, *home, *shell;
};

/* By name or number, of /etc/passwd and /etc/group. */
bool user_find(struct user *u, const char *name);
void user_done(struct user *u);

/* The environment of a login, and what was asked for. NULL: out of memory. */
char **user_environment(const struct user *u, char *const *more);
void environment_free(char **env);
const char *environment_get(char *const *env, const char *name);

/* --- keeper.c --------------------------------------------------------------- */

/* What a keeper is told (one byte; SIGNAL: two) and tells (one byte and an
 * int). When its socket is closed without QUIT it ends what it has to keep. */
enum keeper_order { KEEPER_QUIT = 'q', KEEPER_END = 'e', KEEPER_SIGNAL = 's' };
enum keeper_news { KEEPER_PID = 'p', KEEPER_STATUS = 'x', KEEPER_FAILED = 'f' };
struct keeper_note {
	int what, value;
};

/* Runs the command with the descriptors as its standard ones, and stays with it.
 * Never returns. */
_Noreturn void keeper_run(const struct request *r, const struct user *u,
			  char **env, int ctl, const int fds[3]);

/* --- launch.c --------------------------------------------------------------- */

/* The descriptors that are -1 are not there, or not any more. */
struct command {
	uint32_t id; /* 0: free */
	int ctl;     /* to its keeper */
	int fd[AGENT_STREAMS];
	uint32_t credit[AGENT_STREAMS]; /* S_IN: of what the host may send */
	unsigned char *in;		/* AGENT_WINDOW bytes */
	size_t in_off, in_len;
	uint32_t in_owed;
	bool in_eof;
	bool told_pid, ended, killed;
	enum agent_time time;
	int status;	  /* of waitpid(2), when ended */
	int64_t deadline; /* 0: none */
	int64_t abandon;  /* likewise */
};

/* Makes the streams, which start the keeper. -1 with errno: *c is to be
 * forgotten. */
int command_launch(struct command *c, const struct request *r,
		   const struct user *u, char **env);
void close_fd(int *fd); /* leaves -1 behind */
/* Whether the command itself is over and something else may still write to an
 * output of it. */
bool command_is_held(const struct command *c);

/* --- exec.c: the commands --------------------------------------------------- */

struct pollfd;
#define POLLED_PER_COMMAND 4

void commands_start(struct port *p, uint32_t id, struct request *take_r);
/* For frames of the host: false when they are not allowed. What is for a command
 * that has ended is passed over: the host could not know. */
bool commands_input(struct port *p, uint32_t id, const void *bytes, size_t n);
bool commands_input_eof(uint32_t id);
bool commands_credit(uint32_t id, unsigned stream, uint32_t n);
bool commands_signal(uint32_t id, unsigned number);
bool commands_kill(uint32_t id);
void commands_kill_all(void); /* and forget them */

/* What to wait for; returns how many. *ret_timeout shrinks to what is left. */
size_t commands_poll(const struct port *p, struct pollfd *fds,
		     int64_t *ret_timeout);
void commands_handle(struct port *p, const struct pollfd *fds, size_t n);

#endif
