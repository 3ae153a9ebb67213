/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include "image/pull.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C128                                                                   \
	"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"     \
	"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

/* What is found for FILE; NULL stands for nothing. */
static void finds(const char *list, bool only, const char *expected)
{
	/* Memory of exactly that size, so that reading on is seen. */
	size_t n = strlen(list);
	auto_free char *text = malloc(n ? n : 1);
	char got[CHECKSUM_TEXT] = "untouched";
	struct vmctl_error err = { 0 };
	int r;

	memcpy(text, list, n);
	r = checksum_find(text, n, "FILE", only, got, &err);
	if (expected) {
		assert_int_equal(r, 0);
		assert_string_equal(got, expected);
	} else {
		assert_int_equal(r, -VMCTL_BAD_DATA);
		assert_string_equal(got, "untouched");
		assert_true(err.message[0]);
	}
}

static void img_003_every_form_of_a_list_is_read(void **state)
{
	finds(A64 "  FILE\n", false, "sha256:" A64);
	finds(A64 " *FILE", false, "sha256:" A64);
	finds(A64 "\tFILE\r\n", false, "sha256:" A64);
	finds("\xef\xbb\xbf" A64 "  FILE\r\n", false, "sha256:" A64);
	finds(A64 "  ./FILE\n", false, "sha256:" A64);
	finds(B64 "  OTHER\n" A64 "  FILE\n", false, "sha256:" A64);
	finds("# note\n\nSHA256 (FILE) = " A64 "\n", false, "sha256:" A64);
	finds("SHA512 (FILE) = " C128 "\n", false, "sha512:" C128);
	finds("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA  FILE\n",
	      false, "sha256:" A64);
}

static void img_003_the_stronger_one_counts_whatever_the_order(void **state)
{
	finds(A64 "  FILE\n" C128 "  FILE\n", false, "sha512:" C128);
	finds(C128 "  FILE\n" A64 "  FILE\n", false, "sha512:" C128);
	finds(A64 "  FILE\n" A64 "  FILE\n", false, "sha256:" A64);
}

static void img_003_what_is_not_of_the_file_is_not_taken_for_it(void **state)
{
	finds("", false, NULL);
	finds("\n", false, NULL);
	finds(A64, false, NULL);
	finds(A64 "  ", false, NULL);
	finds(A64 "FILE\n", false, NULL);
	finds(A64 "  FILES\n", false, NULL);
	finds(A64 "  XFILE\n", false, NULL);
	finds(A64 "  dir/FILE\n", false, NULL);
	finds("a" A64 "  FILE\n", false, NULL);
	finds("d41d8cd98f00b204e9800998ecf8427e  FILE\n", false, NULL);
	finds("MD5 (FILE) = " A64 "\n", false, NULL);
	finds("SHA256 (FILE) = " C128 "\n", false, NULL);
	finds("SHA256 (FILE) = " A64 "a\n", false, NULL);
	finds("SHA256 (FILE) " A64 "\n", false, NULL);
	finds("SHA256 (OTHER) = " A64 "\n", false, NULL);
	finds("SHA256 (", false, NULL);
	finds("SHA256 (FILE) = ", false, NULL);
	finds("SHA256 (FILE)", true, NULL);
	finds(A64 "  FILE\n" B64 "  FILE\n", false, NULL);
}

static void img_003_a_list_about_one_file_may_call_it_anything(void **state)
{
	finds(A64, true, "sha256:" A64);
	finds(C128 "\n", true, "sha512:" C128);
	finds(A64 "  OTHER\n", true, "sha256:" A64);
	finds("SHA256 (OTHER) = " A64 "\n", true, "sha256:" A64);
	finds(A64 "\n" B64 "\n", true, NULL);
	finds("nothing\n", true, NULL);
}

static void no_bytes_whatever_do_any_harm(void **state)
{
	unsigned seed = 1;

	for (int round = 0; round < 20000; round++) {
		char list[200], got[CHECKSUM_TEXT];
		size_t n = (size_t)(seed >> 8) % sizeof(list);

		for (size_t i = 0; i < n; i++) {
			static const char some[] = "aF0 *()=\n\r\t/.\0SHA2561";

			seed = seed * 1103515245 + 12345;
			list[i] = some[(seed >> 16) % sizeof(some)];
		}
		seed = seed * 1103515245 + 12345;
		auto_free char *text = malloc(n ? n : 1);
		memcpy(text, list, n);
		(void)checksum_find(text, n, "FILE", round & 1, got, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(img_003_every_form_of_a_list_is_read),
		cmocka_unit_test(
			img_003_the_stronger_one_counts_whatever_the_order),
		cmocka_unit_test(
			img_003_what_is_not_of_the_file_is_not_taken_for_it),
		cmocka_unit_test(
			img_003_a_list_about_one_file_may_call_it_anything),
		cmocka_unit_test(no_bytes_whatever_do_any_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
