/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/yaml.h"

#include <yaml.h>

#include "driver/yaml/scalar.h"

/*
 * libyaml's events become values as they come. Nothing is copied for an alias,
 * and how deep values are is known before they are joined: a text of a few
 * lines that stands for billions of values ("billion laughs") costs what its
 * lines do.
 */
#define DEPTH_MAX 100
/* Members that `<<` may bring, in all: those are copied, if only by reference.
 */
#define MERGED_MAX 100000

struct reader {
	yaml_parser_t parser;
	const char *text, *what;
	size_t len, merged;
	json_t *anchors; /* by name: an array of the value and its depth */
	struct vmctl_error *err;
};

/* A value, and how many values are within each other in it. */
struct value {
	json_t *json;
	int depth;
};

static void event_done(yaml_event_t *ev)
{
	yaml_event_delete(ev);
}
#define auto_event auto_cleanup(event_done) yaml_event_t

static int fail_at(struct reader *r, const yaml_mark_t *at, const char *why)
{
	return fail(r->err, VMCTL_BAD_DATA, 0,
		    "%s is not valid YAML: line %zu, column %zu: %s", r->what,
		    at->line + 1, at->column + 1, why);
}

/* Of bytes that are no characters only the offset is told. */
static yaml_mark_t mark_of(const struct reader *r, size_t offset)
{
	yaml_mark_t at = { 0 };

	for (size_t i = 0; i < offset && i < r->len; i++) {
		at.column++;
		if (r->text[i] == '\n') {
			at.line++;
			at.column = 0;
		}
	}
	return at;
}

static int next(struct reader *r, yaml_event_t *ev)
{
	const yaml_parser_t *p = &r->parser;

	if (yaml_parser_parse(&r->parser, ev))
		return 0;
	if (p->error == YAML_MEMORY_ERROR)
		return fail_oom(r->err);
	yaml_mark_t at = p->error == YAML_READER_ERROR
				 ? mark_of(r, p->problem_offset)
				 : p->problem_mark;
	return fail_at(r, &at, p->problem ? p->problem : "unknown reason");
}

/* --- anchors -------------------------------------------------------------- */

static const char *anchor_of(const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)ev->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)ev->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return (const char *)ev->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static int keep_anchor(struct reader *r, const yaml_event_t *ev,
		       const struct value *v)
{
	const char *name = anchor_of(ev);

	if (!name)
		return 0;
	if (json_object_get(r->anchors, name))
		return fail_at(r, &ev->start_mark, "an anchor is given twice");
	return json_object_set_new(r->anchors, name,
				   json_pack("[O, i]", v->json, v->depth))
		       ? fail_oom(r->err)
		       : 0;
}

static int follow(struct reader *r, const yaml_event_t *ev, int above,
		  struct value *ret)
{
	const json_t *kept = json_object_get(
		r->anchors, (const char *)ev->data.alias.anchor);
	int depth = (int)json_integer_value(json_array_get(kept, 1));

	/* Not yet, within what the anchor stands for. */
	if (!kept)
		return fail_at(r, &ev->start_mark,
			       "an alias without an anchor before it");
	if (above + depth > DEPTH_MAX)
		return fail_at(r, &ev->start_mark, "too deeply nested");
	ret->json = json_incref(json_array_get(kept, 0));
	ret->depth = depth;
	return 0;
}

/* --- values --------------------------------------------------------------- */

static int read_scalar(struct reader *r, const yaml_event_t *ev,
		       struct value *ret)
{
	static const char *const plain[] = { "null", "bool", "int", NULL };
	static const char *const text[] = { "str",    "float",
					    "binary", "timestamp",
					    "value",  "python/unicode",
					    NULL };
	const char *tag = (const char *)ev->data.scalar.tag;
	const char *s = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;

