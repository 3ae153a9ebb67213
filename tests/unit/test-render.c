/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clang-format off */
#include "cli/render/render.h"
#include "cli/render/width.h"

#include "unit.h"
/* clang-format on */

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* Every output format, by golden strings. */

struct thing {
	char *name, *note;
	int64_t count, size, made, took;
	bool big;
	char **tags;
	int state;
};

static const char *state_text(const void *record)
{
	static const char *const names[] = { "running", "error", "weird",
					     NULL };

	return names[((const struct thing *)record)->state];
}

#define AT(member) offsetof(struct thing, member)
static const struct field fields[] = {
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_NAME },
	{ "state", "STATE", FIELD_TEXT, 0, FIELD_STATE, .text = state_text },
	{ "count", "COUNT", FIELD_INT, AT(count) },
	{ "size", "SIZE", FIELD_SIZE, AT(size) },
	{ "made_at", "AGE", FIELD_TIME, AT(made) },
	{ "took", "TOOK", FIELD_DURATION, AT(took), FIELD_WIDE },
	{ "big", "BIG", FIELD_BOOL, AT(big), FIELD_WIDE },
	{ "tags", "TAGS", FIELD_STRINGS, AT(tags), FIELD_HIDDEN },
	{ "note", "NOTE", FIELD_STRING, AT(note), FIELD_WIDE | FIELD_ASKED },
	{ .key = NULL },
};
static const struct record record = { "thing", fields };

static char *two_tags[] = { (char *)"a", (char *)"b c", NULL };
static char *no_tags[] = { NULL };

/* 2026-01-31T09:00:00Z */
#define MADE 1769850000

static const struct thing web = {
	.name = (char *)"web1",
	.note = (char *)"say \"hi\", now",
	.count = 12,
	.size = 1536LL << 20,
	.made = MADE,
	.took = 1500,
	.big = true,
	.tags = two_tags,
};
static const struct thing empty = {
	.name = (char *)"longer-name",
	.note = (char *)"",
	.took = 2000,
	.tags = no_tags,
	.state = 1,
};

static struct render *new_render(enum format format)
{
	struct render_options opts = { .format = format, .now = MADE + 200 };
	struct render *r = NULL;

	assert_int_equal(render_new(&opts, &r, NULL), 0);
	return r;
}

static struct render *new_with(const struct render_options *opts)
{
	struct render *r = NULL;

	assert_int_equal(render_new(opts, &r, NULL), 0);
	return r;
}

