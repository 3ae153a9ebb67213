/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/render/filter.h"

#include <regex.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/render/compare.h"

#define DEPTH_MAX 50 /* of parentheses: what is deeper is no filter */

enum op { AND, OR, NOT, SET, EQ, NE, LT, LE, GT, GE, LIKE, UNLIKE };

struct filter {
	enum op op;
	struct filter *a, *b; /* of AND, OR, NOT */
	const struct field *field;
	struct made *made; /* perhaps the field */
	struct value value;
	regex_t regex; /* of LIKE and UNLIKE */
};

void filter_free(struct filter *f)
{
	if (!f)
		return;
	filter_free(f->a);
	filter_free(f->b);
	made_free(f->made);
	value_done(&f->value);
	if (f->op == LIKE || f->op == UNLIKE)
		regfree(&f->regex);
	free(f);
}
DEFINE_CLEANUP(filter, struct filter *, filter_free);
#define auto_filter auto_cleanup(filter_cleanup) struct filter

/* --- reading ------------------------------------------------------------- */

struct reader {
	const struct record *record;
	const char *p; /* where we are */
	int64_t now;
	int depth;
	struct vmctl_error *err;
};

static int fail_at(struct reader *r, const char *wanted)
{
	int rc;

	if (*r->p)
		rc = fail(r->err, VMCTL_INVALID, 0,
			  "--filter: %s is missing before '%s'", wanted, r->p);
	else
		rc = fail(r->err, VMCTL_INVALID, 0,
			  "--filter: %s is missing at the end", wanted);
	fail_hint(r->err, "as in --filter 'state=running and memory>1G'");
	return rc;
}

static void skip_blanks(struct reader *r)
{
	r->p += strspn(r->p, " \t\n");
}

static bool ends_word(char c)
{
	return strchr(" \t\n()", c) != NULL; /* the zero byte too */
}

static bool take_word(struct reader *r, const char *word)
{
	size_t len = strlen(word);

	skip_blanks(r);
	if (strncmp(r->p, word, len) != 0 || !ends_word(r->p[len]))
		return false;
	r->p += len;
	return true;
}

static bool take_char(struct reader *r, char c)
{
	skip_blanks(r);
	if (*r->p != c)
		return false;
	r->p++;
	return true;
}

/* The longer ones first. */
static bool take_operator(struct reader *r, enum op *ret)
{
	static const struct {
		const char *text;
		enum op op;
	} ops[] = {
		{ "!=", NE },	{ "<=", LE },	  { ">=", GE }, { "==", EQ },
		{ "=~", LIKE }, { "!~", UNLIKE }, { "=", EQ },	{ "<", LT },
		{ ">", GT },	{ "~", LIKE },
	};

	skip_blanks(r);
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		if (str_starts(r->p, ops[i].text)) {
			r->p += strlen(ops[i].text);
			*ret = ops[i].op;
			return true;
		}
	}
	return false;
}

/* Quoted, or up to a blank or parenthesis. */
static int take_value(struct reader *r, char **ret)
{
	const char *end, *from;

	skip_blanks(r);
	if (*r->p == '\'' || *r->p == '"') {
		end = strchr(r->p + 1, *r->p);
		if (!end)
			return fail(r->err, VMCTL_INVALID, 0,
				    "--filter: the quote of %s is not closed",
				    r->p);
		from = r->p + 1;
		r->p = end + 1;
	} else {
		from = r->p;
		while (!ends_word(*r->p))
			r->p++;
		end = r->p;
		if (end == from)
			return fail_at(r, "a value");
	}
	*ret = strndup(from, (size_t)(end - from));
	return *ret ? 0 : fail_oom(r->err);
}

