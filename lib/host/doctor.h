/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef HOST_DOCTOR_H
#define HOST_DOCTOR_H

#include <vmctl/doctor.h>

#include "base/str.h"
#include "context.h"
#include "state/health.h"

/*
 * While the checks are made. A check is a function and its entry in the table
 * of doctor.c; it says at least one thing. What cannot be added for want of
 * memory is left out.
 */
struct doctor {
	struct vmctl *ctx;
	struct vmctl_doctor *out;
	const struct doctor_check *now; /* the one that is made */
	bool fix;
	long timeout_ms;
	int64_t deadline; /* of the check; clock_mono_ms() */
	struct events ev; /* the caller's, while ctx has ours */
	bool stopped;	  /* by the caller */

	const struct config *config; /* NULL: they cannot be read, why: */
	struct vmctl_error config_why;
	struct state *db;	    /* NULL: not to be used, see no_db */
	const char *no_db;	    /* why, static */
	struct state_health health; /* of the database */
	int health_r;		    /* 0, or -code: it cannot be opened */
	struct vmctl_error health_why;
	bool foreign; /* the storage is another home's: hands off */
	struct vmctl_error foreign_why;

	/* Connections that were asked whether they answer. */
	struct doctor_link {
		char *uri;
		bool answers, networks;
	} links[4];
	size_t link_count;
	char **kept; /* ids of domains without a record that stay */
};

enum doctor_needs {
	NEEDS_SETTINGS = 1 << 0,
	NEEDS_RECORDS = 1 << 1,
	NEEDS_LIBVIRT = 1 << 2, /* the chosen connection answers */
};

struct doctor_check {
	const char *group, *name;
	unsigned needs; /* enum doctor_needs: else it is not made */
	void (*run)(struct doctor *d);
};

/* What a check found; and what to type about what was said last. */
void doctor_say(struct doctor *d, enum vmctl_verdict verdict, const char *fmt,
		...) PRINTF_LIKE(3, 4);
void doctor_type(struct doctor *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define say_ok(d, ...) doctor_say(d, VMCTL_VERDICT_OK, __VA_ARGS__)
#define say_note(d, ...) doctor_say(d, VMCTL_VERDICT_NOTE, __VA_ARGS__)
#define say_warning(d, ...) doctor_say(d, VMCTL_VERDICT_WARNING, __VA_ARGS__)
#define say_problem(d, ...) doctor_say(d, VMCTL_VERDICT_PROBLEM, __VA_ARGS__)
#define say_fixed(d, ...) doctor_say(d, VMCTL_VERDICT_FIXED, __VA_ARGS__)

/* A failure as a finding, with its hint. */
void doctor_say_error(struct doctor *d, enum vmctl_verdict verdict,
		      const struct vmctl_error *why);

/* Whether the check has said nothing but this many things. */
bool doctor_silent(const struct doctor *d, size_t before);

/* A program by its name, on PATH or where the system keeps daemons; NULL when
 * there is none. The caller frees it. */
char *doctor_program(const char *name);

/* What it says to --version: the first line, or NULL. The caller frees it. */
char *doctor_version(struct doctor *d, const char *program);

/* The connection if it was asked and answered, else NULL. */
const struct doctor_link *doctor_answers(const struct doctor *d,
					 const char *uri);

/* doctor-programs.c */
void check_qemu(struct doctor *d);
void check_qemu_img(struct doctor *d);
void check_modules(struct doctor *d);
void check_gpgv(struct doctor *d);

/* doctor-libvirt.c */
void check_daemons(struct doctor *d);
void check_connections(struct doctor *d);

/* doctor-host.c */
void check_kvm(struct doctor *d);
void check_memory(struct doctor *d);
void check_disk(struct doctor *d);
void check_denials(struct doctor *d);

/* doctor-folders.c */
void check_data_folder(struct doctor *d);
void check_storage_folder(struct doctor *d);
void check_groups(struct doctor *d);

/* doctor-network.c */
void check_subnet(struct doctor *d);
void check_networks(struct doctor *d);
void check_reservations(struct doctor *d);

/* doctor-ssh.c */
void check_openssh(struct doctor *d);
void check_ssh_config(struct doctor *d);

/* doctor-records.c */
void check_settings(struct doctor *d);
void check_database(struct doctor *d);
void check_intents(struct doctor *d);
void check_instances(struct doctor *d);
void check_images(struct doctor *d);

/* doctor-leftovers.c */
void check_domains(struct doctor *d);
void check_instance_folders(struct doctor *d);
void check_lost(struct doctor *d);
void check_locks(struct doctor *d);
void check_holders(struct doctor *d);
void check_relays(struct doctor *d);

#endif
