/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/file.h"
#include "instance/waiting.h"

/* ssh and cloud-init. Nothing blocks until a server speaks; what comes then is
 * a session with one guest, in which the others are still listened to. */

/* One that answers gets a minute to open a session: starting over would only
 * add to its load. */
#define ATTEMPT_MS 60000
#define RETRY_MS 250
/* How long after its start a guest may still be installing its keys. */
#define YOUNG_S 300
#define ANSWER_MAX (1 << 20)

static long limit(const struct waiting *w, long most)
{
	int64_t left = waiting_left(w);

	/* 0 would be the driver's own limit. */
	return left <= 0		 ? 1
	       : most > 0 && left > most ? most
	       : left == INT64_MAX	 ? 0
					 : (long)left;
}

/* The keys come with cloud-init, which on some systems is a little after the
 * server. */
static bool keys_may_come(const struct waiting *w, const struct waited *t)
{
	return clock_now() - t->row->launched_at < YOUNG_S &&
	       !state_was_entered(w->ctx->db, t->row->id, "") &&
	       !cloud_init_is_done(w->ctx, t->row->id);
}

static bool worth_retrying(struct waiting *w, struct waited *t, int r,
			   const struct vmctl_error *why)
{
	bool doubtful = t->moved || t->by_record;

	t->by_record = false;
	if (r == -VMCTL_TRANSPORT)
		return true;
	if (r == -VMCTL_DENIED)
		return keys_may_come(w, t);
	/* Another host key: only if it was another's port. What is wrong with
	 * our own keys, which comes with what to do, is so everywhere. */
	return r == -VMCTL_BAD_DATA && doubtful && !*why->hint;
}

/* Runs a command in the guest and keeps what it writes. */
static int capture(struct waiting *w, struct waited *t, const char *command,
		   struct ssh_exit *ret_exit, struct str *ret_out,
		   struct vmctl_error *err)
{
	auto_close int fd = memfd_create("vmctl-output", MFD_CLOEXEC);
	struct ssh_exec what = { .command = command,
				 .in = -1,
				 .out = fd,
				 .err = fd,
				 .timeout_ms = limit(w, 0),
				 .output_max = ANSWER_MAX / 2 };

	if (fd < 0)
		return fail_sys(err, errno, "cannot make a buffer");
	w->busy = t;
	int r = t->openers.ops->exec(t->conn, &what, &w->ev, ret_exit, err);
	w->busy = NULL;
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = fail_sys(err, errno, "cannot read a buffer");
	return r < 0 ? r
		     : fd_read_all(fd, ANSWER_MAX, "the guest's answer",
				   ret_out, err);
}

#define ANOTHER_USER "Please login as the user \""

/*
 * cloud-init lets nobody in as root on most images: the key opens a session in
 * which whatever is asked for is replaced by this sentence, a pause and status
 * 142 (disable_root_opts).
 */
static int fail_another_user(const struct waited *t, const char *user,
			     const char *says, struct vmctl_error *err)
{
	const char *other = says + strlen(ANOTHER_USER);
	int n = (int)strcspn(other, "\"\n");

	/* Its own words for an account of which it knows none. */
	if (n == 0 || n > 32 || str_starts(other, "NONE\""))
		other = "USER", n = 4;
	fail(err, VMCTL_BAD_DATA, 0,
	     "the account %s of the guest lets nobody in: \"%.*s\"", user,
	     (int)strcspn(says, "\n"), says);
	fail_hint(err,
		  "vmctl ssh --user %.*s %s; for instances to come: vmctl "
		  "image import --user %.*s",
		  n, other, t->row->name, n, other);
	return -VMCTL_BAD_DATA;
}

/* Once for each account: that a key opens a session does not mean that anything
 * can be done in it. */
static int try_session(struct waiting *w, struct waited *t,
		       struct vmctl_error *err)
{
	const char *user = t->user ? t->user : t->row->user;
	auto_str out = STR_INIT;
	struct ssh_exit exit = { 0 };
	int r = 0;

	if (w->once || state_was_entered(w->ctx->db, t->row->id, user))
		return 0;
	r = capture(w, t, "exit 0", &exit, &out, err);
	if (r < 0)
		return r;
	const char *says = strstr(str_text(&out), ANOTHER_USER);
	if (says) {
		auto_free char *line =
			str_printable(says, strcspn(says, "\r\n"), false);
		return line ? fail_another_user(t, user, line, err)
			    : fail_oom(err);
	}
	if (!exit.timed_out)
		state_set_entered(w->ctx->db, t->row->id, user);
	state_set_entered(w->ctx->db, t->row->id, "");
	return 0;
}

