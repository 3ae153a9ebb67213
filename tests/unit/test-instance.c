/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "driver/hypervisor.h"
#include "instance/instance.h"

static void a_name_is_a_hostname_label(void **state)
{
	static const char *const good[] = { "a",	 "web1",  "WEB-1",
					    "1a",	 "a-b-c", "i-1234567",
					    "i-1234567g" };
	static const char *const bad[] = {
		"",	      "-a",	   "a-",       "a_b",	     "a.b",
		"a b",	      "a/b",	   "../x",     "\xc3\xa4",   "a\nb",
		"a;b",	      "$(x)",	   "a\x1b[2J", "i-12345678", /* ids */
		"I-12345678", "i-1234ABCD"
	};
	char long_name[65];

	memset(long_name, 'x', sizeof(long_name));
	long_name[63] = '\0';
	must(vmctl_instance_name_check(long_name, err));
	long_name[63] = 'x';
	long_name[64] = '\0';
	must_fail(VMCTL_INVALID, vmctl_instance_name_check(long_name, err));
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		must(vmctl_instance_name_check(good[i], err));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		must_fail(VMCTL_INVALID,
			  vmctl_instance_name_check(bad[i], err));
}

/* What becomes of a user's document; NULL: it is refused, with `refusal`. */
static struct vmctl_error refusal;
static char *taken(const char *text, size_t len)
{
	char *ret = NULL;

	if (user_data_read(text, len, &ret, &refusal) < 0)
		assert_int_equal(refusal.code, VMCTL_INVALID);
	return ret;
}

static void user_data_is_known_by_its_first_line(void **state)
{
	static const char *const good[] = {
		"#cloud-config\n",
		"#!/bin/sh\n",
		"#cloud-config\n{}",
		"#Cloud-Config\r\n{}",
		"#include\nhttp://x\n",
		"Content-Type: multipart/mixed; boundary=x\n\n",
		"content-type:multipart/mixed; boundary=x\r\n\r\n",
		"mime-version: 1.0\n\n",
		"Subject: x\n more\nMIME-Version: 1.0\n",
		"From me\nMIME-Version: 1.0\n",
	};
	static const char *const bad[] = { "",
					   " \n",
					   "packages: [x]\n",
					   "#cloudconfig\n",
					   "MZ",
					   "Content-Type: text/html\n\n",
					   "From me\n",
					   "Subject: x\n\nMIME-Version: 1.0\n",
					   "hello\nMIME-Version: 1.0\n" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		auto_free char *text = taken(good[i], strlen(good[i]));
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(taken(bad[i], strlen(bad[i])));
	assert_null(taken("#!\xff", 3));
	assert_null(taken("#!\0x", 4));
	char *big = malloc((16 << 20) + 1);
	assert_non_null(big);
	memset(big, '#', (16 << 20) + 1);
	memcpy(big, "#!", 2);
	free(taken(big, 16 << 20));
	assert_null(taken(big, (16 << 20) + 1));
	free(big);
}

static void user_data_in_gzip_behind_a_mark_or_blanks_is_taken(void **state)
{
	/* printf '#!/bin/sh\n' | gzip -9n */
	static const char packed[] =
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x53\x56\xd4\x4f\xca"
		"\xcc\xd3\x2f\xce\xe0\x02\x00\x1d\x9d\xfb\x04\x0a\x00\x00\x00";
	static const char script[] = "#!/bin/sh\n";
	static const char wide[] = "\xff\xfe#\0!\0";
	auto_free char *unpacked = taken(packed, sizeof(packed) - 1);
	auto_free char *mark = taken("\xef\xbb\xbf#!/bin/sh\n", 13);
	auto_free char *blank = taken("\r\n \t#!/bin/sh\n", 14);

	assert_string_equal(unpacked, script);
	assert_string_equal(mark, script);
	assert_string_equal(blank, script);
	assert_null(taken(packed, sizeof(packed) - 12));
	assert_non_null(strstr(refusal.message, "gzip"));
	assert_null(taken(wide, sizeof(wide) - 1));
	assert_non_null(strstr(refusal.message, "UTF-16"));
}

/* A draft with all that a seed takes. */
static struct vmctl_instance row;
static struct state_instance_key keys[2];
static struct draft draft(const char *user_data)
{
	row = (struct vmctl_instance){ .id = (char *)"i-0a0b0c0d",
				       .name = (char *)"web1",
				       .mac = (char *)"52:54:00:0b:0c:0d",
				       .host_key = (char *)"ssh-ed25519 HOST" };
	keys[0] = (struct state_instance_key){ (char *)"lap\"top",
					       (char *)"ssh-ed25519 A", NULL };
	keys[1] = (struct state_instance_key){ (char *)"b", (char *)"ssh-rsa B",
					       NULL };
	return (struct draft){ .row = &row,
			       .nics = { { .mac = "52:54:00:0b:0c:0d" },
					 { .mac = "52:54:00:11:22:33" } },
			       .nic_count = 2,
			       .keys = keys,
			       .key_count = 2,
			       .host_key_private =
				       (char *)"-----BEGIN X\nY\n-----END",
			       .user_data = (char *)user_data };
}

static void INST_005_the_seed_has_keys_and_host_key_as_json(void **state)
{
	auto_json json_t *doc = NULL, *meta = NULL;
	struct draft d = draft(NULL);
	struct seed s = { 0 };
	static const char first[] = "#cloud-config\n";

	must(seed_make(&d, &s, err));
	assert_true(str_starts(s.user_data, first));
	must(json_parse(s.user_data + strlen(first),
			strlen(s.user_data) - strlen(first), "user-data", &doc,
			err));
	const json_t *list = json_object_get(doc, "ssh_authorized_keys");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_string_value(json_array_get(list, 0)),
			    "ssh-ed25519 A lap\"top");
	const json_t *host = json_object_get(doc, "ssh_keys");
	assert_string_equal(json_get_string(host, "ed25519_private", ""),
			    d.host_key_private);
	assert_string_equal(json_get_string(host, "ed25519_public", ""),
			    "ssh-ed25519 HOST");
	must(json_parse(s.meta_data, strlen(s.meta_data), "meta-data", &meta,
			err));
	assert_string_equal(json_get_string(meta, "instance-id", ""),
			    "i-0a0b0c0d");
	assert_string_equal(json_get_string(meta, "local-hostname", ""),
			    "web1");
	/* It would stand against a user's fqdn. */
	assert_null(json_object_get(doc, "hostname"));
	/* An interface that is not named would be left without address; the
	 * kernel's names make its writer for systemd-networkd see the metric.
	 */
	json_decref(meta);
	meta = NULL;
	must(json_parse(s.network_config, strlen(s.network_config), "network",
			&meta, err));
	const json_t *nics = json_object_get(meta, "ethernets");
	const char *const names[] = { "eth0", "eth1" };
	const char *const macs[] = { "52:54:00:0b:0c:0d", "52:54:00:11:22:33" };
	for (int i = 0; i < 2; i++) {
		const json_t *nic = json_object_get(nics, names[i]);
		assert_string_equal(
			json_get_string(json_object_get(nic, "match"),
					"macaddress", ""),
			macs[i]);
		assert_string_equal(json_get_string(nic, "dhcp-identifier", ""),
				    "mac");
		assert_int_equal(
			json_get_int(json_object_get(nic, "dhcp4-overrides"),
				     "route-metric", 0),
			100 * (i + 1));
	}
	seed_done(&s);
}

