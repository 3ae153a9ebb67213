/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc-ask.h"
#include "host/doctor.h"

/* libvirt: its daemons, and whether a connection answers. */

/* --- daemons -------------------------------------------------------------- */

/* 0, or the errno of why nobody listens there. */
static int knock(const char *folder, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	auto_close int fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", folder, name);

	if (fd < 0 || n < 0 || (size_t)n >= sizeof(a.sun_path))
		return ENAMETOOLONG;
	/* A full backlog is a daemon that is there, and busy or hung. */
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ||
	    errno == EAGAIN)
		return 0;
	return errno;
}

static char *session_folder(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	const char *cache = getenv("XDG_CACHE_HOME");
	auto_free char *own = NULL;
	auto_free char *home = NULL;

	if (run && *run == '/')
		return path_join(run, "libvirt");
	own = str_printf("/run/user/%ld", (long)geteuid());
	if (own && access(own, X_OK) == 0)
		return path_join(own, "libvirt");
	home = context_home();
	if (cache && *cache == '/')
		return path_join(cache, "libvirt");
	return home ? path_join(home, ".cache/libvirt") : NULL;
}

/* Either the one daemon for all, or one for each driver: both at once are two
 * that each believe to be alone. */
static void look_at_daemons(struct doctor *d, const char *whose,
			    const char *folder)
{
	int whole = knock(folder, "libvirt-sock");
	int modular = knock(folder, "virtqemud-sock");

	if (whole == 0 && modular == 0) {
		/* virtproxyd answers there for the daemons of the drivers. */
		say_note(d,
			 "%s: libvirtd or virtproxyd, and virtqemud listen "
			 "in %s",
			 whose, folder);
	} else if (whole == 0 || modular == 0) {
		say_ok(d, "%s: %s listens in %s", whose,
		       whole == 0 ? "libvirtd, the one for all drivers,"
				  : "virtqemud, the one for QEMU,",
		       folder);
	} else if (whole == EACCES || modular == EACCES) {
		say_note(d,
			 "%s: a daemon listens in %s and does not let you "
			 "in, who are not in the group libvirt",
			 whose, folder);
		doctor_type(d, "sudo usermod -aG libvirt $USER, and log in "
			       "again");
	}
}

/* A daemon that nobody has installed cannot be started on demand. */
static void look_for_daemon(struct doctor *d)
{
	auto_free char *whole = doctor_program("libvirtd");
	auto_free char *modular = doctor_program("virtqemud");

	if (whole || modular) {
		say_ok(d, "%s is installed", whole ? whole : modular);
		return;
	}
	say_problem(d, "neither libvirtd nor virtqemud is installed, one of "
		       "which runs the machines");
	doctor_type(d, "sudo apt-get install libvirt-daemon "
		       "libvirt-daemon-driver-qemu");
}

void check_daemons(struct doctor *d)
{
	auto_free char *own = geteuid() == 0 ? NULL : session_folder();
	size_t before = d->out->count;

	if (!d->ctx->uri || str_starts(d->ctx->uri, "qemu:///"))
		look_for_daemon(d);
	if (own)
		look_at_daemons(d, "your session", own);
	look_at_daemons(d, "the system", "/run/libvirt");
	if (doctor_silent(d, before))
		say_ok(d, "none listens on this host");
}

/* --- connections ---------------------------------------------------------- */

struct question {
	struct vmctl *ctx;
	const char *uri;
};

struct answer {
	int r;
	struct vmctl_error why;
	struct hv_info info;
	size_t domains;
	bool networks;
	int net_r; /* where there are networks */
	struct vmctl_error net_why;
};

static void ask(void *data, void *answer)
{
	const struct question *q = data;
	struct answer *a = answer;
	auto_free struct hv_domain *domains = NULL;
	auto_free struct hv_network *nets = NULL;
	const struct hv_ops *ops;
	struct hv *hv;
	size_t n;

	/* Who waits for this copy has a limit of its own. */
	q->ctx->answer_ms = 0;
	a->r = context_hv(q->ctx, q->uri, &ops, &hv, &a->why);
	if (a->r == 0)
		a->r = ops->info(hv, &a->info, &a->why);
	if (a->r == 0)
		a->r = ops->list(hv, &domains, &a->domains, &a->why);
	if (a->r < 0)
		return;
	a->networks = ops->has_networks(hv);
	if (a->networks)
		a->net_r = ops->net_list(hv, &nets, &n, &a->net_why);
}

