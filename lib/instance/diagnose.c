/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>

#include "base/file.h"
#include "instance/instance.h"

/* The last line with text in it of the recorded console, fit for a terminal.
 * NULL when there is none. */
static char *last_console_line(struct vmctl *ctx, const char *id)
{
	auto_free char *path = instance_file(ctx, id, "console.log");
	auto_close int fd = -1;
	char buf[4096];
	struct stat st;

	if (!path || file_open(path, &fd, NULL) < 0 || fstat(fd, &st) < 0)
		return NULL;
	off_t from = st.st_size > (off_t)sizeof(buf)
			     ? st.st_size - (off_t)sizeof(buf)
			     : 0;
	ssize_t n = pread(fd, buf, sizeof(buf), from);
	while (n > 0 && strchr("\r\n\t ", buf[n - 1]))
		n--;
	if (n <= 0)
		return NULL;
	ssize_t begin = n;
	while (begin > 0 && buf[begin - 1] != '\n' && n - begin < 160)
		begin--;
	return str_printable(buf + begin, (size_t)(n - begin), false);
}

void instance_diagnose(struct vmctl *ctx, const struct vmctl_instance *row,
		       struct vmctl_error *err)
{
	auto_free char *line = last_console_line(ctx, row->id);

	if (!err)
		return;
	/* The message so far is an argument: fail() copies before it writes. */
	fail(err, err->code, 0, "%s (state: %s; console: %s%s%s)", err->message,
	     vmctl_state_name(row->state), line ? "'" : "",
	     line ? line : "nothing yet", line ? "'" : "");
	fail_hint(err, "vmctl logs %s", row->name);
}