static void the_seed_of_a_guest_with_its_own_host_key_has_none(void **state)
{
	auto_free char *text = NULL;
	struct draft d = draft(NULL);

	d.host_key_private = NULL;
	row.host_key = (char *)"";
	must(seed_cloud_config(&d, &text, err));
	assert_null(strstr(text, "ssh_keys"));
	assert_null(strstr(text, "ssh_deletekeys"));
	assert_non_null(strstr(text, "ssh_authorized_keys"));
}

static void a_script_and_our_part_travel_as_two_parts(void **state)
{
	struct draft d = draft("#!/bin/sh\necho '--==vmctl-i-0a0b0c0d==--'\n");
	struct seed s = { 0 };
	auto_free unsigned char *text = NULL;
	size_t n;

	must(seed_make(&d, &s, err));
	assert_true(str_starts(s.user_data, "Content-Type: multipart/mixed;"));
	const char *part = strstr(s.user_data, "text/x-shellscript");
	assert_non_null(part);
	assert_non_null(strstr(part, "text/cloud-config"));
	const char *body = strstr(part, "\n\n") + 2;
	size_t len = strcspn(body, "\n");
	/* Its own text cannot end the part: it is base64. */
	must(base64_decode(body, len, &text, &n, err));
	assert_int_equal(n, strlen(d.user_data));
	assert_memory_equal(text, d.user_data, n);
	seed_done(&s);
}

/* cloud-init believes the type, and looks at the text only without one. */
static void user_data_travels_as_what_it_is(void **state)
{
	static const char *const kinds[][2] = {
		{ "#cloud-config\n{}", "text/cloud-config" },
		{ "#cloud-config-archive\n[]", "text/cloud-config-archive" },
		{ "#cloud-config-jsonp\n[]", "text/cloud-config-jsonp" },
		{ "## template: jinja\n#cloud-config\n{}", "text/jinja2" },
		{ "#include\nfile:///x", "text/x-include-url" },
		{ "#include-once\nfile:///x", "text/x-include-once-url" },
		{ "#cloud-boothook\n", "text/cloud-boothook" },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct draft d = draft(kinds[i][0]);
		struct seed s = { 0 };
		char type[64];

		must(seed_make(&d, &s, err));
		snprintf(type, sizeof(type), "Content-Type: %s;", kinds[i][1]);
		assert_non_null(strstr(s.user_data, type));
		seed_done(&s);
	}
}

