/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/module.h"
#include "driver/crypto.h"
#include "driver/http.h"
#include "driver/hypervisor.h"
#include "driver/iso.h"
#include "driver/ssh.h"
#include "driver/yaml.h"

/* The typed doors to the modules, one for each table of operations. */

int crypto_load(const struct crypto_ops **ret, struct vmctl_error *err)
{
	const void *ops;
	int r = module_load("crypto", CRYPTO_ABI, &ops, err);

	if (r == 0)
		*ret = ops;
	return r;
}

int http_load(const struct http_ops **ret, struct vmctl_error *err)
{
	const void *ops;
	int r = module_load("http", HTTP_ABI, &ops, err);

	if (r == 0)
		*ret = ops;
	return r;
}

int iso_load(const struct iso_ops **ret, struct vmctl_error *err)
{
	const void *ops;
	int r = module_load("iso", ISO_ABI, &ops, err);

	if (r == 0)
		*ret = ops;
	return r;
}

int ssh_load(const struct ssh_ops **ret, struct vmctl_error *err)
{
	const void *ops;
	int r = module_load("ssh", SSH_ABI, &ops, err);

	if (r == 0)
		*ret = ops;
	return r;
}

int yaml_load(const struct yaml_ops **ret, struct vmctl_error *err)
{
	const void *ops;
	int r = module_load("yaml", YAML_ABI, &ops, err);

	if (r == 0)
		*ret = ops;
	return r;
}

int hv_load(const struct hv_ops **ret, struct vmctl_error *err)
{
	const void *ops;
	int r = module_load("libvirt", HV_ABI, &ops, err);

	if (r == 0)
		*ret = ops;
	/* Who wants a machine misses the hypervisor. */
	if (r == -VMCTL_UNSUPPORTED) {
		if (err)
			err->code = VMCTL_HYPERVISOR;
		r = -VMCTL_HYPERVISOR;
	}
	return r;
}