static void remember(struct doctor *d, const char *uri, bool answers,
		     bool networks)
{
	char *copy = strdup(uri);

	if (copy && d->link_count < ARRAY_LEN(d->links))
		d->links[d->link_count++] =
			(struct doctor_link){ copy, answers, networks };
	else
		free(copy);
}

#define LEAST_LIBVIRT 9

static void say_answer(struct doctor *d, const char *uri,
		       const struct answer *a)
{
	say_ok(d, "%s answers: libvirt %s, its library here %s, %s %s, %zu %s",
	       uri, a->info.library_version, a->info.client_version,
	       a->info.engine, a->info.engine_version, a->domains,
	       a->domains == 1 ? "domain" : "domains");
	if (str_starts(uri, "qemu") &&
	    strtol(a->info.library_version, NULL, 10) < LEAST_LIBVIRT)
		say_warning(d,
			    "libvirt %s is older than what vmctl is made "
			    "for, which is %d.0",
			    a->info.library_version, LEAST_LIBVIRT);
	if (a->net_r < 0)
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &a->net_why);
}

#define LOCKS "/run/lock"

/* Newer libvirts lock a console or channel by a file there, and do not make the
 * directory, which is missing where /run begins empty. */
static void look_at_locks(struct doctor *d)
{
	struct stat st;

	if (stat(LOCKS, &st) == 0)
		return;
	say_warning(d, "there is no " LOCKS ", without which newer versions of "
		       "libvirt open no consoles or channels");
	doctor_type(d, "sudo mkdir -m 1777 " LOCKS);
}

static bool is_late(int r)
{
	return r == -VMCTL_TIMEOUT || r == -VMCTL_CANCELLED;
}

/* In a copy of this process first: a daemon that hangs keeps whoever has a call
 * to it going for minutes. */
static void look_at(struct doctor *d, const char *uri)
{
	struct question q = { d->ctx, uri };
	struct answer a = { 0 };
	struct vmctl_error why = { 0 };

	/* An earlier connection may have taken all of the time. The copy has
	 * the same deadline, and either process may see it first. */
	d->deadline = clock_mono_ms() + d->timeout_ms;
	int r = proc_ask(ask, &q, &a, sizeof(a), d->timeout_ms, &d->ctx->ev,
			 &why);

	if (is_late(r) || (r == 0 && (is_late(a.r) || is_late(a.net_r)))) {
		say_problem(d, "%s does not answer within %ld seconds", uri,
			    (d->timeout_ms + 999) / 1000);
		doctor_type(d, str_ends(uri, "/session") && geteuid() != 0
				       ? "end your libvirtd: pkill -u $USER "
					 "libvirtd"
				       : "sudo systemctl restart libvirtd");
	} else if (r < 0) {
		say_problem(d, "%s cannot be asked: %s", uri, why.message);
	} else if (a.r < 0) {
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &a.why);
	} else {
		say_answer(d, uri, &a);
	}
	remember(d, uri, r == 0 && a.r == 0,
		 r == 0 && a.r == 0 && a.networks && a.net_r == 0);
}

static bool was_asked(const struct doctor *d, const char *uri)
{
	for (size_t i = 0; i < d->link_count; i++)
		if (str_eq(d->links[i].uri, uri))
			return true;
	return false;
}

/* The chosen one, and those that instances are on. */
void check_connections(struct doctor *d)
{
	struct vmctl_instance_list *list = NULL;

	look_at(d, d->ctx->uri);
	look_at_locks(d);
	if (!d->db || state_instance_list(d->db, false, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < list->count; i++)
		if (!was_asked(d, list->items[i]->connection) &&
		    d->link_count < ARRAY_LEN(d->links))
			look_at(d, list->items[i]->connection);
	vmctl_instance_list_free(list);
}
