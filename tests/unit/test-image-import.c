/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"
#include "unit.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

static int import_as(struct place *p, const char *file, const char *name,
		     const char *format)
{
	const struct vmctl_image_import what = { .size = sizeof(what),
						 .file = file,
						 .name = name,
						 .format = format };
	struct vmctl_image *image = NULL;
	int r = vmctl_image_import(p->ctx, &what, &image, &p->err);

	vmctl_image_free(image);
	return r;
}

static size_t image_count(struct place *p)
{
	struct vmctl_image_list *list = NULL;
	size_t n;

	/* Not p->err: the message of before is still looked at. */
	assert_int_equal(vmctl_image_list(p->ctx, &list, NULL), 0);
	n = list->count;
	vmctl_image_list_free(list);
	return n;
}

/* Refused, with that in the message, and nothing left of it. */
static void refused(struct place *p, int r, int code, const char *because)
{
	assert_int_equal(r, -code);
	if (!strstr(p->err.message, because))
		assert_string_equal(p->err.message, because);
	assert_int_equal(stored_files(p), 0);
	assert_int_equal(image_count(p), 0);
}

static void img_003_img_005_a_qcow2_is_stored_by_its_digest(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	auto_image struct vmctl_image *image = NULL;
	auto_free char *path = NULL;
	const struct vmctl_image_import what = {
		.size = sizeof(what),
		.file = file,
		.name = "debian-12",
		.description = "Debian 12 “bookworm”",
		.os = "debian 12",
		.arch = "aarch64",
		.user = "debian",
	};
	struct stat st;

	assert_int_equal(vmctl_image_import(p->ctx, &what, &image, &p->err), 0);
	assert_string_equal(image->name, "debian-12");
	assert_string_equal(image->description, "Debian 12 “bookworm”");
	assert_string_equal(image->os, "debian 12");
	assert_string_equal(image->arch, "aarch64");
	assert_string_equal(image->user, "debian");
	assert_string_equal(image->digest, image->source_digest);
	assert_int_equal(image->virtual_size, 1 << 20);
	assert_true(image->created_at >= clock_now() - 60);
	assert_true(image->verified_at >= clock_now() - 60);
	path = str_printf("%s/images/%s.qcow2", p->home, image->digest);
	assert_string_equal(image->path, path);
	assert_int_equal(stat(path, &st), 0);
	/* The mask of its access control list is where group was. */
	assert_int_equal(st.st_mode & 07707, 0400);
	assert_int_equal(access(path, R_OK), 0);
	assert_int_equal(image->size, st.st_size);
	run_program("cmp", file, path, NULL);
	/* The digest is that of sha256sum(1). */
	auto_free char *sums = place_path(p, "sums");
	auto_free char *line = str_printf("%s  %s\n", image->digest, path);
	assert_int_equal(
		file_write_atomic(sums, line, strlen(line), 0600, &p->err), 0);
	run_program("sha256sum", "--status", "-c", sums, NULL);
}

static void what_is_not_told_has_defaults(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "my_disk.v1.qcow2", 1, true);
	auto_image struct vmctl_image *image = NULL;

	assert_int_equal(import(p, file, NULL, &image), 0);
	assert_string_equal(image->name, "my_disk.v1");
	assert_string_equal(image->user, "root");
	assert_string_equal(image->description, "");
	assert_true(strlen(image->arch) > 0);
}

static void a_raw_disk_is_converted(void **state)
{
	struct place *p = *state;
	auto_free char *raw = make_raw(p, "disk.img", 3 * 512, 1);
	auto_image struct vmctl_image *image = NULL;

	assert_int_equal(import(p, raw, "raw", &image), 0);
	assert_string_not_equal(image->digest, image->source_digest);
	assert_int_equal(image->virtual_size, 3 * 512);
	assert_int_equal(stored_files(p), 1);
	run_program("qemu-img", "compare", "-q", "-f", "raw", "-F", "qcow2",
		    raw, image->path, NULL);
	assert_int_equal(vmctl_image_verify(p->ctx, "raw", &p->err), 0);
}

