/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_MODULE_H
#define BASE_MODULE_H

#include "base/error.h"

/*
 * Modules: shared objects in $(LIBDIR)/vmctl that link one heavy client
 * library each and are loaded on first use, so that a command which does not
 * need them starts in a millisecond. VMCTL_MODULE_DIR names another folder,
 * for the uninstalled build and for fakes in tests.
 *
 * A module NAME.so exports one symbol, `vmctl_module_NAME`: its table of
 * operations, whose first member is `unsigned abi`, equal to the ABI constant
 * in the header that declares the table.
 *
 * Modules are never unloaded.
 */

/* Loads once; afterwards returns the table at once. VMCTL_UNSUPPORTED, with
 * the package to install as hint, when it or its library is missing. */
int module_load(const char *name, unsigned abi, const void **ret,
		struct vmctl_error *err);

/* The folder that modules are in, and beside them what else is installed for
 * guests: "agent/vmctl-agent-ARCH.gz". */
const char *module_dir(void);

#endif
