/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_USER_DATA_H
#define INSTANCE_USER_DATA_H

#include "base/json.h"

/* What vmctl has to know of a user's document, as user_data_read() gave it. */

/* user-parts.c: the parts of a message, those of multiparts within it as well,
 * decoded and with the type that cloud-init takes them for; what is not a
 * message is one part. */
int user_parts_each(const char *text,
		    int (*each)(void *data, const char *type, const char *part,
				size_t len, struct vmctl_error *err),
		    void *data, struct vmctl_error *err);

/* user-config.c: its cloud-configs, in YAML or in that kind of it that is JSON.
 * VMCTL_INVALID when cloud-init could not read one, and would go on without. */
struct user_configs {
	json_t *list;	 /* array of objects, in their order */
	bool hides_keys; /* something else, too, seems to set ssh_keys */
	bool has_others; /* parts that are not cloud-configs */
};

#define USER_CONFIGS_INIT ((struct user_configs){ 0 })

int user_configs_read(const char *text, struct user_configs *ret,
		      struct vmctl_error *err);
void user_configs_done(struct user_configs *c);
#define auto_user_configs auto_cleanup(user_configs_done) struct user_configs

/* The value that stands: that of the last one that has the key, as cloud-init
 * joins them unless they say otherwise. How many have it. NULL: none. */
const json_t *user_configs_get(const struct user_configs *c, const char *key,
			       size_t *ret_n);

#endif
