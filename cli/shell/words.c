/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/shell/words.h"

#include <ctype.h>

void shell_line_done(struct shell_line *line)
{
	strv_free(line->words);
	free(line->rest);
	free(line->host);
	*line = (struct shell_line){ 0 };
}

struct splitter {
	const char *p;
	bool partial;
	char **words;
	struct str word;
	bool in_word; /* also an empty one, as '' */
	struct vmctl_error *err;
};

static int end_word(struct splitter *s)
{
	int r = 0;

	if (s->in_word) {
		r = str_check(&s->word, s->err);
		if (r == 0 && strv_append(&s->words, str_text(&s->word)) < 0)
			r = fail_oom(s->err);
	}
	str_done(&s->word);
	s->in_word = false;
	return r;
}

/* From the quote on. Between double quotes a backslash stands for what follows
 * when that is one of $ ` " \ or a line feed (POSIX, 2.2.3). */
static int read_quoted(struct splitter *s)
{
	const char *begin = s->p;
	char quote = *s->p++;

	s->in_word = true;
	for (; *s->p && *s->p != quote; s->p++) {
		if (quote == '"' && *s->p == '\\' && s->p[1] &&
		    strchr("$`\"\\", s->p[1]))
			s->p++;
		str_addc(&s->word, *s->p);
	}
	if (*s->p) {
		s->p++;
		return 0;
	}
	if (s->partial)
		return 0;
	return fail(s->err, VMCTL_INVALID, 0, "the quote of %s is not closed",
		    begin);
}

static int refuse(struct splitter *s)
{
	int r = fail(s->err, VMCTL_INVALID, 0, "'%c' has no meaning here",
		     *s->p);

	fail_hint(s->err, "quote it if it belongs to a word; what begins with "
			  "! is for the host's shell");
	return r;
}

/* 1: the words end here. */
static int read_one(struct splitter *s)
{
	char c = *s->p;

	if (c == '\'' || c == '"')
		return read_quoted(s);
	if (isspace((unsigned char)c)) {
		s->p++;
		return end_word(s);
	}
	if (c == '#' && !s->in_word) {
		s->p += strlen(s->p);
		return 1;
	}
	if (!s->partial) {
		if (c == '|' || c == '>')
			return 1;
		if (strchr(";&<`", c))
			return refuse(s);
	}
	if (c == '\\' && s->p[1])
		c = *++s->p;
	str_addc(&s->word, c);
	s->in_word = true;
	s->p++;
	return 0;
}

static int split(struct splitter *s)
{
	int r = 0;

	s->words = strv_dup(NULL);
	if (!s->words)
		return fail_oom(s->err);
	while (r == 0 && *s->p)
		r = read_one(s);
	if (s->partial && r >= 0)
		s->in_word = true; /* the one at the cursor */
	return r < 0 ? r : end_word(s);
}

int shell_split(const char *text, struct shell_line *ret,
		struct vmctl_error *err)
{
	struct splitter s = { .p = text, .err = err };
	int r;

	*ret = (struct shell_line){ 0 };
	while (isspace((unsigned char)*s.p))
		s.p++;
	if (*s.p == '!') {
		ret->host = strdup(s.p + 1);
		return ret->host ? 0 : fail_oom(err);
	}
	r = split(&s);
	ret->words = s.words;
	if (r == 0 && *s.p) {
		ret->rest = strdup(s.p);
		r = ret->rest ? 0 : fail_oom(err);
	}
	str_done(&s.word);
	return r;
}

int shell_split_partial(const char *text, size_t len, char ***ret,
			struct vmctl_error *err)
{
	auto_free char *copy = strndup(text, len);
	struct splitter s = { .p = copy, .partial = true, .err = err };
	int r = copy ? split(&s) : fail_oom(err);

	str_done(&s.word);
	if (r < 0) {
		strv_free(s.words);
		return r;
	}
	*ret = s.words;
	return 0;
}

void shell_word_at(const char *line, size_t *ret_begin, char *ret_quote)
{
	size_t begin = 0;
	char quote = '\0';

	for (size_t i = 0; line[i]; i++) {
		char c = line[i];

		if (c == '\\' && quote != '\'' && line[i + 1])
			i++;
		else if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '\'' || c == '"')
			quote = c;
		else if (isspace((unsigned char)c))
			begin = i + 1;
	}
	*ret_begin = begin;
	*ret_quote = quote;
}