static void list(struct render *r, size_t n, const struct thing *const *things)
{
	assert_int_equal(render_begin(r, &record, NULL), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(render_row(r, things[i], NULL), 0);
	assert_int_equal(render_end(r, NULL), 0);
}

static void check(struct render *r, const char *expected)
{
	assert_string_equal(str_text(render_spool(r)), expected);
	render_free(r);
}

/* The two things above as a list. */
static void check_list(const struct render_options *opts, const char *expected)
{
	struct render *r = new_with(opts);

	list(r, 2, (const struct thing *const[]){ &web, &empty });
	check(r, expected);
}

static void check_one(enum format format, const struct thing *thing,
		      const char *expected)
{
	struct render *r = new_render(format);

	assert_int_equal(render_one(r, &record, thing, NULL), 0);
	check(r, expected);
}

#define OPTS(...)                                                              \
	(&(const struct render_options){ .now = MADE + 200, __VA_ARGS__ })

static void a_table_is_aligned_with_units_for_people(void **state)
{
	check_list(OPTS(.format = FORMAT_TABLE),
		   "NAME         STATE    COUNT  SIZE  AGE\n"
		   "web1         running     12  1.5G  3m\n"
		   "longer-name  error        0     0  -\n");
}

static void a_wide_table_has_the_wide_fields_too(void **state)
{
	check_list(OPTS(.format = FORMAT_WIDE),
		   "NAME         STATE    COUNT  SIZE  AGE  TOOK  BIG  NOTE\n"
		   "web1         running     12  1.5G  3m     1s  yes  say "
		   "\"hi\", now\n"
		   "longer-name  error        0     0  -      2s  no   -\n");
}

static void an_age_is_never_less_than_none(void **state)
{
	struct render *r = new_with(&(const struct render_options){
		.columns = "made_at", .no_header = true, .now = MADE });
	const struct thing future = { .made = MADE + 100 };

	list(r, 2, (const struct thing *const[]){ &web, &future });
	check(r, "0s\n0s\n");
}

static void no_header_leaves_the_headings_out(void **state)
{
	check_list(OPTS(.format = FORMAT_TABLE, .no_header = true),
		   "web1         running  12  1.5G  3m\n"
		   "longer-name  error     0     0  -\n");
	check_list(OPTS(.format = FORMAT_TSV, .no_header = true,
			.columns = "count,name"),
		   "12\tweb1\n0\tlonger-name\n");
}

static void columns_choose_and_order_in_every_format(void **state)
{
	const char *columns = "size,name,tags";

	check_list(OPTS(.format = FORMAT_TABLE, .columns = columns),
		   "SIZE  NAME         TAGS\n"
		   "1.5G  web1         a,b c\n"
		   "   0  longer-name  -\n");
	check_list(OPTS(.format = FORMAT_CSV, .columns = columns),
		   "size,name,tags\r\n"
		   "1610612736,web1,\"a,b c\"\r\n"
		   "0,longer-name,\r\n");
	check_list(OPTS(.format = FORMAT_NDJSON, .columns = columns),
		   "{\"size\":1610612736,\"name\":\"web1\",\"tags\":[\"a\",\"b "
		   "c\"]}\n"
		   "{\"size\":0,\"name\":\"longer-name\",\"tags\":[]}\n");
	check_list(OPTS(.format = FORMAT_TSV, .columns = "name,name"),
		   "name\tname\nweb1\tweb1\nlonger-name\tlonger-name\n");
	check_list(OPTS(.format = FORMAT_NAME, .columns = columns),
		   "web1\nlonger-name\n");
}

static void json_has_every_field_in_raw_units(void **state)
{
	struct render *r = new_render(FORMAT_JSON);

	list(r, 2, (const struct thing *const[]){ &web, &empty });
	check(r, "[\n"
		 "  {\n"
		 "    \"name\": \"web1\",\n"
		 "    \"state\": \"running\",\n"
		 "    \"count\": 12,\n"
		 "    \"size\": 1610612736,\n"
		 "    \"made_at\": \"2026-01-31T09:00:00Z\",\n"
		 "    \"took\": 1.5,\n"
		 "    \"big\": true,\n"
		 "    \"tags\": [\n"
		 "      \"a\",\n"
		 "      \"b c\"\n"
		 "    ],\n"
		 "    \"note\": \"say \\\"hi\\\", now\"\n"
		 "  },\n"
		 "  {\n"
		 "    \"name\": \"longer-name\",\n"
		 "    \"state\": \"error\",\n"
		 "    \"count\": 0,\n"
		 "    \"size\": 0,\n"
		 "    \"made_at\": null,\n"
		 "    \"took\": 2,\n"
		 "    \"big\": false,\n"
		 "    \"tags\": [],\n"
		 "    \"note\": null\n"
		 "  }\n"
		 "]\n");
}

static void json_of_nothing_is_an_empty_array(void **state)
{
	struct render *r = new_render(FORMAT_JSON);

	list(r, 0, NULL);
	check(r, "[]\n");
	r = new_render(FORMAT_NDJSON);
	list(r, 0, NULL);
	check(r, "");
	r = new_render(FORMAT_NAME);
	list(r, 0, NULL);
	check(r, "");
	r = new_render(FORMAT_TABLE);
	list(r, 0, NULL);
	check(r, "NAME  STATE  COUNT  SIZE  AGE\n");
}

static void csv_quotes_as_rfc_4180_has_it(void **state)
{
	check_list(OPTS(.format = FORMAT_CSV),
		   "name,state,count,size,made_at,took,big,tags,note\r\n"
		   "web1,running,12,1610612736,2026-01-31T09:00:00Z,1.500,true,"
		   "\"a,b c\",\"say \"\"hi\"\", now\"\r\n"
		   "longer-name,error,0,0,,2,false,,\r\n");
}

static void one_record_is_a_block_or_an_object(void **state)
{
	check_one(FORMAT_TABLE, &web,
		  "name:    web1\n"
		  "state:   running\n"
		  "count:   12\n"
		  "size:    1.5G\n"
		  "made_at: 2026-01-31T09:00:00Z\n"
		  "took:    1s\n"
		  "big:     yes\n"
		  "tags:    a, b c\n");
	check_one(FORMAT_NAME, &web, "web1\n");
	check_one(FORMAT_NDJSON, &empty,
		  "{\"name\":\"longer-name\",\"state\":\"error\",\"count\":0,"
		  "\"size\":0,\"made_at\":null,\"took\":2,\"big\":false,"
		  "\"tags\":[],\"note\":null}\n");
}

static void a_block_shows_what_must_be_asked_for_with_wide(void **state)
{
	struct render *r = new_render(FORMAT_WIDE);

	assert_int_equal(render_one(r, &record, &web, NULL), 0);
	assert_non_null(strstr(str_text(render_spool(r)), "note:    say"));
	render_free(r);
}

static void a_block_without_headings_is_bare_values(void **state)
{
	struct render *r =
		new_with(OPTS(.format = FORMAT_TABLE, .columns = "name,count",
			      .no_header = true));

	assert_int_equal(render_one(r, &record, &web, NULL), 0);
	check(r, "web1\n12\n");
}

static void zero_is_none_where_a_field_says_so(void **state)
{
	static const struct field port[] = {
		{ "port", "PORT", FIELD_INT, offsetof(struct thing, count),
		  FIELD_ZERO_NONE | FIELD_NAME },
		{ .key = NULL },
	};
	static const struct record ports = { "port", port };
	static const struct thing none = { .count = 0 };
	struct render *r = new_render(FORMAT_TABLE);

	assert_int_equal(render_one(r, &ports, &none, NULL), 0);
	check(r, "port: -\n");
	r = new_render(FORMAT_NDJSON);
	assert_int_equal(render_one(r, &ports, &none, NULL), 0);
	check(r, "{\"port\":null}\n");
	r = new_with(OPTS(.format = FORMAT_CSV, .no_header = true));
	assert_int_equal(render_one(r, &ports, &none, NULL), 0);
	check(r, "\r\n");
}

static void blocks_are_parted_and_headers_given_once(void **state)
{
	const struct render_options *table =
		OPTS(.format = FORMAT_TABLE, .columns = "name");
	const struct render_options *tsv =
		OPTS(.format = FORMAT_TSV, .columns = "name");
	struct render *r = new_with(table);

	assert_int_equal(render_one(r, &record, &web, NULL), 0);
	assert_int_equal(render_one(r, &record, &empty, NULL), 0);
	check(r, "name: web1\n\nname: longer-name\n");
	r = new_with(tsv);
	assert_int_equal(render_one(r, &record, &web, NULL), 0);
	assert_int_equal(render_one(r, &record, &empty, NULL), 0);
	check(r, "name\nweb1\nlonger-name\n");
}

/* --- hostile text --------------------------------------------------------- */

static const struct thing hostile = {
	.name = (char *)"a\033[31m\tb\nc\\d\x7f\xc2\x9b"
			"e\xff",
	.tags = no_tags,
	.state = 3, /* NULL */
};

static void nothing_in_a_table_moves_the_cursor(void **state)
{
	struct render *r =
		new_with(OPTS(.format = FORMAT_TABLE, .columns = "name,state"));

	list(r, 1, (const struct thing *const[]){ &hostile });
	check(r, "NAME              STATE\n"
		 "a?[31m?b?c\\d??e?  -\n");
	r = new_with(OPTS(.format = FORMAT_NAME));
	list(r, 1, (const struct thing *const[]){ &hostile });
	check(r, "a?[31m?b?c\\d??e?\n");
	r = new_with(OPTS(.format = FORMAT_TABLE, .columns = "name"));
	render_one(r, &record, &hostile, NULL);
	check(r, "name: a?[31m?b?c\\d??e?\n");
}

static void json_escapes_what_a_terminal_obeys(void **state)
{
	static const struct thing controls = {
		.name = (char *)"\033[0m\x7f\xc2\x9b\xc2\xa0\xc3\xa9\n"
	};
	struct render *r =
		new_with(OPTS(.format = FORMAT_NDJSON, .columns = "name"));

	list(r, 1, (const struct thing *const[]){ &controls });
	check(r,
	      "{\"name\":\"\\u001B[0m\\u007f\\u009b\xc2\xa0\xc3\xa9\\n\"}\n");
}

static void json_of_bytes_that_are_no_utf8_is_still_json(void **state)
{
	struct render *r =
		new_with(OPTS(.format = FORMAT_NDJSON, .columns = "name"));

	list(r, 1, (const struct thing *const[]){ &hostile });
	check(r, "{\"name\":\"a?[31m\\tb\\nc\\\\d??e?\"}\n");
}

static void tsv_keeps_a_record_on_its_line(void **state)
{
	static const struct thing lines = { .name = (char *)"a\tb\nc\rd\\e" };
	struct render *r =
		new_with(OPTS(.format = FORMAT_TSV, .columns = "name,count"));

	list(r, 1, (const struct thing *const[]){ &lines });
	check(r, "name\tcount\na\\tb\\nc\\rd\\\\e\t0\n");
	r = new_with(OPTS(.format = FORMAT_CSV, .columns = "name,count"));
	list(r, 1, (const struct thing *const[]){ &lines });
	check(r, "name,count\r\n\"a\tb\nc\rd\\e\",0\r\n");
}

static void csv_on_a_terminal_is_made_safe(void **state)
{
	struct render *r = new_with(OPTS(.format = FORMAT_CSV, .width = 80,
					 .no_header = true, .columns = "name"));

	list(r, 1, (const struct thing *const[]){ &hostile });
	check(r, "\"a?[31m\tb\nc\\d??e?\"\r\n");
}

static void text_of_a_guest_is_made_safe_only_when_told(void **state)
{
	struct render *r = new_render(FORMAT_TABLE);

	render_text(r, "a\033[0m\n", true, NULL);
	render_text(r, "b\033[0m\n", false, NULL);
	check(r, "a?[0m\nb\033[0m\n");
}

/* --- terminals ------------------------------------------------------------ */

static void states_are_coloured_on_a_terminal(void **state)
{
	check_list(OPTS(.format = FORMAT_TABLE, .columns = "state,count",
			.color = true, .width = 80),
		   "STATE    COUNT\n"
		   "\033[32mrunning\033[0m     12\n"
		   "\033[31merror\033[0m        0\n");
}

static void wide_characters_and_marks_are_aligned(void **state)
{
	static const struct thing rows[] = {
		{ .name = (char *)"日本", .count = 1 },
		{ .name = (char *)"e\xcc\x81t\xc3\xa9", .count = 22 },
		{ .name = (char *)"abcd", .count = 3 },
	};
	struct render *r =
		new_with(OPTS(.format = FORMAT_TABLE, .columns = "name,count"));

	list(r, 3,
	     (const struct thing *const[]){ &rows[0], &rows[1], &rows[2] });
	check(r, "NAME  COUNT\n"
		 "日本      1\n"
		 "e\xcc\x81t\xc3\xa9      22\n"
		 "abcd      3\n");
}

static void text_is_cut_between_whole_characters(void **state)
{
	int width;

	assert_int_equal(width_cut("abcdef", 3, &width), 3);
	assert_int_equal(width, 3);
	/* The mark belongs to the e. */
	assert_int_equal(width_cut("abe\xcc\x81"
				   "f",
				   3, &width),
			 5);
	assert_int_equal(width, 3);
	/* Half of a wide character does not exist. */
	assert_int_equal(width_cut("日本", 3, &width), 3);
	assert_int_equal(width, 2);
	assert_int_equal(width_cut("", 3, &width), 0);
	assert_int_equal(width_cut("abc", 0, &width), 0);
	assert_int_equal(width_of("日e\xcc\x81"), 3);
}

static const struct thing long_rows[] = {
	{ .name = (char *)"web1", .note = (char *)"a note of some length" },
	{ .name = (char *)"a-name-that-is-long", .note = (char *)"x" },
};

static void check_width(int width, const char *expected)
{
	struct render *r =
		new_with(OPTS(.format = FORMAT_TABLE,
			      .columns = "name,count,note", .width = width));

	list(r, 2,
	     (const struct thing *const[]){ &long_rows[0], &long_rows[1] });
	check(r, expected);
}

static void a_narrow_terminal_shortens_others_before_the_name(void **state)
{
	check_width(80, "NAME                 COUNT  NOTE\n"
			"web1                     0  a note of some length\n"
			"a-name-that-is-long      0  x\n");
	check_width(40, "NAME                 COUNT  NOTE\n"
			"web1                     0  a note of s…\n"
			"a-name-that-is-long      0  x\n");
	check_width(34, "NAME                 COUNT  NOTE\n"
			"web1                     0  a not…\n"
			"a-name-that-is-long      0  x\n");
	/* Then the last columns go. */
	check_width(33, "NAME                 COUNT\n"
			"web1                     0\n"
			"a-name-that-is-long      0\n");
	check_width(25, "NAME\nweb1\na-name-that-is-long\n");
	check_width(16, "NAME\nweb1\na-name-that-is-…\n");
	check_width(8, "NAME\nweb1\na-name-…\n");
	check_width(4, "NAME\nweb1\na-n…\n");
}

static void without_a_terminal_nothing_is_cut(void **state)
{
	check_width(0, "NAME                 COUNT  NOTE\n"
		       "web1                     0  a note of some length\n"
		       "a-name-that-is-long      0  x\n");
}

/* --- failures ------------------------------------------------------------- */

static void an_unknown_column_is_refused_naming_the_known(void **state)
{
	static const char *const bad[] = { "nmae",	 "name,",      ",name",
					   "",		 "name state", "NAME",
					   "name,,state" };
	struct vmctl_error err;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct render *r = new_with(OPTS(.columns = bad[i]));

		assert_int_equal(
			render_check(OPTS(.columns = bad[i]), &record, &err),
			-VMCTL_INVALID);
		assert_non_null(strstr(err.hint, "--help lists the fields"));
		assert_int_equal(render_begin(r, &record, &err),
				 -VMCTL_INVALID);
		assert_int_equal(render_one(r, &record, &web, &err),
				 -VMCTL_INVALID);
		render_free(r);
	}
	assert_int_equal(
		render_check(OPTS(.columns = "note,name"), &record, NULL), 0);
}

