/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/context.h"
#include "cli/frame.h"
#include "cli/instance/fields.h"
#include "cli/message.h"
#include "cli/render/filter.h"
#include "cli/render/render.h"
#include "cli/screen.h"
#include "cli/targets.h"

DEFINE_CLEANUP(render, struct render *, render_free);
#define auto_render auto_cleanup(render_cleanup)
DEFINE_CLEANUP(filter, struct filter *, filter_free);
#define auto_filter auto_cleanup(filter_cleanup)
DEFINE_CLEANUP(list, struct vmctl_instance_list *, vmctl_instance_list_free);
#define auto_list auto_cleanup(list_cleanup)
DEFINE_CLEANUP(follow, struct follow *, follow_free);
#define auto_follow auto_cleanup(follow_cleanup)

struct watching {
	struct cli *cli;
	struct vmctl *ctx;
	const struct watch *w;
	enum format format;
	struct follow *follow;		/* of ndjson */
	struct str last;		/* of json: what was written */
	struct vmctl_error unreachable; /* of the last round; code 0: none */
	bool reader_gone;
};

/* The list as it is now, in *ret: what the command shows without --watch. */
static int render_list(struct watching *s, struct render **ret,
		       struct vmctl_error *err)
{
	auto_list struct vmctl_instance_list *list = NULL;
	auto_render struct render *out = NULL;
	int r;

	s->unreachable.code = VMCTL_OK;
	r = vmctl_instance_list(s->ctx, s->w->flags, &list, &s->unreachable,
				err);
	if (r == 0)
		r = cli_render(s->cli, &out, err);
	if (r == 0)
		r = render_begin(out, &instance_record, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		if (targets_select(s->w->selectors, list->items[i]))
			r = render_row(out, list->items[i], err);
	if (r == 0)
		r = render_end(out, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&out);
	return 0;
}

/* --- on a terminal -------------------------------------------------------- */

static int draw(struct watching *s, struct vmctl_error *err)
{
	auto_render struct render *table = NULL;
	auto_free char *notice = NULL;
	auto_str frame = STR_INIT;
	int columns, rows, r = render_list(s, &table, err);

	if (r < 0)
		return r;
	screen_size(&columns, &rows);
	if (s->unreachable.code)
		notice = str_printable(s->unreachable.message,
				       strlen(s->unreachable.message), false);
	frame_fit(str_text(render_spool(table)), !s->cli->globals.no_header,
		  notice, columns, rows, &frame);
	r = str_check(&frame, err);
	return r < 0 ? r : screen_draw(str_text(&frame), rows, err);
}

static int watch_screen(struct watching *s, struct vmctl_error *err)
{
	int fds[2], r = screen_begin(err);

	if (r < 0)
		return r;
	while (r == 0 && !screen_take()) {
		r = draw(s, err);
		if (r == 0)
			r = vmctl_instance_list_wait(s->ctx, fds,
						     screen_fds(fds),
						     s->w->interval_ms, err);
	}
	screen_end();
	return r;
}

/* --- for programs --------------------------------------------------------- */

static int put(struct watching *s, const struct str *text,
	       struct vmctl_error *err)
{
	struct vmctl_error why;

