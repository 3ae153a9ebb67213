/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/fanout.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/proc-worker.h"
#include "cli/fanout-files.h"
#include "cli/message.h"
#include "cli/prefix.h"
#include "cli/progress.h"

#define READ_SIZE (64 * 1024)

/* What a worker tells at its end, in one write. */
struct report {
	int rc;
	struct vmctl_exit exit;
	char transport[16];
	struct vmctl_error error;
};

enum { OUT, ERR, REPORT, PIPES };

struct job {
	const char *name, *id;
	struct outcome *outcome;
	pid_t pid;     /* 0: not begun, -1: done */
	int fd[PIPES]; /* our ends; -1: at its end */
	struct prefixer lines[2];
	struct report report;
	size_t reported; /* bytes of it */
};

struct crew {
	struct cli *cli;
	const struct fanout *f;
	const struct bound *targets;
	struct job *jobs;
	size_t count, next, running;
	struct pollfd *poll;
	char *buf;
	bool ending; /* no more are begun, and those that run were told */
	int rc;	     /* … as writing failed */
};

/* --- in the worker ------------------------------------------------------- */

struct task {
	struct crew *crew;
	struct job *job;
	int in, fd[PIPES]; /* its ends */
};

static void say(const struct report *report, int fd)
{
	ssize_t n = write(fd, report, sizeof(*report));

	(void)n; /* a parent that is gone wants to know nothing */
}

static int work(void *data)
{
	const struct task *t = data;
	struct cli *cli = t->crew->cli;
	struct vmctl_exec what = t->crew->f->what;
	struct report report = { 0 };
	struct vmctl *ctx;

	for (size_t i = 0; i < t->crew->count; i++)
		for (int p = 0; p < PIPES; p++)
			close_cleanup(&t->crew->jobs[i].fd[p]);
	cli->worker = true;
	cli->ctx = NULL; /* the parent's */
	what.in = t->in;
	what.out = t->fd[OUT];
	what.err = t->fd[ERR];
	report.rc = cli_context(cli, &ctx, &report.error);
	if (report.rc == 0) {
		report.rc = vmctl_instance_exec(ctx, t->job->id, &what,
						&report.exit, &report.error);
		vmctl_free(ctx);
		if (report.rc < 0)
			bound_explain(t->crew->targets, t->job->id,
				      &report.error);
	}
	if (report.exit.transport)
		snprintf(report.transport, sizeof(report.transport), "%s",
			 report.exit.transport);
	say(&report, t->fd[REPORT]);
	return 0;
}

/* --- beginning ----------------------------------------------------------- */

static int open_pipes(struct job *j, struct task *t, struct vmctl_error *err)
{
	for (int p = 0; p < PIPES; p++) {
		int ends[2];

		if (t->fd[p] >= 0) /* a file */
			continue;
		if (pipe2(ends, O_CLOEXEC) < 0)
			return fail_sys(err, errno, "cannot make a pipe");
		j->fd[p] = ends[0];
		t->fd[p] = ends[1];
	}
	return 0;
}

static int begin_job(struct crew *c, struct job *j, struct vmctl_error *err)
{
	struct task t = { c, j, c->f->in, { -1, -1, -1 } };
	/* Every reader of one file has a place of its own in it. */
	bool own_in = c->f->in_shared;
	int r = 0;

	if (own_in)
		r = fanout_reopen(c->f->in, &t.in, err);
	if (r == 0 && c->f->dir)
		r = fanout_open(c->f->dir, j->name, t.fd, err);
	if (r == 0)
		r = open_pipes(j, &t, err);
	if (r == 0)
		r = worker_start(work, &t, &j->pid, err);
	for (int p = 0; p < PIPES; p++)
		close_cleanup(&t.fd[p]);
	if (own_in)
		close_cleanup(&t.in);
	if (r == 0)
		c->running++;
	return r;
}

/* --- ending -------------------------------------------------------------- */

