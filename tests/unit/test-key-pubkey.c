/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <stdio.h>

#include "base/file.h"
#include "internal/key.h"
#include "key/key.h"

/* Keys made by ssh-keygen once, in a folder of their own. */
static char dir[256];
static struct made {
	const char *type, *bits;
	char *pub; /* path */
	char *text;
} made[] = {
	{ "rsa", "2048" },    { "rsa", "3072" },  { "rsa", "4096" },
	{ "ecdsa", "256" },   { "ecdsa", "384" }, { "ecdsa", "521" },
	{ "ed25519", "256" }, { "rsa", "2050" },
};

static char *read_text(const char *path)
{
	struct str s = STR_INIT;
	char *text = NULL;

	assert_int_equal(file_read(path, 1 << 20, &s, NULL), 0);
	assert_int_equal(str_take(&s, &text, NULL), 0);
	return text;
}

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "%s/vmctl-key.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		auto_free char *file = str_printf("%s/%zu", dir, i);

		free(must_run("ssh-keygen", "-q", "-t", made[i].type, "-b",
			      made[i].bits, "-N", "", "-C", "me@here now", "-f",
			      file, NULL));
		made[i].pub = str_printf("%s.pub", file);
		made[i].text = read_text(made[i].pub);
	}
	return 0;
}

static int teardown(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		free(made[i].pub);
		free(made[i].text);
	}
	return dir_remove(dir, NULL);
}

static int parse(const char *text, struct pubkey *key, struct vmctl_error *err)
{
	return pubkey_parse(text, strlen(text), key, err);
}

/* The text must be refused, with `why` in the message. */
static void refused(const char *text, size_t len, const char *why)
{
	auto_pubkey key = { 0 };
	struct vmctl_error err = { 0 };

	assert_int_equal(pubkey_parse(text, len, &key, &err), -VMCTL_BAD_DATA);
	assert_null(key.line);
	if (!strstr(err.message, why))
		print_error("\"%s\" in: %s\n", why, err.message);
	assert_non_null(strstr(err.message, why));
}

/* A key of these parts: texts up to NULL, each with its length first. */
static char *line_of(const char *type, ...)
{
	auto_str blob = STR_INIT;
	auto_free char *b64 = NULL;
	const char *part;
	va_list ap;

	wire_put(&blob, type, strlen(type));
	va_start(ap, type);
	while ((part = va_arg(ap, const char *)))
		wire_put(&blob, part, va_arg(ap, size_t));
	va_end(ap);
	b64 = base64_encode(blob.p, blob.len);
	return str_printf("%s %s", type, b64);
}

/* --- against ssh-keygen -------------------------------------------------- */

/* "256 SHA256:… comment (ED25519)", or with MD5 */
static void compare_with_keygen(const char *file, const char *text)
{
	auto_pubkey key = { 0 };
	struct vmctl_error err = { 0 };
	auto_free char *sha = NULL;
	auto_free char *md5 = NULL;
	auto_free char *by_sha =
		must_run("ssh-keygen", "-l", "-E", "sha256", "-f", file, NULL);
	auto_free char *by_md5 =
		must_run("ssh-keygen", "-l", "-E", "md5", "-f", file, NULL);
	char want[512];

	if (parse(text, &key, &err) < 0)
		print_error("%s: %s\n", file, err.message);
	assert_non_null(key.line);
	assert_int_equal(
		key_fingerprints(key.blob, key.blob_len, &sha, &md5, &err), 0);
	snprintf(want, sizeof(want), "%lld %s %s (", (long long)key.bits, sha,
		 key.comment);
	assert_memory_equal(by_sha, want, strlen(want));
	snprintf(want, sizeof(want), "%lld %s %s (", (long long)key.bits, md5,
		 key.comment);
	assert_memory_equal(by_md5, want, strlen(want));
	assert_memory_equal(text, key.line, strlen(key.line));
}

static void key_002_key_003_every_type_is_as_ssh_keygen_says(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(made); i++)
		compare_with_keygen(made[i].pub, made[i].text);
}

static const unsigned char *point_of(const char *line, size_t *n)
{
	static struct pubkey key;
	struct wire w, type, curve, point;

	pubkey_done(&key);
	assert_int_equal(parse(line, &key, NULL), 0);
	w = (struct wire){ key.blob, key.blob_len };
	assert_true(wire_string(&w, &type) && wire_string(&w, &curve) &&
		    wire_string(&w, &point));
	*n = point.n;
	return point.p;
}

