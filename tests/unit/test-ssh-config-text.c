/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <glob.h>
#include <sys/stat.h>

#include "base/file.h"
#include "ssh-config/ssh-config.h"

/* The text for ssh, and the editing of the user's file. */

static void is(struct str *got, const char *want)
{
	assert_false(got->oom);
	assert_string_equal(str_text(got), want);
	str_done(got);
}

static void words_are_quoted_as_their_reader_takes_them(void **state)
{
	struct str s = STR_INIT;

	quote_word(&s, "/usr/bin/vmctl");
	is(&s, "/usr/bin/vmctl");
	quote_word(&s, "/a b/50%/$x/\"q\"/back\\slash/#");
	is(&s, "\"/a b/50%/$x/\\\"q\\\"/back\\\\slash/#\"");
	quote_word_percent(&s, "/a/50%");
	is(&s, "/a/50%%");
	quote_shell_percent(&s, "/a b/it's 50%/$(x)`y`");
	is(&s, "'/a b/it'\\''s 50%%/$(x)`y`'");
	quote_shell_percent(&s, "/a\\b!/c");
	is(&s, "'/a'\\\\'b'\\!'/c'");
	quote_shell_percent(&s, "");
	is(&s, "''");
	quote_pin(&s, "VMCTL_HOME", "/a b/50%/$x+\xc3\xa4");
	is(&s, "VMCTL_HOME=/a+20b/50+25/+24x+2b+c3+a4");
	assert_true(quote_possible("/a b"));
	assert_false(quote_possible("/a\nProxyCommand x"));
	assert_false(quote_possible("/a\x7f"));
}

/* Undoes the quotes of ssh_config(5). */
static char *unquoted(const char *text)
{
	size_t n = strlen(text), out = 0;
	char *plain = calloc(1, n + 1);
	bool quoted = text[0] == '"';

	assert_non_null(plain);
	for (size_t i = quoted; i < n - quoted; i++) {
		if (text[i] == '\\' && strchr("\"\\", text[i + 1]))
			i++;
		plain[out++] = text[i];
	}
	return plain;
}

static void the_pattern_of_include_stands_for_that_file_alone(void **state)
{
	static const char *const names[] = { "plain",	   "a b",   "50%d",
					     "${HOME}",	   "*?[a]", "q\"q'",
					     "back\\slash" };
	char dir[] = "/tmp/vmt-include.XXXXXX";

	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *path = path_join(dir, names[i]);

		must(file_write_atomic(path, "x", 1, 0600, err));
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *path = path_join(dir, names[i]);
		auto_str s = STR_INIT;
		glob_t found = { 0 };

		quote_include(&s, path);
		/* Neither token nor variable for those who expand them. */
		assert_null(strchr(str_text(&s), '%'));
		assert_null(strstr(str_text(&s), "${"));
		auto_free char *pattern = unquoted(str_text(&s));
		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		assert_int_equal(found.gl_pathc, 1);
		assert_string_equal(found.gl_pathv[0], path);
		globfree(&found);
	}
	must(dir_remove(dir, err));
}

/* --- the user's file ------------------------------------------------------ */

#define INCLUDE "Include /home/me/vmctl/ssh/config"

static struct str text_of(const char *text)
{
	struct str s = STR_INIT;

	str_add(&s, text);
	return s;
}

static void there_and_back(const char *before)
{
	auto_str old = text_of(before), with = STR_INIT, again = STR_INIT,
		 back = STR_INIT;

	must(include_add(&old, INCLUDE, &with, err));
	assert_non_null(strstr(str_text(&with), "\n" INCLUDE "\n\n"));
	assert_true(str_ends(str_text(&with), before));
	must(include_add(&with, INCLUDE, &again, err));
	assert_string_equal(str_text(&again), str_text(&with));
	must(include_remove(&with, INCLUDE, &back, err));
	assert_string_equal(str_text(&back), before);
}

