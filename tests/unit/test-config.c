/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "config/config.h"
#include "context.h"

struct conf {
	char home[64], path[96];
	struct vmctl *ctx;
	struct vmctl_error err;
	struct str warnings;
};

static void note(void *data, enum vmctl_log_level level, const char *text)
{
	struct conf *f = data;

	if (level <= VMCTL_LOG_WARN)
		str_addf(&f->warnings, "%s\n", text);
}

static void fresh(struct conf *f)
{
	struct vmctl_options o = {
		.size = sizeof(o), .home = f->home, .log = note, .data = f
	};

	vmctl_free(f->ctx);
	f->ctx = NULL;
	str_done(&f->warnings);
	must(vmctl_new(&o, &f->ctx, err));
}

static int setup(void **state)
{
	struct conf *f = calloc(1, sizeof(*f));

	unsetenv("VMCTL_CONNECT");
	snprintf(f->home, sizeof(f->home), "/tmp/vmctl-test-conf.XXXXXX");
	if (!mkdtemp(f->home))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/config.json", f->home);
	fresh(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct conf *f = *state;

	vmctl_free(f->ctx);
	dir_remove(f->home, NULL);
	str_done(&f->warnings);
	free(f);
	return 0;
}

static void write_config(struct conf *f, const char *text)
{
	must(file_write_atomic(f->path, text, strlen(text), 0600, err));
	fresh(f);
}

static void holds(struct conf *f, const char *want)
{
	auto_str text = STR_INIT;

	must(file_read(f->path, 1 << 20, &text, err));
	assert_string_equal(text.p, want);
}

static int set(struct conf *f, const char *key, const char *value)
{
	const char *values[] = { value, NULL };

	return vmctl_config_set(f->ctx, key, values, &f->err);
}

static void must_set(struct conf *f, const char *key, const char *value)
{
	const char *values[] = { value, NULL };

	must(vmctl_config_set(f->ctx, key, values, err));
}

/* What holds after the file was read anew. */
static const char *text_of(struct conf *f, const char *key)
{
	const char *value = NULL;

	must(vmctl_config_text(f->ctx, key, &value, err));
	return value;
}

static int64_t number_of(struct conf *f, const char *key)
{
	int64_t value = -1;

	must(vmctl_config_number(f->ctx, key, &value, err));
	return value;
}

/* --- the table
 * ---------------------------------------------------------------- */

static void
every_setting_has_a_text_and_a_default_that_is_acceptable(void **state)
{
	const struct vmctl_setting *s = vmctl_settings();

	for (; s->key; s++) {
		assert_true(s->about && s->about[0]);
		assert_string_not_equal(vmctl_setting_type_name(s->type),
					"value");
		assert_true(s->fallback || s->fallback_about);
		assert_true((s->type == VMCTL_SETTING_CHOICE) == !!s->choices);
		if (s->fallback)
			must(value_check_text(s, s->key, s->fallback, NULL,
					      err));
		/* config_names() knows of one list. */
		if (s->type == VMCTL_SETTING_NAMES)
			assert_string_equal(s->key, "key");
	}
}

/* --- reading
 * -------------------------------------------------------------------- */

static void without_a_file_all_is_built_in(void **state)
{
	struct conf *f = *state;
	const struct config *config;

	assert_string_equal(text_of(f, "connect"), "qemu:///session");
	assert_string_equal(f->ctx->uri, "qemu:///session");
	assert_string_equal(text_of(f, "type"), "t2.micro");
	assert_null(text_of(f, "image"));
	assert_true(number_of(f, "reserve.memory") == INT64_C(1) << 30);
	assert_true(number_of(f, "reserve.disk") == INT64_C(5) << 30);
	assert_int_equal(number_of(f, "keep-days"), 7);
	assert_int_equal(number_of(f, "timeout.ssh"), 300000);
	must(context_config(f->ctx, &config, err));
	assert_null(config_names(config, "key"));
	assert_string_equal(context_storage(f->ctx), f->home);
	must_fail(VMCTL_INTERNAL,
		  vmctl_config_text(f->ctx, "nosuch", &(const char *){ NULL },
				    err));
}

static void the_file_comes_before_what_is_built_in(void **state)
{
	struct conf *f = *state;
	const struct config *config;
	auto_free char *images = NULL, *keys = NULL;

	write_config(f, "{\"connect\": \"test:///default\",\n"
			" \"reserve\": {\"memory\": \"0\", \"disk\": 4096},\n"
			" \"key\": [\"a\", \"b\"], \"storage\": \"/srv/vm\",\n"
			" \"keep-days\": 0, \"timeout\": {\"ssh\": 90}}");
	assert_string_equal(text_of(f, "connect"), "test:///default");
	assert_string_equal(f->ctx->uri, "test:///default");
	assert_int_equal(number_of(f, "reserve.memory"), 0);
	assert_int_equal(number_of(f, "reserve.disk"), 4096);
	assert_int_equal(number_of(f, "timeout.ssh"), 90000);
	assert_int_equal(number_of(f, "keep-days"), 0);
	must(context_config(f->ctx, &config, err));
	assert_string_equal(config_names(config, "key")[1], "b");
	assert_null(config_names(config, "key")[2]);
	images = context_path(f->ctx, "images");
	keys = context_path(f->ctx, "keys");
	assert_string_equal(images, "/srv/vm/images");
	assert_int_equal(strncmp(keys, f->home, strlen(f->home)), 0);
}

static void an_option_of_the_context_comes_before_the_file(void **state)
{
	struct conf *f = *state;
	struct vmctl_options o = { .size = sizeof(o),
				   .home = f->home,
				   .uri = "qemu:///system" };
	struct vmctl *ctx;
	const struct config *config;

	write_config(f, "{\"connect\": \"test:///default\"}");
	must(vmctl_new(&o, &ctx, err));
	must(context_config(ctx, &config, err));
	assert_string_equal(ctx->uri, "qemu:///system");
	vmctl_free(ctx);
}

static void white_space_alone_is_no_setting(void **state)
{
	struct conf *f = *state;

	write_config(f, " \n\t\n");
	assert_string_equal(text_of(f, "output"), "table");
}

/* Each: the document, and what its refusal must name. */
static void what_is_wrong_is_refused_and_named(void **state)
{
	static const struct {
		const char *text, *named;
	} bad[] = {
		{ "{\"iamge\": \"x\"}", "no setting 'iamge'" },
		{ "{\"reserve\": {\"memroy\": \"1G\"}}",
		  "no setting 'reserve.memroy'" },
		{ "{\"reserve.memory\": \"1G\"}", "member of an object" },
		{ "{\"types.a.cpus\": 1}", "member of an object" },
		{ "{\"reserve\": \"1G\"}", "reserve must be an object" },
		{ "{\"image\": 3}", "image must be a string" },
		{ "{\"image\": null}", "image must be a string" },
		{ "{\"image\": \"\"}", "image is empty" },
		{ "{\"image\": \"a b\"}", "not a name" },
		{ "{\"image\": \"a\\u001b[2J\"}", "not allowed" },
		{ "{\"key\": [1]}", "key must be a list of strings" },
		{ "{\"key\": [\"a\", \"\"]}", "key is empty" },
		{ "{\"connect\": \"qemu\"}", "not a URI" },
		{ "{\"connect\": \":///x\"}", "not a URI" },
		{ "{\"accel\": \"kmv\"}", "auto, kvm, tcg" },
		{ "{\"keep-days\": -1}", "keep-days must be from 0" },
		{ "{\"keep-days\": 1.5}", "whole number" },
		{ "{\"keep-days\": \"7d\"}", "keep-days is not a number" },
		{ "{\"storage\": \"vm\"}", "absolute path" },
		{ "{\"nat\": {\"subnet\": \"10.0.0.1/24\"}}", "nat.subnet" },
		{ "{\"nat\": {\"subnet\": \"10.0.0.0/8\"}}", "nat.subnet" },
		{ "{\"nat\": {\"subnet\": \"10.0.0/24\"}}", "nat.subnet" },
		{ "{\"nat\": {\"subnet\": \"10.0.0.0\"}}", "nat.subnet" },
		{ "{\"nat\": {\"subnet\": \"10.0.0.0/24x\"}}", "nat.subnet" },
		{ "{\"reserve\": {\"disk\": \"5Q\"}}", "reserve.disk" },
		{ "{\"timeout\": {\"ssh\": \"soon\"}}", "timeout.ssh" },
		{ "{\"type\": \"t2.nanno\"}", "t2.nanno" },
		{ "{\"types\": []}", "types must be an object" },
		{ "{\"types\": {\"t2.nano\": {}}}", "built in" },
		{ "{\"types\": {\"a b\": {}}}", "cannot be the name" },
		{ "{\"types\": {\"\": {}}}", "cannot be the name" },
		{ "{\"types\": {\"a\": 1}}", "types.a must be an object" },
		{ "{\"types\": {\"a\": {\"ram\": 1}}}", "'ram'" },
		{ "{\"types\": {\"a\": {\"cpus\": 0}}}", "types.a.cpus" },
		{ "{\"types\": {\"a\": {\"memory\": \"1M\"}}}",
		  "at least 64M" },
		{ "[]", "line 1" },
		{ "{\n\"image\": \"x\",\n oops }", "line 3" },
		{ "{\"image\": \"x\"} {}", "line 1" },
		{ "{\"image\": \"x\", \"image\": \"y\"}", "duplicate" },
		{ "{\"image\": \"\xff\"}", "line 1" },
	};
	struct conf *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct config *config = NULL;
		struct state *db = NULL;

		write_config(f, bad[i].text);
		assert_int_equal(context_config(f->ctx, &config, &f->err),
				 -VMCTL_INVALID);
		assert_null(config);
		if (!strstr(f->err.message, bad[i].named))
			print_error("%s: %s\n", bad[i].text, f->err.message);
		assert_non_null(strstr(f->err.message, bad[i].named));
		assert_non_null(strstr(f->err.message, f->path));
		assert_true(f->err.hint[0]);
		/* Nothing that needs the settings goes on without them. */
		assert_int_equal(context_state(f->ctx, &db, NULL),
				 -VMCTL_INVALID);
		holds(f, bad[i].text);
	}
}

