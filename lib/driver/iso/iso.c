/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/iso.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define SECTOR 2048
#define FIRST_DESCRIPTOR 16
enum { PRIMARY = 1, SUPPLEMENTARY = 2, TERMINATOR = 255 };

DEFINE_CLEANUP(archive, struct archive *, archive_write_free);
DEFINE_CLEANUP(entry, struct archive_entry *, archive_entry_free);
#define auto_archive auto_cleanup(archive_cleanup)
#define auto_entry auto_cleanup(entry_cleanup)

static int fail_archive(struct vmctl_error *err, struct archive *a)
{
	const char *why = archive_error_string(a);

	return fail(err, VMCTL_FAILED, 0, "cannot write the ISO image: %s",
		    why ? why : "libarchive gave no reason");
}

static la_ssize_t sink(struct archive *a, void *data, const void *bytes,
		       size_t n)
{
	struct vmctl_error err;

	if (fd_write_all(*(int *)data, bytes, n, &err) < 0) {
		archive_set_error(a, err.sys_errno, "%s", err.message);
		return -1;
	}
	return (la_ssize_t)n;
}

static int add_file(struct archive *a, const struct iso_file *f, long epoch,
		    struct vmctl_error *err)
{
	auto_entry struct archive_entry *e = archive_entry_new();

	if (!e)
		return fail_oom(err);
	archive_entry_set_pathname(e, f->name);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, 0444);
	archive_entry_set_size(e, (la_int64_t)f->n);
	archive_entry_set_mtime(e, epoch, 0);
	archive_entry_set_atime(e, epoch, 0);
	archive_entry_set_ctime(e, epoch, 0);
	if (archive_write_header(a, e) != ARCHIVE_OK)
		return fail_archive(err, a);
	if (f->n > 0 &&
	    archive_write_data(a, f->bytes, f->n) != (la_ssize_t)f->n)
		return fail_archive(err, a);
	return 0;
}

/* A directory record's date: ECMA-119 section 9.1.5, in UTC. */
static void put_short_date(unsigned char *at, const struct tm *tm)
{
	at[0] = (unsigned char)tm->tm_year;
	at[1] = (unsigned char)(tm->tm_mon + 1);
	at[2] = (unsigned char)tm->tm_mday;
	at[3] = (unsigned char)tm->tm_hour;
	at[4] = (unsigned char)tm->tm_min;
	at[5] = (unsigned char)tm->tm_sec;
	at[6] = 0;
}

static int sector_read(int fd, off_t at, unsigned char s[SECTOR],
		       struct vmctl_error *err)
{
	ssize_t n = pread(fd, s, SECTOR, at);

	if (n == SECTOR)
		return 0;
	return fail_sys(err, n < 0 ? errno : EIO, "cannot read the ISO image");
}

static int sector_write(int fd, off_t at, const unsigned char s[SECTOR],
			struct vmctl_error *err)
{
	ssize_t n = pwrite(fd, s, SECTOR, at);

	if (n == SECTOR)
		return 0;
	return fail_sys(err, n < 0 ? errno : ENOSPC,
			"cannot write the ISO image");
}

/* Dates a directory record, and the TF field of its Rock Ridge part, which
 * begins after the one-byte names of "." and "..". */
static void date_record(unsigned char *rec, const struct tm *tm)
{
	unsigned char *p = rec + 34;
	unsigned char *end = rec + rec[0];

	put_short_date(rec + 18, tm);
	for (; p + 5 <= end && p[2] >= 4 && p + p[2] <= end; p += p[2])
		if (p[0] == 'T' && p[1] == 'F')
			for (int at = 5; at + 7 <= p[2]; at += 7)
				put_short_date(p + at, tm);
}

/* The records "." and ".." of the root folder, the only folder there is. */
static int mend_root(int fd, off_t at, const struct tm *tm,
		     struct vmctl_error *err)
{
	unsigned char s[SECTOR];
	int r = sector_read(fd, at, s, err);

	if (r < 0)
		return r;
	date_record(s, tm);
	date_record(s + s[0], tm);
	return sector_write(fd, at, s, err);
}

static int mend_volume(int fd, off_t start, unsigned char s[SECTOR],
		       const char *volume, const struct tm *tm,
		       struct vmctl_error *err)
{
	/* Creation, modification, effective: ECMA-119, 8.4.26 to 8.4.29. */
	static const int dates[] = { 813, 830, 864 };
	unsigned char *root = s + 156;
	char date[32];
	uint32_t lba;

