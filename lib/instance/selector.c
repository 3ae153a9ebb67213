/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance/selector.h"

#include <vmctl/label.h>

#include "base/str.h"

/* One condition of a selector; key and value point into it. */
struct condition {
	const char *key, *value; /* value NULL: whatever it is */
	size_t key_len, value_len;
	bool negated;
};

/* The condition at `text`, which is `n` long. */
static struct condition read_condition(const char *text, size_t n)
{
	struct condition c = { .key = text, .key_len = n };
	const char *equals = memchr(text, '=', n);

	if (n > 0 && text[0] == '!') {
		c.negated = true;
		c.key++;
		c.key_len--;
	}
	if (!equals)
		return c;
	c.key_len = (size_t)(equals - c.key);
	if (!c.negated && c.key_len > 0 && equals[-1] == '!') {
		c.negated = true;
		c.key_len--;
	}
	c.value = equals + 1;
	if (c.value < text + n && *c.value == '=' && equals[-1] != '!')
		c.value++;
	c.value_len = (size_t)(text + n - c.value);
	return c;
}

static bool is_one(const struct condition *c, const char *text)
{
	/* "!key=value" would read as either of two things. */
	return label_key_ok(c->key, c->key_len) &&
	       (!c->value ||
		(label_value_ok(c->value, c->value_len) && text[0] != '!'));
}

static int fail_condition(const struct condition *c, const char *text, size_t n,
			  struct vmctl_error *err)
{
	static const char forms[] =
		"KEY=VALUE, KEY!=VALUE, KEY or !KEY, joined by commas";

	if (n > 0 && text[0] != '!' && c->value &&
	    label_key_ok(c->key, c->key_len))
		return fail_label_value(c->value, c->value_len, err);
	fail(err, VMCTL_INVALID, 0, "'%.*s' does not select by label",
	     n < 100 ? (int)n : 100, text);
	fail_hint(err, "%s", forms);
	return -VMCTL_INVALID;
}

int vmctl_selector_check(const char *selector, struct vmctl_error *err)
{
	for (;;) {
		size_t n = strcspn(selector, ",");
		struct condition c = read_condition(selector, n);

		if (!is_one(&c, selector))
			return fail_condition(&c, selector, n, err);
		if (!selector[n])
			return 0;
		selector += n + 1;
	}
}

static bool holds(const struct condition *c, const char *const *labels)
{
	for (; labels && *labels; labels++) {
		const char *value = *labels + c->key_len + 1;

		if (strncmp(*labels, c->key, c->key_len) != 0 ||
		    (*labels)[c->key_len] != '=')
			continue;
		if (!c->value)
			return !c->negated;
		return c->negated !=
		       (strlen(value) == c->value_len &&
			memcmp(value, c->value, c->value_len) == 0);
	}
	return c->negated;
}

static bool matches(const char *selector, const char *const *labels)
{
	for (;;) {
		size_t n = strcspn(selector, ",");
		struct condition c = read_condition(selector, n);

		if (!is_one(&c, selector) || !holds(&c, labels))
			return false;
		if (!selector[n])
			return true;
		selector += n + 1;
	}
}

bool vmctl_selector_match(const char *const *selectors,
			  const char *const *labels)
{
	for (; selectors && *selectors; selectors++)
		if (!matches(*selectors, labels))
			return false;
	return true;
}
