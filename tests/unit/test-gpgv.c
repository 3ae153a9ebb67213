/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "driver/gpgv.h"

/* The program is a script here that says what gpgv(1) would; the real one is
 * tested with the command. */
static char dir[] = "/tmp/gpgv.XXXXXX";

static int setup(void **state)
{
	auto_free char *path = NULL;

	if (!mkdtemp(dir))
		return -1;
	path = str_printf("%s:%s", dir, getenv("PATH"));
	return setenv("PATH", path, 1);
}

static int teardown(void **state)
{
	return dir_remove(dir, NULL);
}

static int verdict(const char *says, int status, char *signer)
{
	const struct gpgv_check what = { .keyring = "/k", .data = "/d" };
	auto_free char *file = path_join(dir, "gpgv");
	auto_free char *text = str_printf("#!/bin/sh\ncat <<'END'\n%s\nEND\n"
					  "exit %d\n",
					  says, status);

	assert_int_equal(
		file_write_atomic(file, text, strlen(text), 0755, NULL), 0);
	return gpgv_verify(&what, NULL, signer, NULL);
}

#define GOOD                                                                   \
	"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1234 Somebody\n"                    \
	"[GNUPG:] VALIDSIG AAAA 2026-11-20 1 0 4 0 22 10 00 ABCDEF\n"
#define UNKNOWN "[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG 1 2\n[GNUPG:] NO_PUBKEY 1\n"
#define BAD "[GNUPG:] NEWSIG\n[GNUPG:] BADSIG 1234 Somebody\n"
#define EXPIRED                                                                \
	"[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG 1234 Somebody\n"                  \
	"[GNUPG:] VALIDSIG BBBB 2026-11-20 1 0 4 0 22 10 00 FEDCBA\n"

static void img_003_one_good_and_none_bad_is_good(void **state)
{
	char signer[GPGV_FINGERPRINT] = "";

	assert_int_equal(verdict(GOOD, 0, signer), 0);
	assert_string_equal(signer, "ABCDEF");
	assert_int_equal(verdict(UNKNOWN GOOD, 2, signer), 0);
	assert_int_equal(verdict(GOOD UNKNOWN, 2, signer), 0);
	assert_int_equal(verdict(EXPIRED GOOD, 2, signer), 0);
	assert_string_equal(signer, "ABCDEF");
}

static void img_003_all_else_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"garbage",
		UNKNOWN,
		BAD,
		GOOD BAD,
		BAD GOOD,
		EXPIRED,
		"[GNUPG:] NEWSIG\n[GNUPG:] REVKEYSIG 1 Who\n"
		"[GNUPG:] VALIDSIG BBBB FEDCBA",
		"[GNUPG:] NEWSIG\n[GNUPG:] EXPSIG 1 Who\n"
		"[GNUPG:] VALIDSIG BBBB FEDCBA",
		/* A good one without its key, and a key without its good. */
		"[GNUPG:] GOODSIG 1234 Somebody",
		"[GNUPG:] VALIDSIG AAAA ABCDEF",
		"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 1 Who\n" EXPIRED,
		"gpgv: [GNUPG:] GOODSIG 1 Who\n x[GNUPG:] VALIDSIG A B",
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char signer[GPGV_FINGERPRINT] = "";

		assert_int_equal(verdict(cases[i], 0, signer), -VMCTL_BAD_DATA);
		assert_string_equal(signer, "");
	}
}

static void without_the_program_it_is_not_found(void **state)
{
	const struct gpgv_check what = { .keyring = "/k", .data = "/d" };
	auto_free char *path = strdup(getenv("PATH"));
	char signer[GPGV_FINGERPRINT];

	assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
	assert_int_equal(gpgv_verify(&what, NULL, signer, NULL),
			 -VMCTL_NOT_FOUND);
	assert_int_equal(setenv("PATH", path, 1), 0);
}

/* --- armour -------------------------------------------------------------- */

#define BEGIN "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
#define END "-----END PGP PUBLIC KEY BLOCK-----\n"

static void is_dearmoured(const char *text, const char *expected)
{
	auto_str out = STR_INIT;
	struct vmctl_error err;
	int r = gpgv_dearmour(text, strlen(text), &out, &err);

	if (!expected) {
		assert_int_equal(r, -VMCTL_BAD_DATA);
		assert_null(out.p);
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(str_text(&out), expected);
}

static void keys_lose_their_armour(void **state)
{
	is_dearmoured(BEGIN "\naGVs\nbG8=\n=abcd\n" END, "hello");
	is_dearmoured(BEGIN "Version: 1\nComment: x\n\naGVsbG8=\n" END,
		      "hello");
	is_dearmoured("text\n" BEGIN "\naGVs\n" END "more\n" BEGIN
		      "\nbG8=\n=abcd\n" END,
		      "hello");
	is_dearmoured("-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\naGVs\r\n"
		      "bG8=\r\n=abcd\r\n"
		      "-----END PGP PUBLIC KEY BLOCK-----\r\n",
		      "hello");
	is_dearmoured("not armoured", "not armoured");
	is_dearmoured("", "");
	is_dearmoured(BEGIN "\naGVsbG8=\n", BEGIN "\naGVsbG8=\n");
	is_dearmoured(BEGIN "\n*\n" END, NULL);
	is_dearmoured(BEGIN "\naGVsbG8\n" END, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(img_003_one_good_and_none_bad_is_good),
		cmocka_unit_test(img_003_all_else_is_refused),
		cmocka_unit_test(without_the_program_it_is_not_found),
		cmocka_unit_test(keys_lose_their_armour),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
