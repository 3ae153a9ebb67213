/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded into a program, it does what C leaves undefined: see
 * tests/asan/leaks.bats. */
static volatile int highest = 0x7fffffff;

__attribute__((constructor)) static void overflow(void)
{
	highest += 1;
}