static void formats_have_names(void **state)
{
	struct vmctl_error err;
	enum format format;

	assert_int_equal(format_parse("ndjson", &format, NULL), 0);
	assert_int_equal(format, FORMAT_NDJSON);
	assert_int_equal(format_parse("jsn", &format, &err), -VMCTL_INVALID);
	assert_string_equal(err.hint, "did you mean -o json?");
}

static void a_list_that_is_open_is_not_written(void **state)
{
	static const enum format all[] = { FORMAT_TABLE, FORMAT_JSON,
					   FORMAT_NDJSON, FORMAT_CSV,
					   FORMAT_NAME };

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct render *r = new_render(all[i]);

		assert_int_equal(render_begin(r, &record, NULL), 0);
		assert_int_equal(render_row(r, &web, NULL), 0);
		check(r, "");
	}
}

static void calls_out_of_order_are_defects(void **state)
{
	struct render *r = new_render(FORMAT_TABLE);

	assert_int_equal(render_row(r, &web, NULL), -VMCTL_INTERNAL);
	assert_int_equal(render_end(r, NULL), -VMCTL_INTERNAL);
	assert_int_equal(render_begin(r, &record, NULL), 0);
	assert_int_equal(render_begin(r, &record, NULL), -VMCTL_INTERNAL);
	assert_int_equal(render_one(r, &record, &web, NULL), -VMCTL_INTERNAL);
	render_free(r);
}