static void what_is_no_text_file_is_refused(void **state)
{
	struct conf *f = *state;
	const struct config *config;

	assert_int_equal(mkdir(f->path, 0700), 0);
	must_fail(VMCTL_INVALID, context_config(f->ctx, &config, err));
	assert_int_equal(set(f, "image", "x"), -VMCTL_INVALID);
	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	must_fail(VMCTL_INVALID, context_config(f->ctx, &config, err));
	assert_int_equal(unlink(f->path), 0);
	must(file_write_atomic(f->path, "{}\0{}", 5, 0600, err));
	must_fail(VMCTL_INVALID, context_config(f->ctx, &config, err));
}

/* --- changing
 * -------------------------------------------------------------------- */

static void set_and_unset_change_the_file_and_nothing_else(void **state)
{
	struct conf *f = *state;
	struct stat st;
	const char *keys[] = { "a", "b", NULL };

	must_set(f, "image", "debian");
	holds(f, "{\n  \"image\": \"debian\"\n}\n");
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	must_set(f, "reserve.memory", "2G");
	must(vmctl_config_set(f->ctx, "key", keys, err));
	must_set(f, "keep-days", "3");
	holds(f, "{\n  \"image\": \"debian\",\n  \"reserve\": {\n"
		 "    \"memory\": \"2G\"\n  },\n  \"key\": [\n    \"a\",\n"
		 "    \"b\"\n  ],\n  \"keep-days\": 3\n}\n");
	/* The context that changed it knows. */
	assert_true(number_of(f, "reserve.memory") == INT64_C(2) << 30);
	must(vmctl_config_unset(f->ctx, "reserve.memory", err));
	must(vmctl_config_unset(f->ctx, "key", err));
	must(vmctl_config_unset(f->ctx, "keep-days", err));
	must(vmctl_config_unset(f->ctx, "keep-days", err));
	holds(f, "{\n  \"image\": \"debian\"\n}\n");
	assert_true(number_of(f, "reserve.memory") == INT64_C(1) << 30);
	assert_string_equal(str_text(&f->warnings), "");
}