static void a_raw_disk_without_boot_sector_needs_to_be_told(void **state)
{
	struct place *p = *state;
	auto_free char *text = place_path(p, "notes.txt");
	char line[2048];

	memset(line, 'x', sizeof(line));
	assert_int_equal(
		file_write_atomic(text, line, sizeof(line), 0600, &p->err), 0);
	refused(p, import(p, text, NULL, NULL), VMCTL_BAD_DATA,
		"is not a disk image");
	assert_non_null(strstr(p->err.hint, "--format raw"));
	refused(p, import_as(p, text, NULL, "qcow2"), VMCTL_BAD_DATA,
		"is not a qcow2 image");
	assert_int_equal(import_as(p, text, "notes", "raw"), -VMCTL_OK);
}

static void a_qcow2_is_not_taken_as_raw(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);

	refused(p, import_as(p, file, NULL, "raw"), VMCTL_BAD_DATA,
		"is a qcow2 image");
}

static void a_raw_disk_that_pretends_to_be_qcow2_gets_nothing(void **state)
{
	struct place *p = *state;
	auto_free char *secret = make_raw(p, "secret", 4096, 9);
	auto_free char *file = place_path(p, "overlay.qcow2");

	/* An overlay on a file of the host, as a guest could write it. */
	run_program("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
		    "-b", secret, file, NULL);
	refused(p, import(p, file, NULL, NULL), VMCTL_BAD_DATA, "backing file");
	refused(p, import_as(p, file, NULL, "raw"), VMCTL_BAD_DATA,
		"is a qcow2 image");
}

static void images_that_need_other_files_are_refused(void **state)
{
	struct place *p = *state;
	auto_free char *file = place_path(p, "ext.qcow2");
	auto_free char *data = place_path(p, "ext.raw");
	auto_free char *option = str_printf("data_file=%s", data);

	run_program("qemu-img", "create", "-q", "-f", "qcow2", "-o", option,
		    file, "1M", NULL);
	refused(p, import(p, file, NULL, NULL), VMCTL_BAD_DATA,
		"external data file");
}

static void encrypted_images_are_refused(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "luks.qcow2", 1, false);

	patch(file, 32, "\0\0\0\2", 4);
	refused(p, import(p, file, NULL, NULL), VMCTL_BAD_DATA, "encrypted");
}

static void truncated_images_are_refused(void **state)
{
	struct place *p = *state;
	/* Of one that is not compressed, less than a cluster (64 KiB) may be
	 * missing: QEMU itself leaves the last one short. */
	static const double parts[] = { 0.001, 0.3, 0.5, 0.9 };

	for (int compressed = 0; compressed < 2; compressed++) {
		auto_free char *file =
			make_qcow2(p, "disk.qcow2", 1, compressed);
		struct stat st;

		assert_int_equal(stat(file, &st), 0);
		for (size_t i = ARRAY_LEN(parts); i-- > 0;) {
			off_t size = (off_t)((double)st.st_size * parts[i]);
			int r;

			assert_int_equal(truncate(file, size), 0);
			r = import(p, file, NULL, NULL);
			refused(p, r, VMCTL_BAD_DATA, "disk.qcow2");
		}
	}
}

static void a_compressed_image_may_not_lack_a_byte(void **state)
{
	struct place *p = *state;
	static const off_t missing[] = { 1, 511, 512, 600, 40000 };

	for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
		auto_free char *file = make_qcow2(p, "disk.qcow2", 1, true);
		struct stat st;

		assert_int_equal(stat(file, &st), 0);
		assert_int_equal(truncate(file, st.st_size - missing[i]), 0);
		refused(p, import(p, file, NULL, NULL), VMCTL_BAD_DATA,
			"cut short");
	}
}

static void an_image_with_a_damaged_structure_is_refused(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);

	/* The refcounts of the first clusters: all wrong. */
	patch(file, 2 * 65536, "\0\0\0\0\0\0", 6);
	refused(p, import(p, file, NULL, NULL), VMCTL_BAD_DATA, "damaged");
}