	if (fd_write_all(STDOUT_FILENO, str_text(text), text->len, &why) == 0)
		return 0;
	s->reader_gone = why.sys_errno == EPIPE;
	return s->reader_gone ? 0
			      : fail(err, VMCTL_FAILED, why.sys_errno,
				     "cannot write the output");
}

static int round_json(struct watching *s, struct vmctl_error *err)
{
	auto_render struct render *now = NULL;
	int r = render_list(s, &now, err);

	if (r < 0 || str_eq(str_text(render_spool(now)), str_text(&s->last)))
		return r;
	str_done(&s->last);
	str_add(&s->last, str_text(render_spool(now)));
	r = str_check(&s->last, err);
	return r < 0 ? r : put(s, &s->last, err);
}

static int one_record(struct watching *s, const struct vmctl_instance *row,
		      const struct filter *filter, struct vmctl_error *err)
{
	bool listed = (row->state != VMCTL_STATE_TERMINATED ||
		       s->w->flags & VMCTL_LIST_ALL_STATES) &&
		      targets_select(s->w->selectors, row) &&
		      (!filter || filter_match(filter, row));
	auto_render struct render *out = NULL;
	bool news = false;
	int r = cli_render(s->cli, &out, err);

	if (r == 0)
		r = render_one(out, &instance_record, row, err);
	if (r == 0)
		r = follow_note(s->follow, row->id, str_text(render_spool(out)),
				listed, &news, err);
	return r == 0 && news ? put(s, render_spool(out), err) : r;
}

static int round_ndjson(struct watching *s, struct vmctl_error *err)
{
	const char *expression = s->cli->globals.filter;
	auto_list struct vmctl_instance_list *list = NULL;
	auto_filter struct filter *filter = NULL;
	int r = 0;

	s->unreachable.code = VMCTL_OK;
	if (expression)
		r = filter_parse(&instance_record, expression, clock_now(),
				 &filter, err);
	if (r == 0)
		r = vmctl_instance_list(s->ctx,
					s->w->flags | VMCTL_LIST_ALL_STATES,
					&list, &s->unreachable, err);
	for (size_t i = 0; r == 0 && !s->reader_gone && i < list->count; i++)
		r = one_record(s, list->items[i], filter, err);
	return r;
}

/* A pipe tells by this that nobody reads it any more, also when there is
 * nothing to write for long. */
static size_t reader(struct watching *s, int *fd)
{
	struct stat st;
	struct pollfd out = { .fd = STDOUT_FILENO };

	if (fstat(STDOUT_FILENO, &st) < 0 || !S_ISFIFO(st.st_mode))
		return 0;
	if (poll(&out, 1, 0) == 1 && out.revents & POLLERR)
		s->reader_gone = true;
	*fd = STDOUT_FILENO;
	return 1;
}

static int watch_stream(struct watching *s, struct vmctl_error *err)
{
	bool told = false;
	int fd, r = 0;

	while (r == 0) {
		size_t n;

		r = s->follow ? round_ndjson(s, err) : round_json(s, err);
		if (r == 0 && s->unreachable.code && !told)
			cli_error(s->cli, &s->unreachable);
		told = s->unreachable.code != VMCTL_OK;
		n = reader(s, &fd);
		if (s->reader_gone)
			break;
		if (r == 0)
			r = vmctl_instance_list_wait(s->ctx, &fd, n,
						     s->w->interval_ms, err);
	}
	return r;
}

/* --- either ----------------------------------------------------------------
 */

static int check(struct watching *s, bool *ret_screen, struct vmctl_error *err)
{
	int r = format_parse(s->cli->globals.output, &s->format, err);

	if (r < 0)
		return r;
	*ret_screen = false;
	if (!s->cli->globals.print0 &&
	    (s->format == FORMAT_JSON || s->format == FORMAT_NDJSON))
		return 0;
	*ret_screen = s->format == FORMAT_TABLE || s->format == FORMAT_WIDE;
	if (*ret_screen && !s->cli->globals.print0 && screen_possible())
		return 0;
	if (*ret_screen && !s->cli->globals.print0)
		fail(err, VMCTL_INVALID, 0,
		     "--watch draws a table on a terminal only");
	else
		fail(err, VMCTL_INVALID, 0,
		     "--watch is for tables, json and ndjson");
	fail_hint(err, "vmctl list --watch -o ndjson");
	return -VMCTL_INVALID;
}

int watch_run(struct cli *cli, const struct watch *w, struct vmctl_error *err)
{
	auto_follow struct follow *follow = NULL;
	struct watching s = { .cli = cli, .w = w };
	bool on_screen;
	int r = check(&s, &on_screen, err);

	if (r < 0)
		return r;
	if (s.format == FORMAT_NDJSON)
		s.follow = follow = follow_new();
	if (s.format == FORMAT_NDJSON && !follow)
		return fail_oom(err);
	/* What would be said meanwhile would stand in the frame. */
	if (on_screen) {
		cli->globals.quiet = true;
		cli->globals.verbose = 0;
	}
	r = cli_context(cli, &s.ctx, err);
	if (r == 0)
		r = on_screen ? watch_screen(&s, err) : watch_stream(&s, err);
	str_done(&s.last);
	return r == -VMCTL_CANCELLED && caught_signal() == SIGINT ? 0 : r;
}
