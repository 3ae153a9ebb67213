/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>

#include "base/str.h"

/* Thin helpers over jansson, for its reference counts and for messages. */
DEFINE_CLEANUP(json, json_t *, json_decref);
#define auto_json auto_cleanup(json_cleanup)

/* Parses; `what` names the source in the message (VMCTL_BAD_DATA). */
int json_parse(const char *text, size_t len, const char *what, json_t **ret,
	       struct vmctl_error *err);

/* Serialises with sorted keys kept as inserted; indent 0 is compact. */
int json_text(const json_t *value, int indent, char **ret,
	      struct vmctl_error *err);

/* A member's value, or the default when it is absent or of another type. */
const char *json_get_string(const json_t *object, const char *key,
			    const char *fallback);
int64_t json_get_int(const json_t *object, const char *key, int64_t fallback);
bool json_get_bool(const json_t *object, const char *key, bool fallback);

#endif