static void only_regular_files_are_taken(void **state)
{
	struct place *p = *state;
	auto_free char *fifo = place_path(p, "fifo");
	auto_free char *none = place_path(p, "none.qcow2");
	auto_free char *empty = place_path(p, "empty.qcow2");

	assert_int_equal(mkfifo(fifo, 0600), 0);
	refused(p, import(p, fifo, NULL, NULL), VMCTL_BAD_DATA,
		"not a regular file");
	refused(p, import(p, "/dev/null", NULL, NULL), VMCTL_BAD_DATA,
		"not a regular file");
	refused(p, import(p, p->dir, "dir", NULL), VMCTL_BAD_DATA, "folder");
	refused(p, import(p, none, NULL, NULL), VMCTL_NOT_FOUND, "none.qcow2");
	assert_int_equal(file_write_atomic(empty, "", 0, 0600, &p->err), 0);
	refused(p, import(p, empty, NULL, NULL), VMCTL_BAD_DATA, "empty");
}

static void compressed_downloads_are_told(void **state)
{
	struct place *p = *state;
	auto_free char *raw = make_raw(p, "disk.img", 4096, 1);
	auto_free char *gz = place_path(p, "disk.img.gz");
	auto_free char *vmdk = place_path(p, "disk.vmdk");

	run_program("gzip", "-k", raw, NULL);
	refused(p, import(p, gz, NULL, NULL), VMCTL_BAD_DATA,
		"compressed with gzip");
	assert_string_equal(p->err.hint, "first: gzip -dk FILE");
	run_program("qemu-img", "convert", "-f", "raw", "-O", "vmdk", raw, vmdk,
		    NULL);
	refused(p, import(p, vmdk, NULL, NULL), VMCTL_BAD_DATA, "VMDK");
}

static void an_expected_digest_is_compared(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	auto_image struct vmctl_image *image = NULL;
	struct vmctl_image_import what = { .size = sizeof(what),
					   .file = file,
					   .digest = digest_of("1") };

	refused(p, vmctl_image_import(p->ctx, &what, &image, &p->err),
		VMCTL_BAD_DATA, "not the expected");
	assert_int_equal(import(p, file, NULL, &image), 0);

	/* Also of what is there already. */
	vmctl_image_free(take_ptr(&image));
	assert_int_equal(vmctl_image_import(p->ctx, &what, &image, &p->err),
			 -VMCTL_BAD_DATA);
	assert_int_equal(image_count(p), 1);
	assert_int_equal(vmctl_image_get(p->ctx, "disk", &image, &p->err), 0);
	auto_free char *upper = strdup(image->digest);
	for (char *c = upper; *c; c++)
		*c = (char)(*c >= 'a' ? *c - 32 : *c);
	what.digest = upper;
	what.name = "again";
	vmctl_image_free(take_ptr(&image));
	assert_int_equal(vmctl_image_import(p->ctx, &what, &image, &p->err), 0);
}

static void bad_words_are_refused(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	auto_free char *odd = place_path(p, "my disk.qcow2");
	char name[70];
	static const char *const names[] = {
		"", "-x", ".x", "a b", "a/b", "../x", "a\nb", "\x1b[2J", "ä",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		refused(p, import(p, file, names[i], NULL), VMCTL_INVALID,
			"image name");
		assert_null(strchr(p->err.message, '\x1b'));
	}
	memset(name, 'n', sizeof(name));
	name[64] = '\0';
	refused(p, import(p, file, name, NULL), VMCTL_INVALID, "image name");
	assert_int_equal(rename(file, odd), 0);
	refused(p, import(p, odd, NULL, NULL), VMCTL_INVALID, "my disk");
	assert_string_equal(p->err.hint, "give it one with --name");
	refused(p, import_as(p, odd, "x", "vmdk"), VMCTL_INVALID, "format");
	name[63] = '\0';
	assert_int_equal(import(p, odd, name, NULL), 0);
}