static void what_is_put_in_can_be_taken_out_to_the_byte(void **state)
{
	there_and_back("");
	there_and_back("\n");
	there_and_back("Host a\n\tUser b\n");
	there_and_back("Host a\r\n\tUser b\r\n");
	there_and_back("# no line feed at the end");
	there_and_back("\n\n  \n# Include /home/me/vmctl/ssh/config\n");
	there_and_back("Include /home/me/other/ssh/config\n");
}

static void bytes_of_any_kind_stay(void **state)
{
	auto_str old = STR_INIT, with = STR_INIT, back = STR_INIT;

	str_addn(&old, "Host \0a\n\xff\xfe\n\n", 12);
	must(include_add(&old, INCLUDE, &with, err));
	must(include_remove(&with, INCLUDE, &back, err));
	assert_int_equal(back.len, old.len);
	assert_memory_equal(back.p, old.p, old.len);
}

static void two_installations_do_not_meet(void **state)
{
	auto_str old = text_of("Host a\n"), one = STR_INIT, two = STR_INIT,
		 left = STR_INIT, back = STR_INIT;

	must(include_add(&old, "Include /1", &one, err));
	must(include_add(&one, "Include /2", &two, err));
	must(include_remove(&two, "Include /1", &left, err));
	assert_non_null(strstr(str_text(&left), "Include /2\n"));
	assert_null(strstr(str_text(&left), "Include /1\n"));
	must(include_remove(&left, "Include /2", &back, err));
	assert_string_equal(str_text(&back), "Host a\n");
}

static void a_line_that_was_moved_is_left_where_it_counts(void **state)
{
	static const char fine[] = "Compression yes\n" INCLUDE "\nHost a\n";
	static const char lost[] = "Host a\n\tUser b\n\t" INCLUDE " \nHost c\n";
	static const char *const blocks[] = { "host a\n", "HOST=a\n",
					      "  Match all\n", "\"Host\" a\n" };
	auto_str old = text_of(fine), same = STR_INIT;
	auto_str in_block = text_of(lost), moved = STR_INIT, gone = STR_INIT;

	must(include_add(&old, INCLUDE, &same, err));
	assert_string_equal(str_text(&same), fine);
	must(include_add(&in_block, INCLUDE, &moved, err));
	assert_true(
		str_ends(str_text(&moved), "\n\nHost a\n\tUser b\nHost c\n"));
	must(include_remove(&old, INCLUDE, &gone, err));
	assert_string_equal(str_text(&gone), "Compression yes\nHost a\n");
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		auto_str text = text_of(blocks[i]), out = STR_INIT;

		str_add(&text, INCLUDE "\n");
		must(include_add(&text, INCLUDE, &out, err));
		assert_true(str_starts(str_text(&out), "# Instances"));
	}
}

static void the_users_own_hosts_are_found(void **state)
{
	auto_str text = text_of("# Host commented\nHost web1 !web2 *.lan\n"
				"  HOST=\"Db\" # Host tail web3\n"
				"Match host web4\n\tHostName web5\n");

	assert_true(names_host(&text, "web1"));
	assert_true(names_host(&text, "WEB1"));
	assert_true(names_host(&text, "db"));
	assert_false(names_host(&text, "commented"));
	assert_false(names_host(&text, "web"));
	assert_false(names_host(&text, "web2"));
	assert_false(names_host(&text, "web3"));
	assert_false(names_host(&text, "web5"));
}

/* --- blocks --------------------------------------------------------------- */

static char *pins[] = { (char *)"VMCTL_HOME=/h", NULL };
static struct how how = { .program = (char *)"/opt/a b/100%/vmctl",
			  .pins = pins,
			  .key_dir = (char *)"/data/ssh/keys" };
static struct state_instance_key away = { (char *)"token",
					  (char *)"ssh-ed25519 AAAA", NULL };
/* A file that is there. */
static struct state_instance_key here = { (char *)"work",
					  (char *)"ssh-ed25519 BBBB",
					  (char *)"/etc/passwd" };

