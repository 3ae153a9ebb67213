/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* YAML as cloud-init's PyYAML reads it: what is expected here is what
 * yaml.safe_load() gives, written as JSON. */
#include "unit.h"

#include <stdio.h>

#include "driver/yaml.h"

static const struct yaml_ops *yaml;

static int setup(void **state)
{
	struct vmctl_error err;

	if (yaml_load(&yaml, &err) == 0)
		return 0;
	print_error("%s\n", err.message);
	return -1;
}

static json_t *read_text(const char *text)
{
	json_t *doc = NULL;

	must(yaml->parse(text, strlen(text), "it", &doc, err));
	return doc;
}

static void gives(const char *text, const char *json)
{
	auto_json json_t *doc = read_text(text);
	auto_json json_t *want = json_loads(json, JSON_DECODE_ANY, NULL);

	assert_non_null(want);
	if (json_equal(doc, want))
		return;
	auto_free char *got = json_dumps(doc, JSON_ENCODE_ANY);
	print_error("%s\n  gives %s\n  not   %s\n", text, got, json);
	_fail(__FILE__, __LINE__);
}

static void refused(const char *text, const char *why)
{
	auto_free char *want = str_printf("it is not valid YAML: %s", why);
	struct vmctl_error err = { 0 };
	json_t *doc = NULL;

	assert_int_equal(yaml->parse(text, strlen(text), "it", &doc, &err),
			 -VMCTL_BAD_DATA);
	assert_null(doc);
	assert_string_equal(err.message, want);
}

static void words_are_those_of_yaml_1_1(void **state)
{
	gives("[yes, Yes, YES, on, On, ON, true, True, TRUE]",
	      "[true,true,true,true,true,true,true,true,true]");
	gives("[no, No, NO, off, Off, OFF, false, False, FALSE]",
	      "[false,false,false,false,false,false,false,false,false]");
	gives("[~, null, Null, NULL, ]", "[null,null,null,null]");
	gives("a:\nb: ''", "{\"a\":null,\"b\":\"\"}");
	gives("[y, n, yEs, nil, 'yes', \"no\", 'null']",
	      "[\"y\",\"n\",\"yEs\",\"nil\",\"yes\",\"no\",\"null\"]");
	gives("[! yes, !!str yes, !!bool 'yes', !!int '3', !!str 3]",
	      "[true,\"yes\",true,3,\"3\"]");
	gives("[! [a], ! {b: c}, !!omap [d: 1], !!set {e}, !!map {}]",
	      "[[\"a\"],{\"b\":\"c\"},[{\"d\":1}],{\"e\":null},{}]");
}

static void whole_numbers_are_those_of_yaml_1_1(void **state)
{
	gives("[0, 7, +7, -7, 1_000, 010, -010, 0x1F, 0b101, 0_7]",
	      "[0,7,7,-7,1000,8,-8,31,5,7]");
	gives("[0644, '0644', 08, 0o7, _1, 0x, '', 1.5, 1e3, 1 2]",
	      "[420,\"0644\",\"08\",\"0o7\",\"_1\",\"0x\",\"\",\"1.5\","
	      "\"1e3\",\"1 2\"]");
	gives("99999999999999999999999", "\"99999999999999999999999\"");
}

static void texts_of_every_kind_are_read(void **state)
{
	gives("a: |\n  one\n   two\n\nb: >-\n  one\n  two\nc: 'it''s'\n"
	      "d: \"\\x41\\u00e4\\/\\n\"\ne: one\n  two # three\n",
	      "{\"a\":\"one\\n two\\n\",\"b\":\"one two\",\"c\":\"it's\","
	      "\"d\":\"A\\u00e4/\\n\",\"e\":\"one two\"}");
	gives("{\"a\": [1, {\"b\": \"c\"}], \"d\": null}",
	      "{\"a\":[1,{\"b\":\"c\"}],\"d\":null}");
	gives("a: http://x/y\nb: [http://x, c:d]\n",
	      "{\"a\":\"http://x/y\",\"b\":[\"http://x\",\"c:d\"]}");
}

static void an_empty_document_is_null(void **state)
{
	gives("", "null");
	gives("#cloud-config\n# nothing\n", "null");
	gives("---\n...\n", "null");
	gives("%YAML 1.1\n---\na: b\n...\n", "{\"a\":\"b\"}");
}

static void of_a_key_given_twice_the_last_counts(void **state)
{
	gives("a: 1\nb: 2\na: 3\n", "{\"a\":3,\"b\":2}");
	gives("{\"a\": 1, 'a': {b: 2}}", "{\"a\":{\"b\":2}}");
}