static void key_002_key_003_security_keys_are_as_ssh_keygen_says(void **state)
{
	auto_free char *file = path_join(dir, "sk.pub");
	auto_free char *sk_ed = line_of("sk-ssh-ed25519@openssh.com",
					"0123456789abcdef0123456789abcdef",
					(size_t)32, "ssh:", (size_t)4, NULL);
	size_t n;
	const unsigned char *point = point_of(made[3].text, &n);
	auto_free char *sk_ec =
		line_of("sk-ecdsa-sha2-nistp256@openssh.com", "nistp256",
			(size_t)8, point, n, "ssh:web", (size_t)7, NULL);
	const char *const lines[] = { sk_ed, sk_ec };

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		auto_free char *text = str_printf("%s token\n", lines[i]);

		assert_int_equal(
			file_write_atomic(file, text, strlen(text), 0600, NULL),
			0);
		compare_with_keygen(file, text);
	}
}

static void key_003_a_fingerprint_is_had_from_the_line_alone(void **state)
{
	auto_free char *sha = NULL;
	auto_free char *by =
		must_run("ssh-keygen", "-l", "-f", made[6].pub, NULL);

	assert_int_equal(key_fingerprint(made[6].text, &sha, NULL), 0);
	assert_non_null(strstr(by, sha));
}

/* --- strictness ---------------------------------------------------------- */

static void key_001_a_blob_cut_short_anywhere_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		auto_pubkey key = { 0 };

		assert_int_equal(parse(made[i].text, &key, NULL), 0);
		for (size_t n = 0; n < key.blob_len; n++) {
			auto_free char *b64 = base64_encode(key.blob, n);
			auto_free char *text =
				str_printf("%s %s\n", key.type, b64);

			refused(text, strlen(text), "");
		}
	}
}

static void key_001_what_follows_the_blob_is_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		auto_pubkey key = { 0 };
		auto_str more = STR_INIT;
		auto_free char *b64 = NULL;
		auto_free char *text = NULL;

		assert_int_equal(parse(made[i].text, &key, NULL), 0);
		str_addn(&more, key.blob, key.blob_len);
		str_addc(&more, '\0');
		b64 = base64_encode(more.p, more.len);
		text = str_printf("%s %s\n", key.type, b64);
		refused(text, strlen(text), "1 bytes follow");
	}
}

static void key_001_the_inner_type_must_be_the_same(void **state)
{
	auto_free char *text = strdup(made[3].text);

	memcpy(text, "ecdsa-sha2-nistp384", 19);
	refused(text, strlen(text), "its data are of the type");
	/* also for one that hides control characters in it */
	free(text);
	text = line_of("\x1b]0;x", "a", (size_t)1, NULL);
	auto_free char *other = str_printf("ssh-rsa %s", strchr(text, ' ') + 1);
	refused(other, strlen(other), "its data are of the type");
}

/* An RSA key of these numbers is refused, or (NULL) accepted with 2048 bits. */
static void rsa(const char *why, const char *e, size_t e_len, const void *n,
		size_t n_len)
{
	auto_free char *line =
		line_of("ssh-rsa", e, e_len, (const char *)n, n_len, NULL);
	auto_pubkey key = { 0 };

	if (why) {
		refused(line, strlen(line), why);
		return;
	}
	assert_int_equal(parse(line, &key, NULL), 0);
	assert_int_equal(key.bits, 2048);
}

static void key_001_rsa_numbers_have_one_form(void **state)
{
	unsigned char n[257];

	memset(n, 0xab, sizeof(n));
	n[0] = 0;
	rsa(NULL, "\x01\x00\x01", 3, n, 257);
	rsa("damaged", "\x01\x00\x01", 3, n + 1, 256); /* negative */
	rsa("damaged", "\x00\x01\x00\x01", 4, n, 257); /* a zero too many */
	rsa("damaged", "\x01\x00\x02", 3, n, 257);     /* even */
	rsa("damaged", "\x01", 1, n, 257);
	rsa("damaged", "", 0, n, 257);
	rsa("1024 bits", "\x01\x00\x01", 3, n, 129);
	n[1] = 0x7f;
	rsa("damaged", "\x01\x00\x01", 3, n, 257);
	rsa("2047 bits", "\x01\x00\x01", 3, n + 1, 256);
}

