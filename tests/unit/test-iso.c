/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "base/file.h"
#include "driver/iso.h"

#define EPOCH 1700000000 /* 2023-11-14 22:13:20 UTC */

static const struct iso_ops *iso;

static const struct iso_file files[] = {
	{ "meta-data", "instance-id: i-1\n", 17 },
	{ "user-data", "#cloud-config\n{}\n", 17 },
	{ "network-config", "version: 2\n", 11 },
};

static int setup(void **state)
{
	struct vmctl_error err;

	if (iso_load(&iso, &err) == 0)
		return 0;
	print_error("%s\n", err.message);
	return -1;
}

static void make(struct str *ret, const struct iso_file *list, size_t n)
{
	auto_close int fd = memfd_create("iso", MFD_CLOEXEC);
	struct vmctl_error err;

	if (iso->write(fd, "cidata", list, n, EPOCH, &err) < 0)
		print_error("%s\n", err.message);
	slurp(fd, ret);
	assert_true(ret->len > 32768);
}

static void the_volume_is_called_cidata_in_lower_case(void **state)
{
	auto_str image = STR_INIT;

	make(&image, files, ARRAY_LEN(files));
	/* ECMA-119, 8.4: the primary descriptor, and the one of Joliet */
	assert_memory_equal(image.p + 16 * 2048,
			    "\x01"
			    "CD001",
			    6);
	assert_memory_equal(image.p + 16 * 2048 + 40,
			    "cidata                          ", 32);
	assert_memory_equal(image.p + 17 * 2048,
			    "\x02"
			    "CD001",
			    6);
	assert_memory_equal(image.p + 17 * 2048 + 40, "\0c\0i\0d\0a\0t\0a", 12);
	assert_memory_equal(image.p + 17 * 2048 + 88, "%/E", 3); /* Joliet */
}

static uint32_t le32(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The name that the Rock Ridge field NM gives a directory record. */
static bool is_named(const unsigned char *rec, const char *name)
{
	const unsigned char *p = rec + 33 + rec[32] + !(rec[32] & 1);

	for (; p + 5 <= rec + rec[0] && p[2] >= 4; p += p[2])
		if (p[0] == 'N' && p[1] == 'M')
			return p[2] == 5 + strlen(name) &&
			       memcmp(p + 5, name, strlen(name)) == 0;
	return false;
}

/* Read by the letter of ECMA-119, 9.1, not by the library that wrote it. */
static const unsigned char *find(const struct str *image, const char *name)
{
	const unsigned char *bytes = (const unsigned char *)image->p;
	const unsigned char *root = bytes + 16 * 2048 + 156;
	const unsigned char *rec = bytes + le32(root + 2) * 2048;

	for (; rec[0]; rec += rec[0])
		if (is_named(rec, name))
			return rec;
	return NULL;
}

static void the_files_come_back_as_they_were(void **state)
{
	static const unsigned char date[] = { 123, 11, 14, 22, 13, 20, 0 };
	auto_str image = STR_INIT;
	auto_free char *big = malloc(3000000);
	struct iso_file list[] = { files[0],
				   files[1],
				   { "vendor-data", big, 3000000 } };

	for (size_t i = 0; i < 3000000; i++)
		big[i] = (char)(i * 31 >> 3);
	make(&image, list, ARRAY_LEN(list));
	for (size_t i = 0; i < ARRAY_LEN(list); i++) {
		const unsigned char *rec = find(&image, list[i].name);

		assert_non_null(rec);
		assert_int_equal(le32(rec + 10), list[i].n);
		assert_memory_equal(image.p + le32(rec + 2) * 2048,
				    list[i].bytes, list[i].n);
		assert_memory_equal(rec + 18, date, sizeof(date));
	}
}

/* The present time is nowhere in it: neither as numbers of either kind nor,
 * in libarchive's own sector, as text. */
static void the_image_is_reproducible(void **state)
{
	auto_str image = STR_INIT;
	time_t now = time(NULL);
	struct tm tm;
	char date[32], word[32];

	make(&image, files, ARRAY_LEN(files));
	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y%m%d", &tm);
	strftime(word, sizeof(word), " %Y\n", &tm);
	assert_null(memmem(image.p, image.len, date, 8));
	assert_null(memmem(image.p, image.len, word, 6));
	const unsigned char brief[] = { (unsigned char)tm.tm_year,
					(unsigned char)(tm.tm_mon + 1),
					(unsigned char)tm.tm_mday };
	assert_null(memmem(image.p, image.len, brief, 3));
}

static void what_cannot_be_written_is_told(void **state)
{
	auto_close int full = open("/dev/full", O_RDWR | O_CLOEXEC);
	auto_close int fd = memfd_create("iso", MFD_CLOEXEC);
	struct vmctl_error err;

	assert_true(iso->write(full, "cidata", files, 3, EPOCH, &err) < 0);
	assert_non_null(strstr(err.message, "ISO"));
	assert_int_equal(iso->write(fd, "a-name-that-is-too-long", files, 3,
				    EPOCH, &err),
			 -VMCTL_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_volume_is_called_cidata_in_lower_case),
		cmocka_unit_test(the_files_come_back_as_they_were),
		cmocka_unit_test(the_image_is_reproducible),
		cmocka_unit_test(what_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
