/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "image/qcow2.h"

/* What people have that is not a disk image yet, and how to make one of it. */
static const struct {
	size_t at;
	const char *bytes;
	size_t n;
	const char *is, *hint;
} others[] = {
	{ 0,
	  "\xfd"
	  "7zXZ",
	  5, "compressed with xz", "first: xz -dk FILE" },
	{ 0, "\x1f\x8b", 2, "compressed with gzip", "first: gzip -dk FILE" },
	{ 0, "\x28\xb5\x2f\xfd", 4, "compressed with zstd",
	  "first: zstd -d FILE" },
	{ 0, "BZh", 3, "compressed with bzip2", "first: bzip2 -dk FILE" },
	{ 0, "PK\x03\x04", 4, "a zip archive", "first: unzip FILE" },
	{ 0, "KDMV", 4, "a VMDK image",
	  "first: qemu-img convert -f vmdk -O qcow2 FILE IMAGE.qcow2" },
	{ 0, "vhdxfile", 8, "a VHDX image",
	  "first: qemu-img convert -f vhdx -O qcow2 FILE IMAGE.qcow2" },
	{ 0, "conectix", 8, "a VHD image",
	  "first: qemu-img convert -f vpc -O qcow2 FILE IMAGE.qcow2" },
	{ 64, "\x7f\x10\xda\xbe", 4, "a VDI image",
	  "first: qemu-img convert -f vdi -O qcow2 FILE IMAGE.qcow2" },
};

static int fail_other(const char *file, const unsigned char *head, size_t n,
		      struct vmctl_error *err)
{
	int r;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (n < others[i].at + others[i].n ||
		    memcmp(head + others[i].at, others[i].bytes, others[i].n))
			continue;
		r = fail(err, VMCTL_BAD_DATA, 0,
			 "%s is %s, not a qcow2 or raw disk image", file,
			 others[i].is);
		fail_hint(err, "%s", others[i].hint);
		return r;
	}
	r = fail(err, VMCTL_BAD_DATA, 0,
		 "%s is not a disk image: it is not qcow2 and has no boot "
		 "sector",
		 file);
	fail_hint(err, "a raw disk without a boot sector is taken with "
		       "--format raw");
	return r;
}

static bool has_boot_sector(const unsigned char *head, size_t n)
{
	return n >= 512 && head[510] == 0x55 && head[511] == 0xaa;
}

static int check_raw(struct image_source *src, struct vmctl_error *err)
{
	if (src->size > IMAGE_VIRTUAL_MAX)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s is larger than a disk can be", src->file);
	src->raw = true;
	/* qemu-img rounds up to whole sectors. */
	src->virtual_size = (src->size + 511) / 512 * 512;
	return 0;
}

/* Looks at the first bytes, and the tables; `format` may be NULL. */
static int look(struct image_source *src, int fd, const unsigned char *head,
		size_t n, const char *format, struct vmctl_error *err)
{
	struct qcow2_header header;
	int r;

	if (src->size == 0)
		return fail(err, VMCTL_BAD_DATA, 0, "%s is empty", src->file);
	if (!qcow2_magic(head, n)) {
		if (format ? str_eq(format, "raw") : has_boot_sector(head, n))
			return check_raw(src, err);
		return fail_other(src->file, head, n, err);
	}
	/* A guest can write these bytes at the beginning of its raw disk. But
	 * then the file is worth a question, not an import. */
	if (format && str_eq(format, "raw"))
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s is a qcow2 image, not a raw one", src->file);
	r = qcow2_parse(head, n, (uint64_t)src->size, src->file, &header, err);
	if (r == 0)
		r = qcow2_complete(fd, (uint64_t)src->size, src->file, &header,
				   err);
	if (r < 0)
		return r;
	src->raw = false;
	src->virtual_size = header.virtual_size;
	return 0;
}

static int read_head(int fd, const char *file, unsigned char **ret, size_t *n,
		     struct vmctl_error *err)
{
	auto_free unsigned char *head = malloc(QCOW2_LOOK);
	size_t got = 0;

	if (!head)
		return fail_oom(err);
	while (got < QCOW2_LOOK) {
		ssize_t more =
			pread(fd, head + got, QCOW2_LOOK - got, (off_t)got);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return fail_sys(err, errno, "cannot read %s", file);
		if (more == 0)
			break;
		got += (size_t)more;
	}
	*ret = take_ptr(&head);
	*n = got;
	return 0;
}

static int look_at(struct image_source *src, int fd, const char *format,
		   struct vmctl_error *err)
{
	auto_free unsigned char *head = NULL;
	struct stat st;
	size_t n = 0;
	int r;

	if (fstat(fd, &st) < 0)
		return fail_sys(err, errno, "cannot read %s", src->file);
	src->size = st.st_size;
	r = read_head(fd, src->file, &head, &n, err);
	return r < 0 ? r : look(src, fd, head, n, format, err);
}

int image_source_open(const char *file, const char *format,
		      struct image_source *ret, struct vmctl_error *err)
{
	auto_image_source src = { .file = file, .fd = -1 };
	int r = file_open(file, &src.fd, err);

	if (r == 0)
		r = look_at(&src, src.fd, format, err);
	if (r < 0)
		return r;
	*ret = src;
	src.fd = -1;
	return 0;
}

int image_source_fd(int fd, const char *shown, const char *format,
		    struct image_source *ret, struct vmctl_error *err)
{
	auto_image_source src = { .file = shown, .fd = -1 };
	int r;

	src.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (src.fd < 0)
		return fail_sys(err, errno, "cannot read %s", shown);
	r = look_at(&src, src.fd, format, err);
	if (r < 0)
		return r;
	*ret = src;
	src.fd = -1;
	return 0;
}

int image_source_recheck(struct image_source *src, int fd,
			 struct vmctl_error *err)
{
	return look_at(src, fd, src->raw ? "raw" : "qcow2", err);
}

void image_source_close(struct image_source *src)
{
	close_cleanup(&src->fd);
	src->fd = -1;
}
