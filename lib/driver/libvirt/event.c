/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/str.h"
#include "driver/libvirt/event.h"

/*
 * What libvirt's events say is kept until the caller takes it. The callbacks
 * run in the loop's thread; all that is shared is guarded by `lock`. libvirt
 * may call one for the last time after it was deregistered, so each holds a
 * reference and gives it back when libvirt says that it is done.
 */
#define KEPT 256

struct watch {
	pthread_mutex_t lock;
	int refs;
	int fd;		   /* eventfd: not 0 while there is something to take */
	bool lost, missed; /* come after what is in the queue */
	struct hv_change queue[KEPT]; /* a ring */
	size_t first, count;
	/* Of the caller alone: */
	int ids[3];
	bool close_known;
};

static void unref(void *data)
{
	struct watch *w = data;

	pthread_mutex_lock(&w->lock);
	bool last = --w->refs == 0;
	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	close(w->fd);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void ref(struct watch *w)
{
	pthread_mutex_lock(&w->lock);
	w->refs++;
	pthread_mutex_unlock(&w->lock);
}

static void wake(struct watch *w)
{
	const uint64_t one = 1;

	while (write(w->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void note(struct watch *w, virDomainPtr dom, struct hv_change what)
{
	/* Of the object: no call to the daemon. */
	if (dom)
		virDomainGetUUIDString(dom, what.uuid);
	pthread_mutex_lock(&w->lock);
	if (w->count == KEPT)
		w->missed = true;
	else
		w->queue[(w->first + w->count++) % KEPT] = what;
	wake(w);
	pthread_mutex_unlock(&w->lock);
}

static const char *why_stopped(int detail)
{
	switch (detail) {
	case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
		return "it was shut down";
	case VIR_DOMAIN_EVENT_STOPPED_DESTROYED:
		return "its power was cut";
	case VIR_DOMAIN_EVENT_STOPPED_CRASHED:
		return "the guest crashed";
	case VIR_DOMAIN_EVENT_STOPPED_SAVED:
		return "its memory was saved";
	case VIR_DOMAIN_EVENT_STOPPED_FAILED:
		return "its QEMU process ended unexpectedly";
	}
	return "";
}

static const char *why(int event, int detail)
{
	if (event == VIR_DOMAIN_EVENT_STOPPED)
		return why_stopped(detail);
	if (event == VIR_DOMAIN_EVENT_CRASHED)
		return "the guest crashed";
	if (event == VIR_DOMAIN_EVENT_SUSPENDED &&
	    detail == VIR_DOMAIN_EVENT_SUSPENDED_IOERROR)
		return "by an I/O error of its disk";
	if (event == VIR_DOMAIN_EVENT_SUSPENDED &&
	    detail == VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG)
		return "by its watchdog";
	return "";
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event,
			int detail, void *data)
{
	note(data, dom,
	     (struct hv_change){ .kind = HV_CHANGE_STATE,
				 .why = why(event, detail) });
	return 0;
}

static void on_agent(virConnectPtr conn, virDomainPtr dom, int state,
		     int reason, void *data)
{
	note(data, dom,
	     (struct hv_change){
		     .kind = HV_CHANGE_AGENT,
		     .up = state ==
			   VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED,
		     .why = "" });
}

static void on_reboot(virConnectPtr conn, virDomainPtr dom, void *data)
{
	note(data, dom,
	     (struct hv_change){ .kind = HV_CHANGE_REBOOT, .why = "" });
}

static void on_close(virConnectPtr conn, int reason, void *data)
{
	struct watch *w = data;

	pthread_mutex_lock(&w->lock);
	w->lost = true;
	wake(w);
	pthread_mutex_unlock(&w->lock);
}

static int listen_to(struct hv *hv, struct watch *w, size_t i, int event,
		     virConnectDomainEventGenericCallback call)
{
	ref(w);
	w->ids[i] = virConnectDomainEventRegisterAny(hv->conn, NULL, event,
						     call, w, unref);
	if (w->ids[i] < 0)
		unref(w);
	return w->ids[i];
}

/* The rest is extra: a driver may have none of it. */
static int listen_all(struct hv *hv, struct watch *w, struct vmctl_error *err)
{
	if (listen_to(hv, w, 0, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
		      VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle)) < 0) {
		bool none = virGetLastErrorCode() == VIR_ERR_NO_SUPPORT;
		int r = libvirt_fail(err, "cannot listen to events");

		if (none && err)
			err->code = VMCTL_UNSUPPORTED;
		return none ? -VMCTL_UNSUPPORTED : r;
	}
	listen_to(hv, w, 1, VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE,
		  VIR_DOMAIN_EVENT_CALLBACK(on_agent));
	listen_to(hv, w, 2, VIR_DOMAIN_EVENT_ID_REBOOT,
		  VIR_DOMAIN_EVENT_CALLBACK(on_reboot));
	ref(w);
	w->close_known = virConnectRegisterCloseCallback(hv->conn, on_close, w,
							 unref) == 0;
	if (!w->close_known)
		unref(w);
	return 0;
}

/* Deregisters: what is being delivered may still come. */
void watch_leave(struct hv *hv)
{
	struct watch *w = hv->watch;

	for (size_t i = 0; w && i < ARRAY_LEN(w->ids); i++) {
		if (w->ids[i] >= 0)
			virConnectDomainEventDeregisterAny(hv->conn, w->ids[i]);
		w->ids[i] = -1;
	}
	if (w && w->close_known)
		virConnectUnregisterCloseCallback(hv->conn, on_close);
	if (w)
		w->close_known = false;
}

/* Nobody knows what happened in between. */
int watch_join(struct hv *hv, struct vmctl_error *err)
{
	struct watch *w = hv->watch;
	int r = w ? listen_all(hv, w, err) : 0;

	if (!w || r < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	w->missed = true;
	wake(w);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

void watch_end(struct hv *hv)
{
	struct watch *w = hv->watch;

	if (!w)
		return;
	watch_leave(hv);
	hv->watch = NULL;
	unref(w);
}

int watch_begin(struct hv *hv, int *ret_fd, struct vmctl_error *err)
{
	if (!hv->watch) {
		struct watch *w = calloc(1, sizeof(*w));

		if (!w)
			return fail_oom(err);
		*w = (struct watch){ .refs = 1, .ids = { -1, -1, -1 } };
		w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (w->fd < 0) {
			free(w);
			return fail_sys(err, errno, "cannot wait for events");
		}
		pthread_mutex_init(&w->lock, NULL);
		hv->watch = w;
		int r = listen_all(hv, w, err);
		if (r < 0) {
			watch_end(hv);
			return r;
		}
	}
	*ret_fd = hv->watch->fd;
	return 0;
}

static bool take(struct watch *w, struct hv_change *ret)
{
	if (w->count) {
		*ret = w->queue[w->first];
		w->first = (w->first + 1) % KEPT;
		w->count--;
		return true;
	}
	if (w->missed) {
		*ret = (struct hv_change){ HV_CHANGE_MISSED, .why = "" };
		w->missed = false;
		return true;
	}
	if (w->lost) {
		*ret = (struct hv_change){ HV_CHANGE_LOST, .why = "" };
		w->lost = false;
		return true;
	}
	return false;
}

bool watch_take(struct hv *hv, struct hv_change *ret)
{
	struct watch *w = hv->watch;
	uint64_t unused;

	if (!w)
		return false;
	pthread_mutex_lock(&w->lock);
	bool some = take(w, ret);
	/* Not readable any more: nothing is left. */
	if (!w->count && !w->missed && !w->lost)
		while (read(w->fd, &unused, sizeof(unused)) < 0 &&
		       errno == EINTR)
			;
	pthread_mutex_unlock(&w->lock);
	return some;
}
