/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "driver/qemu-img.h"
#include "image/qcow2.h"

static int fail_unknown(const char *file, const char *format,
			struct vmctl_error *err)
{
	int r;

	if (format)
		return fail(err, VMCTL_BAD_DATA, 0, "%s is not a qcow2 image",
			    file);
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

/* Looks at the first bytes, and the tables; `format` may be NULL. Who says that
 * it is raw may know a live system that lets him in, but that which is never a
 * disk does not become one by being called so. */
static int look(struct image_source *src, int fd, const unsigned char *head,
		size_t n, const char *format, struct vmctl_error *err)
{
	bool boots = has_boot_sector(head, n);
	bool told_raw = format && str_eq(format, "raw");
	struct qcow2_header header;
	int r;

	if (src->size == 0)
		return fail(err, VMCTL_BAD_DATA, 0, "%s is empty", src->file);
	r = image_format_check(fd, head, n, src->size, src->file,
			       told_raw && boots, err);
	if (r < 0)
		return r;
	if (!qcow2_magic(head, n)) {
		if (format ? told_raw : boots)
			return check_raw(src, err);
		return fail_unknown(src->file, format, err);
	}
	/* A guest can write these bytes at the beginning of its raw disk. But
	 * then the file is worth a question, not an import. */
	if (told_raw)
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
	if (fd == src->fd)
		src->mtime = st.st_mtim;
	r = read_head(fd, src->file, &head, &n, err);
	return r < 0 ? r : look(src, fd, head, n, format, err);
}

static int fail_busy(const char *file, const char *how, struct vmctl_error *err)
{
	int r = fail(err, VMCTL_BUSY, 0, "%s %s", file, how);

	fail_hint(err, "stop the machine that has it as its disk first, or "
		       "whatever writes to it");
	return r;
}

int image_source_open(const char *file, const char *format,
		      struct image_source *ret, struct vmctl_error *err)
{
	auto_image_source src = { .file = file, .fd = -1 };
	int r = file_open(file, &src.fd, err);
	bool still = r == 0 && qemu_disk_hold(src.fd);

	if (r == 0)
		r = look_at(&src, src.fd, format, err);
	if (r == 0 && !still)
		r = fail_busy(file, "is in use: another process writes to it",
			      err);
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

int image_source_unchanged(const struct image_source *src,
			   struct vmctl_error *err)
{
	struct stat st;

	if (fstat(src->fd, &st) < 0)
		return fail_sys(err, errno, "cannot read %s", src->file);
	if (st.st_size == src->size && st.st_mtim.tv_sec == src->mtime.tv_sec &&
	    st.st_mtim.tv_nsec == src->mtime.tv_nsec)
		return 0;
	return fail_busy(src->file,
			 "is in use: it has changed while it was read", err);
}

void image_source_close(struct image_source *src)
{
	close_cleanup(&src->fd);
	src->fd = -1;
}
