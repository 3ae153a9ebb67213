/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/ssh/sftp.h"

/* Numbers are big-endian, strings have their length before them. */

enum {
	FXP_INIT = 1,
	FXP_VERSION = 2,
	FXP_STATUS = 101,
	FXP_HANDLE = 102,
	FXP_DATA = 103,
	FXP_NAME = 104,
	FXP_ATTRS = 105,
	FXP_EXTENDED = 200,
	FXP_EXTENDED_REPLY = 201,
};
#define ATTR_EXTENDED 0x80000000u

/* What a request consists of, in this order, and the answer it gets. */
enum { PATH = 1, PATH2 = 2, HANDLE = 4, OFFSET = 8, LENGTH = 16, DATA = 32 };
enum { FLAGS = 64, ATTR = 128 };

static const struct {
	unsigned char type, parts, answer;
	const char *extension;
} ops[SFTP_OP_COUNT] = {
	[SFTP_OP_OPEN] = { 3, PATH | FLAGS | ATTR, FXP_HANDLE },
	[SFTP_OP_CLOSE] = { 4, HANDLE, FXP_STATUS },
	[SFTP_OP_READ] = { 5, HANDLE | OFFSET | LENGTH, FXP_DATA },
	[SFTP_OP_WRITE] = { 6, HANDLE | OFFSET | DATA, FXP_STATUS },
	[SFTP_OP_LSTAT] = { 7, PATH, FXP_ATTRS },
	[SFTP_OP_FSTAT] = { 8, HANDLE, FXP_ATTRS },
	[SFTP_OP_SETSTAT] = { 9, PATH | ATTR, FXP_STATUS },
	[SFTP_OP_FSETSTAT] = { 10, HANDLE | ATTR, FXP_STATUS },
	[SFTP_OP_OPENDIR] = { 11, PATH, FXP_HANDLE },
	[SFTP_OP_READDIR] = { 12, HANDLE, FXP_NAME },
	[SFTP_OP_REMOVE] = { 13, PATH, FXP_STATUS },
	[SFTP_OP_MKDIR] = { 14, PATH | ATTR, FXP_STATUS },
	[SFTP_OP_RMDIR] = { 15, PATH, FXP_STATUS },
	[SFTP_OP_REALPATH] = { 16, PATH, FXP_NAME },
	[SFTP_OP_STAT] = { 17, PATH, FXP_ATTRS },
	[SFTP_OP_RENAME] = { 18, PATH | PATH2, FXP_STATUS },
	[SFTP_OP_READLINK] = { 19, PATH, FXP_NAME },
	/* The draft has the link first; OpenSSH's server has what it points at
	 * first, and everybody follows that (its PROTOCOL, 4.1). */
	[SFTP_OP_SYMLINK] = { 20, PATH | PATH2, FXP_STATUS },
	[SFTP_OP_POSIX_RENAME] = { FXP_EXTENDED, PATH | PATH2, FXP_STATUS,
				   "posix-rename@openssh.com" },
	[SFTP_OP_STATVFS] = { FXP_EXTENDED, PATH, FXP_EXTENDED_REPLY,
			      "statvfs@openssh.com" },
	[SFTP_OP_EXPAND] = { FXP_EXTENDED, PATH, FXP_NAME,
			     "expand-path@openssh.com" },
	[SFTP_OP_LIMITS] = { FXP_EXTENDED, 0, FXP_EXTENDED_REPLY,
			     "limits@openssh.com" },
};

/* --- out ----------------------------------------------------------------- */

static void put32(struct str *s, uint32_t v)
{
	const unsigned char b[4] = { (unsigned char)(v >> 24),
				     (unsigned char)(v >> 16),
				     (unsigned char)(v >> 8),
				     (unsigned char)v };

	str_addn(s, b, sizeof(b));
}

static void put64(struct str *s, uint64_t v)
{
	put32(s, (uint32_t)(v >> 32));
	put32(s, (uint32_t)v);
}

static void put_string(struct str *s, const void *p, size_t n)
{
	put32(s, (uint32_t)n);
	str_addn(s, p, n);
}

static void put_attr(struct str *s, const struct sftp_attr *a)
{
	put32(s, a->flags);
	if (a->flags & SFTP_SIZE)
		put64(s, a->size);
	if (a->flags & SFTP_OWNER) {
		put32(s, a->uid);
		put32(s, a->gid);
	}
	if (a->flags & SFTP_MODE)
		put32(s, a->mode);
	if (a->flags & SFTP_TIMES) {
		put32(s, a->atime);
		put32(s, a->mtime);
	}
}

