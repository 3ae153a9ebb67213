/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* One verb on several targets. */

static bool named_before(const struct strings *names, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (str_eq(names->items[i], names->items[at]))
			return true;
	}
	return false;
}

struct tally {
	size_t done, failed;
	enum vmctl_code code; /* of all failures, else VMCTL_FAILED */
};

static void count_failure(struct tally *t, enum vmctl_code code)
{
	t->code = t->failed++ && t->code != code ? VMCTL_FAILED : code;
}

int cli_each(struct cli *cli, const struct strings *names,
	     int (*each)(struct cli *cli, const char *name, void *data,
			 struct vmctl_error *err),
	     void *data, struct vmctl_error *err)
{
	struct tally t = { 0 };

	if (names->count == 1)
		return each(cli, names->items[0], data, err);

	for (size_t i = 0; i < names->count; i++) {
		struct vmctl_error one = { 0 };
		int rc;

		if (named_before(names, i))
			continue;
		rc = each(cli, names->items[i], data, &one);
		/* Whoever interrupts means the whole command. */
		if (rc == -VMCTL_CANCELLED) {
			if (err)
				*err = one;
			return rc;
		}
		if (rc) {
			cli_error(cli, &one);
			count_failure(&t, -rc);
		} else {
			t.done++;
		}
	}
	if (!t.failed)
		return 0;
	return fail(err, t.done ? VMCTL_PARTIAL : t.code, 0,
		    "%zu of %zu failed", t.failed, t.failed + t.done);
}