	strftime(date, sizeof(date), "%Y%m%d%H%M%S00", tm);
	for (size_t d = 0; d < ARRAY_LEN(dates); d++) {
		memcpy(s + dates[d], date, 16);
		s[dates[d] + 16] = 0;
	}
	put_short_date(root + 18, tm);
	if (s[0] == PRIMARY) {
		memset(s + 40, ' ', 32);
		memcpy(s + 40, volume, strlen(volume));
	}
	lba = root[2] | root[3] << 8 | root[4] << 16 | (uint32_t)root[5] << 24;
	return mend_root(fd, start + (off_t)lba * SECTOR, tm, err);
}

/*
 * libarchive puts the present time in the volume descriptors, in the root
 * folder and in a sector of its own, and makes the primary volume identifier
 * upper case. Give all of them the time asked for, so that the image is
 * reproducible, and `cidata` as written, which some readers compare exactly.
 */
static int mend_image(int fd, off_t start, const char *volume,
		      const struct tm *tm, struct vmctl_error *err)
{
	unsigned char s[SECTOR];
	off_t at = start + FIRST_DESCRIPTOR * SECTOR;
	int r;

	do {
		r = sector_read(fd, at, s, err);
		if (r == 0 && (s[0] == PRIMARY || s[0] == SUPPLEMENTARY))
			r = mend_volume(fd, start, s, volume, tm, err);
		if (r == 0)
			r = sector_write(fd, at, s, err);
		if (r < 0)
			return r;
		at += SECTOR;
	} while (s[0] != TERMINATOR);

	r = sector_read(fd, at, s, err);
	if (r < 0 || memcmp(s, "INFO ", 5) != 0)
		return r;
	memset(s + 5, ' ', 24); /* as ctime(3) writes it */
	return sector_write(fd, at, s, err);
}

static int iso_write(int fd, const char *volume, const struct iso_file *files,
		     size_t count, long epoch, struct vmctl_error *err)
{
	auto_archive struct archive *a = archive_write_new();
	off_t start = lseek(fd, 0, SEEK_CUR);
	time_t when = epoch;
	struct tm tm;
	int r;

	if (!a)
		return fail_oom(err);
	if (start < 0)
		return fail_sys(err, errno, "cannot write the ISO image");
	if (strlen(volume) > 16 || !gmtime_r(&when, &tm))
		return fail(err, VMCTL_INVALID, 0,
			    "a volume name has at most 16 characters");
	if (archive_write_set_format_iso9660(a) != ARCHIVE_OK ||
	    archive_write_set_format_option(a, NULL, "volume-id", volume) !=
		    ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
	    archive_write_open(a, &fd, NULL, sink, NULL) != ARCHIVE_OK)
		return fail_archive(err, a);
	for (size_t i = 0; i < count; i++) {
		r = add_file(a, &files[i], epoch, err);
		if (r < 0)
			return r;
	}
	if (archive_write_close(a) != ARCHIVE_OK)
		return fail_archive(err, a);
	return mend_image(fd, start, volume, &tm, err);
}

/* --- unpacking ------------------------------------------------------------ */

DEFINE_CLEANUP(reader, struct archive *, archive_read_free);
#define auto_reader auto_cleanup(reader_cleanup)

static int fail_gzip(struct vmctl_error *err, struct archive *a)
{
	const char *why = archive_error_string(a);

	return fail(err, VMCTL_BAD_DATA, 0, "damaged gzip data: %s",
		    why ? why : "libarchive gave no reason");
}

static int gunzip(const void *bytes, size_t n, size_t max, struct str *ret,
		  struct vmctl_error *err)
{
	auto_reader struct archive *a = archive_read_new();
	struct archive_entry *e;
	char block[16384];
	la_ssize_t got;

	if (!a)
		return fail_oom(err);
	if (archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
	    archive_read_support_format_raw(a) != ARCHIVE_OK ||
	    archive_read_open_memory(a, bytes, n) != ARCHIVE_OK ||
	    archive_read_next_header(a, &e) != ARCHIVE_OK)
		return fail_gzip(err, a);
	while ((got = archive_read_data(a, block, sizeof(block))) > 0) {
		if ((size_t)got > max - ret->len)
			return fail(err, VMCTL_BAD_DATA, 0,
				    "more than %zu bytes when unpacked", max);
		str_addn(ret, block, (size_t)got);
	}
	return got < 0 ? fail_gzip(err, a) : str_check(ret, err);
}

extern const struct iso_ops vmctl_module_iso;
VMCTL_API const struct iso_ops vmctl_module_iso = {
	.abi = ISO_ABI,
	.write = iso_write,
	.gunzip = gunzip,
};
