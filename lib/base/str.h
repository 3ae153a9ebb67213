/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

/*
 * A growing byte string, always followed by a NUL once something was added.
 * Failure to allocate is remembered: add freely, ask once at the end with
 * str_take() or str_check().
 */
struct str {
	char *p; /* NULL while empty */
	size_t len, cap;
	bool oom;
};

#define STR_INIT ((struct str){ 0 })

void str_done(struct str *s); /* frees, and makes it empty again */
#define auto_str auto_cleanup(str_done) struct str

/* Wipes it first. Reserve room for all of a secret at once: growing would leave
 * copies behind. */
void secret_str_done(struct str *s);
#define auto_secret_str auto_cleanup(secret_str_done) struct str

void str_add(struct str *s, const char *text); /* NULL adds nothing */
void str_addn(struct str *s, const void *bytes, size_t n);
void str_addc(struct str *s, char c);
void str_addi(struct str *s, int64_t n); /* in decimal; faster than %lld */
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_fill(struct str *s, char c, size_t n); /* n times c */
bool str_grow(struct str *s, size_t more);

/* Room for `more` bytes. */
static inline bool str_reserve(struct str *s, size_t more)
{
	/* The cells of long tables are made of single characters. */
	return (more < s->cap - s->len && !s->oom) || str_grow(s, more);
}

/* The text so far, "" when empty. Borrowed. */
static inline const char *str_text(const struct str *s)
{
	return s->p ? s->p : "";
}

/* 0, or -VMCTL_NO_MEMORY when any addition failed. */
int str_check(const struct str *s, struct vmctl_error *err);

/* Hands the text over (never NULL on success; the caller frees). */
int str_take(struct str *s, char **ret, struct vmctl_error *err);

/* Allocated printf: NULL only when memory is short. */
char *str_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* strdup that maps NULL to an empty string, for fields that are never NULL. */
char *str_dup(const char *text);

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/* Copies the next line of `*text`, without its newline and cut to `size`, and
 * moves `*text` behind it; false at the end. For tables that are read with
 * sscanf(3): glibc's looks for the end of the whole text at every call. */
bool str_line(const char **text, char *line, size_t size);

/* Whether the bytes are well-formed UTF-8 (RFC 3629) without NUL. */
bool str_is_utf8(const char *bytes, size_t n);

/* Texts as other systems write them: leaves out the byte order mark that some
 * put before UTF-8; and the name of the encoding that another such mark tells
 * ("UTF-16"), NULL if there is none. */
void str_skip_mark(const char **text, size_t *len);
const char *str_other_encoding(const char *text, size_t len);

/* A copy fit for a terminal: control characters (C0, DEL, C1 in UTF-8) and
 * bytes that are not UTF-8 become `?`; with `keep_newlines`, LF and TAB stay.
 * NULL only when memory is short. */
char *str_printable(const char *bytes, size_t n, bool keep_newlines);
void str_add_printable(struct str *s, const char *bytes, size_t n,
		       bool keep_newlines);

/* NULL-terminated string arrays. */
void strv_free(char **v);
#define auto_strv auto_cleanup(strv_cleanup)
DEFINE_CLEANUP(strv, char **, strv_free);
size_t strv_len(const char *const *v);
char **strv_dup(const char *const *v);	      /* NULL gives an empty array */
int strv_append(char ***v, const char *text); /* 0, -VMCTL_NO_MEMORY */

/* The words of `text`, which blanks and tabs part: a program with options as
 * $EDITOR has it. 0, -VMCTL_NO_MEMORY. */
int strv_words(const char *text, char ***ret);

/* Base64 (RFC 4648 section 4). Decoding is strict: padding where it belongs,
 * no white space, no stray bits. */
char *base64_encode(const void *bytes, size_t n);
int base64_decode(const char *text, size_t len, unsigned char **ret,
		  size_t *ret_len, struct vmctl_error *err); /* BAD_DATA */

/* Decimal digits into out[INT_TEXT], without a NUL; their end. */
#define INT_TEXT 20
char *int_encode(int64_t n, char *out);

/* Whether it has the form of an id: that letter, a hyphen, and 8 hexadecimal
 * digits. With `any_case` also "I-0A1B2C3D", which is no id but would be taken
 * for one where names are compared without regard to case. */
bool str_is_id(const char *text, char letter, bool any_case);

/* Lower-case hexadecimal of n bytes into out[2 * n + 1]. */
void hex_encode(const void *bytes, size_t n, char *out);

/* The candidate that is meant by a mistyped word: the only one that begins with
 * it, else the nearest by edit distance; case does not count. NULL when none is
 * near. Borrowed from the list. */
const char *str_nearest(const char *word, const char *const *candidates);

/* The hint of a failure that was just made for such a word: "did you mean
 * BEFORE NEAREST? (otherwise)", or `otherwise` alone: what to type to see what
 * there is; NULL when the message says it. `before` goes in front without a
 * blank: "--", "vmctl help ". */
void fail_hint_nearest(struct vmctl_error *err, const char *word,
		       const char *const *candidates, const char *before,
		       const char *otherwise);

#endif
