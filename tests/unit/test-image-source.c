/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"

/* What a file is taken for before it becomes an image. */

static int import_as(struct place *p, const char *file, const char *format)
{
	const struct vmctl_image_import what = { .size = sizeof(what),
						 .file = file,
						 .name = "image",
						 .format = format };
	struct vmctl_image *image = NULL;
	int r = vmctl_image_import(p->ctx, &what, &image, &p->err);

	vmctl_image_free(image);
	return r;
}

/* Refused, also when it is called a raw disk, with that name and way on. */
static void named(struct place *p, const char *file, const char *is,
		  const char *hint)
{
	static const char *const formats[] = { NULL, "raw", "qcow2" };

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		int r = import_as(p, file, formats[i]);

		if (r != -VMCTL_BAD_DATA || !strstr(p->err.message, is))
			print_message("%s: %s\n", is, p->err.message);
		assert_int_equal(r, -VMCTL_BAD_DATA);
		assert_non_null(strstr(p->err.message, is));
		assert_non_null(strstr(p->err.hint, hint));
		assert_null(strstr(p->err.hint, "--format"));
		assert_int_equal(stored_files(p), 0);
	}
}

static char *make_file(struct place *p, const char *name, size_t at,
		       const void *bytes, size_t n)
{
	char *path = place_path(p, name);
	unsigned char zeros[1024] = { 0 };

	assert_int_equal(
		file_write_atomic(path, zeros, sizeof(zeros), 0600, &p->err),
		0);
	patch(path, (long)at, bytes, n);
	return path;
}

static void what_is_packed_is_named(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *bytes, *is, *hint;
	} cases[] = {
		{ "\xfd"
		  "7zXZ\0\0\4",
		  "xz", "xz -dk FILE" },
		{ "\x1f\x8b\x08\0\0\0\0\0", "gzip", "gzip -dk FILE" },
		{ "\x28\xb5\x2f\xfd\x04\0\0\0", "zstd", "zstd -d FILE" },
		{ "BZh91AY&SY", "bzip2", "bzip2 -dk FILE" },
		{ "\x04\x22\x4d\x18\x64\x40\xa7\0", "lz4", "lz4 -d FILE" },
		{ "\x02\x21\x4c\x18\0\0\0\0", "lz4", "lz4 -d FILE" },
		{ "LZIP\x01\x0c\0\0", "lzip", "lzip -dk FILE" },
		{ "PK\x03\x04\0\0\0\0", "zip archive", "unzip FILE" },
		{ "7z\xbc\xaf\x27\x1c\0\0", "7z archive", "7z x FILE" },
		{ "<!DOCTYPE html>", "web page", "browser" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t n = strlen(cases[i].bytes);
		auto_free char *file = make_file(p, "packed", 0, cases[i].bytes,
						 n < 8 ? 8 : n);

		named(p, file, cases[i].is, cases[i].hint);
	}
}

