/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "image/image.h"

/* What people have that is not a disk image yet, or one of another format, and
 * how to make one of it. Long enough that no disk begins so by chance. */

#define CONVERT(format)                                                        \
	"first: qemu-img convert -f " format " -O qcow2 FILE IMAGE.qcow2"

struct other {
	size_t at;
	const char *bytes;
	size_t n;
	const char *is, *hint;
};
#define BEGINS(text, is, hint)                                                 \
	{                                                                      \
		0, text, sizeof(text) - 1, is, hint                            \
	}
#define HAS_AT(at, text, is, hint)                                             \
	{                                                                      \
		at, text, sizeof(text) - 1, is, hint                           \
	}

static const struct other others[] = {
	BEGINS("\xfd"
	       "7zXZ",
	       "compressed with xz", "first: xz -dk FILE"),
	BEGINS("\x1f\x8b\x08", "compressed with gzip", "first: gzip -dk FILE"),
	BEGINS("\x28\xb5\x2f\xfd", "compressed with zstd",
	       "first: zstd -d FILE"),
	HAS_AT(4, "1AY&SY", "compressed with bzip2", "first: bzip2 -dk FILE"),
	BEGINS("\x04\x22\x4d\x18", "compressed with lz4", "first: lz4 -d FILE"),
	BEGINS("\x02\x21\x4c\x18", "compressed with lz4", "first: lz4 -d FILE"),
	BEGINS("LZIP\x01", "compressed with lzip", "first: lzip -dk FILE"),
	BEGINS("\x89LZO\0\r\n\x1a\n", "compressed with lzop",
	       "first: lzop -d FILE"),
	BEGINS("PK\x03\x04", "a zip archive", "first: unzip FILE"),
	BEGINS("7z\xbc\xaf\x27\x1c", "a 7z archive", "first: 7z x FILE"),
	BEGINS("Rar!\x1a\x07", "a rar archive", "first: unrar x FILE"),
	BEGINS("KDMV", "a VMDK image", CONVERT("vmdk")),
	BEGINS("COWD", "a VMDK image", CONVERT("vmdk")),
	BEGINS("# Disk DescriptorFile",
	       "the description of a VMDK image whose data is in other files",
	       CONVERT("vmdk")),
	BEGINS("vhdxfile", "a VHDX image", CONVERT("vhdx")),
	BEGINS("conectix", "a VHD image", CONVERT("vpc")),
	HAS_AT(64, "\x7f\x10\xda\xbe", "a VDI image", CONVERT("vdi")),
	BEGINS("QED\0", "a QED image", CONVERT("qed")),
	BEGINS("QFI\xfb\0\0\0\x01", "a qcow image of version 1",
	       CONVERT("qcow")),
	BEGINS("WithoutFreeSpace", "a Parallels image", CONVERT("parallels")),
	BEGINS("WithouFreSpacExt", "a Parallels image", CONVERT("parallels")),
	BEGINS("Bochs Virtual HD Image", "a Bochs image", CONVERT("bochs")),
	BEGINS("<!DOCTYPE", "a web page, not what was to be downloaded",
	       "look at the address with a browser"),
	BEGINS("<!doctype", "a web page, not what was to be downloaded",
	       "look at the address with a browser"),
	BEGINS("<html", "a web page, not what was to be downloaded",
	       "look at the address with a browser"),
};

/* The first member of an OVA is its description. */
static const struct other tars[] = {
	HAS_AT(257, "ustar", "an OVA archive",
	       "first: tar xf FILE, then of the disk that was in it: qemu-img "
	       "convert -f vmdk -O qcow2 DISK.vmdk IMAGE.qcow2"),
	HAS_AT(257, "ustar", "a tar archive", "first: tar xf FILE"),
};

static bool is_other(const struct other *o, const unsigned char *head, size_t n)
{
	return n >= o->at + o->n && memcmp(head + o->at, o->bytes, o->n) == 0;
}

static const struct other *find_by_head(const unsigned char *head, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (is_other(&others[i], head, n))
			return &others[i];
	if (is_other(&tars[0], head, n)) {
		auto_free char *first = strndup((const char *)head, 100);

		return &tars[first && str_ends(first, ".ovf") ? 0 : 1];
	}
	return NULL;
}

/* These are a disk, boot sector and all, with something behind it. Very old
 * VHD files lack the last byte of that. */
static const struct other *find_by_tail(int fd, int64_t size)
{
	static const struct {
		struct other other;
		int64_t from_end;
	} tails[] = {
		{ BEGINS("conectix", "a VHD image of fixed size",
			 CONVERT("vpc")),
		  512 },
		{ BEGINS("conectix", "a VHD image of fixed size",
			 CONVERT("vpc")),
		  511 },
		{ BEGINS("koly\0\0\0\x04", "a DMG image", CONVERT("dmg")),
		  512 },
	};
	unsigned char bytes[16];

	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		off_t at = size - tails[i].from_end;
		ssize_t n = at < 0 ? -1 : pread(fd, bytes, sizeof(bytes), at);

		if (n > 0 && is_other(&tails[i].other, bytes, (size_t)n))
			return &tails[i].other;
	}
	return NULL;
}

/* One for a CD may be made so that it boots from a stick, too. */
static const struct other iso =
	HAS_AT(32769, "CD001",
	       "an ISO 9660 image, of an installer or a live "
	       "system that no one can log in to",
	       "choose a disk image to pull: vmctl image catalogue");

int image_format_check(int fd, const unsigned char *head, size_t n,
		       int64_t size, const char *file, bool may_be_iso,
		       struct vmctl_error *err)
{
	const struct other *o = find_by_head(head, n);

	if (!o)
		o = find_by_tail(fd, size);
	if (!o && !may_be_iso && is_other(&iso, head, n))
		o = &iso;
	if (!o)
		return 0;
	fail(err, VMCTL_BAD_DATA, 0, "%s is %s, not a qcow2 or raw disk image",
	     file, o->is);
	fail_hint(err, "%s", o->hint);
	return -VMCTL_BAD_DATA;
}
