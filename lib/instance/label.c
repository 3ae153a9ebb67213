/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/label.h>

#include "instance/instance.h"
#include "instance/selector.h"
#include "state/brief.h"

/* Kubernetes: "Labels and Selectors", syntax and character set. */
#define LABEL_MAX 63

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool is_word(const char *text, size_t n)
{
	if (n == 0 || !is_alnum(text[0]) || !is_alnum(text[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(text[i]) && !strchr("-_.", text[i]))
			return false;
	return true;
}

bool label_key_ok(const char *key, size_t n)
{
	const char *slash = memchr(key, '/', n);
	size_t domain = slash ? (size_t)(slash - key) : 0;

	if (n > LABEL_MAX)
		return false;
	if (!slash)
		return is_word(key, n);
	return is_word(key, domain) && !memchr(key, '_', domain) &&
	       is_word(slash + 1, n - domain - 1);
}

bool label_value_ok(const char *value, size_t n)
{
	return n == 0 || (n <= LABEL_MAX && is_word(value, n));
}

int fail_label_key(const char *key, size_t n, struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0, "'%.*s' cannot be the key of a label",
	     n < 100 ? (int)n : 100, key);
	fail_hint(err,
		  "1 to 63 letters, digits, '-', '_' and '.', with a letter or "
		  "digit at both ends; as in role or example.com/role");
	return -VMCTL_INVALID;
}

int fail_label_value(const char *value, size_t n, struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0, "'%.*s' cannot be the value of a label",
	     n < 100 ? (int)n : 100, value);
	fail_hint(err, "up to 63 letters, digits, '-', '_' and '.', with a "
		       "letter or digit at both ends; for more words: "
		       "vmctl note");
	return -VMCTL_INVALID;
}

int vmctl_label_check(const char *text, struct vmctl_error *err)
{
	size_t n = strcspn(text, "=");

	if (!text[n]) {
		fail(err, VMCTL_INVALID, 0, "'%.100s' is no label", text);
		fail_hint(err, "a label is KEY=VALUE, as in role=web");
		return -VMCTL_INVALID;
	}
	if (!label_key_ok(text, n))
		return fail_label_key(text, n, err);
	text += n + 1;
	n = strlen(text);
	return label_value_ok(text, n) ? 0 : fail_label_value(text, n, err);
}

/* --- changing ------------------------------------------------------------ */

struct changes {
	char **set, **remove; /* "key=value"; keys */
};

static void changes_done(struct changes *c)
{
	strv_free(c->set);
	strv_free(c->remove);
}
#define auto_changes auto_cleanup(changes_done) struct changes

static bool has_key(char *const *list, const char *key, size_t n)
{
	for (; list && *list; list++)
		if (strncmp(*list, key, n) == 0 &&
		    ((*list)[n] == '=' || (*list)[n] == '\0'))
			return true;
	return false;
}

static int add_change(struct changes *c, const char *text,
		      struct vmctl_error *err)
{
	size_t n = strcspn(text, "=");
	bool takes = !text[n] && n > 0 && text[n - 1] == '-';
	int r = 0;

	if (takes)
		n--;
	else
		r = vmctl_label_check(text, err);
	if (r < 0)
		return r;
	if (!label_key_ok(text, n))
		return fail_label_key(text, n, err);
	if (has_key(c->set, text, n) || has_key(c->remove, text, n))
		return fail(err, VMCTL_INVALID, 0,
			    "the label %.*s is named twice", (int)n, text);
	auto_free char *copy = strndup(text, takes ? n : strlen(text));
	if (!copy || strv_append(takes ? &c->remove : &c->set, copy) < 0)
		return fail_oom(err);
	return 0;
}

int draft_labels(struct draft *d, const char *const *labels,
		 struct vmctl_error *err)
{
	struct changes c = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && labels && labels[i]; i++) {
		r = vmctl_label_check(labels[i], err);
		if (r == 0)
			r = add_change(&c, labels[i], err);
	}
	if (r < 0)
		changes_done(&c);
	else
		d->row->labels = c.set;
	return r;
}

int vmctl_instance_label(struct vmctl *ctx, const char *name,
			 const char *const *changes, struct vmctl_error *err)
{
	auto_instance *row = NULL;
	auto_changes c = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && changes[i]; i++)
		r = add_change(&c, changes[i], err);
	if (r == 0)
		r = instance_find(ctx, name, &row, err);
	if (r == 0 && row->state == VMCTL_STATE_TERMINATED)
		r = fail_state(row, "cannot be labelled", err);
	if (r < 0)
		return r;
	return state_instance_label(ctx->db, row->id,
				    (const char *const *)c.set,
				    (const char *const *)c.remove, err);
}

int vmctl_label_list(struct vmctl *ctx, char ***ret, struct vmctl_error *err)
{
	struct state *db;
	int r = context_state(ctx, &db, err);

	return r < 0 ? r : state_words(db, STATE_WORDS_LABELS, ret, err);
}

static bool is_plain_text(const char *text)
{
	auto_free char *safe = str_printable(text, strlen(text), true);

	return str_is_utf8(text, strlen(text)) && safe && str_eq(safe, text);
}

int vmctl_instance_note(struct vmctl *ctx, const char *name, const char *note,
			struct vmctl_error *err)
{
	auto_instance *row = NULL;
	int r;

	if (strlen(note) > VMCTL_NOTE_MAX)
		return fail(err, VMCTL_INVALID, 0,
			    "a note has at most %d bytes", VMCTL_NOTE_MAX);
	if (!is_plain_text(note))
		return fail(err, VMCTL_INVALID, 0,
			    "a note is UTF-8 without control characters");
	r = instance_find(ctx, name, &row, err);
	if (r == 0 && row->state == VMCTL_STATE_TERMINATED)
		r = fail_state(row, "cannot be given a note", err);
	return r < 0 ? r : state_instance_note(ctx->db, row->id, note, err);
}
