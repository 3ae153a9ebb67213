/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent.h"

/*
 * A port without a host is hung up for poll(2), at every call: waiting for it
 * so would be a loop that never waits. Its driver wakes whoever waits when a
 * host comes, and epoll can tell of wakes alone (EPOLLET). So each wake is
 * asked for once, and all there is is taken at each.
 */

#define LOOK_MS 20 /* for a port that is not there yet */

static int watch(struct port *p, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e);
}

static int begin(struct port *p)
{
	p->fd = p->listener = -1;
	p->writable = false;
	p->out_off = p->out_len = 0;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	return p->epoll < 0 ? -1 : 0;
}

/* The device of the port of that name, without udev's help. */
static int find(char *path, size_t size)
{
	static const char class[] = "/sys/class/virtio-ports";
	DIR *dir = opendir(class);
	struct dirent *d;
	int found = -1;

	while (dir && found < 0 && (d = readdir(dir))) {
		char name[PATH_MAX], text[128] = "";
		FILE *f;

		if (d->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s/name", class, d->d_name);
		f = fopen(name, "re");
		if (f && fgets(text, sizeof(text), f)) {
			text[strcspn(text, "\n")] = '\0';
			if (strcmp(text, AGENT_PORT) == 0) {
				snprintf(path, size, "/dev/%s", d->d_name);
				found = 0;
			}
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Its driver and its device take a moment to be there. */
static int open_device(const char *path, int seconds)
{
	int64_t until = now_ms() + seconds * INT64_C(1000);
	char device[PATH_MAX];

	for (;;) {
		int fd = -1;

		errno = ENOENT;
		if (path || find(device, sizeof(device)) == 0)
			fd = open(path ? path : device,
				  O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (fd >= 0 || errno != ENOENT || now_ms() >= until)
			return fd;
		poll(NULL, 0, LOOK_MS);
	}
}

int port_open(struct port *p, const char *path, int seconds)
{
	if (begin(p) == 0)
		p->fd = open_device(path, seconds);
	if (p->fd >= 0 && watch(p, p->fd, EPOLLIN | EPOLLOUT | EPOLLET) == 0)
		return 0;
	fprintf(stderr, "vmctl-agent: cannot open the port %s: %s\n",
		path ? path : AGENT_PORT, strerror(errno));
	return -1;
}

int port_listen(struct port *p, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t mask;
	int r;

	if (strlen(path) >= sizeof(a.sun_path)) {
		fprintf(stderr, "vmctl-agent: %s is too long\n", path);
		return -1;
	}
	strcpy(a.sun_path, path);
	if (begin(p) < 0)
		goto failed;
	p->listener =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->listener < 0)
		goto failed;
	mask = umask(0177);
	r = bind(p->listener, (struct sockaddr *)&a, sizeof(a));
	umask(mask);
	if (r == 0 && listen(p->listener, 8) == 0 &&
	    watch(p, p->listener, EPOLLIN | EPOLLET) == 0)
		return 0;
failed:
	fprintf(stderr, "vmctl-agent: cannot listen at %s: %s\n", path,
		strerror(errno));
	return -1;
}

/* One at a time: the next one waits until this one has gone. */
static void take_next(struct port *p)
{
	if (p->listener < 0 || p->fd >= 0)
		return;
	p->fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (p->fd >= 0 && watch(p, p->fd, EPOLLIN | EPOLLOUT | EPOLLET) < 0) {
		close(p->fd);
		p->fd = -1;
	}
}

unsigned port_news(struct port *p)
{
	struct epoll_event e[2];
	unsigned news = PORT_NONE;
	int n = epoll_wait(p->epoll, e, 2, 0);

	for (int i = 0; i < n; i++) {
		if (e[i].data.fd == p->listener)
			continue;
		/* A connection's end is read as such, after what came. */
		if (e[i].events & (EPOLLHUP | EPOLLERR))
			news |= p->listener < 0 ? PORT_HUNG_UP : PORT_READABLE;
		if (e[i].events & EPOLLIN)
			news |= PORT_READABLE;
		if (e[i].events & EPOLLOUT)
			p->writable = true;
	}
	take_next(p);
	return news;
}

ssize_t port_read(struct port *p, void *buf, size_t n)
{
	ssize_t got;

	if (p->fd < 0) {
		errno = EAGAIN;
		return -1;
	}
	do {
		got = read(p->fd, buf, n);
	} while (got < 0 && errno == EINTR);
	return got;
}

void port_hang_up(struct port *p)
{
	port_discard(p);
	if (p->listener < 0 || p->fd < 0)
		return;
	close(p->fd);
	p->fd = -1;
	take_next(p);
}

bool port_is_hung_up(const struct port *p)
{
	struct pollfd f = { p->fd, 0, 0 };

	return poll(&f, 1, 0) > 0 && f.revents & (POLLHUP | POLLERR);
}

/* --- out ---------------------------------------------------------------------
 */

static size_t space(const struct port *p)
{
	return OUT_SIZE - (p->out_len - p->out_off);
}

static void compact(struct port *p, size_t need)
{
	if (OUT_SIZE - p->out_len >= need)
		return;
	memmove(p->out, p->out + p->out_off, p->out_len - p->out_off);
	p->out_len -= p->out_off;
	p->out_off = 0;
}

size_t port_room(const struct port *p)
{
	size_t n = space(p);

	if (n < OUT_RESERVE + AGENT_HEADER + AGENT_PAYLOAD_MAX)
		return 0;
	return AGENT_PAYLOAD_MAX;
}

unsigned char *port_tail(struct port *p)
{
	compact(p, AGENT_HEADER + AGENT_PAYLOAD_MAX);
	return p->out + p->out_len + AGENT_HEADER;
}

bool port_add_raw(struct port *p, const void *bytes, size_t n)
{
	if (space(p) < n)
		return false;
	compact(p, n);
	memcpy(p->out + p->out_len, bytes, n);
	p->out_len += n;
	return true;
}

bool port_add(struct port *p, int type, uint32_t id, const void *payload,
	      size_t n)
{
	if (space(p) < AGENT_HEADER + n)
		return false;
	compact(p, AGENT_HEADER + n);
	agent_put_header(p->out + p->out_len, n, type, id);
	if (payload && n)
		memcpy(p->out + p->out_len + AGENT_HEADER, payload, n);
	p->out_len += AGENT_HEADER + n;
	return true;
}

void port_flush(struct port *p)
{
	while (p->fd >= 0 && p->writable && p->out_off < p->out_len) {
		ssize_t n = write(p->fd, p->out + p->out_off,
				  p->out_len - p->out_off);

		if (n < 0 && errno == EINTR)
			continue;
		/* A host that has gone is for the reading side to notice. */
		if (n < 0) {
			p->writable = false;
			return;
		}
		p->out_off += (size_t)n;
	}
	if (p->out_off == p->out_len)
		p->out_off = p->out_len = 0;
}

void port_discard(struct port *p)
{
	p->out_off = p->out_len = 0;
}
