/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "driver/libvirt/event.h"

/* Making a connection. */

/* A daemon that was just started asks QEMU what it can do before it answers:
 * seconds, and many on a machine with a lot to do. */
#define OPEN_MS 90000

/* A daemon that says nothing for so long is hung: the call that waits for it
 * fails then. It answers in its main loop, however much it has to do. */
#define KEEPALIVE_S 5
#define KEEPALIVE_COUNT 6

static void quiet(void *data, virErrorPtr e)
{
	/* The default prints on standard error. */
	(void)data;
	(void)e;
}

/*
 * libvirt finds a user's session daemon by XDG_RUNTIME_DIR, which su and cron
 * do not set, and would start a second one without it. Where the system has
 * made that folder for the user it is the one that a login has.
 */
static void find_runtime_dir(const char *uri)
{
	char dir[64];
	struct stat st;

	if (geteuid() == 0 || getenv("XDG_RUNTIME_DIR") ||
	    !strstr(uri, "/session"))
		return;
	snprintf(dir, sizeof(dir), "/run/user/%ld", (long)geteuid());
	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid())
		setenv("XDG_RUNTIME_DIR", dir, 0);
}

/*
 * One that is being made, by a thread: a daemon that hangs may accept the
 * connection and say nothing, and then virConnectOpen() never returns. Whoever
 * waited may go away before it does, and so both own this; the last one, under
 * `lock`, frees it.
 */
struct opening {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	char *uri;
	virConnectPtr conn;
	virErrorPtr why; /* a thread's error is its own */
	bool done, abandoned;
};

static void opening_free(struct opening *o)
{
	if (o->conn)
		virConnectClose(o->conn);
	if (o->why)
		virFreeError(o->why);
	pthread_cond_destroy(&o->cond);
	pthread_mutex_destroy(&o->lock);
	free(o->uri);
	free(o);
}

static void *run(void *data)
{
	struct opening *o = data;
	/* Without callbacks for credentials: nothing here may prompt. */
	virConnectPtr conn = virConnectOpen(o->uri);
	virErrorPtr why = conn ? NULL : virSaveLastError();

	pthread_mutex_lock(&o->lock);
	o->conn = conn;
	o->why = why;
	o->done = true;
	bool mine = o->abandoned;
	pthread_cond_signal(&o->cond);
	pthread_mutex_unlock(&o->lock);
	if (mine) {
		opening_free(o);
		loop_release();
	}
	return NULL;
}

static struct opening *begin(const char *uri)
{
	struct opening *o = calloc(1, sizeof(*o));
	pthread_condattr_t clock;
	pthread_attr_t detached;
	sigset_t all, old;
	pthread_t thread;

	if (!o)
		return NULL;
	pthread_mutex_init(&o->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&o->cond, &clock);
	pthread_condattr_destroy(&clock);
	o->uri = strdup(uri);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int e = o->uri ? pthread_create(&thread, &detached, run, o) : 1;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&detached);
	if (e) {
		opening_free(o);
		return NULL;
	}
	return o;
}

static struct timespec in_ms(int64_t ms)
{
	int64_t at = clock_mono_ns() + ms * 1000000;

	return (struct timespec){ .tv_sec = at / 1000000000,
				  .tv_nsec = at % 1000000000 };
}

/* Holds the loop when it succeeds; a thread that goes on without us keeps it.
 */
static int open_one(const char *uri, const struct events *ev,
		    virConnectPtr *ret, struct vmctl_error *err)
{
	int64_t deadline = clock_mono_ms() + OPEN_MS;
	int r = loop_hold(err);

	if (r < 0)
		return r;
	struct opening *o = begin(uri);
	if (!o) {
		loop_release();
		return fail(err, VMCTL_HYPERVISOR, 0,
			    "cannot start a thread to connect to %s", uri);
	}
	pthread_mutex_lock(&o->lock);
	while (!o->done && clock_mono_ms() < deadline && !cancelled(ev)) {
		struct timespec slice = in_ms(100);

		pthread_cond_timedwait(&o->cond, &o->lock, &slice);
	}
	bool done = o->done;
	o->abandoned = !done;
	pthread_mutex_unlock(&o->lock);
	if (!done) {
		if (cancelled(ev))
			return fail_cancelled(err);
		fail(err, VMCTL_HYPERVISOR, 0,
		     "cannot connect to %s: libvirt's daemon does not answer",
		     uri);
		fail_hint(err, "sudo systemctl restart libvirtd");
		return -VMCTL_HYPERVISOR;
	}
	*ret = o->conn;
	o->conn = NULL;
	r = *ret ? 0 : libvirt_fail_open(uri, o->why, err);
	opening_free(o);
	if (r < 0)
		loop_release();
	return r;
}

static int connect_to(const char *uri, const struct events *ev,
		      virConnectPtr *ret, struct vmctl_error *err)
{
	struct vmctl_error first, unused;
	bool started = false;
	int r = open_one(uri, ev, ret, &first);

	if (r == -VMCTL_HYPERVISOR &&
	    daemon_start(uri, ev, &started, &unused) == 0 && started)
		r = open_one(uri, ev, ret, &first);
	if (r < 0) {
		if (err)
			*err = first;
		return r;
	}
	/* Drivers without a daemon have none. */
	(void)virConnectSetKeepAlive(*ret, KEEPALIVE_S, KEEPALIVE_COUNT);
	return 0;
}

int connection_open(const char *uri, const struct events *ev, struct hv **ret,
		    struct vmctl_error *err)
{
	int64_t begun = clock_mono_ms();

	if (virInitialize() < 0)
		return libvirt_fail(err, "cannot start the libvirt client");
	virSetErrorFunc(NULL, quiet);
	struct hv *hv = calloc(1, sizeof(*hv));
	if (!hv)
		return fail_oom(err);
	find_runtime_dir(uri);
	int r = connect_to(uri, ev, &hv->conn, err);
	if (r < 0) {
		free(hv);
		return r;
	}
	hv->ev = ev;
	hv->uri = strdup(uri);
	if (!hv->uri) {
		connection_close(hv);
		return fail_oom(err);
	}
	auto_free char *real = virConnectGetURI(hv->conn);
	hv->session = real && strstr(real, "/session");
	log_debug(ev, "connected to %s in %lld ms", uri,
		  (long long)(clock_mono_ms() - begun));
	*ret = hv;
	return 0;
}

/* The socket's state is known here: no call to the daemon. */
int connection_revive(struct hv *hv, struct vmctl_error *err)
{
	virConnectPtr fresh;

	if (virConnectIsAlive(hv->conn) != 0)
		return 0;
	int r = connect_to(hv->uri, hv->ev, &fresh, err);
	if (r < 0)
		return r;
	log_debug(hv->ev, "connected to %s again", hv->uri);
	watch_leave(hv);
	virConnectClose(hv->conn);
	loop_release();
	hv->conn = fresh;
	/* Who waits for events gets none from here on if that fails. */
	return watch_join(hv, err);
}

void connection_close(struct hv *hv)
{
	if (!hv)
		return;
	watch_end(hv);
	virConnectClose(hv->conn);
	loop_release();
	free(hv->uri);
	free(hv);
}
