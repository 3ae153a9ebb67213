/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

/* From the end of time until nothing more is waited for: the keeper's second
 * between SIGTERM and SIGKILL, and one for that to have its effect. */
#define ABANDON_MS 2000
/* How much of a window is used up before it is given back. */
#define CREDIT_STEP (AGENT_WINDOW / 4)

static struct command commands[AGENT_COMMANDS_MAX];

static struct command *find(uint32_t id)
{
	for (size_t i = 0; id && i < AGENT_COMMANDS_MAX; i++)
		if (commands[i].id == id)
			return &commands[i];
	return NULL;
}

static void forget(struct command *c)
{
	close_fd(&c->ctl);
	for (int i = 0; i < AGENT_STREAMS; i++)
		close_fd(&c->fd[i]);
	free(c->in);
	memset(c, 0, sizeof(*c));
}

/* Until it is launched it has none of the descriptors that forget() closes. */
static void prepare(struct command *c)
{
	c->ctl = -1;
	for (int i = 0; i < AGENT_STREAMS; i++)
		c->fd[i] = -1;
}

static void order(struct command *c, int what, int value)
{
	unsigned char bytes[2] = { (unsigned char)what, (unsigned char)value };

	(void)!send(c->ctl, bytes, what == KEEPER_SIGNAL ? 2 : 1,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The keeper takes a closed socket for the order to end everything. */
void commands_kill_all(void)
{
	for (size_t i = 0; i < AGENT_COMMANDS_MAX; i++)
		if (commands[i].id)
			forget(&commands[i]);
}

/* --- beginning
 * ----------------------------------------------------------------- */

static void refuse(struct port *p, uint32_t id, int why, const char *text,
		   const char *about, int number)
{
	char line[AGENT_TEXT_MAX];
	int n = snprintf(line, sizeof(line), "%c%s%.200s%s%s", why, text, about,
			 number ? ": " : "", number ? strerror(number) : "");

	port_add(p, AGENT_FAILED, id, line, (size_t)n);
}

static void start(struct port *p, uint32_t id, const struct request *r,
		  struct command *c)
{
	struct user *u = calloc(1, sizeof(*u));
	char **env = NULL;
	bool known = u && user_find(u, r->user) &&
		     (geteuid() == 0 || u->uid == geteuid());

	if (!known)
		refuse(p, id, AGENT_F_USER, "the guest has no user ", r->user,
		       0);
	else if (!(env = user_environment(u, r->env)) ||
		 command_launch(c, r, u, env) < 0) {
		refuse(p, id, AGENT_F_SYSTEM, "cannot start a process", "",
		       errno);
		forget(c);
	} else {
		c->id = id;
		for (int i = 0; i < AGENT_STREAMS; i++)
			c->credit[i] = AGENT_WINDOW;
		c->deadline = r->timeout_ms ? now_ms() + r->timeout_ms : 0;
	}
	environment_free(env);
	if (known)
		user_done(u);
	free(u);
}

void commands_start(struct port *p, uint32_t id, struct request *take_r)
{
	struct command *c = NULL;

	for (size_t i = 0; i < AGENT_COMMANDS_MAX && !c; i++)
		if (!commands[i].id)
			c = &commands[i];
	if (find(id))
		refuse(p, id, AGENT_F_REQUEST, "this command runs already", "",
		       0);
	else if (!c)
		refuse(p, id, AGENT_F_LIMIT, "too many commands run at once",
		       "", 0);
	else {
		prepare(c);
		start(p, id, take_r, c);
	}
	request_done(take_r);
}

/* --- what the host says
 * ---------------------------------------------------------- */

static void close_input(struct port *p, struct command *c, bool tell)
{
	close_fd(&c->fd[AGENT_S_IN]);
	c->in_off = c->in_len = 0;
	if (tell)
		port_add(p, AGENT_STDIN_CLOSED, c->id, NULL, 0);
}

static void give_credit(struct port *p, struct command *c)
{
	unsigned char payload[5] = { AGENT_S_IN };

	if (c->in_owed < CREDIT_STEP)
		return;
	agent_put32(payload + 1, c->in_owed);
	if (port_add(p, AGENT_CREDIT, c->id, payload, sizeof(payload))) {
		c->credit[AGENT_S_IN] += c->in_owed;
		c->in_owed = 0;
	}
}

/* As much as its pipe takes. */
static void feed(struct port *p, struct command *c)
{
	int fd = c->fd[AGENT_S_IN];

	while (fd >= 0 && c->in_off < c->in_len) {
		ssize_t n = write(fd, c->in + c->in_off, c->in_len - c->in_off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			close_input(p, c, true);
			return;
		}
		c->in_off += (size_t)n;
		c->in_owed += (uint32_t)n;
	}
	if (c->in_off == c->in_len) {
		c->in_off = c->in_len = 0;
		if (c->in_eof)
			close_fd(&c->fd[AGENT_S_IN]);
	}
	give_credit(p, c);
}

bool commands_input(struct port *p, uint32_t id, const void *bytes, size_t n)
{
	struct command *c = find(id);

	if (!c)
		return true;
	if (c->in_eof || n > c->credit[AGENT_S_IN])
		return false;
	c->credit[AGENT_S_IN] -= (uint32_t)n;
	if (c->fd[AGENT_S_IN] < 0) { /* nobody reads it any more */
		c->in_owed += (uint32_t)n;
		give_credit(p, c);
		return true;
	}
	if (c->in_off > 0) {
		memmove(c->in, c->in + c->in_off, c->in_len - c->in_off);
		c->in_len -= c->in_off;
		c->in_off = 0;
	}
	memcpy(c->in + c->in_len, bytes, n);
	c->in_len += n;
	feed(p, c);
	return true;
}

bool commands_input_eof(uint32_t id)
{
	struct command *c = find(id);

	if (!c)
		return true;
	if (c->in_eof)
		return false;
	c->in_eof = true;
	if (c->in_off == c->in_len)
		close_fd(&c->fd[AGENT_S_IN]);
	return true;
}

bool commands_credit(uint32_t id, unsigned stream, uint32_t n)
{
	struct command *c = find(id);

	if (stream != AGENT_S_OUT && stream != AGENT_S_ERR)
		return false;
	if (!c)
		return true;
	if (n > AGENT_WINDOW - c->credit[stream])
		return false;
	c->credit[stream] += n;
	return true;
}

bool commands_signal(uint32_t id, unsigned number)
{
	struct command *c = find(id);

	if (number < 1 || number > 64)
		return false;
	if (c)
		order(c, KEEPER_SIGNAL, (int)number);
	return true;
}

static void end(struct command *c)
{
	if (c->abandon)
		return;
	order(c, KEEPER_END, 0);
	c->deadline = 0;
	c->abandon = now_ms() + ABANDON_MS;
}

bool commands_kill(uint32_t id)
{
	struct command *c = find(id);

	if (c)
		end(c);
	return true;
}

/* --- what the command says
 * ------------------------------------------------------- */

static void relay(struct port *p, struct command *c, int stream)
{
	size_t n = port_room(p);
	ssize_t got;

	if (n > c->credit[stream])
		n = c->credit[stream];
	if (!n)
		return;
	got = read(c->fd[stream], port_tail(p), n);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		close_fd(&c->fd[stream]);
		return;
	}
	c->credit[stream] -= (uint32_t)got;
	port_add(p, stream == AGENT_S_OUT ? AGENT_OUT : AGENT_ERR, c->id, NULL,
		 (size_t)got);
}

static void listen_to_keeper(struct port *p, struct command *c)
{
	struct keeper_note note = { 0 };
	unsigned char pid[4];
	ssize_t n = recv(c->ctl, &note, sizeof(note), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(note) || note.what == KEEPER_FAILED) {
		refuse(p, c->id, c->told_pid ? AGENT_F_LOST : AGENT_F_SYSTEM,
		       c->told_pid ? "the command's keeper was killed"
				   : "cannot start a process",
		       "", note.value);
		forget(c);
	} else if (note.what == KEEPER_PID) {
		c->told_pid = true;
		agent_put32(pid, (uint32_t)note.value);
		port_add(p, AGENT_STARTED, c->id, pid, sizeof(pid));
	} else if (note.what == KEEPER_STATUS) {
		c->ended = true;
		c->status = note.value;
	}
}

/* It has ended, and so has what it said: nothing holds its streams any more. */
static void finish(struct port *p, struct command *c)
{
	unsigned char payload[3] = { 0, 0, (unsigned char)c->time };
	bool abandoned = c->abandon && now_ms() >= c->abandon;

	if (!abandoned &&
	    (!c->ended || c->fd[AGENT_S_OUT] >= 0 || c->fd[AGENT_S_ERR] >= 0))
		return;
	if (!c->ended || WIFSIGNALED(c->status))
		payload[1] = c->ended ? WTERMSIG(c->status) : SIGKILL;
	else
		payload[0] = WEXITSTATUS(c->status);
	if (!port_add(p, AGENT_EXIT, c->id, payload, sizeof(payload)))
		return; /* when there is room */
	/* Of one that ended by itself what it left behind may stay. */
	if (!c->abandon)
		order(c, KEEPER_QUIT, 0);
	forget(c);
}

/* --- the loop's part
 * --------------------------------------------------------------- */

static int64_t sooner(int64_t left, int64_t at)
{
	int64_t ms = at - now_ms();

	if (!at)
		return left;
	ms = ms < 0 ? 0 : ms;
	return left < 0 || ms < left ? ms : left;
}

size_t commands_poll(const struct port *p, struct pollfd *fds,
		     int64_t *ret_timeout)
{
	size_t n = 0;

	for (size_t i = 0; i < AGENT_COMMANDS_MAX; i++) {
		struct command *c = &commands[i];
		struct pollfd *f = &fds[n];

		if (!c->id)
			continue;
		for (int j = 0; j < POLLED_PER_COMMAND; j++)
			f[j] = (struct pollfd){ .fd = -1 };
		f[AGENT_STREAMS] = (struct pollfd){ c->ctl, POLLIN, 0 };
		/* That nobody reads it is told without being asked for. */
		f[AGENT_S_IN].fd = c->fd[AGENT_S_IN];
		f[AGENT_S_IN].events = c->in_off < c->in_len ? POLLOUT : 0;
		for (int s = AGENT_S_OUT; s <= AGENT_S_ERR; s++)
			if (c->credit[s] && port_room(p))
				f[s] = (struct pollfd){ c->fd[s], POLLIN, 0 };
		*ret_timeout = sooner(*ret_timeout, c->deadline);
		*ret_timeout = sooner(*ret_timeout, c->abandon);
		n += POLLED_PER_COMMAND;
	}
	return n;
}

void commands_handle(struct port *p, const struct pollfd *fds, size_t n)
{
	for (size_t i = 0; i < AGENT_COMMANDS_MAX; i++) {
		struct command *c = &commands[i];

		if (!c->id)
			continue;
		if (n >= POLLED_PER_COMMAND) {
			for (int s = AGENT_S_OUT; s <= AGENT_S_ERR; s++)
				if (fds[s].revents && c->fd[s] >= 0)
					relay(p, c, s);
			if (fds[AGENT_S_IN].revents & POLLERR &&
			    c->fd[AGENT_S_IN] >= 0)
				close_input(p, c, true);
			else if (fds[AGENT_S_IN].revents)
				feed(p, c);
			if (fds[AGENT_STREAMS].revents)
				listen_to_keeper(p, c);
			fds += POLLED_PER_COMMAND;
			n -= POLLED_PER_COMMAND;
		}
		if (c->id && c->deadline && now_ms() >= c->deadline) {
			c->time = command_is_held(c) ? AGENT_HELD_LATE
						     : AGENT_LATE;
			end(c);
		}
		if (c->id)
			finish(p, c);
	}
}
