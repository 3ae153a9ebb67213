/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <strings.h>

#include "base/str.h"

void strv_free(char **v)
{
	if (!v)
		return;
	for (size_t i = 0; v[i]; i++)
		free(v[i]);
	free(v);
}

size_t strv_len(const char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

char **strv_dup(const char *const *v)
{
	size_t n = strv_len(v);
	char **copy = calloc(n + 1, sizeof(*copy));

	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(v[i]);
		if (!copy[i]) {
			strv_free(copy);
			return NULL;
		}
	}
	return copy;
}

int strv_append(char ***v, const char *text)
{
	size_t n = strv_len((const char *const *)*v);
	char *copy = strdup(text);
	char **grown = copy ? realloc(*v, (n + 2) * sizeof(**v)) : NULL;

	if (!grown) {
		free(copy);
		return -VMCTL_NO_MEMORY;
	}
	grown[n] = copy;
	grown[n + 1] = NULL;
	*v = grown;
	return 0;
}

int strv_words(const char *text, char ***ret)
{
	auto_strv char **words = calloc(1, sizeof(*words));

	while (words && *(text += strspn(text, " \t"))) {
		size_t n = strcspn(text, " \t");
		auto_free char *word = strndup(text, n);

		if (!word || strv_append(&words, word) < 0)
			return -VMCTL_NO_MEMORY;
		text += n;
	}
	if (!words)
		return -VMCTL_NO_MEMORY;
	*ret = take_ptr(&words);
	return 0;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edit distance where a swap of neighbours counts one (optimal string
 * alignment); words longer than the table are never near. */
#define NEAR_MAX 48
static size_t distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned char d[NEAR_MAX + 1][NEAR_MAX + 1];

	if (n > NEAR_MAX || m > NEAR_MAX)
		return NEAR_MAX;
	for (size_t i = 0; i <= n; i++) {
		for (size_t j = 0; j <= m; j++) {
			if (!i || !j) {
				d[i][j] = (unsigned char)(i + j);
				continue;
			}
			unsigned best =
				d[i - 1][j - 1] + !same(a[i - 1], b[j - 1]);
			if (d[i - 1][j] + 1u < best)
				best = d[i - 1][j] + 1u;
			if (d[i][j - 1] + 1u < best)
				best = d[i][j - 1] + 1u;
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]) &&
			    d[i - 2][j - 2] + 1u < best)
				best = d[i - 2][j - 2] + 1u;
			d[i][j] = (unsigned char)best;
		}
	}
	return d[n][m];
}

/* Shorter beginnings are of too many words. */
#define BEGIN_MIN 3

static const char *only_beginning(const char *word,
				  const char *const *candidates)
{
	const char *only = NULL;
	size_t n = strlen(word);

	for (size_t i = 0; n >= BEGIN_MIN && candidates[i]; i++) {
		if (strncasecmp(candidates[i], word, n) != 0)
			continue;
		if (only && !str_eq(only, candidates[i]))
			return NULL;
		only = candidates[i];
	}
	return only;
}

const char *str_nearest(const char *word, const char *const *candidates)
{
	const char *nearest =
		candidates ? only_beginning(word, candidates) : NULL;
	/* A third of the word may be wrong, at least one letter. */
	size_t best = strlen(word) / 3 + 2;

	if (nearest)
		return nearest;
	for (size_t i = 0; candidates && candidates[i]; i++) {
		size_t d = distance(word, candidates[i]);
		if (d < best && d < strlen(candidates[i])) {
			best = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}

void fail_hint_nearest(struct vmctl_error *err, const char *word,
		       const char *const *candidates, const char *before,
		       const char *otherwise)
{
	const char *nearest = str_nearest(word, candidates);

	if (nearest && otherwise)
		fail_hint(err, "did you mean %s%s? (%s)", before, nearest,
			  otherwise);
	else if (nearest)
		fail_hint(err, "did you mean %s%s?", before, nearest);
	else if (otherwise)
		fail_hint(err, "%s", otherwise);
}
