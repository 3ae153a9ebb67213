/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "driver/libvirt/event.h"

/* Calls that may never return. */

/* Whoever waited may go away before the thread is done, and so both own this;
 * the last one, under `lock`, frees it. */
struct aside {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	void (*call)(void *data);
	void (*drop)(void *data);
	void *data;
	bool done, abandoned;
};

static void aside_free(struct aside *a)
{
	pthread_cond_destroy(&a->cond);
	pthread_mutex_destroy(&a->lock);
	free(a);
	loop_release();
}

static void *run(void *data)
{
	struct aside *a = data;

	a->call(a->data);
	pthread_mutex_lock(&a->lock);
	a->done = true;
	bool mine = a->abandoned;
	pthread_cond_signal(&a->cond);
	pthread_mutex_unlock(&a->lock);
	if (mine) {
		a->drop(a->data);
		aside_free(a);
	}
	return NULL;
}

/* Signals are for the thread that looks whether it was interrupted. */
static int start(struct aside *a)
{
	pthread_condattr_t clock;
	pthread_attr_t detached;
	sigset_t all, old;
	pthread_t thread;

	pthread_mutex_init(&a->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&a->cond, &clock);
	pthread_condattr_destroy(&clock);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int e = pthread_create(&thread, &detached, run, a);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&detached);
	return e;
}

static struct timespec in_ms(int64_t ms)
{
	int64_t at = clock_mono_ns() + ms * 1000000;

	return (struct timespec){ .tv_sec = at / 1000000000,
				  .tv_nsec = at % 1000000000 };
}

/* Whether it was done in time. */
static bool wait_for(struct aside *a, int64_t ms, const struct events *ev)
{
	int64_t deadline = clock_mono_ms() + ms;

	pthread_mutex_lock(&a->lock);
	while (!a->done && clock_mono_ms() < deadline && !cancelled(ev)) {
		struct timespec slice = in_ms(100);

		pthread_cond_timedwait(&a->cond, &a->lock, &slice);
	}
	bool done = a->done;
	a->abandoned = !done;
	pthread_mutex_unlock(&a->lock);
	return done;
}

int aside_call(void (*call)(void *data), void (*drop)(void *data), void *data,
	       int64_t ms, const struct events *ev, struct vmctl_error *err)
{
	struct aside *a = calloc(1, sizeof(*a));
	int r = a ? loop_hold(err) : fail_oom(err);

	if (r < 0) {
		free(a);
		drop(data);
		return r;
	}
	a->call = call;
	a->drop = drop;
	a->data = data;
	int e = start(a);
	if (e) {
		aside_free(a);
		drop(data);
		return fail(err, VMCTL_FAILED, e, "cannot start a thread");
	}
	if (wait_for(a, ms, ev)) {
		aside_free(a);
		return 0;
	}
	return cancelled(ev) ? fail_cancelled(err)
			     : fail(err, VMCTL_TIMEOUT, 0, "no answer");
}