static void a_mailbox_line_is_left_out_of_a_nested_message(void **state)
{
	struct draft d = draft("From me\ncontent-type: multipart/mixed; "
			       "boundary=x\n\n--x\n\nhello\n--x--\n");
	struct seed s = { 0 };

	must(seed_make(&d, &s, err));
	assert_non_null(strstr(s.user_data, "--==vmctl-i-0a0b0c0d==\n"
					    "content-type: multipart/mixed"));
	seed_done(&s);
}

static void a_users_multipart_is_nested_as_it_is(void **state)
{
	struct draft d = draft("Content-Type: multipart/mixed; "
			       "boundary=\"x\"\n\n--x\n\nhello\n--x--\n");
	struct seed s = { 0 };

	must(seed_make(&d, &s, err));
	assert_non_null(strstr(s.user_data, "--==vmctl-i-0a0b0c0d==\n"
					    "Content-Type: "
					    "multipart/mixed; boundary=\"x\""));
	seed_done(&s);
}

static void the_domain_document_escapes_what_it_is_given(void **state)
{
	const struct hv_ops *ops;
	const char *const key_names[] = { "<k&'\">", NULL };
	const struct hv_nic nics[] = {
		{ HV_NIC_USER, NULL, "52:54:00:00:00:01" },
		{ HV_NIC_NETWORK, "n'1", "52:54:00:00:00:02" },
		{ HV_NIC_BRIDGE, "br0", "52:54:00:00:00:03" },
	};
	struct hv_spec spec = {
		.id = "i-0a0b0c0d",
		.name = "web1",
		.uuid = "11111111-2222-4333-8444-555555555555",
		.image_digest = "abc",
		.image = "a<b>",
		.keys = key_names,
		.user = "x&y",
		.arch = "x86_64",
		.accel = "tcg",
		.vcpus = 2,
		.memory = INT64_C(1) << 30,
		.disk = "/d'isk",
		.seed = "/s",
		.console_log = "/c",
		.nics = nics,
		.nic_count = ARRAY_LEN(nics),
	};
	auto_free char *xml = NULL;

	must(hv_load(&ops, err));
	must(ops->describe(&spec, &xml, err));
	assert_non_null(strstr(xml, "<domain type='qemu'>"));
	assert_non_null(strstr(xml, "&lt;k&amp;&apos;&quot;&gt;"));
	assert_non_null(strstr(xml, "a&lt;b&gt;"));
	assert_non_null(strstr(xml, "file='/d&apos;isk'"));
	assert_non_null(strstr(xml, "<entry name='serial'>ds=nocloud</entry>"));
	assert_null(strstr(xml, "<k&"));
	assert_non_null(strstr(xml, "<interface type='user'>"));
	assert_non_null(strstr(xml, "<source network='n&apos;1'/>"));
	assert_non_null(strstr(xml, "<source bridge='br0'/>"));
	free(take_ptr(&xml));
	spec.accel = "kvm";
	must(ops->describe(&spec, &xml, err));
	assert_non_null(strstr(xml, "<domain type='kvm'>"));
	assert_non_null(strstr(xml, "host-passthrough"));
}

static void every_state_has_a_name_of_its_own(void **state)
{
	for (int a = 0; a < VMCTL_STATE_COUNT; a++)
		for (int b = 0; b < a; b++)
			assert_string_not_equal(vmctl_state_name(a),
						vmctl_state_name(b));
	assert_string_equal(vmctl_state_name(99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_a_hostname_label),
		cmocka_unit_test(user_data_is_known_by_its_first_line),
		cmocka_unit_test(
			user_data_in_gzip_behind_a_mark_or_blanks_is_taken),
		cmocka_unit_test(
			INST_005_the_seed_has_keys_and_host_key_as_json),
		cmocka_unit_test(
			the_seed_of_a_guest_with_its_own_host_key_has_none),
		cmocka_unit_test(a_script_and_our_part_travel_as_two_parts),
		cmocka_unit_test(user_data_travels_as_what_it_is),
		cmocka_unit_test(a_users_multipart_is_nested_as_it_is),
		cmocka_unit_test(
			a_mailbox_line_is_left_out_of_a_nested_message),
		cmocka_unit_test(the_domain_document_escapes_what_it_is_given),
		cmocka_unit_test(every_state_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests_name("instance", tests, NULL, NULL);
}