static int compile(struct reader *r, struct filter *f, enum op op,
		   const char *pattern)
{
	char why[128];
	int rc;

	rc = regcomp(&f->regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (rc) {
		regerror(rc, &f->regex, why, sizeof(why));
		return fail(r->err, VMCTL_INVALID, 0, "--filter: '%s': %s",
			    pattern, why);
	}
	f->op = op;
	return 0;
}

static int check_operator(struct reader *r, const struct field *field,
			  enum op op)
{
	bool text = field->type == FIELD_STRING || field->type == FIELD_TEXT ||
		    field->type == FIELD_ELEMENT;
	bool list = field->type == FIELD_STRINGS;

	if ((op == LIKE || op == UNLIKE) && !text && !list)
		return fail(r->err, VMCTL_INVALID, 0,
			    "--filter: ~ is for texts, and %s is none",
			    field->key);
	if (list && op != EQ && op != NE && op != LIKE && op != UNLIKE)
		return fail(r->err, VMCTL_INVALID, 0,
			    "--filter: %s is a list, which has no order",
			    field->key);
	return 0;
}

static int read_comparison(struct reader *r, struct filter **ret)
{
	auto_filter *f = calloc(1, sizeof(*f));
	auto_free char *text = NULL;
	size_t len;
	enum op op;
	int rc;

	if (!f)
		return fail_oom(r->err);
	skip_blanks(r);
	len = strcspn(r->p, " \t\n()=!<>~'\"");
	if (!len)
		return fail_at(r, "a field");
	rc = field_find(r->record, "--filter", r->p, len, &f->made, &f->field,
			r->err);
	if (rc < 0)
		return rc;
	r->p += len;
	f->op = SET;
	if (take_operator(r, &op)) {
		bool like = op == LIKE || op == UNLIKE;

		rc = take_value(r, &text);
		if (rc == 0)
			rc = check_operator(r, f->field, op);
		if (rc == 0)
			rc = value_parse(f->field, text, r->now, &f->value,
					 r->err);
		if (rc == 0 && like)
			rc = compile(r, f, op, text);
		if (rc < 0)
			return rc;
		f->op = op;
	}
	*ret = take_ptr(&f);
	return 0;
}

static int read_expression(struct reader *r, struct filter **ret);

static int read_factor(struct reader *r, struct filter **ret)
{
	struct filter *inner = NULL;
	int rc;

	if (++r->depth > DEPTH_MAX)
		return fail(r->err, VMCTL_INVALID, 0,
			    "--filter: it is nested too deeply");
	if (take_word(r, "not")) {
		rc = read_factor(r, &inner);
		*ret = rc == 0 ? calloc(1, sizeof(**ret)) : NULL;
		if (rc == 0 && !*ret) {
			filter_free(inner);
			rc = fail_oom(r->err);
		} else if (rc == 0) {
			(*ret)->op = NOT;
			(*ret)->a = inner;
		}
	} else if (take_char(r, '(')) {
		rc = read_expression(r, ret);
		if (rc == 0 && !take_char(r, ')')) {
			filter_free(take_ptr(ret));
			rc = fail_at(r, "a closing parenthesis");
		}
	} else {
		rc = read_comparison(r, ret);
	}
	r->depth--;
	return rc;
}

/* `word` between what `next` reads, as often as it comes. */
static int read_chain(struct reader *r, const char *word, enum op op,
		      int (*next)(struct reader *r, struct filter **ret),
		      struct filter **ret)
{
	auto_filter *left = NULL;
	int rc = next(r, &left);

	while (rc == 0 && take_word(r, word)) {
		struct filter *joined = calloc(1, sizeof(*joined));

		if (!joined)
			return fail_oom(r->err);
		joined->op = op;
		joined->a = left;
		left = joined;
		rc = next(r, &joined->b);
	}
	if (rc == 0)
		*ret = take_ptr(&left);
	return rc;
}

static int read_term(struct reader *r, struct filter **ret)
{
	return read_chain(r, "and", AND, read_factor, ret);
}

static int read_expression(struct reader *r, struct filter **ret)
{
	return read_chain(r, "or", OR, read_term, ret);
}

int filter_parse(const struct record *record, const char *text, int64_t now,
		 struct filter **ret, struct vmctl_error *err)
{
	struct reader r = {
		.record = record, .p = text, .now = now, .err = err
	};
	auto_filter *f = NULL;
	int rc = read_expression(&r, &f);

	if (rc < 0)
		return rc;
	skip_blanks(&r);
	if (*r.p)
		return fail_at(&r, "'and' or 'or'");
	*ret = take_ptr(&f);
	return 0;
}

/* --- deciding ------------------------------------------------------------ */

static bool has_element(const struct filter *f, const void *item)
{
	const void *at = (const char *)item + f->field->offset;
	const char *const *list = *(const char *const *const *)at;

	for (size_t i = 0; list && list[i]; i++) {
		if (f->op == LIKE || f->op == UNLIKE
			    ? regexec(&f->regex, list[i], 0, NULL, 0) == 0
			    : str_eq(list[i], f->value.text))
			return true;
	}
	return f->op != LIKE && f->op != UNLIKE && f->value.none &&
	       (!list || !list[0]);
}

static bool is_set(const struct value *v)
{
	return !v->none && (v->is_text || v->number != 0);
}

static bool compare(const struct filter *f, const struct value *v)
{
	int c = value_compare(v, &f->value);
	bool either = v->none || f->value.none;

	switch (f->op) {
	case EQ:
		return c == 0;
	case NE:
		return c != 0;
	case LT:
		return !either && c < 0;
	case LE:
		return !either && c <= 0;
	case GT:
		return !either && c > 0;
	case GE:
		return !either && c >= 0;
	case LIKE:
		return regexec(&f->regex, v->text, 0, NULL, 0) == 0;
	case UNLIKE:
		return regexec(&f->regex, v->text, 0, NULL, 0) != 0;
	default:
		return false;
	}
}

bool filter_match(const struct filter *f, const void *item)
{
	auto_cleanup(value_done) struct value v = { 0 };

	switch (f->op) {
	case AND:
		return filter_match(f->a, item) && filter_match(f->b, item);
	case OR:
		return filter_match(f->a, item) || filter_match(f->b, item);
	case NOT:
		return !filter_match(f->a, item);
	default:
		break;
	}
	if (f->field->type == FIELD_STRINGS && f->op != SET)
		return has_element(f, item) == (f->op == EQ || f->op == LIKE);
	/* Memory that is short shows a row too many. */
	if (value_of(f->field, item, &v, NULL) < 0)
		return true;
	return f->op == SET ? is_set(&v) : compare(f, &v);
}
