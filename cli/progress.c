/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/units.h"
#include "cli/render/width.h"

/* What is over sooner than this is not worth a flicker. */
#define FIRST_DRAW_MS 200
#define REDRAW_MS 100
/* Between two looks at how much is done: the rate is of the last one or two. */
#define MARK_MS 4000
/* Before this a rate says nothing of the rest. */
#define LEFT_MS 2000
/* Without a terminal and with -v: a line for what takes longer, repeated. */
#define PLAIN_MS 2000
#define PLAIN_AGAIN_MS 15000

static void write_stderr(const struct str *s)
{
	/* There is no other place to complain. */
	(void)fd_write_all(STDERR_FILENO, str_text(s), s->len, NULL);
}

void progress_clear(struct cli *cli)
{
	if (!cli->progress || !cli->progress->on_screen)
		return;
	(void)fd_write_all(STDERR_FILENO, "\r\033[K", 4, NULL);
	cli->progress->on_screen = false;
	cli->progress->drawn_ms = 0;
}

bool progress_wanted(const struct cli *cli)
{
	return cli->progress && !cli->globals.quiet &&
	       (cli->tty_err || cli->globals.verbose);
}

static void move_marks(struct progress *p, unsigned long long done, int64_t now)
{
	if (now - p->new_ms < MARK_MS)
		return;
	p->old_ms = p->new_ms;
	p->old_done = p->new_done;
	p->new_ms = now;
	p->new_done = done;
}

/* "  0:42 left"; nothing for what nobody waits for. */
static void add_left(double seconds, struct str *out)
{
	long s = (long)(seconds + 0.5);

	if (seconds > 99 * 3600)
		return;
	if (s >= 3600)
		str_addf(out, "  %ld:%02ld:%02ld left", s / 3600, s / 60 % 60,
			 s % 60);
	else
		str_addf(out, "  %ld:%02ld left", s / 60, s % 60);
}

/* "importing debian.qcow2  45%  120M/s  0:42 left", or where nobody knows how
 * much it is "copying logs  12M  3M/s". */
static void describe(struct progress *p, unsigned long long done,
		     unsigned long long total, int64_t now, struct str *out)
{
	int64_t spent = now - p->phase_ms, since;
	/* Small numbers count steps, not bytes. */
	bool bytes = (total ? total : done) > 1 << 20;
	char text[SIZE_TEXT];
	auto_free char *safe = str_printable(p->phase, strlen(p->phase), false);

	str_add(out, safe);
	if (total) {
		double part =
			(double)(done < total ? done : total) / (double)total;

		str_addf(out, "  %d%%", (int)(part * 100));
	} else if (bytes) {
		str_addf(out, "  %s", format_size((int64_t)done, text));
	} else if (spent >= 2000) {
		str_addf(out, "  %llds", (long long)spent / 1000);
	}
	since = now - p->old_ms;
	if (bytes && spent >= 1000 && since > 0 && done > p->old_done) {
		double rate =
			(double)(done - p->old_done) * 1000 / (double)since;

		str_addf(out, "  %s/s", format_size((int64_t)rate, text));
		if (total > done && spent >= LEFT_MS)
			add_left((double)(total - done) / rate, out);
	}
	move_marks(p, done, now);
}

static int stderr_columns(void)
{
	struct winsize ws;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) < 0 || !ws.ws_col)
		return 80;
	return ws.ws_col;
}

static void draw(struct progress *p, const struct str *text)
{
	static const char spinner[] = "|/-\\";
	auto_str line = STR_INIT;
	/* The last column stays free: a full line would wrap. */
	int room = stderr_columns() - 3;

	str_addf(&line, "\r%c ", spinner[p->spin++ % 4]);
	str_addn(&line, str_text(text),
		 width_cut(str_text(text), room > 0 ? room : 0, NULL));
	str_add(&line, "\033[K");
	write_stderr(&line);
	p->on_screen = true;
}

/* What follows a line feed changes within a phase. */
static bool same_phase(const struct progress *p, const char *text, size_t n)
{
	size_t most = sizeof(p->phase) - 1;

	n = n < most ? n : most;
	return p->first_ms && strlen(p->phase) == n &&
	       memcmp(p->phase, text, n) == 0;
}

static void add_detail(const char *text, struct str *out)
{
	auto_free char *safe = str_printable(text, strlen(text), false);

	if (safe && *safe)
		str_addf(out, "  | %s", safe);
}

static void enter_phase(struct progress *p, const char *text, size_t n,
			unsigned long long done, int64_t now)
{
	snprintf(p->phase, sizeof(p->phase), "%.*s", (int)n, text);
	p->phase_ms = now;
	p->old_ms = p->new_ms = now;
	p->old_done = p->new_done = done;
	p->plain_ms = now + PLAIN_MS;
	p->drawn_ms = 0;
	if (!p->first_ms)
		p->first_ms = now;
}

void progress_report(void *data, const char *text, unsigned long long done,
		     unsigned long long total)
{
	struct cli *cli = data;
	struct progress *p = cli->progress;
	int64_t now = clock_mono_ms();
	auto_str line = STR_INIT;

	if (!p || cli->globals.quiet)
		return;
	if (!text) {
		progress_clear(cli);
		*p = (struct progress){ 0 };
		return;
	}
	size_t n = strcspn(text, "\n");
	if (!same_phase(p, text, n))
		enter_phase(p, text, n, done, now);

	if (cli->tty_err) {
		if (now - p->first_ms < FIRST_DRAW_MS ||
		    now - p->drawn_ms < REDRAW_MS)
			return;
		p->drawn_ms = now;
		describe(p, done, total, now, &line);
		if (text[n])
			add_detail(text + n + 1, &line);
		draw(p, &line);
	} else if (cli->globals.verbose && now >= p->plain_ms) {
		p->plain_ms = now + PLAIN_AGAIN_MS;
		str_add(&line, "vmctl: ");
		describe(p, done, total, now, &line);
		str_addc(&line, '\n');
		write_stderr(&line);
	}
}
