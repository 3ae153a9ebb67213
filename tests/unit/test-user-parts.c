/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of a message, as cloud-init and Python's email package take it
 * apart. */
#include "unit.h"

#include <stdio.h>

#include "base/str.h"
#include "instance/user-data.h"

static int add_part(void *data, const char *type, const char *part, size_t len,
		    struct vmctl_error *err)
{
	struct str *s = data;

	str_addf(s, "[%s|%.*s]", type, (int)len, part);
	return str_check(s, err);
}

/* Of a multipart whose boundary is x. */
static void gives(const char *body, const char *want)
{
	auto_free char *text = str_printf("MIME-Version: 1.0\nContent-Type: "
					  "multipart/mixed; boundary=x\n\n%s",
					  body);
	auto_str s = STR_INIT;

	must(user_parts_each(text, add_part, &s, err));
	assert_string_equal(str_text(&s), want);
}

static void parts_are_what_delimiters_part(void **state)
{
	gives("before\n--x\n\na\n--x\n\nb\n--x--\nbehind\n--x\n\nnot\n",
	      "[text/plain|a\n][text/plain|b\n]");
	gives("--x \t\r\nContent-Type: text/a\r\n\r\na\r\n--x--  \r\n",
	      "[text/a|a\r\n]");
	gives("--x\n\n--xy\n--x-\n-- x\n --x\n--x--",
	      "[text/plain|--xy\n--x-\n-- x\n --x\n]");
	gives("--x\n\nnot closed", "[text/plain|not closed]");
	gives("--x\n--x\n\n--x--\n", "[text/plain|][text/plain|]");
	gives("nothing\n", "");
}

static void headers_may_be_written_in_many_ways(void **state)
{
	gives("--x\ncontent-TYPE:TEXT/Cloud-Config;charset=utf-8\n\na\n--x--\n",
	      "[text/cloud-config|a\n]");
	gives("--x\nA: b\nContent-Type:\n\ttext/a\n ;b=c\nC: d\n\na\n--x--\n",
	      "[text/a|a\n]");
	gives("--x\nX-Content-Type: text/a\nContent-Typ: text/b\n\na\n--x--\n",
	      "[text/plain|a\n]");
}

static void parts_of_parts_are_parts(void **state)
{
	gives("--x\nContent-Type: multipart/mixed;\n b=c; BOUNDARY = \"a "
	      "b\"\n\n"
	      "--a b\n\none\n--a b\n\ntwo\n--a b--\n--x\n\nthree\n--x--\n",
	      "[text/plain|one\n][text/plain|two\n][text/plain|three\n]");
}

static void contents_are_decoded(void **state)
{
	gives("--x\nContent-Transfer-Encoding: BASE64\n\nYW\nJj\n--x--\n",
	      "[text/plain|abc]");
	gives("--x\nContent-Transfer-Encoding: base64\n\n#!/x\n--x--\n",
	      "[text/x-shellscript|#!/x\n]");
	gives("--x\nContent-Transfer-Encoding: quoted-printable\n\n"
	      "a=3D=\nb=3db=zz=4\n=\n--x--\n",
	      "[text/plain|a=b=b=zz=4\n]");
	gives("--x\nContent-Transfer-Encoding: 8bit\n\n=3D\n--x--\n",
	      "[text/plain|=3D\n]");
	gives("--x\nContent-Type: application/gzip\nContent-Transfer-Encoding: "
	      "base64\n\nH4sIAAAAAAACA1NW1E/"
	      "KzNMvzuBKTc7IVw==\n--x\n\na\n--x--\n",
	      "[text/plain|a\n]");
}

static void a_vague_type_is_told_by_the_first_line(void **state)
{
	gives("--x\nContent-Type: application/octet-stream\n\n\n#cloud-config\n"
	      "--x\nContent-Type: text/x-shellscript\n\n#cloud-config\n"
	      "--x\nContent-Type: text/x\n\n#cloud-config\n--x--\n",
	      "[text/cloud-config|\n#cloud-config\n]"
	      "[text/cloud-config|#cloud-config\n][text/x|#cloud-config\n]");
}

static void nesting_is_bounded(void **state)
{
	auto_str s = STR_INIT;
	struct vmctl_error refusal = { 0 };
	auto_str seen = STR_INIT;

	str_add(&s, "MIME-Version: 1.0\n");
	for (int i = 0; i < 1000; i++)
		str_addf(&s,
			 "Content-Type: multipart/mixed; boundary=x%d\n\n"
			 "--x%d\n",
			 i, i);
	assert_int_equal(
		user_parts_each(str_text(&s), add_part, &seen, &refusal),
		-VMCTL_INVALID);
	assert_string_equal(refusal.message, "the user data has parts that are "
					     "too deeply nested");
}

static void what_is_not_a_message_is_one_part(void **state)
{
	auto_str s = STR_INIT;

	must(user_parts_each("#!/bin/sh\n--x\n", add_part, &s, err));
	assert_string_equal(str_text(&s),
			    "[text/x-shellscript|#!/bin/sh\n--x\n]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_what_delimiters_part),
		cmocka_unit_test(headers_may_be_written_in_many_ways),
		cmocka_unit_test(parts_of_parts_are_parts),
		cmocka_unit_test(contents_are_decoded),
		cmocka_unit_test(a_vague_type_is_told_by_the_first_line),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(what_is_not_a_message_is_one_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
