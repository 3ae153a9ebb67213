/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ssh-help.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"
#include "driver/crypto.h"

static const struct crypto_ops *crypto;

static int setup(void **state)
{
	struct vmctl_error err;

	if (crypto_load(&crypto, &err) == 0)
		return 0;
	print_error("%s\n", err.message);
	return -1;
}

static void digest_is(const unsigned char *digest, size_t n, const char *want)
{
	char hex[2 * SHA512_SIZE + 1];

	hex_encode(digest, n, hex);
	assert_string_equal(hex, want);
}

/* Vectors of FIPS 180-2 and RFC 1321. */
static void digests_of_known_texts(void **state)
{
	unsigned char sha[SHA256_SIZE], md[MD5_SIZE];

	assert_int_equal(crypto->sha256("abc", 3, sha, NULL), 0);
	digest_is(sha, SHA256_SIZE,
		  "ba7816bf8f01cfea414140de5dae2223"
		  "b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(crypto->sha256("", 0, sha, NULL), 0);
	digest_is(sha, SHA256_SIZE,
		  "e3b0c44298fc1c149afbf4c8996fb924"
		  "27ae41e4649b934ca495991b7852b855");
	assert_int_equal(crypto->md5("message digest", 14, md, NULL), 0);
	digest_is(md, MD5_SIZE, "f96b697d7cb7938d525a2f31aaf161d0");
}

static int scratch(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC);
}

static void put_at(int fd, off_t at, const char *text)
{
	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
}

static int64_t blocks(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_blocks * 512;
}

/* What sha256() says of all the bytes, which must be the same in both. */
static void compare(int in, int out, const unsigned char *digest)
{
	auto_str a = STR_INIT;
	auto_str b = STR_INIT;
	unsigned char want[SHA256_SIZE];

	slurp(in, &a);
	slurp(out, &b);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(str_text(&a), str_text(&b), a.len);
	assert_int_equal(crypto->sha256(str_text(&a), a.len, want, NULL), 0);
	assert_memory_equal(digest, want, SHA256_SIZE);
}

static void a_copy_has_the_bytes_and_the_holes(void **state)
{
	/* data first, a hole, data, a hole at the end; and only a hole */
	static const off_t sizes[] = { 0, 1, 4096, 3 << 20, 20 << 20 };

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		auto_close int in = scratch("in");
		auto_close int out = scratch("out");
		unsigned char digest[SHA256_SIZE];

		assert_int_equal(ftruncate(in, sizes[i]), 0);
		if (sizes[i] > 1 << 20) {
			put_at(in, 0, "begin");
			put_at(in, 2000000, "middle");
		}
		assert_int_equal(
			crypto->sha256_copy(in, out, 0, "", NULL, digest, NULL),
			0);
		compare(in, out, digest);
		assert_true(blocks(out) <= 64 * 1024);
	}
}

static void only_what_lies_ahead_is_read(void **state)
{
	auto_close int in = scratch("in");
	unsigned char digest[SHA256_SIZE];

	put_at(in, 0, "xxabc");
	assert_int_equal(lseek(in, 2, SEEK_SET), 2);
	assert_int_equal(crypto->sha256_copy(in, -1, 0, "", NULL, digest, NULL),
			 0);
	digest_is(digest, SHA256_SIZE,
		  "ba7816bf8f01cfea414140de5dae2223"
		  "b00361a396177a9cb410ff61f20015ad");
}

static void a_pipe_can_be_read_too(void **state)
{
	auto_close int in = pipe_of("abc", 3);
	auto_close int out = scratch("out");
	unsigned char digest[SHA256_SIZE];
	auto_str text = STR_INIT;

	assert_int_equal(
		crypto->sha256_copy(in, out, 0, "", NULL, digest, NULL), 0);
	slurp(out, &text);
	assert_string_equal(str_text(&text), "abc");
}

static void a_copy_can_be_cancelled_and_a_full_disk_is_told(void **state)
{
	auto_close int in = scratch("in");
	auto_close int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	auto_close int dir = open("/", O_RDONLY | O_CLOEXEC);
	unsigned char digest[SHA256_SIZE];
	struct vmctl_error err;
	struct counting c;

	counting_init(&c, 3);
	assert_int_equal(ftruncate(in, 100 << 20), 0);
	assert_int_equal(
		crypto->sha256_copy(in, -1, 0, "", &c.ev, digest, &err),
		-VMCTL_CANCELLED);
	assert_int_equal(c.calls, 3);
	put_at(in, 0, "x");
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	assert_int_equal(
		crypto->sha256_copy(in, full, 0, "", NULL, digest, &err),
		-VMCTL_LIMIT);
	assert_int_equal(
		crypto->sha256_copy(dir, -1, 0, "", NULL, digest, &err),
		-VMCTL_FAILED);
}

static void both_digests_come_of_one_reading(void **state)
{
	auto_close int in = scratch("in");
	unsigned char sha256[SHA256_SIZE], sha512[SHA512_SIZE];
	struct counting c;

	put_at(in, 0, "abc");
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	assert_int_equal(
		crypto->sha_both(in, 3, "", NULL, sha256, sha512, NULL), 0);
	digest_is(sha256, SHA256_SIZE,
		  "ba7816bf8f01cfea414140de5dae2223"
		  "b00361a396177a9cb410ff61f20015ad");
	digest_is(sha512, SHA512_SIZE,
		  "ddaf35a193617abacc417349ae204131"
		  "12e6fa4e89a97ea20a9eeee64b55d39a"
		  "2192992a274fc1a836ba3c23a3feebbd"
		  "454d4423643ce80e2a9ac94fa54ca49f");
	counting_init(&c, 3);
	assert_int_equal(ftruncate(in, 100 << 20), 0);
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	assert_int_equal(
		crypto->sha_both(in, 0, "", &c.ev, sha256, sha512, NULL),
		-VMCTL_CANCELLED);
}

static void pairs_differ(void **state)
{
	unsigned char seed[2][ED25519_SIZE], pub[2][ED25519_SIZE];

	for (int i = 0; i < 2; i++)
		assert_int_equal(
			crypto->ed25519_generate(seed[i], pub[i], NULL), 0);
	assert_memory_not_equal(seed[0], seed[1], ED25519_SIZE);
	assert_memory_not_equal(pub[0], pub[1], ED25519_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_of_known_texts),
		cmocka_unit_test(a_copy_has_the_bytes_and_the_holes),
		cmocka_unit_test(only_what_lies_ahead_is_read),
		cmocka_unit_test(a_pipe_can_be_read_too),
		cmocka_unit_test(
			a_copy_can_be_cancelled_and_a_full_disk_is_told),
		cmocka_unit_test(both_digests_come_of_one_reading),
		cmocka_unit_test(pairs_differ),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