static void flushing_writes_once_and_empties(void **state)
{
	struct render *r = new_render(FORMAT_TABLE);
	char got[16];
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	render_text(r, "hello\n", false, NULL);
	assert_int_equal(render_flush(r, fds[1], NULL), 0);
	assert_int_equal(read(fds[0], got, sizeof(got)), 6);
	assert_int_equal(render_spool(r)->len, 0);
	close(fds[0]);
	close(fds[1]);
	render_free(r);
}

static void a_reader_that_left_is_no_failure(void **state)
{
	struct render *r = new_render(FORMAT_TABLE);
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	render_text(r, "hello\n", false, NULL);
	assert_int_equal(render_flush(r, fds[1], NULL), 0);
	close(fds[1]);
	render_free(r);
}

static void a_full_disk_is_a_failure(void **state)
{
	struct render *r = new_render(FORMAT_TABLE);
	struct vmctl_error err;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (fd < 0) {
		render_free(r);
		skip_because("there is no /dev/full");
	}
	render_text(r, "hello\n", false, NULL);
	assert_int_equal(render_flush(r, fd, &err), -VMCTL_FAILED);
	assert_string_equal(err.message,
			    "cannot write the output: No space left on "
			    "device");
	close(fd);
	render_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_aligned_with_units_for_people),
		cmocka_unit_test(a_wide_table_has_the_wide_fields_too),
		cmocka_unit_test(an_age_is_never_less_than_none),
		cmocka_unit_test(no_header_leaves_the_headings_out),
		cmocka_unit_test(columns_choose_and_order_in_every_format),
		cmocka_unit_test(json_has_every_field_in_raw_units),
		cmocka_unit_test(json_of_nothing_is_an_empty_array),
		cmocka_unit_test(csv_quotes_as_rfc_4180_has_it),
		cmocka_unit_test(one_record_is_a_block_or_an_object),
		cmocka_unit_test(
			a_block_shows_what_must_be_asked_for_with_wide),
		cmocka_unit_test(a_block_without_headings_is_bare_values),
		cmocka_unit_test(zero_is_none_where_a_field_says_so),
		cmocka_unit_test(blocks_are_parted_and_headers_given_once),
		cmocka_unit_test(nothing_in_a_table_moves_the_cursor),
		cmocka_unit_test(json_escapes_what_a_terminal_obeys),
		cmocka_unit_test(json_of_bytes_that_are_no_utf8_is_still_json),
		cmocka_unit_test(tsv_keeps_a_record_on_its_line),
		cmocka_unit_test(csv_on_a_terminal_is_made_safe),
		cmocka_unit_test(text_of_a_guest_is_made_safe_only_when_told),
		cmocka_unit_test(states_are_coloured_on_a_terminal),
		cmocka_unit_test(wide_characters_and_marks_are_aligned),
		cmocka_unit_test(text_is_cut_between_whole_characters),
		cmocka_unit_test(
			a_narrow_terminal_shortens_others_before_the_name),
		cmocka_unit_test(without_a_terminal_nothing_is_cut),
		cmocka_unit_test(an_unknown_column_is_refused_naming_the_known),
		cmocka_unit_test(formats_have_names),
		cmocka_unit_test(a_list_that_is_open_is_not_written),
		cmocka_unit_test(calls_out_of_order_are_defects),
		cmocka_unit_test(flushing_writes_once_and_empties),
		cmocka_unit_test(a_reader_that_left_is_no_failure),
		cmocka_unit_test(a_full_disk_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
