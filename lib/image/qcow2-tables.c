/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/qcow2.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OFFSET_MASK UINT64_C(0x00fffffffffffe00)
#define L2_COMPRESSED (UINT64_C(1) << 62)

#define L1_CHUNK 8192 /* entries read at once */

/* One walk over the tables of an image. */
struct walk {
	int fd;
	uint64_t file_size;
	const char *what;
	const struct qcow2_header *header;
	unsigned char *l1, *l2;
	uint64_t tables_left; /* no more L2 tables than fit into the file */
};

static uint64_t be64(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static int fail_short(const struct walk *w, struct vmctl_error *err)
{
	return fail(err, VMCTL_BAD_DATA, 0, "%s is cut short", w->what);
}

static int read_at(const struct walk *w, uint64_t at, unsigned char *buf,
		   size_t n, struct vmctl_error *err)
{
	while (n > 0) {
		ssize_t got = pread(w->fd, buf, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_sys(err, errno, "cannot read %s", w->what);
		if (got == 0)
			return fail_short(w, err);
		buf += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* Where the data of a compressed cluster ends: the descriptor has the offset
 * in its low bits, and above it the number of further 512-byte sectors. */
static uint64_t compressed_end(uint64_t entry, unsigned cluster_bits)
{
	unsigned x = 62 - (cluster_bits - 8);
	uint64_t at = entry & ((UINT64_C(1) << x) - 1);
	uint64_t sectors = (entry & (L2_COMPRESSED - 1)) >> x;

	return at / 512 * 512 + (sectors + 1) * 512;
}

static int check_l2(struct walk *w, uint64_t at, struct vmctl_error *err)
{
	size_t size = (size_t)1 << w->header->cluster_bits;
	size_t step = w->header->extended_l2 ? 16 : 8;
	int r;

	if (at % size || at >= w->file_size || w->tables_left == 0)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "%s is damaged or cut short: an L2 table is in an "
			    "impossible place",
			    w->what);
	w->tables_left--;
	r = read_at(w, at, w->l2, size, err);
	for (size_t i = 0; r == 0 && i < size; i += step) {
		uint64_t entry = be64(w->l2 + i);

		if (entry & L2_COMPRESSED &&
		    compressed_end(entry, w->header->cluster_bits) >
			    w->file_size)
			r = fail_short(w, err);
	}
	return r;
}

static int check_l1(struct walk *w, uint64_t at, size_t entries,
		    struct vmctl_error *err)
{
	int r = read_at(w, at, w->l1, entries * 8, err);

	for (size_t i = 0; r == 0 && i < entries; i++) {
		uint64_t l2 = be64(w->l1 + i * 8) & OFFSET_MASK;

		if (l2)
			r = check_l2(w, l2, err);
	}
	return r;
}

int qcow2_complete(int fd, uint64_t file_size, const char *what,
		   const struct qcow2_header *header, struct vmctl_error *err)
{
	auto_free unsigned char *l1 = malloc(L1_CHUNK * 8);
	auto_free unsigned char *l2 = malloc((size_t)1 << header->cluster_bits);
	struct walk w = { fd,
			  file_size,
			  what,
			  header,
			  l1,
			  l2,
			  file_size >> header->cluster_bits };
	uint32_t done = 0;
	int r = 0;

	if (!l1 || !l2)
		return fail_oom(err);
	while (r == 0 && done < header->l1_size) {
		uint32_t n = header->l1_size - done;

		n = n < L1_CHUNK ? n : L1_CHUNK;
		r = check_l1(&w, header->l1_offset + (uint64_t)done * 8, n,
			     err);
		done += n;
	}
	return r;
}