static void a_bad_value_changes_nothing(void **state)
{
	static const struct {
		const char *key, *value;
	} bad[] = {
		{ "iamge", "x" },
		{ "image", "" },
		{ "output", "jsn" },
		{ "reserve", "1G" },
		{ "reserve.memory", "x" },
		{ "type", "bgi" },
		{ "types.t2.nano.cpus", "2" },
		{ "types.big", "2" },
		{ "types.big.ram", "1G" },
		{ "types..cpus", "1" },
		{ "types.a b.cpus", "1" },
		{ "types.big.cpus", "0" },
		{ "image", "\xff" },
		{ "", "x" },
		{ ".", "x" },
	};
	struct conf *f = *state;
	const char *two[] = { "a", "b", NULL }, *none[] = { NULL };

	must_set(f, "image", "debian");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(set(f, bad[i].key, bad[i].value),
				 -VMCTL_INVALID);
		assert_true(f->err.message[0]);
	}
	must_fail(VMCTL_INVALID, vmctl_config_set(f->ctx, "image", two, err));
	must_fail(VMCTL_INVALID, vmctl_config_set(f->ctx, "key", none, err));
	must_fail(VMCTL_INVALID, vmctl_config_unset(f->ctx, "iamge", err));
	holds(f, "{\n  \"image\": \"debian\"\n}\n");
}