static void end_all(struct crew *c)
{
	c->ending = true;
	for (size_t i = 0; i < c->count; i++)
		if (c->jobs[i].pid > 0)
			(void)kill(c->jobs[i].pid, SIGTERM);
}

static void fill_outcome(const struct job *j, struct outcome *o)
{
	const struct report *r = &j->report;

	o->ran = r->rc == 0;
	if (o->ran) {
		o->status = r->exit.status;
		o->signal = r->exit.signal;
		o->timed_out = r->exit.timed_out;
		o->duration_ms = r->exit.duration_ms;
		o->bytes_out = r->exit.bytes_out;
		o->bytes_err = r->exit.bytes_err;
		/* Its own names, as the outcome outlives the report. */
		o->transport = str_eq(r->transport, "agent") ? "agent" : "ssh";
		return;
	}
	o->status = vmctl_code_exit(r->error.code);
	o->code = vmctl_code_name(r->error.code);
	o->message = strdup(r->error.message);
}

/* What this job has to say for itself beside its output. */
static void tell(struct crew *c, struct job *j)
{
	/* What ended because all are to end is no news. */
	if (j->report.rc < 0 && !c->ending)
		cli_error(c->cli, &j->report.error);
	if (j->report.rc == 0 && j->report.exit.timed_out)
		outcome_tell_late(c->cli, j->name, &j->report.exit);
}

static void end_job(struct crew *c, struct job *j)
{
	struct vmctl_error why;

	if (j->pid > 0) {
		int status = worker_reap(j->pid);

		if (j->reported < sizeof(j->report))
			j->report.rc = fail(&j->report.error, VMCTL_INTERNAL, 0,
					    "%s: its process ended with "
					    "status %d",
					    j->name, status);
		c->running--;
	}
	j->pid = -1;
	tell(c, j);
	fill_outcome(j, j->outcome);
	if (c->f->dir && fanout_note(c->f->dir, j->outcome, &why) < 0)
		cli_error(c->cli, &why);
}

/* --- output -------------------------------------------------------------- */

static int write_text(struct crew *c, int which, const struct str *text,
		      struct vmctl_error *err)
{
	int r = str_check(text, err);

	progress_clear(c->cli);
	/* Nobody listens any more; what was said is the end of it. */
	if (r == 0 && c->rc == 0)
		r = fanout_put(which == OUT ? STDOUT_FILENO : STDERR_FILENO,
			       str_text(text), text->len, err);
	return r;
}

