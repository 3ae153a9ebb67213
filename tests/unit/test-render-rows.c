/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
#include "cli/render/render.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#undef fail
/* clang-format on */

/* --filter and --sort: which rows a list has, and in which order. */

struct thing {
	char *name, *note;
	int64_t count, size, made, due, took;
	bool big;
	double load;
	char **tags, **labels;
};

#define AT(member) offsetof(struct thing, member)
static const struct field fields[] = {
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_NAME },
	{ "count", "COUNT", FIELD_INT, AT(count), FIELD_ZERO_NONE },
	{ "size", "SIZE", FIELD_SIZE, AT(size) },
	{ "made_at", "AGE", FIELD_TIME, AT(made) },
	{ "due_at", "DUE", FIELD_TIME, AT(due), FIELD_AHEAD },
	{ "took", "TOOK", FIELD_DURATION, AT(took) },
	{ "big", "BIG", FIELD_BOOL, AT(big) },
	{ "load", "LOAD", FIELD_REAL, AT(load) },
	{ "tags", "TAGS", FIELD_STRINGS, AT(tags) },
	{ "labels", "LABELS", FIELD_STRINGS, AT(labels), .each = "label" },
	{ "note", "NOTE", FIELD_STRING, AT(note) },
	{ .key = NULL },
};
static const struct record record = { "thing", fields };

/* 2026-01-31T09:00:00Z */
#define NOW 1769850000
#define H 3600

static char *web_tags[] = { (char *)"web", (char *)"prod", NULL };
static char *db_tags[] = { (char *)"db", NULL };
static char *no_tags[] = { NULL };
static char *prod[] = { (char *)"a.b/env=prod", (char *)"env=x", NULL };
static char *test10[] = { (char *)"environment=no", (char *)"env=test10",
			  (char *)"tier=", NULL };
static char *test9[] = { (char *)"env=test9", NULL };

static const struct thing things[] = {
	{ (char *)"web2", (char *)"", 2, 2LL << 30, NOW - 2 * H, NOW + 5 * H,
	  1500, true, 0.5, web_tags, prod },
	{ (char *)"web10", (char *)"it's (new) and hot", 10, 512 << 20, NOW - H,
	  0, 90000, false, 1.25, web_tags, test10 },
	{ (char *)"db", NULL, 0, 1LL << 30, NOW - 50 * H, 0, 2000, true, 0,
	  db_tags, test9 },
	{ (char *)"odd one", (char *)"x", 2, 0, 0, 0, 0, false, 7, no_tags },
};

static int show(const struct render_options *opts, char out[512],
		struct vmctl_error *err)
{
	struct render *r = NULL;
	int rc;

	assert_int_equal(render_new(opts, &r, NULL), 0);
	rc = render_begin(r, &record, err);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(things); i++)
		rc = render_row(r, &things[i], err);
	if (rc == 0)
		rc = render_end(r, err);
	memset(out, 0, 512);
	memcpy(out, str_text(render_spool(r)), render_spool(r)->len);
	render_free(r);
	return rc;
}

/* The names in the order shown, each followed by a blank. */
static void expect(const char *filter, const char *sort, const char *expected)
{
	struct render_options opts = { .format = FORMAT_NAME,
				       .filter = filter,
				       .sort = sort,
				       .now = NOW };
	struct vmctl_error err = { 0 };
	char out[512];

	if (show(&opts, out, &err))
		print_error("# %s\n", err.message);
	for (char *p = out; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	if (strcmp(out, expected) != 0)
		print_error("# %s %s\n", filter ? filter : "-",
			    sort ? sort : "-");
	assert_string_equal(out, expected);
}

static void texts_are_compared_and_matched(void **state)
{
	expect("name=db", NULL, "db ");
	expect("name==db", NULL, "db ");
	expect("name = 'odd one'", NULL, "odd one ");
	expect("name=\"odd one\"", NULL, "odd one ");
	expect("name!=db", NULL, "web2 web10 odd one ");
	expect("name~^web", NULL, "web2 web10 ");
	expect("name=~'^web[0-9]$'", NULL, "web2 ");
	expect("name!~^web", NULL, "db odd one ");
	expect("name=DB", NULL, "");
	/* By number where there is one: web10 is after web2. */
	expect("name>web2", NULL, "web10 ");
	expect("note=\"it's (new) and hot\"", NULL, "web10 ");
}

static void a_label_is_a_field(void **state)
{
	static const char *const bad[] = { "label=x", "label.=x", "label.",
					   "labelenv=x", "tags.env=x" };
	struct render_options table = {
		.format = FORMAT_TABLE,
		.columns = "name,label.env,label.tier",
		.sort = "-label.env",
	};
	struct vmctl_error err;
	char out[512];

	expect("label.env=x", NULL, "web2 ");
	expect("label.a.b/env=prod", NULL, "web2 ");
	expect("label.env!=x", NULL, "web10 db odd one ");
	expect("label.env='' or label.tier", NULL, "odd one ");
	expect("label.env", NULL, "web2 web10 db ");
	expect("label.env~^test and not name=db", NULL, "web10 ");
	expect("label.env>test9", NULL, "web2 web10 ");
	expect(NULL, "label.env", "db web10 web2 odd one ");
	expect(NULL, "-label.env", "web2 web10 db odd one ");
	assert_int_equal(show(&table, out, &err), 0);
	assert_string_equal(out, "NAME     ENV     TIER\n"
				 "web2     x       -\n"
				 "web10    test10  -\n"
				 "db       test9   -\n"
				 "odd one  -       -\n");
	table.format = FORMAT_NDJSON;
	table.filter = "label.env=x or name='odd one'";
	assert_int_equal(show(&table, out, &err), 0);
	assert_string_equal(out, "{\"name\":\"web2\",\"label.env\":\"x\","
				 "\"label.tier\":null}\n"
				 "{\"name\":\"odd one\",\"label.env\":null,"
				 "\"label.tier\":null}\n");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct render_options o = { .filter = bad[i] };

		assert_int_equal(show(&o, out, &err), -VMCTL_INVALID);
	}
}

