/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_HOST_NAME_H
#define DRIVER_HOST_NAME_H

#include <stdbool.h>

/* Whether that is what this host calls itself, in any case of letters:
 * localhost and the like, its hostname, and in its hosts(5) the names of
 * addresses that lead back to it. */
bool host_name_is_own(const char *name);

/* The same of the text of a hosts(5) alone. */
bool host_name_in(const char *hosts, const char *name);

#endif
