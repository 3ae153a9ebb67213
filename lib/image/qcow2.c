/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/qcow2.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"

#define V2_LENGTH 72
#define V3_LENGTH 104

/* Bits of incompatible_features. Compression type (3) and extended L2
 * entries (4) change only how this file is read. */
#define INCOMPAT_DIRTY (UINT64_C(1) << 0)
#define INCOMPAT_CORRUPT (UINT64_C(1) << 1)
#define INCOMPAT_DATA_FILE (UINT64_C(1) << 2)
#define INCOMPAT_EXTENDED_L2 (UINT64_C(1) << 4)
#define INCOMPAT_KNOWN UINT64_C(0x1f)

#define EXT_END 0
#define EXT_DATA_FILE 0x44415441
#define EXT_CRYPT 0x0537be77

/* As QEMU has them: a table of 32 MiB. */
#define L1_MAX (32 * 1024 * 1024 / 8)

struct reader {
	const unsigned char *p;
	size_t n;
	uint64_t file_size;
	const char *what;
	uint64_t cluster;
	size_t length; /* of the header */
};

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const unsigned char *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

bool qcow2_magic(const unsigned char *bytes, size_t n)
{
	return n >= 4 && memcmp(bytes, "QFI\xfb", 4) == 0;
}

static int fail_short(const struct reader *h, struct vmctl_error *err)
{
	return fail(err, VMCTL_BAD_DATA, 0, "%s is cut short", h->what);
}

static int fail_nonsense(const struct reader *h, const char *field,
			 struct vmctl_error *err)
{
	return fail(err, VMCTL_BAD_DATA, 0,
		    "%s is damaged: its qcow2 header has an impossible %s",
		    h->what, field);
}

static int fail_needs(const struct reader *h, const char *needs,
		      struct vmctl_error *err)
{
	int r = fail(err, VMCTL_BAD_DATA, 0,
		     "%s is not complete in itself: it needs %s", h->what,
		     needs);

	fail_hint(err, "make a complete copy where it comes from: qemu-img "
		       "convert -O qcow2 IMAGE COPY");
	return r;
}

static int refuse_backing(const struct reader *h, struct vmctl_error *err)
{
	uint64_t at = be64(h->p + 8);
	uint32_t size = be32(h->p + 16);
	char text[1100];

	if (at == 0)
		return 0;
	if (size > 1023 || at > h->n || size > h->n - at)
		size = 0; /* the name is for the message only */
	snprintf(text, sizeof(text), "the backing file \"%.*s\"", (int)size,
		 (const char *)h->p + (size ? at : 0));
	return fail_needs(h, size ? text : "a backing file", err);
}

/* The part that both versions have. */
static int check_v2(struct reader *h, struct qcow2_header *out,
		    struct vmctl_error *err)
{
	uint32_t bits = be32(h->p + 20), l1_size = be32(h->p + 36);
	uint64_t size = be64(h->p + 24), l1_at = be64(h->p + 40);
	uint64_t refs_at = be64(h->p + 48), per_l1;
	int r = refuse_backing(h, err);

	if (r < 0)
		return r;
	if (be32(h->p + 32) != 0)
		return fail(err, VMCTL_BAD_DATA, 0, "%s is encrypted", h->what);
	if (bits < 9 || bits > 21)
		return fail_nonsense(h, "cluster size", err);
	h->cluster = UINT64_C(1) << bits;
	if (size == 0 || size > (uint64_t)IMAGE_VIRTUAL_MAX)
		return fail_nonsense(h, "disk size", err);
	if (l1_at == 0 || l1_at % h->cluster || l1_size == 0 ||
	    l1_size > L1_MAX)
		return fail_nonsense(h, "L1 table", err);
	/* One L1 entry stands for a cluster of 8-byte L2 entries, one for each
	 * cluster; with extended entries for half of that, so at least this. */
	per_l1 = h->cluster / 8 * h->cluster;
	if ((size + per_l1 - 1) / per_l1 > l1_size)
		return fail_nonsense(h, "L1 table", err);
	if (refs_at == 0 || refs_at % h->cluster || be32(h->p + 56) == 0)
		return fail_nonsense(h, "refcount table", err);
	if (l1_at > h->file_size ||
	    (uint64_t)l1_size * 8 > h->file_size - l1_at ||
	    refs_at > h->file_size)
		return fail_short(h, err);
	out->cluster_bits = bits;
	out->virtual_size = (int64_t)size;
	out->l1_offset = l1_at;
	out->l1_size = l1_size;
	return 0;
}

