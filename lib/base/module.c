/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include "base/str.h"

/*
 * The one piece of state that the library shares between contexts, because
 * the dynamic linker's own list is shared too. Guarded by `lock`, which is
 * held while a module's constructors run: these must not load modules.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct module {
	const char *name;
	const char *package; /* of the library that it links, in Debian */
	const void *ops;
} modules[] = {
	{ "libvirt", "libvirt0" },	{ "ssh", "libssh-4" },
	{ "crypto", "libssl3" },	{ "iso", "libarchive13" },
	{ "http", "libcurl4" },		{ "yaml", "libyaml-0-2" },
	{ "readline", "libreadline8" },
};

/* The linker's message begins with the path of the module when the module
 * itself is at fault, and with the name of the library that it did not find
 * when that is missing. */
static int fail_open(const struct module *m, const char *path,
		     struct vmctl_error *err)
{
	const char *why = dlerror();
	int r;

	if (access(path, F_OK) < 0) {
		r = fail(err, VMCTL_UNSUPPORTED, errno,
			 "the module %s.so of vmctl is not installed: %s",
			 m->name, path);
		fail_hint(err, "install vmctl completely (make install), or "
			       "set VMCTL_MODULE_DIR to the folder of its "
			       "modules");
		return r;
	}
	r = fail(err, VMCTL_UNSUPPORTED, 0, "cannot load the module %s: %s",
		 m->name, why ? why : "unknown reason");
	if (why && strstr(why, "cannot open shared object file"))
		fail_hint(err, "sudo apt-get install %s", m->package);
	return r;
}

const char *module_dir(void)
{
	const char *dir = secure_getenv("VMCTL_MODULE_DIR");

	return dir && *dir ? dir : VMCTL_MODULE_DIR;
}

static int open_module(struct module *m, unsigned abi, struct vmctl_error *err)
{
	auto_free char *path = NULL;
	auto_free char *symbol = NULL;
	const unsigned *ops;
	void *handle;
	int r;

	path = str_printf("%s/%s.so", module_dir(), m->name);
	symbol = str_printf("vmctl_module_%s", m->name);
	if (!path || !symbol)
		return fail_oom(err);

	/* A module's library may keep threads and exit handlers. Modules are
	 * linked to be bound at once: that what they need of a library is
	 * missing is found here. What the libraries need of each other is for
	 * their makers; to bind all of that is a part of what loading costs. */
	handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	if (!handle)
		return fail_open(m, path, err);
	ops = dlsym(handle, symbol);
	if (!ops || *ops != abi) {
		r = fail(err, VMCTL_UNSUPPORTED, 0,
			 ops ? "%s belongs to another version of vmctl"
			     : "%s is not a module of vmctl",
			 path);
		fail_hint(err, "install vmctl anew, or unset VMCTL_MODULE_DIR");
		dlclose(handle);
		return r;
	}
	m->ops = ops;
	return 0;
}

int module_load(const char *name, unsigned abi, const void **ret,
		struct vmctl_error *err)
{
	struct module *m = NULL;
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(modules); i++)
		if (str_eq(modules[i].name, name))
			m = &modules[i];
	if (!m)
		return fail(err, VMCTL_INTERNAL, 0, "no module is named %s",
			    name);

	pthread_mutex_lock(&lock);
	if (!m->ops)
		r = open_module(m, abi, err);
	if (r == 0)
		*ret = m->ops;
	pthread_mutex_unlock(&lock);
	return r;
}
