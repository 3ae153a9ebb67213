/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include <stdlib.h>

#include "base/str.h"
#include "image/qcow2.h"

/* A header as qemu-img writes it, to be spoiled by the tests. */
struct sample {
	unsigned char bytes[4096];
	size_t n;
	uint64_t file_size;
	struct qcow2_header header;
	struct vmctl_error err;
};

static void put32(struct sample *s, size_t at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		s->bytes[at + (size_t)i] = (unsigned char)(v >> (24 - 8 * i));
}

static void put64(struct sample *s, size_t at, uint64_t v)
{
	put32(s, at, (uint32_t)(v >> 32));
	put32(s, at + 4, (uint32_t)v);
}

static int setup(void **state)
{
	struct sample *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	s->n = sizeof(s->bytes);
	s->file_size = 4 * 65536;
	memcpy(s->bytes, "QFI\xfb", 4);
	put32(s, 4, 3);
	put32(s, 20, 16);		 /* cluster_bits */
	put64(s, 24, UINT64_C(8) << 30); /* size */
	put32(s, 36, 16);		 /* l1_size */
	put64(s, 40, 3 * 65536);	 /* l1_table_offset */
	put64(s, 48, 65536);		 /* refcount_table_offset */
	put32(s, 56, 1);		 /* refcount_table_clusters */
	put32(s, 96, 4);		 /* refcount_order */
	put32(s, 100, 104);		 /* header_length */
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static int parse(struct sample *s)
{
	/* A copy of just that size lets the sanitizer see what is read. */
	auto_free unsigned char *copy = malloc(s->n ? s->n : 1);

	memcpy(copy, s->bytes, s->n);
	return qcow2_parse(copy, s->n, s->file_size, "x.qcow2", &s->header,
			   &s->err);
}

static void refused(struct sample *s, const char *because)
{
	memset(&s->err, 0, sizeof(s->err));
	assert_int_equal(parse(s), -VMCTL_BAD_DATA);
	if (!strstr(s->err.message, because))
		assert_string_equal(s->err.message, because);
}

static void a_sound_header_is_read(void **state)
{
	struct sample *s = *state;

	assert_int_equal(parse(s), 0);
	assert_int_equal(s->header.version, 3);
	assert_int_equal(s->header.cluster_bits, 16);
	assert_int_equal(s->header.virtual_size, INT64_C(8) << 30);
}

static void version_2_needs_no_more_than_its_72_bytes(void **state)
{
	struct sample *s = *state;

	put32(s, 4, 2);
	memset(s->bytes + 72, 0, sizeof(s->bytes) - 72);
	assert_int_equal(parse(s), 0);
	assert_int_equal(s->header.version, 2);
	s->n = 71;
	refused(s, "cut short");
}

static void other_files_are_not_qcow2(void **state)
{
	struct sample *s = *state;

	put32(s, 4, 1);
	refused(s, "version 1");
	put32(s, 4, 4);
	refused(s, "version 4");
	s->bytes[3] = 0;
	refused(s, "not a qcow2 image");
	s->n = 3;
	refused(s, "not a qcow2 image");
	s->n = 0;
	refused(s, "not a qcow2 image");
}

static void a_backing_file_is_refused_and_named(void **state)
{
	struct sample *s = *state;

	memcpy(s->bytes + 1024, "/etc/shadow\x1b[2J", 15);
	put64(s, 8, 1024);
	put32(s, 16, 15);
	refused(s, "/etc/shadow");
	assert_null(strchr(s->err.message, '\x1b'));

	/* Also where its name cannot be shown. */
	put64(s, 8, UINT64_MAX);
	refused(s, "a backing file");
	put64(s, 8, 4090);
	refused(s, "a backing file");
	put64(s, 8, 1024);
	put32(s, 16, UINT32_MAX);
	refused(s, "a backing file");
	put32(s, 16, 0);
	refused(s, "a backing file");
}

static void an_external_data_file_is_refused(void **state)
{
	struct sample *s = *state;

	put64(s, 72, 4);
	refused(s, "external data file");
	/* And its name alone, without the bit. */
	put64(s, 72, 0);
	put32(s, 104, 0x44415441);
	put32(s, 108, 8);
	refused(s, "external data file");
}

static void encryption_is_refused(void **state)
{
	struct sample *s = *state;

	put32(s, 32, 1);
	refused(s, "encrypted");
	put32(s, 32, 2);
	refused(s, "encrypted");
	put32(s, 32, 0);
	put32(s, 104, 0x0537be77);
	put32(s, 108, 16);
	refused(s, "encrypted");
}

static void features_that_are_not_known_are_refused(void **state)
{
	struct sample *s = *state;

	for (int bit = 5; bit < 64; bit++) {
		put64(s, 72, UINT64_C(1) << bit);
		refused(s, "not known");
	}
	put64(s, 72, 1 << 3 | 1 << 4); /* compression type, extended L2 */
	assert_int_equal(parse(s), 0);
	put64(s, 80, UINT64_MAX); /* compatible features may be ignored */
	put64(s, 88, UINT64_MAX); /* and so may these */
	assert_int_equal(parse(s), 0);
}

static void an_image_marked_as_damaged_is_refused(void **state)
{
	struct sample *s = *state;

	put64(s, 72, 2);
	refused(s, "marked as damaged");
	put64(s, 72, 1);
	refused(s, "not closed properly");
	assert_non_null(strstr(s->err.hint, "qemu-img check"));
}

static void sizes_beyond_reason_are_refused(void **state)
{
	struct sample *s = *state;

	put64(s, 24, 0);
	refused(s, "disk size");
	put64(s, 24, ((uint64_t)1 << 50) + 1);
	refused(s, "disk size");
	put64(s, 24, UINT64_MAX);
	refused(s, "disk size");
	put64(s, 24, UINT64_C(16) * 512 << 20);
	assert_int_equal(parse(s), 0);
	put64(s, 24, (UINT64_C(16) * 512 << 20) + 1);
	refused(s, "L1 table");
}

static void cluster_sizes_beyond_reason_are_refused(void **state)
{
	struct sample *s = *state;
	static const uint32_t bad[] = { 0, 8, 22, 63, 64, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		put32(s, 20, bad[i]);
		refused(s, "cluster size");
	}
	put32(s, 20, 21);
	refused(s, "L1 table"); /* not aligned any more */
	put32(s, 20, 9);
	refused(s, "L1 table"); /* and too small for the disk */
	put64(s, 24, 4096);
	assert_int_equal(parse(s), 0);
}

static void tables_outside_of_the_file_show_a_cut(void **state)
{
	struct sample *s = *state;

	s->file_size = 3 * 65536 + 16 * 8;
	assert_int_equal(parse(s), 0);
	s->file_size--;
	refused(s, "cut short");
	s->file_size = 65536;
	refused(s, "cut short");
	s->file_size = 4 * 65536;
	put64(s, 40, UINT64_MAX - 65535);
	refused(s, "cut short");
	put64(s, 40, 3 * 65536);
	put64(s, 48, 5 * 65536);
	refused(s, "cut short");
	put64(s, 48, 0);
	refused(s, "refcount table");
	put64(s, 48, 65536);
	put32(s, 36, UINT32_MAX);
	refused(s, "L1 table");
}

static void header_lengths_are_bounded(void **state)
{
	struct sample *s = *state;
	static const uint32_t bad[] = { 0,     72,	   103,	     105,
					65537, UINT32_MAX, 65536 + 8 };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		put32(s, 100, bad[i]);
		refused(s, "header length");
	}
	put32(s, 100, 8192);
	refused(s, "cut short");
	put32(s, 100, 112);
	assert_int_equal(parse(s), 0);
	s->n = 100;
	refused(s, "cut short");
}