static void numbers_take_the_units_of_their_field(void **state)
{
	expect("size>1G", NULL, "web2 ");
	expect("size>=1G", NULL, "web2 db ");
	expect("size<1024M", NULL, "web10 odd one ");
	expect("size=0", NULL, "odd one ");
	expect("took>1m", NULL, "web10 ");
	expect("took<=1500ms", NULL, "web2 odd one ");
	expect("load>=0.5", NULL, "web2 web10 odd one ");
	expect("count=2", NULL, "web2 odd one ");
	expect("big=yes", NULL, "web2 db ");
	expect("big!=true", NULL, "web10 odd one ");
}

static void a_time_is_a_moment_or_so_long_ago(void **state)
{
	expect("made_at>90m", NULL, "web10 ");
	expect("made_at<1d", NULL, "db ");
	expect("made_at>=2026-01-31T08:00:00Z", NULL, "web10 ");
	expect("made_at>2026-01-31T07:30", NULL, "web10 ");
	expect("made_at<2026-01-30", NULL, "db ");
	/* What lies ahead is so long from now. */
	expect("due_at<6h", NULL, "web2 ");
	expect("due_at<4h", NULL, "");
}

static void what_is_missing_is_equal_to_nothing_else(void **state)
{
	expect("note=''", NULL, "web2 db ");
	expect("note!=''", NULL, "web10 odd one ");
	expect("note", NULL, "web10 odd one ");
	expect("not note", NULL, "web2 db ");
	expect("count", NULL, "web2 web10 odd one ");
	expect("count<5", NULL, "web2 odd one ");
	expect("count=''", NULL, "db ");
	expect("made_at<2030-01-01", NULL, "web2 web10 db ");
	expect("big", NULL, "web2 db ");
	expect("load", NULL, "web2 web10 odd one ");
}

static void a_list_has_elements(void **state)
{
	expect("tags=web", NULL, "web2 web10 ");
	expect("tags!=web", NULL, "db odd one ");
	expect("tags~^p", NULL, "web2 web10 ");
	expect("tags!~b", NULL, "odd one ");
	expect("tags=''", NULL, "odd one ");
	expect("tags", NULL, "web2 web10 db ");
	expect("tags=we", NULL, "");
}

static void and_binds_closer_than_or(void **state)
{
	expect("name=db or tags=web and count>5", NULL, "web10 db ");
	expect("(name=db or tags=web) and count>5", NULL, "web10 ");
	expect("not name=db and not tags=web", NULL, "odd one ");
	expect("not (name=db or tags=web)", NULL, "odd one ");
	expect("not not name=db", NULL, "db ");
	expect("  ( ( big ) )  ", NULL, "web2 db ");
	expect("name=and or name=or", NULL, "");
	expect("name=db and(big)", NULL, "db ");
}

static void refused(const struct render_options *opts, const char *part)
{
	struct vmctl_error err = { 0 };
	char out[512];

	assert_int_equal(render_check(opts, &record, &err), -VMCTL_INVALID);
	if (!strstr(err.message, part))
		print_error("# '%s' is not in: %s\n", part, err.message);
	assert_non_null(strstr(err.message, part));
	assert_true(*err.hint || strchr(err.message, ':'));
	assert_int_equal(show(opts, out, &err), -VMCTL_INVALID);
	assert_string_equal(out, "");
}

