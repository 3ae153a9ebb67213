/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_CONFIG_H
#define VMCTL_CONFIG_H

#include <stdint.h>

#include <vmctl/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Settings: what a user may want to be the default. They are kept in a JSON
 * file, "a.b" as member b of the object a. What a call or a command line says
 * comes first, then the environment, then the file, then what is built in.
 *
 * Every call that needs a setting fails with VMCTL_INVALID while the file is
 * not acceptable. Those below are how it is mended, and say so themselves.
 */
enum vmctl_setting_type {
	VMCTL_SETTING_NAME,	/* a name without control characters */
	VMCTL_SETTING_NAMES,	/* several */
	VMCTL_SETTING_URI,	/* "qemu:///session" */
	VMCTL_SETTING_CHOICE,	/* one of `choices` */
	VMCTL_SETTING_INT,	/* within [min, max] */
	VMCTL_SETTING_SIZE,	/* "1G"; min 0: also "0" */
	VMCTL_SETTING_DURATION, /* "5m" */
	VMCTL_SETTING_FOLDER,	/* an absolute path */
	VMCTL_SETTING_SUBNET,	/* IPv4, "192.168.100.0/24" */
	VMCTL_SETTING_TYPE,	/* name of an instance type */
};

struct vmctl_setting {
	const char *key; /* NULL ends the table */
	enum vmctl_setting_type type;
	const char *about;    /* lower case, no full stop */
	const char *fallback; /* what is built in, as text; NULL: nothing */
	const char *fallback_about; /* what nothing means, or NULL */
	const char *environment;    /* variable that comes before the file */
	const char *const *choices;
	int64_t min, max;
};

/* All of them, in the order of the manual. Static storage. */
VMCTL_API const struct vmctl_setting *vmctl_settings(void);

/* "size", for people. Never NULL. */
VMCTL_API const char *vmctl_setting_type_name(enum vmctl_setting_type type);

/* One setting, or one member of an instance type ("types.big.cpus"). */
struct vmctl_config_entry {
	char *key;
	char *value;	    /* in effect, as text; lists joined by ","; may
			     * be empty */
	char *fallback;	    /* built in; may be empty */
	const char *source; /* "environment", "configuration" or "default" */
	const char *type;   /* vmctl_setting_type_name() */
	const char *about;
	char *problem; /* why the file's value is not taken, or empty */
};

struct vmctl_config_list {
	size_t count;
	struct vmctl_config_entry **items;
};

VMCTL_API void vmctl_config_entry_free(struct vmctl_config_entry *entry);
VMCTL_API void vmctl_config_list_free(struct vmctl_config_list *list);

/* The file, whether it exists or not. Borrowed. NULL when no home directory is
 * known: all is as built in then. */
VMCTL_API const char *vmctl_config_path(struct vmctl *ctx);

/* All settings, and the types that the file adds. What is wrong in the file is
 * told by a warning for each; VMCTL_INVALID only when it is not JSON. */
VMCTL_API int vmctl_config_list(struct vmctl *ctx,
				struct vmctl_config_list **ret,
				struct vmctl_error *err);

/* One of them. VMCTL_INVALID, naming the nearest, when there is no such
 * setting. */
VMCTL_API int vmctl_config_get(struct vmctl *ctx, const char *key,
			       struct vmctl_config_entry **ret,
			       struct vmctl_error *err);

/* Changes the file: all or nothing, under a lock. `values` is NULL-terminated,
 * one value but for lists. VMCTL_INVALID, and nothing is changed, when a value
 * is not acceptable or would make another setting so. VMCTL_STATE for another
 * storage folder while something is stored. */
VMCTL_API int vmctl_config_set(struct vmctl *ctx, const char *key,
			       const char *const *values,
			       struct vmctl_error *err);

/* Takes it out of the file; also what is no setting. Not being there is
 * success. "types.NAME" takes a whole type out. */
VMCTL_API int vmctl_config_unset(struct vmctl *ctx, const char *key,
				 struct vmctl_error *err);

/* The file's text; "{\n}\n" when there is none. The caller frees *ret. */
VMCTL_API int vmctl_config_read(struct vmctl *ctx, char **ret,
				struct vmctl_error *err);

/* Puts `text` in the place of the file, if it is acceptable. `before` is what
 * vmctl_config_read() gave: VMCTL_BUSY when the file has changed since. `name`
 * is what messages call the text. */
VMCTL_API int vmctl_config_replace(struct vmctl *ctx, const char *before,
				   const char *text, const char *name,
				   struct vmctl_error *err);

/* The file's value of a setting, else what is built in, for a caller that acts
 * on it. *ret is borrowed from the context until the next of the calls above;
 * NULL when there is none. The number of sizes is bytes, of durations
 * milliseconds. VMCTL_INTERNAL for what is no setting. */
VMCTL_API int vmctl_config_text(struct vmctl *ctx, const char *key,
				const char **ret, struct vmctl_error *err);
VMCTL_API int vmctl_config_number(struct vmctl *ctx, const char *key,
				  int64_t *ret, struct vmctl_error *err);

/* One EC2-like size (INST-002). */
struct vmctl_type {
	char *name;
	int64_t vcpus, memory, disk; /* memory and disk in bytes */
	const char *source;	     /* "builtin" or "configuration" */
};

struct vmctl_type_list {
	size_t count;
	struct vmctl_type *items;
};

VMCTL_API void vmctl_type_list_free(struct vmctl_type_list *list);

/* The types that are built in, and then those of the file in its order. */
VMCTL_API int vmctl_type_list(struct vmctl *ctx, struct vmctl_type_list **ret,
			      struct vmctl_error *err);

#ifdef __cplusplus
}
#endif
#endif