static void bad_details_are_refused(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	static const struct vmctl_image_import bad[] = {
		{ .description = "a\x1b[2Jb" },
		{ .description = "\xff\xfe" },
		{ .os = "two\nlines" },
		{ .arch = "x86 64" },
		{ .arch = "" },
		{ .user = "ro:ot" },
		{ .user = "" },
		{ .digest = "abc" },
		{ .digest = "zz" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct vmctl_image_import what = bad[i];
		struct vmctl_image *image = NULL;

		what.size = sizeof(what);
		what.file = file;
		refused(p, vmctl_image_import(p->ctx, &what, &image, &p->err),
			VMCTL_INVALID, "");
	}
}

static void importing_the_same_again_changes_nothing(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	auto_free char *raw = make_raw(p, "raw.img", 1 << 16, 2);
	auto_image struct vmctl_image *one = NULL;
	auto_image struct vmctl_image *two = NULL;
	struct stat before, after;

	assert_int_equal(import(p, file, "disk", &one), 0);
	assert_int_equal(stat(one->path, &before), 0);
	assert_int_equal(import(p, file, "disk", &two), 0);
	assert_string_equal(one->digest, two->digest);
	assert_int_equal(one->created_at, two->created_at);
	assert_int_equal(stat(two->path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(import(p, raw, "raw", NULL), 0);
	assert_int_equal(import(p, raw, "raw", NULL), 0);
	assert_int_equal(image_count(p), 2);
	assert_int_equal(stored_files(p), 2);
}

static void other_contents_of_the_same_name_are_refused(void **state)
{
	struct place *p = *state;
	auto_free char *one = make_qcow2(p, "one.qcow2", 1, false);
	auto_free char *two = make_qcow2(p, "two.qcow2", 2, false);
	auto_image struct vmctl_image *before = NULL;
	auto_image struct vmctl_image *after = NULL;

	assert_int_equal(import(p, one, "disk", &before), 0);
	assert_int_equal(import(p, two, "disk", NULL), -VMCTL_EXISTS);
	assert_non_null(strstr(p->err.hint, "vmctl image delete disk"));
	assert_int_equal(vmctl_image_get(p->ctx, "disk", &after, &p->err), 0);
	assert_string_equal(before->digest, after->digest);
	assert_int_equal(stored_files(p), 1);
}

static void another_name_shares_the_file(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	auto_free char *raw = make_raw(p, "raw.img", 1 << 16, 2);

	assert_int_equal(import(p, file, "one", NULL), 0);
	assert_int_equal(import(p, file, "two", NULL), 0);
	assert_int_equal(image_count(p), 2);
	assert_int_equal(stored_files(p), 1);
	assert_int_equal(import(p, raw, "three", NULL), 0);
	assert_int_equal(import(p, raw, "four", NULL), 0);
	assert_int_equal(image_count(p), 4);
	assert_int_equal(stored_files(p), 2);
}

static void img_004_importing_again_mends(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	auto_image struct vmctl_image *image = NULL;

	assert_int_equal(import(p, file, "disk", &image), 0);
	assert_int_equal(chmod(image->path, 0644), 0);
	patch(image->path, 300000, "damage", 6);
	assert_int_equal(vmctl_image_verify(p->ctx, "disk", &p->err),
			 -VMCTL_BAD_DATA);
	assert_int_equal(import(p, file, "disk", NULL), 0);
	assert_int_equal(vmctl_image_verify(p->ctx, "disk", &p->err), 0);

	assert_int_equal(unlink(image->path), 0);
	assert_int_equal(import(p, file, "disk", NULL), 0);
	assert_int_equal(vmctl_image_verify(p->ctx, "disk", &p->err), 0);

	/* By another name of the same contents too. */
	assert_int_equal(unlink(image->path), 0);
	assert_int_equal(import(p, file, "other", NULL), 0);
	assert_int_equal(vmctl_image_verify(p->ctx, "disk", &p->err), 0);
}

static void cancelled_at_any_moment_nothing_is_left(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, true);
	auto_free char *raw = make_raw(p, "raw.img", 1 << 20, 2);
	int r = -VMCTL_CANCELLED, cancels = 0;

	for (int i = 1; r == -VMCTL_CANCELLED; i++, cancels++) {
		p->asked = 0;
		p->cancel_at = i;
		r = import(p, file, "disk", NULL);
		if (r < 0)
			refused(p, r, VMCTL_CANCELLED, "interrupted");
	}
	assert_int_equal(r, 0);
	assert_true(cancels >= 4);
	p->cancel_at = 0;
	assert_int_equal(vmctl_image_delete(p->ctx, "disk", NULL, &p->err), 0);
	r = -VMCTL_CANCELLED;
	for (int i = 1; r == -VMCTL_CANCELLED; i++) {
		p->asked = 0;
		p->cancel_at = i;
		r = import(p, raw, "disk", NULL);
		if (r < 0)
			refused(p, r, VMCTL_CANCELLED, "interrupted");
	}
	assert_int_equal(r, 0);
}

static void database_sql(struct place *p, const char *sql)
{
	struct fixture f = { 0 };

	snprintf(f.dir, sizeof(f.dir), "%s", p->home);
	fixture_sql(&f, sql);
}

static void a_file_published_but_not_named_is_cleaned_up(void **state)
{
	struct place *p = *state;
	auto_free char *one = make_qcow2(p, "one.qcow2", 1, false);
	auto_free char *two = make_qcow2(p, "two.qcow2", 2, false);

	/* The database refuses the name: as if killed just before it. */
	assert_int_equal(image_count(p), 0);
	database_sql(p, "CREATE TRIGGER no BEFORE INSERT ON image"
			" BEGIN SELECT RAISE(ABORT, 'no'); END");
	assert_int_equal(import(p, one, NULL, NULL), -VMCTL_INTERNAL);
	assert_int_equal(image_count(p), 0);
	assert_int_equal(stored_files(p), 1);
	database_sql(p, "DROP TRIGGER no");
	assert_int_equal(import(p, two, NULL, NULL), 0);
	assert_int_equal(stored_files(p), 1);
	assert_int_equal(vmctl_image_verify(p->ctx, "two", &p->err), 0);
}

struct race_data {
	struct place *p;
	const char *file;
};

static int import_in_race(int which, void *data)
{
	struct race_data *d = data;
	auto_free char *name = str_printf("name%d", which % 2);
	int r;

	vmctl_free(d->p->ctx);
	d->p->ctx = place_context(d->p);
	r = import(d->p, d->file, name, NULL);
	vmctl_free(d->p->ctx);
	return r == 0 ? 0 : 1;
}

static void imports_of_the_same_file_at_once_all_succeed(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	struct race_data data = { p, file };
	int counts[8];

	race(6, import_in_race, &data, counts);
	assert_int_equal(counts[0], 6);
	assert_int_equal(image_count(p), 2);
	assert_int_equal(stored_files(p), 1);
	assert_int_equal(vmctl_image_verify(p->ctx, "name0", &p->err), 0);
}

/* Half of them import, half delete: at the end it is there, or it is not. */
static int import_or_delete(int which, void *data)
{
	struct race_data *d = data;
	int r;

	vmctl_free(d->p->ctx);
	d->p->ctx = place_context(d->p);
	if (which % 2)
		r = import(d->p, d->file, "disk", NULL);
	else
		r = vmctl_image_delete(d->p->ctx, "disk", NULL, &d->p->err);
	vmctl_free(d->p->ctx);
	if (r == 0 || (which % 2 == 0 && r == -VMCTL_NOT_FOUND))
		return 0;
	return 1;
}

static void import_and_delete_at_once_leave_all_or_nothing(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	struct race_data data = { p, file };

	for (int round = 0; round < 5; round++) {
		int counts[8];

		race(6, import_or_delete, &data, counts);
		assert_int_equal(counts[0], 6);
		if (image_count(p) == 1) {
			assert_int_equal(stored_files(p), 1);
			assert_int_equal(
				vmctl_image_verify(p->ctx, "disk", &p->err), 0);
		} else {
			assert_int_equal(stored_files(p), 0);
		}
		/* The database was opened in this process; the next round's
		 * children must not inherit it. */
		vmctl_free(p->ctx);
		p->ctx = place_context(p);
	}
}

static void killed_at_any_moment_nothing_is_listed_by_half(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, true);

	for (int round = 0; round < 25; round++) {
		int64_t until = clock_mono_ns() + round * 3000000;
		struct race_data data = { p, file };
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(import_in_race(0, &data));
		while (clock_mono_ns() < until)
			sched_yield();
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (image_count(p) == 1)
			assert_int_equal(
				vmctl_image_verify(p->ctx, "name0", &p->err),
				0);
		/* The next import leaves no trace of the killed one, once its
		 * qemu-img, which the kernel kills, has gone too. */
		struct wait w = wait_begin(10000, 100);
		do {
			assert_int_equal(import(p, file, "name0", NULL), 0);
		} while (stored_files(p) != 1 && wait_more(&w));
		assert_int_equal(stored_files(p), 1);
		assert_int_equal(
			vmctl_image_delete(p->ctx, "name0", NULL, &p->err), 0);
		assert_int_equal(stored_files(p), 0);
		vmctl_free(p->ctx);
		p->ctx = place_context(p);
	}
}

static void without_qemu_img_the_package_is_named(void **state)
{
	struct place *p = *state;
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	auto_free char *path = strdup(getenv("PATH"));
	int r;

	assert_int_equal(setenv("PATH", p->dir, 1), 0);
	r = import(p, file, NULL, NULL);
	assert_int_equal(setenv("PATH", path, 1), 0);
	refused(p, r, VMCTL_UNSUPPORTED, "qemu-img is not installed");
	assert_string_equal(p->err.hint, "sudo apt-get install qemu-utils");
}

/* 0: as it should be, 1 … 5: where it was not, 77: skipped. */
static int import_on_a_full_disk(struct place *p)
{
	auto_free char *file = make_qcow2(p, "disk.qcow2", 1, false);
	auto_free char *raw = make_raw(p, "disk.img", 300 * 1024, 1);
	struct vmctl_image_list *list = NULL;

	if (dir_make(p->home, 0700, &p->err) < 0 ||
	    !small_disk(p->home, "size=512k"))
		return 77;
	/* No room for the copy, and no room for what it is converted to. */
	if (import(p, file, NULL, NULL) != -VMCTL_LIMIT)
		return 1;
	if (!strstr(p->err.hint, "free some disk space"))
		return 2;
	if (import(p, raw, NULL, NULL) != -VMCTL_LIMIT)
		return 3;
	if (stored_files(p) != 0)
		return 4;
	if (vmctl_image_list(p->ctx, &list, &p->err) < 0 || list->count != 0)
		return 5;
	vmctl_image_list_free(list);
	return 0;
}

static void a_full_disk_is_a_limit_and_nothing_is_left(void **state)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(import_on_a_full_disk(*state));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status == 77 << 8)
		skip_because("mount namespaces are not permitted");
	assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(img_003_img_005_a_qcow2_is_stored_by_its_digest),
		TEST(what_is_not_told_has_defaults),
		TEST(a_raw_disk_is_converted),
		TEST(a_raw_disk_without_boot_sector_needs_to_be_told),
		TEST(a_qcow2_is_not_taken_as_raw),
		TEST(a_raw_disk_that_pretends_to_be_qcow2_gets_nothing),
		TEST(images_that_need_other_files_are_refused),
		TEST(encrypted_images_are_refused),
		TEST(truncated_images_are_refused),
		TEST(a_compressed_image_may_not_lack_a_byte),
		TEST(an_image_with_a_damaged_structure_is_refused),
		TEST(only_regular_files_are_taken),
		TEST(compressed_downloads_are_told),
		TEST(an_expected_digest_is_compared),
		TEST(bad_words_are_refused),
		TEST(bad_details_are_refused),
		TEST(importing_the_same_again_changes_nothing),
		TEST(other_contents_of_the_same_name_are_refused),
		TEST(another_name_shares_the_file),
		TEST(img_004_importing_again_mends),
		TEST(cancelled_at_any_moment_nothing_is_left),
		TEST(a_file_published_but_not_named_is_cleaned_up),
		TEST(imports_of_the_same_file_at_once_all_succeed),
		TEST(import_and_delete_at_once_leave_all_or_nothing),
		TEST(killed_at_any_moment_nothing_is_listed_by_half),
		TEST(a_full_disk_is_a_limit_and_nothing_is_left),
		TEST(without_qemu_img_the_package_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