static int count(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void hosts_that_share_everything_are_one_block(void **state)
{
	struct state_host hosts[] = {
		{ (char *)"i-00000001", (char *)"Web1", (char *)"vm", &here,
		  1 },
		{ (char *)"i-00000002", (char *)"db", (char *)"vm", &away, 1 },
		{ (char *)"i-00000003", (char *)"web2", (char *)"vm", &here,
		  1 },
	};
	auto_str s = STR_INIT;

	must(blocks_text(&how, hosts, 3, &s, err));
	const char *t = str_text(&s);
	assert_int_equal(count(t, "\nMatch originalhost "), 2);
	assert_non_null(strstr(t, "\nMatch originalhost web1,i-00000001,web2,"
				  "i-00000003\n\tUser vm\n"
				  "\tIdentityFile /etc/passwd\n"
				  "\tIdentitiesOnly yes\n"));
	assert_non_null(strstr(t, "\nHost Web1 web1 i-00000001 db i-00000002"
				  " web2 i-00000003\n"));
	assert_non_null(strstr(t, "\tIdentityFile /data/ssh/keys/token-"));
	assert_non_null(strstr(t, "\tProxyCommand '/opt/a b/100%%/vmctl' "
				  "__ssh-connect %n VMCTL_HOME=/h\n"));
	/* Its program is not expanded. */
	assert_non_null(strstr(t, "\tKnownHostsCommand \"/opt/a b/100%/vmctl\" "
				  "__known-hosts %n %H %I %f VMCTL_HOME=/h\n"));
	assert_non_null(strstr(t, "\tStrictHostKeyChecking yes\n"));
}

static void no_line_grows_without_end(void **state)
{
	static char names[501][16], ids[501][16];
	static struct state_host hosts[501];
	auto_str s = STR_INIT;
	size_t longest = 0;

	for (int i = 0; i < 501; i++) {
		snprintf(names[i], sizeof(names[i]), "web%d", i);
		snprintf(ids[i], sizeof(ids[i]), "i-%08x", i);
		hosts[i] = (struct state_host){ ids[i], names[i], (char *)"vm",
						&here, 1 };
	}
	must(blocks_text(&how, hosts, 501, &s, err));
	assert_int_equal(count(str_text(&s), "\nMatch originalhost "), 11);
	assert_int_equal(count(str_text(&s), "\nHost "), 11);
	for (const char *p = str_text(&s); *p; p += strcspn(p, "\n") + 1)
		if (strcspn(p, "\n") > longest)
			longest = strcspn(p, "\n");
	assert_true(longest < 1200);
	for (int i = 0; i < 501; i++) {
		auto_free char *once = str_printf(",%s", ids[i]);
		assert_int_equal(count(str_text(&s), once), 1);
	}
}

static void what_cannot_be_written_is_left_out(void **state)
{
	struct state_instance_key odd = { (char *)"odd",
					  (char *)"ssh-ed25519 C", NULL };
	struct how other = how;
	struct state_host host = { (char *)"i-00000001", (char *)"web1",
				   (char *)"a b\nProxyCommand x", &odd, 1 };
	auto_str s = STR_INIT;

	other.key_dir = (char *)"/home/${USER}/keys";
	must(blocks_text(&other, &host, 1, &s, err));
	assert_null(strstr(str_text(&s), "ProxyCommand x"));
	assert_null(strstr(str_text(&s), "User "));
	assert_null(strstr(str_text(&s), "Identit"));
	str_done(&s);
	must(blocks_text(&how, NULL, 0, &s, err));
	assert_string_equal(str_text(&s), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_quoted_as_their_reader_takes_them),
		cmocka_unit_test(
			the_pattern_of_include_stands_for_that_file_alone),
		cmocka_unit_test(what_is_put_in_can_be_taken_out_to_the_byte),
		cmocka_unit_test(bytes_of_any_kind_stay),
		cmocka_unit_test(two_installations_do_not_meet),
		cmocka_unit_test(a_line_that_was_moved_is_left_where_it_counts),
		cmocka_unit_test(the_users_own_hosts_are_found),
		cmocka_unit_test(hosts_that_share_everything_are_one_block),
		cmocka_unit_test(no_line_grows_without_end),
		cmocka_unit_test(what_cannot_be_written_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
