/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/crypto.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "base/file.h"

/*
 * The module crypto on a host whose OpenSSL has no MD5: what is real-crypto.so
 * beside it, but for that. The real FIPS mode needs a provider of OpenSSL that
 * Debian does not ship.
 */

static int no_md5(const void *bytes, size_t n, unsigned char out[MD5_SIZE],
		  struct vmctl_error *err)
{
	return fail(err, VMCTL_UNSUPPORTED, 0,
		    "OpenSSL has no MD5 on this host");
}

extern struct crypto_ops vmctl_module_crypto;
VMCTL_API struct crypto_ops vmctl_module_crypto;

__attribute__((constructor)) static void take_the_real_one(void)
{
	auto_free char *path =
		path_join(getenv("VMCTL_MODULE_DIR"), "real-crypto.so");
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct crypto_ops *real =
		module ? dlsym(module, "vmctl_module_crypto") : NULL;

	if (!real)
		abort();
	vmctl_module_crypto = *real;
	vmctl_module_crypto.md5 = no_md5;
}