static int open_session(struct waiting *w, struct waited *t)
{
	struct vmctl_error why;
	int r = t->openers.ops
			? 0
			: openers_find(w->ctx, t->row->id, &t->openers, &why);

	if (r == 0) {
		w->busy = t;
		r = openers_try(w->ctx, &t->openers, t->row, t->user,
				ssh_search_take(&t->search),
				limit(w, ATTEMPT_MS), &w->ev, &t->conn, &why);
		w->busy = NULL;
	}
	if (r == 0 && (r = try_session(w, t, &why)) < 0)
		t->openers.ops->close(take_ptr(&t->conn));
	if (r == 0 || r == -VMCTL_CANCELLED) /* by the state it has: look */
		return r;
	/* A try that had no time left says less than the one before. */
	if (t->no_ssh.code != VMCTL_DENIED || waiting_left(w) > 0)
		t->no_ssh = why;
	if (!worth_retrying(w, t, r, &why) || w->once) {
		if (r == -VMCTL_BAD_DATA && !*why.hint)
			fail_hint(&why,
				  "if it was given a new host key: vmctl "
				  "ssh-config forget %s",
				  t->row->name);
		fail_prefix(&why, "%s", t->row->name);
		waited_failed(t, &why);
	}
	t->moved = false;
	/* Its forward may be lost, or belong to somebody else now. */
	t->look_at = t->address_at = 0;
	t->ssh_at = clock_mono_ms() + RETRY_MS;
	return r;
}

/* A first boot may end in another: a session that breaks proves nothing. */
static void ask_cloud_init(struct waiting *w, struct waited *t)
{
	const char *const argv[] = { "sh", "-c", cloud_init_question, NULL };
	auto_free char *command = ssh_command(argv, NULL, NULL);
	auto_str out = STR_INIT;
	struct ssh_exit exit = { 0 };
	struct vmctl_error why;
	int r = command ? capture(w, t, command, &exit, &out, &why)
			: fail_oom(&why);

	t->openers.ops->close(take_ptr(&t->conn));
	if (r == -VMCTL_CANCELLED || r == -VMCTL_TRANSPORT || exit.timed_out) {
		t->look_at = 0;
		t->ssh_at = clock_mono_ms() + RETRY_MS;
		return;
	}
	if (r == 0)
		r = cloud_init_verdict(&w->ctx->ev, t->row->name, exit.status,
				       str_text(&out), &why);
	if (r < 0)
		waited_failed(t, &why);
	else
		waited_reached(t, VMCTL_WAIT_CLOUD_INIT);
}

/* Silence at a forwarded port may be that of a guest without a network, or of
 * a server that takes its time. */
static void ask_whether_reached(struct waiting *w, struct waited *t)
{
	struct hv_forward fwd = { .host_addr = "127.0.0.1",
				  .host_port = (int)t->row->ssh_port,
				  .guest_port = 22 };
	const struct hv_ops *ops;
	struct hv *hv;
	bool reached = false;

	if (!instance_forwarded(t->row) || !ssh_search_unsure(&t->search) ||
	    context_hv(w->ctx, t->row->connection, &ops, &hv, NULL) < 0)
		return;
	if (ops->forward_reached(hv, t->row->uuid, &fwd, &reached, NULL) == 0 &&
	    reached)
		ssh_search_reached(&t->search);
}

static void note_stage(struct waited *t, enum ssh_stage stage)
{
	static const char *const texts[] = {
		[SSH_STAGE_UNREACHABLE] = "does not answer",
		[SSH_STAGE_REFUSED] = "refuses connections",
		[SSH_STAGE_CLOSED] = "closes connections at once",
		[SSH_STAGE_SILENT] = "accepts connections, but says nothing",
	};

	if (stage < ARRAY_LEN(texts) && texts[stage])
		fail(&t->no_ssh, VMCTL_TRANSPORT, 0, "%s port %lld %s",
		     t->row->address, (long long)t->row->ssh_port,
		     texts[stage]);
}

void look_at_ssh(struct waiting *w, struct waited *t)
{
	struct ssh_search *s = &t->search;
	int64_t due = 0;

	if (clock_mono_ms() < t->ssh_at)
		return;
	if (!*t->row->address || !t->row->ssh_port) {
		fail(&t->no_ssh, VMCTL_TRANSPORT, 0, "it has no address yet");
		t->ssh_at = t->address_at;
		return;
	}
	if (!ssh_search_at(s, t->row->address, (int)t->row->ssh_port) ||
	    (s->stage == SSH_STAGE_SPOKE && s->attempts[0].fd < 0))
		ssh_search_begin(s, t->row->address, (int)t->row->ssh_port);
	ask_whether_reached(w, t);
	if (ssh_search_step(s, &due) != SSH_STAGE_SPOKE) {
		note_stage(t, s->stage);
		t->ssh_at = due;
		return;
	}
	if (open_session(w, t) < 0 || t->over)
		return;
	waited_reached(t, VMCTL_WAIT_SSH);
	if (t->missing & WAIT_BIT(VMCTL_WAIT_CLOUD_INIT))
		ask_cloud_init(w, t);
	else if (!t->keep)
		t->openers.ops->close(take_ptr(&t->conn));
}
