/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/proc.h"
#include "driver/host-log.h"
#include "driver/qemu-img.h"
#include "instance/relay-loop.h"

/* The process that forwards: its life. */

#define LOOK_MS 1000 /* how late it sees that machine or socket is gone */
#define IDLE_MS 5000 /* how long it stays with nothing to forward */
#define EVENTS 64
#define SPARE_FDS 64

struct process {
	struct relay r;
	struct watch socket, signals;
	struct stat own; /* of the socket's file */
	int64_t looked, busy;
};

/* --- what is watched ------------------------------------------------------ */

bool watch_set(struct relay *r, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if ((w->added && w->events == events) || (w->forgotten && !events))
		return true;
	if (epoll_ctl(r->epoll, w->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd,
		      &e) < 0)
		return false;
	w->events = events;
	w->added = true;
	w->forgotten = false;
	return true;
}

void watch_forget(struct relay *r, struct watch *w)
{
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->added = false;
	w->forgotten = true;
}

void watch_close(struct watch *w)
{
	if (w->fd >= 0)
		close(take_fd(&w->fd));
}

bool relay_guest(const struct relay *r, const struct relay_port *port,
		 struct sockaddr_in *ret)
{
	*ret = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port->forward.guest_port),
		.sin_addr = r->guest,
	};
	return r->guest.s_addr != 0;
}

/* --- its life ------------------------------------------------------------- */

bool relay_machine_runs(struct relay_start *s)
{
	long unused;

	if (qemu_disk_in_use(s->disk) || proc_alive(s->pid, s->pid_start))
		return true;
	/* A disk that only QEMU's user may read tells nothing, nor does one
	 * that has been exchanged. */
	s->pid = host_qemu_process(s->id, s->disk, &unused);
	s->pid_start = s->pid ? proc_start_time(s->pid) : 0;
	return s->pid_start;
}

static bool still_there(const struct process *p)
{
	struct stat st;

	return fstatat(p->r.start->folder, p->r.start->name, &st,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == p->own.st_ino && st.st_dev == p->own.st_dev;
}

static void look(struct process *p, int64_t now)
{
	struct relay *r = &p->r;

	tcp_look(r, now);
	udp_look(r, now);
	if (r->ports || r->conns || serve_is_busy(r))
		p->busy = now;
	r->ending |= now - p->busy > IDLE_MS || !still_there(p) ||
		     !relay_machine_runs(r->start);
	p->looked = now;
}

static void stop(struct relay *r, struct watch *w, uint32_t seen)
{
	r->ending = true;
}

/* As many as it may have open; every connection takes two. */
static size_t connections(void)
{
	struct rlimit l = { .rlim_cur = 1024, .rlim_max = 1024 };
	const rlim_t most = 2 * RELAY_CONNECTIONS + VMCTL_PORTS_MAX +
			    RELAY_PEERS + SPARE_FDS;

	getrlimit(RLIMIT_NOFILE, &l);
	if (l.rlim_cur < most) {
		l.rlim_cur = l.rlim_max < most ? l.rlim_max : most;
		setrlimit(RLIMIT_NOFILE, &l);
		getrlimit(RLIMIT_NOFILE, &l);
	}
	if (l.rlim_cur >= most)
		return RELAY_CONNECTIONS;
	/* The rest of the work is not to be kept out by them. */
	return (size_t)l.rlim_cur / 4;
}

static bool begin(struct process *p)
{
	struct relay *r = &p->r;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	/* Whoever made it may have died with the lock. */
	flock(r->start->folder, LOCK_UN);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->conn_max = connections();
	p->socket = (struct watch){ .fd = r->start->socket,
				    .ready = serve_welcome };
	p->signals = (struct watch){ .fd = signalfd(-1, &ends, SFD_CLOEXEC),
				     .ready = stop };
	serve_begin(r);
	p->busy = p->looked = clock_mono_ms();
	return fstatat(r->start->folder, r->start->name, &p->own,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       fcntl(p->socket.fd, F_SETFL, O_NONBLOCK) == 0 &&
	       watch_set(r, &p->socket, EPOLLIN) &&
	       watch_set(r, &p->signals, EPOLLIN);
}

/* The ports are free before anybody can know that it is gone. */
static void end(struct process *p)
{
	struct relay *r = &p->r;

	udp_forget(r, NULL);
	ports_close(r);
	tcp_end(r);
	if (still_there(p))
		unlinkat(r->start->folder, r->start->name, 0);
}

static void one_round(struct process *p)
{
	struct epoll_event events[EVENTS];
	struct relay *r = &p->r;
	int64_t due = p->looked + LOOK_MS - clock_mono_ms();
	int n = epoll_wait(r->epoll, events, EVENTS, due > 0 ? (int)due : 0);
	int64_t now;

	for (int i = 0; i < n && !r->ending; i++) {
		struct watch *w = events[i].data.ptr;

		if (w->fd >= 0)
			w->ready(r, w, events[i].events);
	}
	now = clock_mono_ms();
	if (now >= p->looked + LOOK_MS)
		look(p, now);
	tcp_sweep(r);
	udp_sweep(r);
	ports_sweep(r);
	tcp_admit(r, now);
}

void relay_live(void *relay_start)
{
	static struct process p;

	p.r.start = relay_start;
	if (begin(&p))
		while (!p.r.ending)
			one_round(&p);
	end(&p);
}