/* The length that was left out at `start` until now. */
static void put_length(struct str *out, size_t start)
{
	uint32_t n = (uint32_t)(out->len - start - 4);

	if (out->oom)
		return;
	for (int i = 0; i < 4; i++)
		out->p[start + (size_t)i] = (char)(n >> (24 - 8 * i));
}

void wire_init(struct str *out)
{
	put32(out, 5);
	str_addc(out, FXP_INIT);
	put32(out, 3);
}

void wire_request(struct str *out, const struct sftp_call *call, uint32_t id)
{
	unsigned parts = ops[call->op].parts;
	const char *extension = ops[call->op].extension;
	size_t start = out->len;

	put32(out, 0);
	str_addc(out, (char)ops[call->op].type);
	put32(out, id);
	if (extension)
		put_string(out, extension, strlen(extension));
	if (parts & PATH)
		put_string(out, call->path, strlen(call->path));
	if (parts & PATH2)
		put_string(out, call->path2, strlen(call->path2));
	if (parts & HANDLE)
		put_string(out, call->handle->bytes, call->handle->len);
	if (parts & OFFSET)
		put64(out, call->offset);
	if (parts & LENGTH)
		put32(out, call->len);
	if (parts & DATA)
		put_string(out, call->data, call->len);
	if (parts & FLAGS)
		put32(out, call->flags);
	if (parts & ATTR)
		put_attr(out, &call->attr);
	put_length(out, start);
}

/* --- in ------------------------------------------------------------------ */

/* What is left of a packet; `bad` once it was shorter than it should be. */
struct in {
	unsigned char *p;
	uint32_t left;
	bool bad;
};

static uint32_t get32(struct in *in)
{
	uint32_t v = 0;

	if (in->left < 4) {
		in->bad = true;
		in->left = 0;
		return 0;
	}
	for (int i = 0; i < 4; i++)
		v = v << 8 | in->p[i];
	in->p += 4;
	in->left -= 4;
	return v;
}

static uint64_t get64(struct in *in)
{
	uint64_t high = get32(in);

	return high << 32 | get32(in);
}

static unsigned char *get_string(struct in *in, uint32_t *ret_len)
{
	uint32_t n = get32(in);
	unsigned char *p = in->p;

	*ret_len = 0;
	if (in->bad || n > in->left) {
		in->bad = true;
		return NULL;
	}
	in->p += n;
	in->left -= n;
	*ret_len = n;
	return p;
}

static void get_attr(struct in *in, struct sftp_attr *a)
{
	uint32_t ignored;

	*a = (struct sftp_attr){ .flags = get32(in) };
	if (a->flags & SFTP_SIZE)
		a->size = get64(in);
	if (a->flags & SFTP_OWNER) {
		a->uid = get32(in);
		a->gid = get32(in);
	}
	if (a->flags & SFTP_MODE)
		a->mode = get32(in);
	if (a->flags & SFTP_TIMES) {
		a->atime = get32(in);
		a->mtime = get32(in);
	}
	if (a->flags & ATTR_EXTENDED)
		for (uint32_t n = get32(in); n > 0 && !in->bad; n--) {
			(void)get_string(in, &ignored);
			(void)get_string(in, &ignored);
		}
}

/* The packet has a byte to spare behind it, and a string is followed by
 * another one, the length of which was read already when this is called. */
static const char *terminate(unsigned char *p, uint32_t n)
{
	p[n] = '\0';
	return (const char *)p;
}

static void get_names(struct in *in, struct sftp_reply *r)
{
	uint32_t count = get32(in), n, ignored;

	/* The shortest has two empty strings and no attributes. */
	if (in->bad || count > in->left / 12) {
		in->bad = true;
		return;
	}
	r->names = calloc(count ? count : 1, sizeof(*r->names));
	if (!r->names)
		return;
	for (uint32_t i = 0; i < count && !in->bad; i++) {
		struct sftp_name *name = &r->names[i];
		unsigned char *text = get_string(in, &n);

		(void)get_string(in, &ignored); /* as ls(1) would show it */
		get_attr(in, &name->attr);
		if (in->bad)
			return;
		name->text = terminate(text, n);
		name->len = n;
		r->name_count = i + 1;
	}
}

