/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_SELECTOR_H
#define INSTANCE_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* label.c: what labels are made of, and the refusals. */
bool label_key_ok(const char *key, size_t n);
bool label_value_ok(const char *value, size_t n);
int fail_label_key(const char *key, size_t n, struct vmctl_error *err);
int fail_label_value(const char *value, size_t n, struct vmctl_error *err);

#endif
