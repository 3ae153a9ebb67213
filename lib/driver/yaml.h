/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_YAML_H
#define DRIVER_YAML_H

#include "base/json.h"

/* Reading YAML as cloud-init does (module yaml.so). */

#define YAML_ABI 1

struct yaml_ops {
	unsigned abi;

	/*
	 * One document: what PyYAML's safe_load would make of it. Plain words
	 * are those of YAML 1.1 (yes, on, 0x1f), of a key that is given twice
	 * the last counts, and `<<` merges. Keys are their text; what is
	 * neither a whole number, a boolean nor null is text as well; an empty
	 * document is null.
	 *
	 * Aliases share a value, so that they cost nothing: look things up in
	 * it, and never write the whole of it out. How deep it is, aliases
	 * followed, is bounded.
	 *
	 * VMCTL_BAD_DATA, with line and column; `what` names the source.
	 */
	int (*parse)(const char *text, size_t len, const char *what,
		     json_t **ret, struct vmctl_error *err);
};

int yaml_load(const struct yaml_ops **ret, struct vmctl_error *err);

#endif