static void anchors_and_merges_are_followed(void **state)
{
	gives("a: &x [1, 2]\nb: *x\n&k c: 3\nd: *k\n*k : 4",
	      "{\"a\":[1,2],\"b\":[1,2],\"c\":4,\"d\":\"c\"}");
	gives("a: &x {p: 1, q: 2}\nb: {q: 3, <<: *x}\nc:\n  <<: *x\n  p: 4\n",
	      "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"q\":3,\"p\":1},"
	      "\"c\":{\"p\":4,\"q\":2}}");
	gives("<<: [{a: 1, b: 1}, {a: 2, c: 2}]\nd: 3\n",
	      "{\"a\":1,\"b\":1,\"c\":2,\"d\":3}");
	gives("<<: {a: 1}\nb: 2\n<<: {a: 3}\n", "{\"a\":3,\"b\":2}");
	gives("'<<': {a: 1}", "{\"<<\":{\"a\":1}}");
}

static void a_fault_is_told_with_line_and_column(void **state)
{
	refused("a: b\n- c\n", "line 2, column 1: did not find expected key");
	refused("a: *x\n", "line 1, column 4: an alias without an anchor "
			   "before it");
	refused("a: 1\nb: &x [*x]\n",
		"line 2, column 8: an alias without an anchor before it");
	refused("a: &x 1\nb: &x 2\n",
		"line 2, column 4: an anchor is given twice");
	refused("a: 1\nb: !foo 2\n", "line 2, column 4: an unknown tag");
	refused("a: !!python/object {}\n", "line 1, column 4: an unknown tag");
	refused("a: 1\n---\nb: 2\n", "line 2, column 1: a second document");
	refused("? [a, b]\n: c\n",
		"line 1, column 3: a key that is not a word");
	refused("a: 1\n<<: 2\n", "line 2, column 5: << is for a mapping or a "
				 "list of mappings");
	refused("a: 1\nb: \"\x01\"\n",
		"line 2, column 5: control characters are not allowed");
}

static void aliases_that_stand_for_billions_cost_nothing(void **state)
{
	auto_str s = STR_INIT;

	str_add(&s, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 30; i++) {
		str_addf(&s, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			str_addf(&s, "*a%d, ", i - 1);
		str_add(&s, "]\n");
	}
	str_add(&s, "end: here\n");
	auto_json json_t *doc = read_text(str_text(&s));
	assert_string_equal(json_get_string(doc, "end", ""), "here");
	assert_int_equal(json_array_size(json_object_get(doc, "a29")), 10);
}

/* What a chain of aliases nests is freed by recursion, as what brackets do. */
static void depth_is_bounded_with_aliases_and_without(void **state)
{
	auto_str s = STR_INIT, chain = STR_INIT;

	str_fill(&s, '[', 100);
	str_fill(&s, ']', 100);
	json_decref(read_text(str_text(&s)));
	str_done(&s);
	str_fill(&s, '[', 1 << 20);
	refused(str_text(&s), "line 1, column 101: too deeply nested");
	str_add(&chain, "- &a0 []\n");
	for (int i = 1; i < 2000; i++)
		str_addf(&chain, "- &a%d [*a%d]\n", i, i - 1);
	/* The list around it, and its own: 98 may be within. */
	refused(str_text(&chain), "line 100, column 9: too deeply nested");
}

static void what_merges_bring_is_bounded(void **state)
{
	auto_str s = STR_INIT;

	str_add(&s, "a: &a {");
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "k%d: v, ", i);
	str_add(&s, "}\nb:\n");
	for (int i = 0; i < 101; i++)
		str_add(&s, "- {<<: *a}\n");
	refused(str_text(&s), "line 103, column 8: << brings too much");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_those_of_yaml_1_1),
		cmocka_unit_test(whole_numbers_are_those_of_yaml_1_1),
		cmocka_unit_test(texts_of_every_kind_are_read),
		cmocka_unit_test(an_empty_document_is_null),
		cmocka_unit_test(of_a_key_given_twice_the_last_counts),
		cmocka_unit_test(anchors_and_merges_are_followed),
		cmocka_unit_test(a_fault_is_told_with_line_and_column),
		cmocka_unit_test(aliases_that_stand_for_billions_cost_nothing),
		cmocka_unit_test(depth_is_bounded_with_aliases_and_without),
		cmocka_unit_test(what_merges_bring_is_bounded),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
