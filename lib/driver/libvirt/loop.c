/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "driver/libvirt/event.h"

/*
 * libvirt takes the first event loop that is registered for the life of the
 * process (an application's own comes before this one), and has keep-alive and
 * events on a connection only when one was there before it was opened.
 */
static struct {
	pthread_mutex_t lock; /* guards users, thread and timer */
	pthread_t thread;
	int users;
	int timer;
	atomic_bool stop;
} loop = { .lock = PTHREAD_MUTEX_INITIALIZER, .timer = -1 };

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up(void)
{
	virEventRegisterDefaultImpl();
}

/* A timer that does nothing: what is there to be woken by. */
static void on_timer(int timer, void *data)
{
	(void)data;
	virEventUpdateTimeout(timer, -1);
}

static void *run(void *data)
{
	while (!atomic_load(&loop.stop))
		if (virEventRunDefaultImpl() < 0)
			break;
	return data;
}

/* Signals are for the thread that looks whether it was interrupted. */
static int start(struct vmctl_error *err)
{
	sigset_t all, old;
	int e;

	if (loop.timer < 0)
		loop.timer = virEventAddTimeout(-1, on_timer, NULL, NULL);
	if (loop.timer < 0)
		return libvirt_fail(err, "cannot start libvirt's event loop");
	atomic_store(&loop.stop, false);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&loop.thread, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return e ? fail(err, VMCTL_FAILED, e, "cannot start a thread") : 0;
}

int loop_hold(struct vmctl_error *err)
{
	int r = 0;

	pthread_once(&once, set_up);
	pthread_mutex_lock(&loop.lock);
	if (!loop.users)
		r = start(err);
	if (r == 0)
		loop.users++;
	pthread_mutex_unlock(&loop.lock);
	return r;
}

void loop_release(void)
{
	pthread_mutex_lock(&loop.lock);
	if (--loop.users == 0) {
		atomic_store(&loop.stop, true);
		virEventUpdateTimeout(loop.timer, 0);
		pthread_join(loop.thread, NULL);
	}
	pthread_mutex_unlock(&loop.lock);
}
