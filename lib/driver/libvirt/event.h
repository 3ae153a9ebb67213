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

#endif
