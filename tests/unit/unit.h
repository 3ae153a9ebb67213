/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

/* cmocka wants these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka has a macro of this name, we a function. */
#undef fail

/* A call that has to work: shows why it did not. */
#define must(call)                                                             \
	do {                                                                   \
		struct vmctl_error why_ = { 0 };                               \
		struct vmctl_error *err = &why_;                               \
		if ((call) < 0) {                                              \
			print_error("%s: %s\n", #call, why_.message);          \
			_fail(__FILE__, __LINE__);                             \
		}                                                              \
	} while (0)

/* A call that has to fail so. `err` is at hand for the call. */
#define must_fail(code_, call)                                                 \
	do {                                                                   \
		struct vmctl_error why_ = { 0 };                               \
		struct vmctl_error *err = &why_;                               \
		assert_int_equal((call), -(int)(code_));                       \
		assert_int_equal(why_.code, (code_));                          \
		assert_true(why_.message[0]);                                  \
	} while (0)

/* For what this kernel or its container does not give. A program that is
 * missing is a failure: see scripts/deps. */
#define skip_because(...)                                                      \
	do {                                                                   \
		print_message("# skipped: " __VA_ARGS__);                      \
		print_message("\n");                                           \
		skip();                                                        \
	} while (0)

#endif