static void key_001_a_point_must_be_on_its_curve(void **state)
{
	size_t n;
	const unsigned char *point = point_of(made[3].text, &n);
	unsigned char bad[65];
	char *line;

	assert_int_equal(n, 65);
	memcpy(bad, point, n);
	bad[64] ^= 1;
	line = line_of("ecdsa-sha2-nistp256", "nistp256", (size_t)8, bad, n,
		       NULL);
	refused(line, strlen(line), "damaged");
	free(line);
	memcpy(bad, point, n);
	bad[0] = 2 + (bad[64] & 1); /* compressed */
	line = line_of("ecdsa-sha2-nistp256", "nistp256", (size_t)8, bad,
		       (size_t)33, NULL);
	refused(line, strlen(line), "damaged");
	free(line);
	line = line_of("ecdsa-sha2-nistp256", "nistp384", (size_t)8, point, n,
		       NULL);
	refused(line, strlen(line), "damaged");
	free(line);
}

static void key_001_other_types_are_refused_by_name(void **state)
{
	static const char *const types[][2] = {
		{ "ssh-dss", "DSA" },
		{ "ssh-rsa-cert-v01@openssh.com", "certificate" },
		{ "ssh-ed25519-cert-v01@openssh.com", "certificate" },
		{ "ssh-ed448", "unknown" },
		{ "rsa-sha2-256", "unknown" },
		{ "SSH-RSA", "unknown" },
		{ "\x1b[31mred", "unknown" },
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		auto_free char *line =
			line_of(types[i][0], "x", (size_t)1, NULL);

		refused(line, strlen(line), types[i][1]);
	}
}

static void key_001_texts_that_are_no_key(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *why;
	} texts[] = {
#define TEXT(t, why) { t, sizeof(t) - 1, why }
		TEXT("", "empty"),
		TEXT("\n \r\n\t\n", "no key"),
		TEXT("hello\n", "unknown"),
		TEXT("ssh-ed25519", "no data"),
		TEXT("ssh-ed25519 \n", "no data"),
		TEXT("ssh-ed25519 AAAA*AAA x\n", "base64"),
		TEXT("ssh-ed25519 AAA\n", "base64"),
		TEXT("ssh-ed25519 AAAA\n", "cut short"),
		TEXT("ssh-ed25519 AAAA\0AAAA\n", "not text"),
		TEXT("\xff\xfes\0s\0h\0", "UTF-16"),
		TEXT("\xef\xbb\xbfssh-ed25519 AAAA\n", "cut short"),
		TEXT("# ssh-ed25519 AAAA\n", "no key"),
		TEXT("-----BEGIN CERTIFICATE-----\nAAAA\n", "X.509"),
		TEXT("-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "OpenPGP"),
		TEXT("---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n", "one-line"),
		TEXT("---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"gr\xfc\"\n",
		     "one-line"),
		TEXT("-----BEGIN PUBLIC KEY-----\nAAAA\n", "one-line"),
		TEXT("\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86", "not text"),
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		refused(texts[i].text, texts[i].len, texts[i].why);
}

static void key_001_options_of_authorized_keys_are_refused(void **state)
{
	auto_free char *one = str_printf("no-pty %s", made[6].text);
	auto_free char *two =
		str_printf("command=\"a b\",no-pty %s", made[0].text);

	refused(one, strlen(one), "options");
	refused(two, strlen(two), "options");
}

static void key_001_two_keys_are_refused(void **state)
{
	auto_free char *two = str_printf("%s%s", made[0].text, made[6].text);
	auto_free char *same =
		str_printf("%s\n\n%s", made[0].text, made[0].text);
	auto_free char *junk = str_printf("%sjunk\n", made[0].text);

	refused(two, strlen(two), "two keys");
	refused(same, strlen(same), "line 4");
	refused(junk, strlen(junk), "line 2, after the key, is not a key");
}

static void key_008_private_keys_are_named_as_such(void **state)
{
	static const char *const texts[] = {
		"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n",
		"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n",
		"-----BEGIN EC PRIVATE KEY-----\r\nMIIE\r\n",
		"-----BEGIN PRIVATE KEY-----\nMIIE\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n",
		"\n\n  -----BEGIN DSA PRIVATE KEY-----\nMIIE\n",
		"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nAAAA\n",
		"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
		"Bag Attributes\n-----BEGIN PRIVATE KEY-----\nMIIE\n",
		"SSH PRIVATE KEY FILE FORMAT 1.1\n",
		"\xef\xbb\xbf-----BEGIN PRIVATE KEY-----\nMIIE\n",
	};
	auto_free char *both = NULL;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		refused(texts[i], strlen(texts[i]), "private key");
	both = str_printf("%s%s", made[6].text, texts[0]);
	refused(both, strlen(both), "private key");
}

/* --- what is tolerated --------------------------------------------------- */

static void line_ends_blanks_and_comments(void **state)
{
	static const char *const forms[][2] = {
		{ "%s", "" },
		{ "%s\r\n", "" },
		{ "\n\n%s c\n\n", "c" },
		{ "  %s\tc d \t\r\n\r\n", "c d" },
		{ "%s grüß dich", "grüß dich" },
		{ "%s gr\xfc\xdf \x93ich\x94\n", "grüß ?ich?" }, /* Latin-1 */
		{ "# gr\xfc\xdf\n%s c\n", "c" },
		{ "# mine\n\n %s c\n # no more\n", "c" },
		{ "\xef\xbb\xbf%s c\r\n", "c" },
		{ "\xef\xbb\xbf# mine\r\n%s c", "c" },
	};
	auto_pubkey plain = { 0 };

	assert_int_equal(parse(made[6].text, &plain, NULL), 0);
	assert_string_equal(plain.comment, "me@here now");
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		auto_pubkey key = { 0 };
		auto_str text = STR_INIT;
		const char *mark = strstr(forms[i][0], "%s");

		str_addn(&text, forms[i][0], (size_t)(mark - forms[i][0]));
		str_add(&text, plain.line);
		str_add(&text, mark + 2);
		assert_int_equal(parse(text.p, &key, NULL), 0);
		assert_string_equal(key.line, plain.line);
		assert_string_equal(key.comment, forms[i][1]);
	}
}