static void a_change_may_not_break_another_setting(void **state)
{
	struct conf *f = *state;

	must_set(f, "types.big.cpus", "8");
	must_set(f, "type", "big");
	must_fail(VMCTL_INVALID, vmctl_config_unset(f->ctx, "types.big", err));
	assert_string_equal(text_of(f, "type"), "big");
	must(vmctl_config_unset(f->ctx, "type", err));
	must(vmctl_config_unset(f->ctx, "types.big", err));
	holds(f, "{}\n");
}

static void a_broken_file_is_mended_step_by_step(void **state)
{
	struct conf *f = *state;

	write_config(f, "{\"iamge\": \"x\", \"reserve.disk\": 1, "
			"\"reserve\": 2, \"output\": 3}");
	must_set(f, "output", "json");
	assert_non_null(strstr(str_text(&f->warnings), "iamge"));
	must(vmctl_config_unset(f->ctx, "iamge", err));
	must(vmctl_config_unset(f->ctx, "reserve.disk", err));
	must_set(f, "reserve.disk", "1G");
	assert_true(number_of(f, "reserve.disk") == INT64_C(1) << 30);
	assert_string_equal(text_of(f, "output"), "json");
}

static void a_file_that_is_a_link_stays_one(void **state)
{
	struct conf *f = *state;
	auto_free char *real = str_printf("%s/dotfile", f->home);
	struct stat st;

	must(file_write_atomic(real, "{}", 2, 0644, err));
	assert_int_equal(symlink("dotfile", f->path), 0);
	must_set(f, "image", "x");
	assert_int_equal(lstat(f->path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat(real, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	holds(f, "{\n  \"image\": \"x\"\n}\n");
}

static void the_storage_may_change_while_nothing_is_stored(void **state)
{
	struct conf *f = *state;
	struct fixture stored = { 0 };

	must_set(f, "storage", "/srv/a");
	fresh(f);
	must(context_state(f->ctx, &stored.db, err));
	image_put(&stored, "mini", digest_of("aa"));
	assert_int_equal(set(f, "storage", "/srv/b"), -VMCTL_STATE);
	assert_non_null(strstr(f->err.message, "/srv/a"));
	assert_int_equal(vmctl_config_unset(f->ctx, "storage", NULL),
			 -VMCTL_STATE);
	must_set(f, "storage", "/srv/a");
	/* What a hand has broken can be mended. */
	write_config(f, "{\"storage\": \"/srv/b\"}");
	must_set(f, "storage", "/srv/a");
	fresh(f);
	must(context_state(f->ctx, &stored.db, err));
}

static void
a_text_is_taken_only_when_it_is_acceptable_and_the_file_is_as_read(void **state)
{
	struct conf *f = *state;
	auto_free char *before = NULL;

	must(vmctl_config_read(f->ctx, &before, err));
	assert_string_equal(before, "{\n}\n");
	must_fail(VMCTL_INVALID,
		  vmctl_config_replace(f->ctx, before, "{\"a\": 1}", "copy",
				       err));
	must_fail(VMCTL_INVALID,
		  vmctl_config_replace(f->ctx, before, "{", "copy", err));
	assert_int_equal(access(f->path, F_OK), -1);
	must(vmctl_config_replace(f->ctx, before, "{\"image\":  \"x\"}", "copy",
				  err));
	/* Byte for byte: it is the user's own text. */
	holds(f, "{\"image\":  \"x\"}");
	must_fail(VMCTL_BUSY,
		  vmctl_config_replace(f->ctx, before, "{}", "copy", err));
	holds(f, "{\"image\":  \"x\"}");
}

/* --- showing
 * --------------------------------------------------------------------- */

static const struct vmctl_config_entry *
entry_of(const struct vmctl_config_list *list, const char *key)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_eq(list->items[i]->key, key))
			return list->items[i];
	}
	return NULL;
}