	if (ev->data.scalar.plain_implicit || (tag && tag_is(tag, plain)))
		ret->json = scalar_plain(s, n);
	else if (ev->data.scalar.quoted_implicit || (tag && tag_is(tag, text)))
		ret->json = json_stringn(s, n);
	else
		return fail_at(r, &ev->start_mark, "an unknown tag");
	ret->depth = 1;
	return ret->json ? 0 : fail_oom(r->err);
}

static int read_value(struct reader *r, const yaml_event_t *ev, int above,
		      struct value *ret);

static int read_sequence(struct reader *r, int above, struct value *ret)
{
	auto_json json_t *list = json_array();
	int depth = 0;

	if (!list)
		return fail_oom(r->err);
	for (;;) {
		auto_event ev = { 0 };
		struct value item = { 0 };
		int e = next(r, &ev);

		if (e < 0)
			return e;
		if (ev.type == YAML_SEQUENCE_END_EVENT)
			break;
		e = read_value(r, &ev, above + 1, &item);
		if (e < 0)
			return e;
		if (json_array_append_new(list, item.json) < 0)
			return fail_oom(r->err);
		depth = item.depth > depth ? item.depth : depth;
	}
	ret->json = take_ptr(&list);
	ret->depth = depth + 1;
	return 0;
}

static int merge_one(struct reader *r, const yaml_event_t *at, json_t *into,
		     json_t *from)
{
	if (!json_is_object(from))
		return fail_at(r, &at->start_mark,
			       "<< is for a mapping or a list of mappings");
	r->merged += json_object_size(from);
	if (r->merged > MERGED_MAX)
		return fail_at(r, &at->start_mark, "<< brings too much");
	return json_object_update(into, from) < 0 ? fail_oom(r->err) : 0;
}

/* Of several in a list the first counts, of several `<<` the last. */
static int merge(struct reader *r, const yaml_event_t *at, json_t *into,
		 json_t *from)
{
	size_t n = json_is_array(from) ? json_array_size(from) : 0;
	int e = 0;

	if (!json_is_array(from))
		return merge_one(r, at, into, from);
	while (e == 0 && n > 0)
		e = merge_one(r, at, into, json_array_get(from, --n));
	return e;
}

static bool is_merge(const yaml_event_t *key)
{
	return key->type == YAML_SCALAR_EVENT &&
	       key->data.scalar.plain_implicit &&
	       str_eq((const char *)key->data.scalar.value, "<<");
}

/* A key is its text, whatever that stands for as a value. */
static int read_key(struct reader *r, const yaml_event_t *ev, json_t **ret)
{
	struct value v = { 0 };
	int e;

	if (ev->type == YAML_SCALAR_EVENT) {
		v.json = json_stringn((const char *)ev->data.scalar.value,
				      ev->data.scalar.length);
		v.depth = 1;
		e = v.json ? keep_anchor(r, ev, &v) : fail_oom(r->err);
	} else if (ev->type == YAML_ALIAS_EVENT) {
		e = follow(r, ev, 0, &v);
	} else {
		return fail_at(r, &ev->start_mark, "a key that is not a word");
	}
	if (e == 0 &&
	    (!json_is_string(v.json) ||
	     strlen(json_string_value(v.json)) != json_string_length(v.json)))
		e = fail_at(r, &ev->start_mark, "a key that is not a word");
	if (e < 0) {
		json_decref(v.json);
		return e;
	}
	*ret = v.json;
	return 0;
}

/* One key with its value; 1: there are no more. */
static int read_member(struct reader *r, int above, json_t *own, json_t *merged,
		       int *depth)
{
	auto_event key = { 0 };
	auto_event ev = { 0 };
	auto_json json_t *name = NULL;
	struct value v = { 0 };
	int e = next(r, &key);

	if (e < 0 || key.type == YAML_MAPPING_END_EVENT)
		return e < 0 ? e : 1;
	e = read_key(r, &key, &name);
	if (e == 0)
		e = next(r, &ev);
	if (e == 0)
		e = read_value(r, &ev, above + 1, &v);
	if (e < 0)
		return e;
	*depth = v.depth > *depth ? v.depth : *depth;
	if (is_merge(&key)) {
		e = merge(r, &ev, merged, v.json);
		json_decref(v.json);
		return e;
	}
	return json_object_set_new(own, json_string_value(name), v.json) < 0
		       ? fail_oom(r->err)
		       : 0;
}

