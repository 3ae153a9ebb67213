/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>

#include "base/str.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	char *out = malloc((n + 2) / 3 * 4 + 1);
	size_t len = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;
		v |= i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0;
		v |= i + 2 < n ? p[i + 2] : 0;
		out[len++] = alphabet[v >> 18];
		out[len++] = alphabet[v >> 12 & 63];
		out[len++] = i + 1 < n ? alphabet[v >> 6 & 63] : '=';
		out[len++] = i + 2 < n ? alphabet[v & 63] : '=';
	}
	out[len] = '\0';
	return out;
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *text, size_t len, unsigned char **ret,
		  size_t *ret_len, struct vmctl_error *err)
{
	size_t pad = 0, n = 0;

	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	if (len % 4)
		return fail(err, VMCTL_BAD_DATA, 0,
			    "base64 text has a wrong length");
	auto_free unsigned char *out = malloc(len / 4 * 3 + 1);
	if (!out)
		return fail_oom(err);
	for (size_t i = 0; i < len; i += 4) {
		uint32_t v = 0;
		size_t here = i + 4 == len ? 4 - pad : 4;

		for (size_t j = 0; j < here; j++) {
			int d = digit(text[i + j]);
			if (d < 0)
				return fail(err, VMCTL_BAD_DATA, 0,
					    "base64 text has a character that "
					    "does not belong there");
			v |= (uint32_t)d << (18 - 6 * j);
		}
		if ((here == 3 && v & 0xff) || (here == 2 && v & 0xffff))
			return fail(err, VMCTL_BAD_DATA, 0,
				    "base64 text ends in stray bits");
		for (size_t j = 0; j + 1 < here; j++)
			out[n++] = (unsigned char)(v >> (16 - 8 * j));
	}
	out[n] = '\0';
	*ret = take_ptr(&out);
	*ret_len = n;
	return 0;
}

char *int_encode(int64_t n, char *out)
{
	uint64_t v = n < 0 ? -(uint64_t)n : (uint64_t)n;
	char digits[INT_TEXT];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	if (n < 0)
		digits[--at] = '-';
	memcpy(out, digits + at, sizeof(digits) - at);
	return out + (sizeof(digits) - at);
}

bool str_is_id(const char *text, char letter, bool any_case)
{
	const char *digits =
		any_case ? "0123456789abcdefABCDEF" : "0123456789abcdef";

	return (text[0] == letter ||
		(any_case && text[0] == (letter & ~0x20))) &&
	       text[1] == '-' && strspn(text + 2, digits) == 8 && !text[10];
}

void hex_encode(const void *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}
