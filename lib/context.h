/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CONTEXT_H
#define CONTEXT_H

#include <sys/types.h>

#include <vmctl/context.h>

#include "base/log.h"
#include "driver/hypervisor.h"
#include "state/state.h"

/* The inside of a context, for the subsystems. */
struct vmctl {
	struct events ev;
	char *data_dir;	       /* database, keys, locks */
	char *runtime_dir;     /* sockets, short-lived */
	char *config_path;     /* NULL: no home directory is known */
	char *log_path;	       /* likewise; or root's, in another's home */
	struct config *config; /* use context_config() */
	char *storage_dir;     /* images and instances; NULL: data_dir */
	char *uri; /* NULL until something that needs it was opened */
	char *command;
	long lock_timeout_ms, answer_ms;
	bool one_folder;	     /* was named, and holds everything */
	bool glance;		     /* makes nothing, and does not wait */
	struct state *db;	     /* use context_state() */
	const struct hv_ops *hv_ops; /* use context_hv() */
	struct link {
		char *uri;
		struct hv *hv;		/* NULL: never made */
		struct vmctl_error why; /* it failed so, or is lost, at */
		int64_t failed_at;	/* clock_mono_ms() */
		int events;		/* list-wait.c: descriptor + 1 */
	} links[4]; /* instances may be on several connections */
};

/* The settings, read at first use, and with them where the storage is and which
 * hypervisor is meant. Borrowed, until the file is changed by this context. */
struct config;
int context_config(struct vmctl *ctx, const struct config **ret,
		   struct vmctl_error *err);

/* The database, opened at first use; reads the settings too. Borrowed. */
int context_state(struct vmctl *ctx, struct state **ret,
		  struct vmctl_error *err);

/* A hypervisor, connected at first use; `uri` NULL is the context's own. Both
 * are borrowed. An instance is always spoken to on the connection that it was
 * made on, whatever the context's own is. */
int context_hv(struct vmctl *ctx, const char *uri,
	       const struct hv_ops **ret_ops, struct hv **ret,
	       struct vmctl_error *err);

/* Mode of the folders that hold disks: 0700, but 0711 where libvirt runs guests
 * as another user: for root, and on the system's connection. */
mode_t context_dir_mode(const struct vmctl *ctx);

/* Where a file or folder lives: below the storage folder what begins with
 * "images" or "instances", else below data_dir. NULL only when memory is
 * short. The caller frees. */
char *context_path(const struct vmctl *ctx, const char *sub);

/* The folder that holds images and instances. */
const char *context_storage(const struct vmctl *ctx);

/* storage.c: that it can be this home's, VMCTL_STATE when it is another's;
 * opening the database includes it. `db` NULL: there is none yet. */
int context_storage_check(struct vmctl *ctx, struct state *db,
			  struct vmctl_error *err);

/* Makes it and puts this home's mark into it, before anything else is put
 * there. */
int context_storage_claim(struct vmctl *ctx, struct vmctl_error *err);

/* Names that the storage's "images" and "instances" have for what is in them:
 * a digest with ".qcow2", an id. */
bool storage_is_image(const char *name);
bool storage_is_instance(const char *name);

/* The user's home directory; NULL when none is known. The caller frees. */
char *context_home(void);

/* VMCTL_INVALID: no home directory is known. */
int context_fail_home(struct vmctl_error *err);

#endif