static int read_mapping(struct reader *r, int above, struct value *ret)
{
	auto_json json_t *own = json_object();
	auto_json json_t *merged = json_object();
	int depth = 0, e = own && merged ? 0 : fail_oom(r->err);

	while (e == 0)
		e = read_member(r, above, own, merged, &depth);
	if (e < 0)
		return e;
	if (json_object_update_missing(own, merged) < 0)
		return fail_oom(r->err);
	ret->json = take_ptr(&own);
	ret->depth = depth + 1;
	return 0;
}

static int read_collection(struct reader *r, const yaml_event_t *ev, int above,
			   struct value *ret)
{
	static const char *const lists[] = { "seq", "omap", "pairs", NULL };
	static const char *const maps[] = { "map", "set", NULL };
	bool list = ev->type == YAML_SEQUENCE_START_EVENT;
	const char *tag = (const char *)(list ? ev->data.sequence_start.tag
					      : ev->data.mapping_start.tag);
	bool implicit = list ? ev->data.sequence_start.implicit
			     : ev->data.mapping_start.implicit;

	if (!implicit && tag && !str_eq(tag, "!") &&
	    !tag_is(tag, list ? lists : maps))
		return fail_at(r, &ev->start_mark, "an unknown tag");
	if (above >= DEPTH_MAX)
		return fail_at(r, &ev->start_mark, "too deeply nested");
	return list ? read_sequence(r, above, ret)
		    : read_mapping(r, above, ret);
}

/* The value that begins with `ev`, `above` others around it. */
static int read_value(struct reader *r, const yaml_event_t *ev, int above,
		      struct value *ret)
{
	struct value v = { 0 };
	int e;

	if (ev->type == YAML_ALIAS_EVENT)
		return follow(r, ev, above, ret);
	if (ev->type == YAML_SCALAR_EVENT)
		e = read_scalar(r, ev, &v);
	else
		e = read_collection(r, ev, above, &v);
	if (e == 0)
		e = keep_anchor(r, ev, &v);
	if (e < 0) {
		json_decref(v.json);
		return e;
	}
	*ret = v;
	return 0;
}

/* --- the document --------------------------------------------------------- */

/* Where `ev` is the end of the stream there is no document. */
static int read_document(struct reader *r, json_t **ret)
{
	struct value v = { 0 };
	int e = 0;

	for (bool done = false; e == 0 && !done;) {
		auto_event ev = { 0 };

		e = next(r, &ev);
		if (e < 0)
			break;
		switch (ev.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			done = true;
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (v.json)
				e = fail_at(r, &ev.start_mark,
					    "a second document");
			break;
		default:
			e = read_value(r, &ev, 0, &v);
		}
	}
	if (e < 0) {
		json_decref(v.json);
		return e;
	}
	*ret = v.json ? v.json : json_null();
	return 0;
}

static int parse(const char *text, size_t len, const char *what, json_t **ret,
		 struct vmctl_error *err)
{
	struct reader r = {
		.text = text, .len = len, .what = what, .err = err
	};

	if (!yaml_parser_initialize(&r.parser))
		return fail_oom(err);
	r.anchors = json_object();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text,
				     len);
	int e = r.anchors ? read_document(&r, ret) : fail_oom(err);
	json_decref(r.anchors);
	yaml_parser_delete(&r.parser);
	return e;
}

VMCTL_API extern const struct yaml_ops vmctl_module_yaml;
const struct yaml_ops vmctl_module_yaml = {
	.abi = YAML_ABI,
	.parse = parse,
};
