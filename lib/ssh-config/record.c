/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"
#include "ssh-config/ssh-config.h"

/* What is installed, kept in the database so that any process can bring our
 * file up to date and take everything out again. */

#define FACT "ssh-config"

void record_done(struct record *r)
{
	how_done(&r->how);
	free(r->file);
	*r = (struct record){ 0 };
}

static int read_pins(const json_t *list, char ***ret)
{
	char **pins = strv_dup(NULL);
	const json_t *item;
	size_t i;

	json_array_foreach(
		list, i,
		item) if (pins && json_is_string(item) &&
			  strv_append(&pins, json_string_value(item)) < 0)
	{
		strv_free(pins);
		return -VMCTL_NO_MEMORY;
	}
	*ret = pins;
	return pins ? 0 : -VMCTL_NO_MEMORY;
}

int record_get(struct vmctl *ctx, struct record *ret, struct vmctl_error *err)
{
	auto_record rec = { 0 };
	auto_free char *text = NULL;
	auto_free char *dir = our_dir(ctx);
	auto_json json_t *doc = NULL;
	struct state *db;
	int r = context_state(ctx, &db, err);

	if (r == 0)
		r = state_fact_get(db, FACT, "", &text, err);
	if (r < 0 || !text)
		return r;
	r = json_parse(text, strlen(text), "the record of ssh-config", &doc,
		       err);
	if (r < 0)
		return r;
	rec.how.program = strdup(json_get_string(doc, "program", ""));
	rec.how.key_dir = dir ? str_printf("%s/keys", dir) : NULL;
	rec.file = strdup(json_get_string(doc, "file", ""));
	rec.file_made = json_get_bool(doc, "file_made", false);
	rec.dir_made = json_get_bool(doc, "dir_made", false);
	if (!rec.how.program || !rec.how.key_dir || !rec.file ||
	    read_pins(json_object_get(doc, "pins"), &rec.how.pins) < 0)
		return fail_oom(err);
	*ret = rec;
	rec = (struct record){ 0 };
	return 1;
}

int record_put(struct vmctl *ctx, const struct record *rec,
	       struct vmctl_error *err)
{
	auto_json json_t *pins = json_array();
	auto_free char *text = NULL;
	struct state *db;
	int r = context_state(ctx, &db, err);

	if (r < 0)
		return r;
	for (char **p = rec->how.pins; p && *p; p++)
		if (json_array_append_new(pins, json_string(*p)) < 0)
			return fail_oom(err);
	auto_json json_t *doc = json_pack(
		"{s:s, s:s, s:b, s:b, s:O}", "program", rec->how.program,
		"file", rec->file, "file_made", rec->file_made, "dir_made",
		rec->dir_made, "pins", pins);
	/* JSON is UTF-8. */
	if (!doc)
		return fail(err, VMCTL_INVALID, 0,
			    "the path of %s or of vmctl is not UTF-8",
			    rec->file);
	r = json_text(doc, 0, &text, err);
	return r < 0 ? r : state_fact_set(db, FACT, "", text, err);
}

int record_drop(struct vmctl *ctx, struct vmctl_error *err)
{
	struct state *db;
	int r = context_state(ctx, &db, err);

	return r < 0 ? r : state_fact_unset(db, FACT, "", err);
}