static void extensions_stay_within_the_header(void **state)
{
	struct sample *s = *state;

	put32(s, 104, 0x6803f857); /* feature names: may be ignored */
	put32(s, 108, 43);
	assert_int_equal(parse(s), 0);
	put32(s, 108, UINT32_MAX);
	refused(s, "extension");
	put32(s, 108, 4096 - 112 + 1);
	refused(s, "extension");
	/* A list that runs to the end of what there is of the file. */
	put32(s, 108, 4096 - 112);
	s->file_size = 3 * 65536 + 128;
	s->n = 4096;
	assert_int_equal(parse(s), 0);
	/* A data file that comes late is seen too. */
	put32(s, 108, 8);
	put32(s, 120, 0x44415441);
	refused(s, "external data file");
}

static void no_bytes_whatever_do_harm(void **state)
{
	struct sample *s = *state;
	unsigned x = 12345;

	for (int round = 0; round < 20000; round++) {
		struct sample t = *s;

		/* Some bytes of a sound header set at random. */
		for (int i = 0; i < 6; i++) {
			x = x * 1664525u + 1013904223u;
			t.bytes[x >> 16 & 127] = (unsigned char)(x >> 8);
		}
		x = x * 1664525u + 1013904223u;
		t.n = round % 3 ? t.n : x >> 20;
		t.file_size = round % 5 ? t.file_size : x >> 12;
		memcpy(t.bytes, "QFI\xfb", 4);
		int r = parse(&t);
		assert_true(r == 0 || r == -VMCTL_BAD_DATA);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sound_header_is_read),
		TEST(version_2_needs_no_more_than_its_72_bytes),
		TEST(other_files_are_not_qcow2),
		TEST(a_backing_file_is_refused_and_named),
		TEST(an_external_data_file_is_refused),
		TEST(encryption_is_refused),
		TEST(features_that_are_not_known_are_refused),
		TEST(an_image_marked_as_damaged_is_refused),
		TEST(sizes_beyond_reason_are_refused),
		TEST(cluster_sizes_beyond_reason_are_refused),
		TEST(tables_outside_of_the_file_show_a_cut),
		TEST(header_lengths_are_bounded),
		TEST(extensions_stay_within_the_header),
		TEST(no_bytes_whatever_do_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
