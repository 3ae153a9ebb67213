/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded into a program, it leaks: see tests/asan/search.sh. */
#include <stdlib.h>

static void *volatile kept;

__attribute__((constructor)) static void leak(void)
{
	kept = malloc(77);
	kept = NULL;
}