static void key_001_control_characters_in_the_comment_are_refused(void **state)
{
	static const char *const bad[] = { "a\x1b[31mb", "a\x07", "a\x7f",
					   "a\xc2\x9b",	 "a\rb",  "a\tb" };
	auto_pubkey plain = { 0 };

	assert_int_equal(parse(made[6].text, &plain, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_free char *text =
			str_printf("%s %s\n", plain.line, bad[i]);

		refused(text, strlen(text), "control character");
	}
}

/* Nothing to compare with: the sanitizers watch. */
static void changed_bytes_never_do_harm(void **state)
{
	unsigned x = 12345;

	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		for (int round = 0; round < 300; round++) {
			auto_pubkey key = { 0 };
			auto_free char *text = strdup(made[i].text);
			size_t n = strlen(text);

			for (int k = 0; k < 3; k++) {
				x = x * 1103515245 + 12345;
				text[(x >> 8) % n] = (char)(x >> 24);
			}
			(void)pubkey_parse(text, n, &key, NULL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			key_002_key_003_every_type_is_as_ssh_keygen_says),
		cmocka_unit_test(
			key_002_key_003_security_keys_are_as_ssh_keygen_says),
		cmocka_unit_test(
			key_003_a_fingerprint_is_had_from_the_line_alone),
		cmocka_unit_test(key_001_a_blob_cut_short_anywhere_is_refused),
		cmocka_unit_test(key_001_what_follows_the_blob_is_refused),
		cmocka_unit_test(key_001_the_inner_type_must_be_the_same),
		cmocka_unit_test(key_001_rsa_numbers_have_one_form),
		cmocka_unit_test(key_001_a_point_must_be_on_its_curve),
		cmocka_unit_test(key_001_other_types_are_refused_by_name),
		cmocka_unit_test(key_001_texts_that_are_no_key),
		cmocka_unit_test(
			key_001_options_of_authorized_keys_are_refused),
		cmocka_unit_test(key_001_two_keys_are_refused),
		cmocka_unit_test(key_008_private_keys_are_named_as_such),
		cmocka_unit_test(line_ends_blanks_and_comments),
		cmocka_unit_test(
			key_001_control_characters_in_the_comment_are_refused),
		cmocka_unit_test(changed_bytes_never_do_harm),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