static void what_is_no_filter_is_refused_with_the_place(void **state)
{
	static const char *const bad[][2] = {
		{ "", "a field is missing at the end" },
		{ "  ", "a field is missing at the end" },
		{ "nmae=x", "no field 'nmae'" },
		{ "name=", "a value is missing at the end" },
		{ "name=x big", "'and' or 'or' is missing before 'big'" },
		{ "name=x and", "a field is missing at the end" },
		{ "(name=x", "a closing parenthesis is missing at the end" },
		{ "name=x)", "'and' or 'or' is missing before ')'" },
		{ "=x", "a field is missing before '=x'" },
		{ "name='x", "the quote of 'x is not closed" },
		{ "name~[", "'['" },
		{ "size~1", "~ is for texts" },
		{ "size>many", "many" },
		{ "count>1x", "'1x' is not a number" },
		{ "count>nan", "'nan' is not a number" },
		{ "big=perhaps", "'perhaps' is not yes or no" },
		{ "made_at>yesterday", "'yesterday' is not a time" },
		{ "tags>a", "tags is a list" },
		{ "not", "a field is missing at the end" },
	};
	auto_str deep = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refused(&(struct render_options){ .filter = bad[i][0] },
			bad[i][1]);
	for (int i = 0; i < 100000; i++)
		str_addc(&deep, '(');
	refused(&(struct render_options){ .filter = deep.p }, "too deeply");
}

static void rows_are_sorted_by_any_fields(void **state)
{
	expect(NULL, "name", "db odd one web2 web10 ");
	expect(NULL, "-name", "web10 web2 odd one db ");
	expect(NULL, "-size", "web2 db web10 odd one ");
	expect(NULL, "big,-name", "web10 odd one web2 db ");
	/* Equal ones stay as they came; what is missing is last either way. */
	expect(NULL, "count", "web2 odd one web10 db ");
	expect(NULL, "-count", "web10 web2 odd one db ");
	expect(NULL, "made_at", "db web2 web10 odd one ");
	expect("tags=web", "-name", "web10 web2 ");
	expect("name=none", "-name", "");
}

static void every_format_is_sorted_and_filtered(void **state)
{
	static const struct {
		enum format format;
		const char *expected;
	} all[] = {
		{ FORMAT_TABLE, "NAME   COUNT\nweb10     10\nweb2       2\n" },
		{ FORMAT_CSV, "name,count\r\nweb10,10\r\nweb2,2\r\n" },
		{ FORMAT_TSV, "name\tcount\nweb10\t10\nweb2\t2\n" },
		{ FORMAT_NDJSON, "{\"name\":\"web10\",\"count\":10}\n"
				 "{\"name\":\"web2\",\"count\":2}\n" },
		{ FORMAT_JSON,
		  "[\n  {\n    \"name\": \"web10\",\n    \"count\": 10\n"
		  "  },\n  {\n    \"name\": \"web2\",\n    \"count\": 2\n"
		  "  }\n]\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct render_options opts = { .format = all[i].format,
					       .columns = "name,count",
					       .filter = "tags=web",
					       .sort = "-count" };
		char out[512];

		assert_int_equal(show(&opts, out, NULL), 0);
		assert_string_equal(out, all[i].expected);
	}
}

static void an_unknown_sort_key_is_refused(void **state)
{
	static const char *const bad[] = { "",	     "nmae",   "name,",
					   "--name", "-,name", "+name" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		refused(&(struct render_options){ .sort = bad[i] }, "--sort");
}

static void print0_ends_raw_names_with_a_zero_byte(void **state)
{
	struct render_options opts = { .format = FORMAT_NAME, .print0 = true };
	static const char expected[] = "web2\0web10\0db\0odd one";
	char out[512];

	assert_int_equal(show(&opts, out, NULL), 0);
	assert_memory_equal(out, expected, sizeof(expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_compared_and_matched),
		cmocka_unit_test(a_label_is_a_field),
		cmocka_unit_test(numbers_take_the_units_of_their_field),
		cmocka_unit_test(a_time_is_a_moment_or_so_long_ago),
		cmocka_unit_test(what_is_missing_is_equal_to_nothing_else),
		cmocka_unit_test(a_list_has_elements),
		cmocka_unit_test(and_binds_closer_than_or),
		cmocka_unit_test(what_is_no_filter_is_refused_with_the_place),
		cmocka_unit_test(rows_are_sorted_by_any_fields),
		cmocka_unit_test(every_format_is_sorted_and_filtered),
		cmocka_unit_test(an_unknown_sort_key_is_refused),
		cmocka_unit_test(print0_ends_raw_names_with_a_zero_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
