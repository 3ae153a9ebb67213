/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "image/qcow2.h"

/* lib/image/qcow2-tables.c, on images of qemu-img and on spoiled ones. */

struct image {
	char *path;
	int fd;
	struct qcow2_header header;
	uint64_t size;
};

static int read_header(struct place *p, struct image *im)
{
	unsigned char head[QCOW2_LOOK];
	struct stat st;
	ssize_t n;

	assert_int_equal(fstat(im->fd, &st), 0);
	im->size = (uint64_t)st.st_size;
	n = pread(im->fd, head, sizeof(head), 0);
	assert_true(n > 0);
	return qcow2_parse(head, (size_t)n, im->size, "x", &im->header,
			   &p->err);
}

static struct image open_image(struct place *p, bool compressed)
{
	struct image im = { make_qcow2(p, "disk.qcow2", 1, compressed) };

	im.fd = open(im.path, O_RDWR | O_CLOEXEC);
	assert_true(im.fd >= 0);
	assert_int_equal(read_header(p, &im), 0);
	return im;
}

static void close_image(struct image *im)
{
	free(im->path);
	close(im->fd);
}

static int complete(struct place *p, const struct image *im)
{
	return qcow2_complete(im->fd, im->size, "x", &im->header, &p->err);
}

static void images_of_all_kinds_are_complete(void **state)
{
	struct place *p = *state;
	static const char *const options[] = {
		"compat=0.10",	   "cluster_size=512",
		"cluster_size=2M", "extended_l2=on,cluster_size=16k",
		"refcount_bits=1", "compression_type=zstd",
	};
	auto_free char *raw = make_raw(p, "r.raw", 1 << 20, 3);

	for (size_t i = 0; i < 2 * ARRAY_LEN(options); i++) {
		struct image im = { place_path(p, "o.qcow2") };

		run_program("qemu-img", "convert", "-f", "raw", "-O", "qcow2",
			    "-o", options[i / 2], raw, im.path,
			    i % 2 ? "-c" : NULL, NULL);
		im.fd = open(im.path, O_RDONLY | O_CLOEXEC);
		assert_int_equal(read_header(p, &im), 0);
		assert_int_equal(complete(p, &im), 0);
		assert_int_equal(unlink(im.path), 0);
		close_image(&im);
	}
}

static void the_bitmaps_of_extended_entries_are_no_entries(void **state)
{
	struct place *p = *state;
	struct image im = { place_path(p, "sub.qcow2") };

	/* The bit that says "compressed" in an entry says "subcluster 30 is
	 * zero" in the bitmap beside it. */
	run_program("qemu-img", "create", "-q", "-f", "qcow2", "-o",
		    "extended_l2=on,cluster_size=16k", im.path, "1M", NULL);
	run_program("qemu-io", "-f", "qcow2", "-c", "write 0 16k", "-c",
		    "write -z 15k 512", im.path, NULL);
	im.fd = open(im.path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read_header(p, &im), 0);
	assert_true(im.header.extended_l2);
	assert_int_equal(complete(p, &im), 0);
	close_image(&im);
}

static void every_cut_of_a_compressed_image_shows(void **state)
{
	struct place *p = *state;
	struct image im = open_image(p, true);
	uint64_t whole = im.size;

	for (uint64_t cut = 1; cut < whole; cut += 1 + cut / 3) {
		int r;

		assert_int_equal(ftruncate(im.fd, (off_t)(whole - cut)), 0);
		/* Of what is cut far enough the header says it. */
		r = whole - cut > 4 ? read_header(p, &im) : -VMCTL_BAD_DATA;
		if (r == 0)
			r = complete(p, &im);
		assert_int_equal(r, -VMCTL_BAD_DATA);
	}
	close_image(&im);
}

static void put64(const struct image *im, uint64_t at, uint64_t v)
{
	unsigned char b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (unsigned char)(v >> (56 - 8 * i));
	assert_int_equal(pwrite(im->fd, b, 8, (off_t)at), 8);
}

static void a_table_in_an_impossible_place_is_refused(void **state)
{
	struct place *p = *state;
	static const uint64_t places[] = {
		512,		     /* not at a cluster */
		UINT64_C(1) << 40,   /* behind the end */
		UINT64_C(0xff) << 48 /* as far as it goes */
	};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct image im = open_image(p, false);

		put64(&im, im.header.l1_offset, places[i]);
		assert_int_equal(complete(p, &im), -VMCTL_BAD_DATA);
		close_image(&im);
	}
}

static void one_table_named_a_million_times_is_not_read_so_often(void **state)
{
	struct place *p = *state;
	struct image im = open_image(p, false);
	auto_free unsigned char *l1 = malloc(8 << 20);
	uint64_t at = im.size / 65536 * 65536 + 65536;

	/* An L1 table of a million entries that all lead to the same place:
	 * read each time, that would be 64 GB. */
	for (size_t i = 0; i < 8 << 20; i++)
		l1[i] = i % 8 == 5 ? 4 : 0; /* 0x40000 */
	assert_int_equal(pwrite(im.fd, l1, 8 << 20, (off_t)at), 8 << 20);
	im.header.l1_offset = at;
	im.header.l1_size = 1 << 20;
	im.size = at + (8 << 20);
	assert_int_equal(complete(p, &im), -VMCTL_BAD_DATA);
	close_image(&im);
}

static void no_table_whatever_does_harm(void **state)
{
	struct place *p = *state;
	struct image im = open_image(p, true);
	unsigned x = 99;

	for (int i = 0; i < 300; i++) {
		x = x * 1664525u + 1013904223u;
		put64(&im, im.header.l1_offset, (uint64_t)x << (x >> 27));
		put64(&im, (x >> 12) % 6 * 65536 + (x & 0x1fff8),
		      ((uint64_t)x << 40) ^ x);
		int r = complete(p, &im);
		assert_true(r == 0 || r == -VMCTL_BAD_DATA);
	}
	close_image(&im);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(images_of_all_kinds_are_complete),
		TEST(the_bitmaps_of_extended_entries_are_no_entries),
		TEST(every_cut_of_a_compressed_image_shows),
		TEST(a_table_in_an_impossible_place_is_refused),
		TEST(one_table_named_a_million_times_is_not_read_so_often),
		TEST(no_table_whatever_does_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