/* A descriptor that has something to say, or has come to its end. */
static int take(struct crew *c, struct job *j, int which,
		struct vmctl_error *err)
{
	auto_str text = STR_INIT;
	ssize_t n = read(j->fd[which], c->buf, READ_SIZE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (which == REPORT) {
		size_t room = sizeof(j->report) - j->reported;
		size_t some = n > 0 && (size_t)n < room ? (size_t)n : room;

		if (n > 0) {
			memcpy((char *)&j->report + j->reported, c->buf, some);
			j->reported += some;
		}
	} else if (!c->f->prefix) {
		str_addn(&text, c->buf, n > 0 ? (size_t)n : 0);
	} else if (n > 0) {
		prefixer_feed(&j->lines[which], c->buf, (size_t)n, &text);
	} else {
		prefixer_end(&j->lines[which], &text);
	}
	if (n <= 0)
		close_cleanup(&j->fd[which]), j->fd[which] = -1;
	return text.len || text.oom ? write_text(c, which, &text, err) : 0;
}

static bool is_over(const struct job *j)
{
	return j->fd[OUT] < 0 && j->fd[ERR] < 0 && j->fd[REPORT] < 0;
}

static int take_all(struct crew *c, struct vmctl_error *err)
{
	nfds_t at = 0;
	int r = 0;

	for (size_t i = 0; i < c->next; i++) {
		struct job *j = &c->jobs[i];

		if (j->pid <= 0)
			continue;
		for (int p = 0; p < PIPES; p++) {
			if (c->poll[at++].revents && j->fd[p] >= 0 && r == 0)
				r = take(c, j, p, err);
		}
		if (is_over(j))
			end_job(c, j);
	}
	return r;
}

static int wait_for_some(struct crew *c)
{
	nfds_t n = 0;

	for (size_t i = 0; i < c->next; i++) {
		const struct job *j = &c->jobs[i];

		for (int p = 0; j->pid > 0 && p < PIPES; p++)
			c->poll[n++] = (struct pollfd){ .fd = j->fd[p],
							.events = POLLIN };
	}
	return poll(c->poll, n, 1000);
}

/* --- all of them --------------------------------------------------------- */

static void begin_some(struct crew *c)
{
	while (!c->ending && c->next < c->count &&
	       c->running < (size_t)c->f->jobs) {
		struct job *j = &c->jobs[c->next++];

		j->report.rc = begin_job(c, j, &j->report.error);
		if (j->report.rc < 0) {
			for (int p = 0; p < PIPES; p++)
				close_cleanup(&j->fd[p]), j->fd[p] = -1;
			end_job(c, j);
		}
	}
}

static int run_all(struct crew *c, struct vmctl_error *err)
{
	for (;;) {
		begin_some(c);
		if (!c->running)
			break;
		if (cli_interrupted() && !c->ending)
			end_all(c);
		if (wait_for_some(c) <= 0)
			continue;
		int r = take_all(c, c->rc ? NULL : err);
		if (r < 0 && c->rc == 0) {
			c->rc = r;
			end_all(c);
		}
	}
	if (c->rc == 0 && cli_interrupted())
		return fail(err, VMCTL_CANCELLED, 0, "interrupted");
	return c->rc;
}

/* Three descriptors for each that runs. */
static void raise_limit(const struct fanout *f)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur >= (rlim_t)f->jobs * (PIPES + 1) + 64)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int prepare(struct crew *c, struct outcome *outcomes,
		   struct vmctl_error *err)
{
	char **names = c->targets->names;
	const bool tty[] = { c->cli->tty_out, c->cli->tty_err };
	int width = 0, r = 0;

	for (size_t i = 0; i < c->count; i++)
		if ((int)strlen(names[i]) > width)
			width = (int)strlen(names[i]);
	for (size_t i = 0; r == 0 && i < c->count; i++) {
		struct job *j = &c->jobs[i];

		j->name = names[i];
		j->id = c->targets->ids[i];
		j->outcome = &outcomes[i];
		*j->outcome = (struct outcome){ .name = names[i] };
		j->fd[OUT] = j->fd[ERR] = j->fd[REPORT] = -1;
		for (int p = OUT; r == 0 && p <= ERR; p++)
			r = prefixer_init(
				&j->lines[p], names[i], width, (int)i,
				color_wanted(c->cli->globals.color, tty[p]),
				tty[p], err);
	}
	return r;
}

int fanout_run(struct cli *cli, const struct fanout *f, const struct bound *b,
	       size_t n, struct outcome *ret, struct vmctl_error *err)
{
	struct crew c = { .cli = cli, .f = f, .targets = b, .count = n };
	int r;

	c.jobs = calloc(n, sizeof(*c.jobs));
	c.poll = calloc((size_t)f->jobs * PIPES, sizeof(*c.poll));
	c.buf = malloc(READ_SIZE);
	r = c.jobs && c.poll && c.buf ? prepare(&c, ret, err) : fail_oom(err);
	if (r == 0 && f->dir)
		r = fanout_dir(f->dir, (const char *const *)b->names, n, err);
	if (r == 0) {
		cli_context_close(cli);
		raise_limit(f);
		r = run_all(&c, err);
	}
	for (size_t i = 0; c.jobs && i < n; i++) {
		prefixer_done(&c.jobs[i].lines[OUT]);
		prefixer_done(&c.jobs[i].lines[ERR]);
	}
	free(c.jobs);
	free(c.poll);
	free(c.buf);
	return r;
}
