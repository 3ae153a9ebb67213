/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/owner.h"
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

/* However little time there is: a machine with a lot to do is no hung daemon.
 */
#define LEAST_MS 3000

/* One that was waited for in vain just now is not waited for as long again. */
#define AGAIN_MS 1000

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

/* Root's own session daemon would write into the same directories, which after
 * `sudo -E` are those of somebody else. */
static int check_home(const char *uri, struct vmctl_error *err)
{
	static const char *const names[] = { "HOME", "XDG_RUNTIME_DIR",
					     "XDG_CACHE_HOME",
					     "XDG_CONFIG_HOME" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(names); i++) {
		const char *dir = getenv(names[i]);

		if (dir && strstr(uri, "/session"))
			r = owner_check(dir, err);
	}
	return r;
}

/* One that is being made. A thread's error is its own. */
struct opening {
	char *uri;
	virConnectPtr conn;
	virErrorPtr why;
};

static void opening_free(void *data)
{
	struct opening *o = data;

	if (o->conn)
		virConnectClose(o->conn);
	if (o->why)
		virFreeError(o->why);
	free(o->uri);
	free(o);
}

/* Without callbacks for credentials: nothing here may prompt. */
static void opening_run(void *data)
{
	struct opening *o = data;

	o->conn = virConnectOpen(o->uri);
	o->why = o->conn ? NULL : virSaveLastError();
}

long hv_patience(const struct hv *hv, long usual)
{
	return hv->patience_ms <= 0 || hv->patience_ms > usual ? usual
	       : hv->patience_ms < LEAST_MS		       ? LEAST_MS
					    : hv->patience_ms;
}

static long open_ms(const struct hv *hv)
{
	return libvirt_hung() ? AGAIN_MS : hv_patience(hv, OPEN_MS);
}

/* Holds the loop when it succeeds. */
static int open_one(const struct hv *hv, virConnectPtr *ret,
		    struct vmctl_error *err)
{
	struct opening *o = calloc(1, sizeof(*o));
	int r = o ? loop_hold(err) : fail_oom(err);

	if (r < 0) {
		free(o);
		return r;
	}
	o->uri = strdup(hv->uri);
	r = aside_call(opening_run, opening_free, o, open_ms(hv), hv->ev, err);
	if (r == -VMCTL_TIMEOUT) {
		auto_free char *what =
			str_printf("cannot connect to %s", hv->uri);
		r = libvirt_fail_hung(err, what ? what : "cannot connect");
	} else if (r == 0) {
		*ret = take_ptr(&o->conn);
		r = *ret ? 0 : libvirt_fail_open(hv->uri, o->why, err);
		opening_free(o);
	}
	if (r < 0)
		loop_release();
	return r;
}

/* Drivers without a daemon have none. Whole seconds is what it counts in. */
static void keep_alive(const struct hv *hv, virConnectPtr conn)
{
	const long usual = KEEPALIVE_S * (KEEPALIVE_COUNT + 1) * 1000L;
	long ms = hv_patience(hv, usual);

	if (ms == usual)
		virConnectSetKeepAlive(conn, KEEPALIVE_S, KEEPALIVE_COUNT);
	else
		virConnectSetKeepAlive(conn, 1,
				       (unsigned)(ms + 999) / 1000 - 1);
}

static int connect_to(const struct hv *hv, virConnectPtr *ret,
		      struct vmctl_error *err)
{
	struct vmctl_error first, unused;
	bool started = false;
	int r = open_one(hv, ret, &first);

	if (r == -VMCTL_HYPERVISOR &&
	    daemon_start(hv->uri, hv->ev, &started, &unused) == 0 && started)
		r = open_one(hv, ret, &first);
	if (r < 0) {
		if (err)
			*err = first;
		return r;
	}
	keep_alive(hv, *ret);
	return 0;
}

int connection_open(const char *uri, long patience_ms, const struct events *ev,
		    struct hv **ret, struct vmctl_error *err)
{
	int64_t begun = clock_mono_ms();

	if (check_home(uri, err) < 0)
		return -VMCTL_DENIED;
	if (virInitialize() < 0)
		return libvirt_fail(err, "cannot start the libvirt client");
	virSetErrorFunc(NULL, quiet);
	struct hv *hv = calloc(1, sizeof(*hv));
	char *copy = strdup(uri);
	if (!hv || !copy) {
		free(hv);
		free(copy);
		return fail_oom(err);
	}
	*hv = (struct hv){ .uri = copy, .ev = ev, .patience_ms = patience_ms };
	find_runtime_dir(uri);
	int r = connect_to(hv, &hv->conn, err);
	if (r < 0) {
		free(hv->uri);
		free(hv);
		return r;
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
	int r = connect_to(hv, &fresh, err);
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
