/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_LIBVIRT_EVENT_H
#define DRIVER_LIBVIRT_EVENT_H

#include "driver/libvirt/libvirt.h"

/*
 * libvirt's event loop, of which a process has one. A thread of the module
 * runs it as long as somebody holds it, which every open connection does: so
 * keep-alive works during calls and between them, and a callback is called
 * when something happens rather than when somebody looks.
 *
 * Callbacks run in that thread. They must not wait, call libvirt, or speak to
 * the caller (struct events): they take note under a lock of their own and
 * write to a descriptor that the caller polls. The thread takes no signals.
 *
 * To be held before the connection is opened. Each hold has its release, which
 * comes after the connection was closed; the last one ends the thread.
 */
int loop_hold(struct vmctl_error *err);
void loop_release(void);

/*
 * aside.c: call(data), by a thread of its own that holds the loop: libvirt has
 * calls that never return, as to a daemon that accepts a connection and says
 * nothing. 0: it was made, and `data` is the caller's. Else `data`, with what
 * the call may yet put there, goes to drop(): -VMCTL_TIMEOUT when it was not
 * done within `ms`, -VMCTL_CANCELLED. `data` lives on the heap and owns all
 * that it points to.
 */
int aside_call(void (*call)(void *data), void (*drop)(void *data), void *data,
	       int64_t ms, const struct events *ev, struct vmctl_error *err);

/* stream.c: *ret_fd becomes readable when something may be read from the
 * stream, and when one of the events happens that
 * virStreamEventUpdateCallback() was asked for since: it is told once, and then
 * to be asked for again. stream_unwatch() ends it, and takes the descriptor
 * back. `failure` is the message if it cannot be done. */
int stream_watch(virStreamPtr stream, const char *failure, int *ret_fd,
		 struct vmctl_error *err);
void stream_unwatch(virStreamPtr stream, int fd);
/* Takes note of it. false: it was none. */
bool stream_woke(int fd);

#endif
