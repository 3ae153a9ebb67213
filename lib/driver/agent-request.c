/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "driver/agent-wire.h"

static void add_number(struct str *s, unsigned long v)
{
	unsigned char bytes[4];

	agent_put32(bytes, v);
	str_addn(s, bytes, sizeof(bytes));
}

static void add_text(struct str *s, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	add_number(s, n);
	str_addn(s, text ? text : "", n);
}

static void add_texts(struct str *s, const char *const *v)
{
	size_t n = v ? strv_len(v) : 0;

	add_number(s, n);
	for (size_t i = 0; i < n; i++)
		add_text(s, v[i]);
}

static bool is_open(int fd)
{
	return fd >= 0 && fcntl(fd, F_GETFD) >= 0;
}

int agent_request(const struct agent_exec *what, struct str *ret,
		  struct vmctl_error *err)
{
	str_addc(ret, (char)((is_open(what->in) ? AGENT_WANT_IN : 0) |
			     (is_open(what->out) ? AGENT_WANT_OUT : 0) |
			     (is_open(what->err) ? AGENT_WANT_ERR : 0)));
	add_number(ret, what->timeout_ms > UINT32_MAX
				? UINT32_MAX
				: (unsigned long)what->timeout_ms);
	add_text(ret, what->user);
	add_text(ret, what->cwd);
	add_texts(ret, what->argv);
	add_texts(ret, what->env);
	if (str_check(ret, err) < 0)
		return -VMCTL_NO_MEMORY;
	if (ret->len > AGENT_REQUEST_MAX)
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "the command is longer than %d bytes",
			    AGENT_REQUEST_MAX);
	return 0;
}
