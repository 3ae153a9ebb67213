/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <limits.h>
#include <sys/stat.h>

#include "cli/ssh-config/ssh-config.h"

#define DELETED " (deleted)"

int own_program(char **ret, struct vmctl_error *err)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return fail(err, VMCTL_FAILED, errno,
			    "cannot find out where vmctl is");
	path[n] = '\0';
	/* Replaced by an upgrade since it was started. */
	if (str_ends(path, DELETED))
		path[n - (ssize_t)strlen(DELETED)] = '\0';
	*ret = strdup(path);
	return *ret ? 0 : fail_oom(err);
}

/* "+20" back into a blank, in place. */
static bool decode(char *text)
{
	static const char digits[] = "0123456789abcdef";
	char *out = text;

	for (; *text; text++) {
		if (*text != '+') {
			*out++ = *text;
			continue;
		}
		const char *high = text[1] ? strchr(digits, text[1]) : NULL;
		const char *low =
			high && text[2] ? strchr(digits, text[2]) : NULL;
		if (!low)
			return false;
		*out++ = (char)((high - digits) << 4 | (low - digits));
		text += 2;
	}
	*out = '\0';
	return true;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int take_pin(const char *word, struct vmctl_error *err)
{
	static const char *const known[] = { "VMCTL_HOME", "XDG_DATA_HOME",
					     "XDG_CONFIG_HOME",
					     "XDG_RUNTIME_DIR",
					     "VMCTL_MODULE_DIR" };
	auto_free char *copy = strdup(word);
	char *value = copy ? strchr(copy, '=') : NULL;
	bool ok = false;

	if (!copy)
		return fail_oom(err);
	if (value)
		*value++ = '\0';
	for (size_t i = 0; value && i < ARRAY_LEN(known); i++)
		ok |= str_eq(copy, known[i]);
	if (!ok || !decode(value))
		return fail(err, VMCTL_INVALID, 0,
			    "'%s' is not what vmctl wrote for ssh", word);
	/* That of the present login counts, if there is one. */
	if (str_eq(copy, "XDG_RUNTIME_DIR") && (getenv(copy) || !is_dir(value)))
		return 0;
	/* With a home of its own the other places do not matter, and the
	 * other way round. */
	if (str_eq(copy, "XDG_DATA_HOME"))
		unsetenv("VMCTL_HOME");
	return setenv(copy, value, 1) < 0 ? fail_oom(err) : 0;
}

int take_pins(const struct strings *pins, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < pins->count; i++)
		r = take_pin(pins->items[i], err);
	return r;
}
