/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_YAML_SCALAR_H
#define DRIVER_YAML_SCALAR_H

#include "base/json.h"

/* What a plain word stands for in YAML 1.1; NULL when memory is short. */
json_t *scalar_plain(const char *text, size_t len);

/* Whether it is one of YAML's own tags (`!!NAME`), of these names. */
bool tag_is(const char *tag, const char *const *names);

#endif