static void get_status(struct in *in, struct sftp_reply *r)
{
	unsigned char *text;
	uint32_t n;

	r->status = get32(in);
	r->message = "";
	/* Version 3 has a message and its language; older servers none. */
	if (in->bad || in->left == 0)
		return;
	text = get_string(in, &n);
	if (in->left)
		(void)get_string(in, &(uint32_t){ 0 });
	if (!in->bad)
		r->message = terminate(text, n);
}

static void get_handle(struct in *in, struct sftp_reply *r)
{
	unsigned char *p = get_string(in, &r->handle.len);

	if (in->bad || r->handle.len > SFTP_HANDLE_MAX) {
		in->bad = true;
		return;
	}
	memcpy(r->handle.bytes, p, r->handle.len);
}

static void get_extended(struct in *in, enum sftp_op op, struct sftp_reply *r)
{
	if (op == SFTP_OP_LIMITS) {
		(void)get64(in); /* of a packet */
		r->max_read = get64(in);
		r->max_write = get64(in);
		return;
	}
	/* bsize frsize blocks bfree bavail … */
	(void)get64(in);
	uint64_t unit = get64(in), available;

	(void)get64(in);
	(void)get64(in);
	available = get64(in);
	if (__builtin_mul_overflow(unit, available, &r->free_bytes))
		r->free_bytes = UINT64_MAX;
}

bool wire_id(const unsigned char *p, uint32_t n, uint32_t *ret)
{
	struct in in = { (unsigned char *)p + 1, n ? n - 1 : 0, false };

	*ret = get32(&in);
	return !in.bad;
}

const char *wire_version(const unsigned char *p, uint32_t n,
			 unsigned *ret_features)
{
	static const struct {
		enum sftp_op op;
		unsigned feature;
		char version;
	} known[] = {
		{ SFTP_OP_POSIX_RENAME, SFTP_HAS_POSIX_RENAME, '1' },
		{ SFTP_OP_STATVFS, SFTP_HAS_STATVFS, '2' },
		{ SFTP_OP_EXPAND, SFTP_HAS_EXPAND, '1' },
		{ SFTP_OP_LIMITS, SFTP_HAS_LIMITS, '1' },
	};
	struct in in = { (unsigned char *)p + 1, n - 1, false };
	uint32_t name_len, value_len;

	*ret_features = 0;
	if (p[0] != FXP_VERSION || get32(&in) < 3 || in.bad)
		return "it does not speak version 3";
	while (in.left > 0) {
		unsigned char *name = get_string(&in, &name_len);
		unsigned char *value = get_string(&in, &value_len);

		for (size_t i = 0; i < ARRAY_LEN(known) && !in.bad; i++)
			if (strlen(ops[known[i].op].extension) == name_len &&
			    memcmp(ops[known[i].op].extension, name,
				   name_len) == 0 &&
			    value_len == 1 &&
			    (char)value[0] == known[i].version)
				*ret_features |= known[i].feature;
		if (in.bad)
			return "its list of extensions is cut off";
	}
	return NULL;
}

const char *wire_reply(struct ticket *t, struct sftp_reply *ret)
{
	struct in in = { t->packet + 5, t->len - 5, false };
	unsigned char type = t->packet[0];

	*ret = (struct sftp_reply){ .message = "", .packet = t->packet };
	t->packet = NULL;
	if (type == FXP_STATUS)
		get_status(&in, ret);
	else if (type != ops[t->op].answer)
		return "an answer does not fit the question";
	else if (type == FXP_HANDLE)
		get_handle(&in, ret);
	else if (type == FXP_DATA)
		ret->data = get_string(&in, &ret->len);
	else if (type == FXP_ATTRS)
		get_attr(&in, &ret->attr);
	else if (type == FXP_EXTENDED_REPLY)
		get_extended(&in, t->op, ret);
	else
		get_names(&in, ret);
	if (in.bad)
		return "an answer is cut off";
	if (type == FXP_NAME && !ret->names)
		return "";
	if (type == FXP_DATA && ret->len > t->want)
		return "more came than was asked for";
	if (type == FXP_STATUS && ret->status == SFTP_OK &&
	    ops[t->op].answer != FXP_STATUS)
		return "an answer says nothing";
	return NULL;
}