static void images_of_other_formats_are_named(void **state)
{
	struct place *p = *state;
	auto_free char *raw = make_raw(p, "disk.raw", 1 << 20, 1);
	static const struct {
		const char *format, *options, *is;
	} cases[] = {
		{ "vmdk", "subformat=monolithicSparse", "VMDK image" },
		{ "vmdk", "subformat=monolithicFlat", "VMDK image whose data" },
		{ "vdi", "static=on", "VDI image" },
		{ "vhdx", "subformat=dynamic", "VHDX image" },
		{ "vpc", "subformat=dynamic", "VHD image" },
		{ "vpc", "subformat=fixed,force_size=on",
		  "VHD image of fixed" },
		{ "qed", "cluster_size=65536", "QED image" },
		{ "qcow", "encryption=off", "qcow image of version 1" },
		{ "parallels", "cluster_size=1048576", "Parallels image" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *file = place_path(p, cases[i].format);
		auto_free char *hint =
			str_printf("qemu-img convert -f %s -O qcow2 FILE ",
				   cases[i].format);

		run_program("qemu-img", "convert", "-f", "raw", "-O",
			    cases[i].format, "-o", cases[i].options, raw, file,
			    NULL);
		named(p, file, cases[i].is, hint);
	}
}

/* A bootable disk with something behind it. */
static void a_trailer_is_not_taken_for_a_part_of_the_disk(void **state)
{
	struct place *p = *state;
	auto_free char *raw = make_raw(p, "disk.raw", 1 << 20, 1);
	auto_free char *vhd = place_path(p, "disk.vhd");
	auto_free char *dmg = make_raw(p, "disk.dmg", 1 << 20, 1);

	run_program("qemu-img", "convert", "-f", "raw", "-O", "vpc", "-o",
		    "subformat=fixed,force_size=on", raw, vhd, NULL);
	named(p, vhd, "VHD image of fixed", "-f vpc");
	/* Virtual PC left the last byte out once. */
	assert_int_equal(truncate(vhd, (1 << 20) + 511), 0);
	named(p, vhd, "VHD image of fixed", "-f vpc");
	patch(dmg, (1 << 20) - 512, "koly\0\0\0\x04", 8);
	named(p, dmg, "DMG image", "-f dmg");
	assert_int_equal(truncate(vhd, 1 << 20), 0);
	assert_int_equal(import_as(p, vhd, NULL), 0);
}

static void an_archive_and_an_appliance_are_told_apart(void **state)
{
	struct place *p = *state;
	auto_free char *disk = make_raw(p, "box-disk1.vmdk", 4096, 1);
	auto_free char *ovf = make_raw(p, "box.ovf", 4096, 2);
	auto_free char *ova = place_path(p, "box.ova");
	auto_free char *tar = place_path(p, "box.tar");

	run_program("tar", "-C", p->dir, "-cf", ova, "box.ovf",
		    "box-disk1.vmdk", NULL);
	run_program("tar", "-C", p->dir, "-cf", tar, "box-disk1.vmdk",
		    "box.ovf", NULL);
	named(p, ova, "an OVA archive", "-f vmdk -O qcow2 DISK.vmdk");
	named(p, tar, "a tar archive", "tar xf FILE");
}

/* An installer for a stick has the boot sector of a disk. */
static void
an_iso_image_is_taken_only_when_it_boots_and_is_called_raw(void **state)
{
	struct place *p = *state;
	auto_free char *hybrid = make_raw(p, "live.iso", 1 << 16, 1);
	auto_free char *plain = make_raw(p, "cd.iso", 1 << 16, 1);

	patch(hybrid, 32768, "\1CD001", 6);
	patch(plain, 32768, "\1CD001", 6);
	patch(plain, 510, "\0\0", 2);
	named(p, plain, "an ISO 9660 image", "vmctl image catalogue");
	assert_int_equal(import_as(p, hybrid, NULL), -VMCTL_BAD_DATA);
	assert_non_null(strstr(p->err.message, "an ISO 9660 image"));
	assert_int_equal(import_as(p, hybrid, "raw"), 0);
}

struct meddler {
	const char *file;
	int calls;
};

/* Called while the file is copied. */
static bool meddle(void *data)
{
	struct meddler *m = data;

	if (m->calls++ == 0) {
		auto_close int fd = open(m->file, O_WRONLY | O_APPEND);

		assert_int_equal(write(fd, "x", 1), 1);
	}
	return false;
}

static void what_changes_while_it_is_read_is_not_an_image(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_raw(p, "disk.raw", 1 << 20, 1);
	auto_free char *before = make_raw(p, "before.raw", 1 << 20, 1);
	struct meddler m = { .file = file };
	const struct vmctl_options opts = { .size = sizeof(opts),
					    .home = p->home,
					    .cancelled = meddle,
					    .data = &m };

	assert_int_equal(import_as(p, before, NULL), 0);
	vmctl_free(p->ctx);
	assert_int_equal(vmctl_new(&opts, &p->ctx, &p->err), 0);
	const struct vmctl_image_import what = { .size = sizeof(what),
						 .file = file,
						 .name = "other" };
	struct vmctl_image *image = NULL;

	assert_int_equal(vmctl_image_import(p->ctx, &what, &image, &p->err),
			 -VMCTL_BUSY);
	assert_true(m.calls > 0);
	assert_non_null(strstr(p->err.message, "is in use"));
	assert_non_null(strstr(p->err.hint, "stop the machine"));
	assert_int_equal(stored_files(p), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_packed_is_named),
		TEST(images_of_other_formats_are_named),
		TEST(a_trailer_is_not_taken_for_a_part_of_the_disk),
		TEST(an_archive_and_an_appliance_are_told_apart),
		TEST(an_iso_image_is_taken_only_when_it_boots_and_is_called_raw),
		TEST(what_changes_while_it_is_read_is_not_an_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
