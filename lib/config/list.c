/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config.h"
#include "context.h"

/* Settings as they are shown. */

static const char from_file[] = "configuration";

void vmctl_config_entry_free(struct vmctl_config_entry *e)
{
	if (!e)
		return;
	free(e->key);
	free(e->value);
	free(e->fallback);
	free(e->problem);
	free(e);
}
DEFINE_CLEANUP(entry, struct vmctl_config_entry *, vmctl_config_entry_free);

void vmctl_config_list_free(struct vmctl_config_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		vmctl_config_entry_free(list->items[i]);
	free(list->items);
	free(list);
}
DEFINE_CLEANUP(list, struct vmctl_config_list *, vmctl_config_list_free);

static const char *from_environment(const struct vmctl_setting *s)
{
	const char *value = s->environment ? getenv(s->environment) : NULL;

	return value && *value ? value : NULL;
}

/* What holds where neither the environment nor the file says anything. */
static const char *built_in(struct vmctl *ctx, const struct vmctl_setting *s)
{
	if (str_eq(s->key, "storage"))
		return ctx->data_dir;
	return s->fallback;
}

static char *problem_of(const struct vmctl_setting *s, const char *key,
			const json_t *value, const json_t *root)
{
	struct vmctl_error why = { 0 };

	if (value)
		value_check(s, key, value, root, &why);
	return strdup(why.message);
}

static int make_entry(struct vmctl *ctx, const json_t *root, const char *key,
		      const struct vmctl_setting *s, const json_t *value,
		      struct vmctl_config_entry **ret, struct vmctl_error *err)
{
	auto_cleanup(entry_cleanup) struct vmctl_config_entry *e =
		calloc(1, sizeof(*e));
	const char *env = from_environment(s);

	if (!e)
		return fail_oom(err);
	e->key = strdup(key);
	e->fallback = str_dup(built_in(ctx, s));
	e->value = env	   ? strdup(env)
		   : value ? value_text(value)
			   : str_dup(e->fallback);
	e->problem = problem_of(s, key, value, root);
	e->source = env ? "environment" : value ? from_file : "default";
	e->type = vmctl_setting_type_name(s->type);
	e->about = s->about;
	if (!e->key || !e->value || !e->fallback || !e->problem)
		return fail_oom(err);
	*ret = take_ptr(&e);
	return 0;
}

static int read_root(struct vmctl *ctx, json_t **ret, struct vmctl_error *err)
{
	auto_free char *text = NULL;
	int r = config_file_read(ctx->config_path, &text, err);

	return r < 0 ? r : config_parse(text, ctx->config_path, ret, err);
}

static int add(struct vmctl *ctx, struct vmctl_config_list *list,
	       const json_t *root, const char *key,
	       const struct vmctl_setting *s, struct vmctl_error *err)
{
	struct vmctl_config_entry **grown =
		reallocarray(list->items, list->count + 1,
			     sizeof(struct vmctl_config_entry *));
	auto_place p = { 0 };
	int r = grown ? place_of(key, &p, err) : fail_oom(err);

	if (grown)
		list->items = grown;
	if (r == 0)
		r = make_entry(ctx, root, key, s, place_get(root, &p),
			       &grown[list->count], err);
	if (r == 0)
		list->count++;
	return r;
}

static int add_types(struct vmctl *ctx, struct vmctl_config_list *list,
		     json_t *root, struct vmctl_error *err)
{
	json_t *types = json_object_get(root, "types"), *type;
	const char *name;
	int r = 0;

	json_object_foreach(types, name, type)
	{
		for (const struct vmctl_setting *s = type_members;
		     r == 0 && s->key; s++) {
			auto_free char *key =
				str_printf("types.%s.%s", name, s->key);

			r = key ? add(ctx, list, root, key, s, err)
				: fail_oom(err);
		}
	}
	return r;
}

static int tell_problems(struct vmctl *ctx, const json_t *root,
			 struct vmctl_error *err)
{
	auto_problems problems = { 0 };
	int r = config_check(root, &problems, err);

	for (size_t i = 0; r == 0 && i < problems.count; i++)
		log_warn(&ctx->ev, "%s: %s", ctx->config_path,
			 problems.items[i].message);
	return r;
}

int vmctl_config_list(struct vmctl *ctx, struct vmctl_config_list **ret,
		      struct vmctl_error *err)
{
	auto_cleanup(list_cleanup) struct vmctl_config_list *list =
		calloc(1, sizeof(*list));
	auto_json json_t *root = NULL;
	int r = list ? read_root(ctx, &root, err) : fail_oom(err);

	for (const struct vmctl_setting *s = vmctl_settings(); r == 0 && s->key;
	     s++)
		r = add(ctx, list, root, s->key, s, err);
	if (r == 0)
		r = add_types(ctx, list, root, err);
	if (r == 0)
		r = tell_problems(ctx, root, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	return 0;
}

int vmctl_config_get(struct vmctl *ctx, const char *key,
		     struct vmctl_config_entry **ret, struct vmctl_error *err)
{
	auto_json json_t *root = NULL;
	auto_place p = { 0 };
	int r = place_of(key, &p, err);

	if (r == 0 && !p.setting)
		r = fail_setting(key, "vmctl config list", err);
	if (r == 0)
		r = read_root(ctx, &root, err);
	if (r < 0)
		return r;
	/* The members of a type that there is not have no defaults either. */
	if (p.depth == 3 &&
	    !json_object_get(json_object_get(root, "types"), p.parts[1]))
		return fail(err, VMCTL_NOT_FOUND, 0, "%s has no type '%s'",
			    ctx->config_path, p.parts[1]);
	r = make_entry(ctx, root, key, p.setting, place_get(root, &p), ret,
		       err);
	if (r == 0 && *(*ret)->problem)
		log_warn(&ctx->ev, "%s: %s", ctx->config_path, (*ret)->problem);
	return r;
}

/* --- for callers that act on them -------------------------------------------
 */

int vmctl_config_text(struct vmctl *ctx, const char *key, const char **ret,
		      struct vmctl_error *err)
{
	const struct config *config;
	int r = context_config(ctx, &config, err);

	if (r == 0 && !setting_find(key))
		r = fail(err, VMCTL_INTERNAL, 0, "%s is no setting", key);
	if (r == 0)
		*ret = config_text(config, key);
	return r;
}

int vmctl_config_number(struct vmctl *ctx, const char *key, int64_t *ret,
			struct vmctl_error *err)
{
	const struct config *config;
	int r = context_config(ctx, &config, err);

	if (r == 0 && !setting_find(key))
		r = fail(err, VMCTL_INTERNAL, 0, "%s is no setting", key);
	if (r == 0)
		*ret = config_number(config, key);
	return r;
}