static int check_features(const struct reader *h, struct vmctl_error *err)
{
	uint64_t incompat = be64(h->p + 72),
		 unknown = incompat & ~INCOMPAT_KNOWN;
	int r;

	if (incompat & INCOMPAT_DATA_FILE)
		return fail_needs(h, "an external data file", err);
	if (unknown)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s uses qcow2 features that are not known here "
			    "(0x%" PRIx64 ")",
			    h->what, unknown);
	if (!(incompat & (INCOMPAT_DIRTY | INCOMPAT_CORRUPT)))
		return 0;
	r = fail(err, VMCTL_BAD_DATA, 0, "%s is marked as %s", h->what,
		 incompat & INCOMPAT_CORRUPT ? "damaged"
					     : "not closed properly");
	fail_hint(err, "repair a copy of it: qemu-img check -f qcow2 -r all "
		       "COPY");
	return r;
}

static int check_v3(struct reader *h, struct vmctl_error *err)
{
	uint32_t length;

	if (h->n < V3_LENGTH)
		return fail_short(h, err);
	length = be32(h->p + 100);
	if (length < V3_LENGTH || length % 8 || length > h->cluster ||
	    length > QCOW2_LOOK)
		return fail_nonsense(h, "header length", err);
	if (be32(h->p + 96) > 6)
		return fail_nonsense(h, "refcount width", err);
	if (length > h->n)
		return fail_short(h, err);
	h->length = length;
	return check_features(h, err);
}

/* A list of type, length and data padded to 8 bytes, within the first
 * cluster. Types that are not known may be ignored, the format says. */
static int check_extensions(const struct reader *h, struct vmctl_error *err)
{
	size_t at = h->length, end = h->n;

	if (end > h->cluster)
		end = h->cluster;
	for (;;) {
		uint32_t type, size;

		/* In version 2 the list may be left out. */
		if (end - at < 8)
			return h->length == V2_LENGTH || h->file_size > end
				       ? 0
				       : fail_short(h, err);
		type = be32(h->p + at);
		size = be32(h->p + at + 4);
		at += 8;
		if (type == EXT_END)
			return 0;
		if (type == EXT_DATA_FILE)
			return fail_needs(h, "an external data file", err);
		if (type == EXT_CRYPT)
			return fail(err, VMCTL_BAD_DATA, 0, "%s is encrypted",
				    h->what);
		if (size > end - at || (size + 7) / 8 * 8 > end - at)
			return fail_nonsense(h, "extension", err);
		at += (size + 7) / 8 * 8;
	}
}

int qcow2_parse(const unsigned char *bytes, size_t n, uint64_t file_size,
		const char *what, struct qcow2_header *ret,
		struct vmctl_error *err)
{
	struct reader h = { bytes, n, file_size, what, 0, V2_LENGTH };
	struct qcow2_header out = { 0 };
	int r;

	if (!qcow2_magic(bytes, n))
		return fail(err, VMCTL_BAD_DATA, 0, "%s is not a qcow2 image",
			    what);
	if (n < V2_LENGTH)
		return fail_short(&h, err);
	out.version = be32(bytes + 4);
	if (out.version != 2 && out.version != 3)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s is a qcow2 image of version %u; 2 and 3 are "
			    "supported",
			    what, out.version);
	r = check_v2(&h, &out, err);
	if (r == 0 && out.version == 3) {
		r = check_v3(&h, err);
		out.extended_l2 =
			r == 0 && be64(bytes + 72) & INCOMPAT_EXTENDED_L2;
	}
	if (r == 0)
		r = check_extensions(&h, err);
	if (r < 0)
		return r;
	*ret = out;
	return 0;
}