static void the_list_tells_where_values_come_from(void **state)
{
	struct conf *f = *state;
	struct vmctl_config_list *list;
	struct vmctl_config_entry *one;

	write_config(f, "{\"connect\": \"test:///default\", \"image\": \"x\", "
			"\"key\": [\"a\", \"b\"], \"nope\": 1, \"output\": 1,"
			"\"types\": {\"a.b\": {\"memory\": \"2G\"}}}");
	setenv("VMCTL_CONNECT", "qemu:///system", 1);
	must(vmctl_config_list(f->ctx, &list, err));
	unsetenv("VMCTL_CONNECT");
	assert_string_equal(entry_of(list, "connect")->value, "qemu:///system");
	assert_string_equal(entry_of(list, "connect")->source, "environment");
	assert_string_equal(entry_of(list, "image")->source, "configuration");
	assert_string_equal(entry_of(list, "key")->value, "a,b");
	assert_string_equal(entry_of(list, "accel")->value, "auto");
	assert_string_equal(entry_of(list, "accel")->source, "default");
	assert_string_equal(entry_of(list, "storage")->fallback, f->home);
	assert_string_equal(entry_of(list, "types.a.b.memory")->value, "2G");
	assert_string_equal(entry_of(list, "types.a.b.cpus")->value, "1");
	assert_true(entry_of(list, "output")->problem[0]);
	assert_non_null(strstr(str_text(&f->warnings), "nope"));
	vmctl_config_list_free(list);
	must(vmctl_config_get(f->ctx, "types.a.b.memory", &one, err));
	assert_string_equal(one->value, "2G");
	vmctl_config_entry_free(one);
	must_fail(VMCTL_NOT_FOUND,
		  vmctl_config_get(f->ctx, "types.x.memory", &one, err));
	must_fail(VMCTL_INVALID, vmctl_config_get(f->ctx, "nope", &one, err));
}

/* --- types
 * ------------------------------------------------------------------------- */

static void INST_002_the_types_are_those_of_ec2(void **state)
{
	static const struct {
		const char *name;
		int vcpus, mib, gib;
	} want[] = { { "t2.nano", 1, 512, 8 },
		     { "t2.micro", 1, 1024, 8 },
		     { "t2.small", 1, 2048, 20 },
		     { "t2.medium", 2, 4096, 30 },
		     { "t2.large", 2, 8192, 30 } };
	struct conf *f = *state;
	struct vmctl_type_list *list;

	must(vmctl_type_list(f->ctx, &list, err));
	assert_int_equal(list->count, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct vmctl_type *t = &list->items[i];

		assert_string_equal(t->name, want[i].name);
		assert_true(t->vcpus == want[i].vcpus);
		assert_true(t->memory == (int64_t)want[i].mib << 20);
		assert_true(t->disk == (int64_t)want[i].gib << 30);
		assert_string_equal(t->source, "builtin");
	}
	vmctl_type_list_free(list);
}

static void INST_002_the_file_adds_types(void **state)
{
	struct conf *f = *state;
	struct vmctl_type_list *list;
	struct vmctl_type type;
	const struct config *config;

	write_config(f, "{\"types\": {\"big\": {\"cpus\": 8, \"memory\": "
			"\"16G\", \"disk\": \"100G\"}, \"c5.one\": {}}}");
	must(context_config(f->ctx, &config, err));
	must(config_type(config, "big", &type, err));
	assert_true(type.vcpus == 8 && type.memory == INT64_C(16) << 30 &&
		    type.disk == INT64_C(100) << 30);
	/* What is left out is as t2.micro has it. */
	must(config_type(config, "c5.one", &type, err));
	assert_true(type.vcpus == 1 && type.memory == INT64_C(1) << 30 &&
		    type.disk == INT64_C(8) << 30);
	must(config_type(config, "t2.nano", &type, err));
	assert_int_equal(config_type(config, "bgi", &type, &f->err),
			 -VMCTL_NOT_FOUND);
	assert_non_null(strstr(f->err.hint, "big"));
	must(vmctl_type_list(f->ctx, &list, err));
	assert_int_equal(list->count, 7);
	assert_string_equal(list->items[5].source, "configuration");
	vmctl_type_list_free(list);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_setting_has_a_text_and_a_default_that_is_acceptable),
		TEST(without_a_file_all_is_built_in),
		TEST(the_file_comes_before_what_is_built_in),
		TEST(an_option_of_the_context_comes_before_the_file),
		TEST(white_space_alone_is_no_setting),
		TEST(what_is_wrong_is_refused_and_named),
		TEST(what_is_no_text_file_is_refused),
		TEST(set_and_unset_change_the_file_and_nothing_else),
		TEST(a_bad_value_changes_nothing),
		TEST(a_change_may_not_break_another_setting),
		TEST(a_broken_file_is_mended_step_by_step),
		TEST(a_file_that_is_a_link_stays_one),
		TEST(the_storage_may_change_while_nothing_is_stored),
		TEST(a_text_is_taken_only_when_it_is_acceptable_and_the_file_is_as_read),
		TEST(the_list_tells_where_values_come_from),
		TEST(INST_002_the_types_are_those_of_ec2),
		TEST(INST_002_the_file_adds_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
