/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/json.h"
#include "internal/config.h"

/* The inside of the subsystem. The file's document is the model: settings are
 * looked up in it, and a change keeps the order that the user gave it. */
struct config {
	json_t *root; /* an object */
	char **names; /* the value of the one setting that is a list */
};

DEFINE_CLEANUP(config, struct config *, config_free);
#define auto_config auto_cleanup(config_cleanup) struct config

/* --- settings.c ----------------------------------------------------------- */

const struct vmctl_setting *setting_find(const char *key);

/* The members that a type in the file may have. */
extern const struct vmctl_setting type_members[];
const struct vmctl_setting *type_member_find(const char *name);

/* VMCTL_INVALID: there is no such setting; did you mean …? (otherwise) */
int fail_setting(const char *key, const char *otherwise,
		 struct vmctl_error *err);

/* --- value.c -------------------------------------------------------------- */

/* Whether the text is a value of the setting; `label` names it in messages,
 * `root` is where a type may be defined. VMCTL_INVALID. */
int value_check_text(const struct vmctl_setting *s, const char *label,
		     const char *text, const json_t *root,
		     struct vmctl_error *err);

/* The same for a value of the document. */
int value_check(const struct vmctl_setting *s, const char *label,
		const json_t *value, const json_t *root,
		struct vmctl_error *err);

/* What the document holds for these texts, unchecked. NULL only when memory is
 * short, or a text is not UTF-8. */
json_t *value_make(const struct vmctl_setting *s, const char *const *texts);

/* A value as text, lists joined by ",". The caller frees it; NULL when memory
 * is short. */
char *value_text(const json_t *value);

/* The number that a checked text or value stands for. */
int64_t value_number(const struct vmctl_setting *s, const char *text);

/* --- key.c: places in the document ---------------------------------------- */

/* A key taken apart: "nat.subnet" is { "nat", "subnet" }, "types.a.b.cpus" is
 * { "types", "a.b", "cpus" }. */
struct place {
	char *parts[3];
	int depth;
	const struct vmctl_setting *setting; /* NULL: none of that name */
};
int place_of(const char *key, struct place *ret, struct vmctl_error *err);
void place_done(struct place *p);
#define auto_place auto_cleanup(place_done) struct place

json_t *place_get(const json_t *root, const struct place *p); /* borrowed */

/* Takes the value; NULL is out of memory. */
int place_put(json_t *root, const struct place *p, json_t *take_value,
	      struct vmctl_error *err);
void place_remove(json_t *root, const struct place *p);

/* --- check.c: a whole document -------------------------------------------- */

struct problem {
	char *key, *message, *hint;
};
struct problems {
	struct problem *items;
	size_t count;
};
void problems_done(struct problems *p);
#define auto_problems auto_cleanup(problems_done) struct problems

/* All that is wrong with it. Fails for want of memory only. */
int config_check(const json_t *root, struct problems *ret,
		 struct vmctl_error *err);

/* The failure that a problem is: VMCTL_INVALID, `file` in front. */
int problem_fail(const struct problem *p, const char *file,
		 struct vmctl_error *err);

/* --- load.c --------------------------------------------------------------- */

/* The file's text, "" when there is none. */
int config_file_read(const char *path, char **ret, struct vmctl_error *err);

/* A document, of whatever settings: VMCTL_INVALID, naming the line, when it
 * is not a JSON object. White space alone is an empty one. */
int config_parse(const char *text, const char *name, json_t **ret,
		 struct vmctl_error *err);

/* --- types.c -------------------------------------------------------------- */

bool type_is_builtin(const char *name);

/* Whether there is such a type, in the document or built in; VMCTL_INVALID
 * names the nearest. */
int type_check(const json_t *root, const char *label, const char *name,
	       struct vmctl_error *err);

/* Whether a type may have this name. */
bool type_name_ok(const char *name);

#endif
