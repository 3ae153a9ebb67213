/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"
#include "sftp-evil.h"
#include "ssh-help.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"

/*
 * vmctl_copy() against an OpenSSH server on loopback, of which this program
 * itself is the sftp server for some tests: see sftp-evil.c.
 */
struct stand {
	struct sshd *d;
	struct place *p;
	char *here;    /* a folder of this host */
	char *outside; /* where nothing may arrive */
	unsigned failures;
	struct vmctl_error first;
};

static char *self; /* path of this program */

#define SFTP_SERVER "/usr/lib/openssh/sftp-server"

/* What the next connection's sftp server is. */
static void serve_with(struct stand *s, const char *command)
{
	auto_free char *path = path_join(s->d->dir, "sftp");
	auto_free char *text = str_printf("#!/bin/sh\n%s\n", command);

	assert_int_equal(
		file_write_atomic(path, text, strlen(text), 0700, NULL), 0);
}

static void serve_evil(struct stand *s, const char *way)
{
	auto_free char *command = str_printf(
		EVIL_OUTSIDE "=%s exec %s serve '%s'", s->outside, self, way);

	serve_with(s, command);
}

static void add_instance(struct stand *s, const char *name, int number)
{
	struct fixture db;
	auto_free char *public = NULL;
	auto_free char *sql = NULL;

	snprintf(db.dir, sizeof(db.dir), "%s", s->p->home);
	public = must_run("/usr/bin/ssh-keygen", "-y", "-f", s->d->identity,
			  NULL);
	public[strcspn(public, "\n")] = '\0';
	sql = str_printf(
		"INSERT OR IGNORE INTO image_file VALUES ('%s',1,1,1,1,1,1);"
		"INSERT INTO instance (id, name, state, reason, type, vcpus,"
		" memory, disk, image, image_digest, user, ssh_port, accel,"
		" connection, uuid, host_key, host_key_sha256, created_at,"
		" launched_at, terminated_at) VALUES ('i-%08x', '%s',"
		" 'running', '', 't', 1, 1, 1, 'i', '%s', '%s', %d, 'tcg',"
		" 'qemu+unix:///session?socket=/nonexistent/sock',"
		" '00000000-0000-4000-8000-%012x', '%s', 'x', 1, 1, 0);"
		"INSERT INTO instance_key VALUES ('i-%08x', 0, 'k', '%s',"
		" '%s');"
		"INSERT INTO nic VALUES ('i-%08x', 0, 'user', '',"
		" '52:54:00:00:00:%02x', NULL, 0, 1);",
		digest_of("0"), number, name, digest_of("0"), s->d->user,
		s->d->port, number, s->d->host_key, number, public,
		s->d->identity, number, number);
	fixture_sql(&db, sql);
}

static int stand_setup(void **state)
{
	struct stand *s;
	void *d = NULL, *p = NULL;
	struct vmctl_image_list *images = NULL;

	*state = NULL;
	if (access(SFTP_SERVER, X_OK) < 0) {
		print_error(SFTP_SERVER
			    " is missing: it belongs into scripts/deps\n");
		return -1;
	}
	s = calloc(1, sizeof(*s));
	if (!s || sshd_setup(&d) < 0 || place_setup(&p) < 0)
		return -1;
	s->d = d;
	s->p = p;
	s->here = place_path(s->p, "here");
	s->outside = place_path(s->p, "outside");
	mkdir(s->here, 0700);
	mkdir(s->outside, 0700);
	/* The database is made by its first use. */
	assert_int_equal(vmctl_image_list(s->p->ctx, &images, NULL), 0);
	vmctl_image_list_free(images);
	add_instance(s, "t1", 1);
	serve_with(s, "exec " SFTP_SERVER);
	*state = s;
	return 0;
}

static int stand_teardown(void **state)
{
	struct stand *s = *state;
	void *d, *p;
	int r;

	if (!s)
		return 0;
	d = s->d;
	p = s->p;
	r = sshd_teardown(&d) | place_teardown(&p);
	free(s->here);
	free(s->outside);
	free(s);
	return r;
}

static struct stand *need_stand(void **state)
{
	assert_non_null(*state);
	return *state;
}

/* --- copying, and what is there then -------------------------------------- */

static void on_failure(void *data, const struct vmctl_error *err)
{
	struct stand *s = data;

	if (s->failures++ == 0)
		s->first = *err;
}

enum { R = 1, P = 2, RESUME = 4 };

static int copy(struct stand *s, const char *from, const char *to, int flags)
{
	const char *sources[] = { from, NULL };
	const struct vmctl_copy what = {
		.size = sizeof(what),
		.sources = sources,
		.target = to,
		.recursive = flags & R,
		.preserve = flags & P,
		.resume = flags & RESUME,
		.in = -1,
		.out = -1,
		.failed = on_failure,
		.data = s,
	};

	s->failures = 0;
	s->p->err = (struct vmctl_error){ 0 };
	int r = vmctl_copy(s->p->ctx, &what, NULL, &s->p->err);
	if (r < 0)
		print_message("%s (%u)\n", s->p->err.message, s->failures);
	return r;
}

/* Names in a folder, each with a blank behind it; of one entry at most. */
static const char *names_in(const char *dir)
{
	static char text[4096];
	auto_dir DIR *stream = opendir(dir);
	size_t n = 0;

	assert_non_null(stream);
	text[0] = '\0';
	for (const struct dirent *e; (e = readdir(stream));)
		if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ",
					      e->d_name);
	return text;
}

static void assert_evil_bytes(const char *path, size_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	auto_str text = STR_INIT;

	assert_true(fd >= 0);
	slurp(fd, &text);
	assert_int_equal(text.len, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal((unsigned char)text.p[i], evil_byte(i));
}

static bool printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* --- names and links ----------------------------------------------------- */

static void names_of_a_guest_never_lead_outside(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *to = path_join(s->here, "r");

	serve_evil(s, "names");
	assert_int_equal(copy(s, "t1:/r", to, R), -VMCTL_PARTIAL);
	assert_int_equal(s->failures, 7);
	assert_int_equal(s->first.code, VMCTL_BAD_DATA);
	assert_string_equal(names_in(to), "good ");
	assert_string_equal(names_in(s->here), "r ");
	assert_string_equal(names_in(s->outside), "");
}

/* The server says where "~USER" is, and nothing more: what arrives is called
 * what was typed, wherever that is. */
static void a_guest_does_not_choose_what_a_copy_is_called(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *to = path_join(s->here, "to");
	static const char *const dirs[] = { "/r/..", "/r", "/r/d//" };
	static const char *const files[] = { "/r/.bashrc", "/r/f", "/r/x/y/" };

	assert_int_equal(mkdir(to, 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		auto_free char *way = str_printf("expands %s", dirs[i]);
		auto_free char *logs = path_join(to, "logs");

		serve_evil(s, way);
		assert_int_equal(copy(s, "t1:~u/logs", to, R), 0);
		assert_string_equal(names_in(to), "logs ");
		free(must_run("/bin/sh", "-c",
			      "test -s \"$0/one\" && rm -r \"$0\"", logs,
			      NULL));
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		auto_free char *way = str_printf("expands %s", files[i]);

		serve_evil(s, way);
		assert_int_equal(copy(s, "t1:~u/report", to, 0), 0);
		assert_string_equal(names_in(to), "report ");
	}
	assert_string_equal(names_in(s->here), "to ");
}

/* As of "~", the contents are what is copied. */
static void a_login_directory_of_another_gives_no_name(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *to = path_join(s->here, "to");
	auto_free char *one = path_join(to, "one");

	assert_int_equal(mkdir(to, 0700), 0);
	serve_evil(s, "expands /r/d");
	assert_int_equal(copy(s, "t1:~u/", to, R), 0);
	assert_int_equal(unlink(one), 0);
	assert_string_equal(names_in(to), "two ");
	serve_evil(s, "expands /r/f");
	assert_int_equal(copy(s, "t1:~u", to, 0), -VMCTL_BAD_DATA);
	assert_int_equal(copy(s, "t1:/r/.", to, 0), -VMCTL_BAD_DATA);
	serve_evil(s, "expands ");
	assert_int_equal(copy(s, "t1:~u/f", to, 0), -VMCTL_BAD_DATA);
	assert_string_equal(names_in(to), "two ");
	assert_string_equal(names_in(s->here), "to ");
}

/* The target is connected to first, and is an ordinary server. */
static void a_guest_does_not_choose_the_name_in_another_guest(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *to = path_join(s->here, "to");
	auto_free char *there = str_printf("%s@t1:%s", s->d->user, to);
	auto_free char *command =
		str_printf("mkdir %s/met 2>/dev/null && exec " SFTP_SERVER
			   "\nexec %s serve 'expands /r/..'",
			   s->outside, self);

	assert_int_equal(mkdir(to, 0700), 0);
	serve_with(s, command);
	assert_int_equal(copy(s, "t1:~u/logs", there, R), 0);
	assert_string_equal(names_in(to), "logs ");
	assert_string_equal(names_in(s->here), "to ");
}

static pid_t stopped;

static void go_on(int signal)
{
	(void)signal;
	kill(stopped, SIGCONT);
}

/* It accepts and says nothing, for longer than nobody else is asked about it;
 * and there is no hypervisor here that could be asked. */
static void a_slow_server_needs_no_hypervisor(void **state)
{
	struct stand *s = need_stand(state);
	const struct itimerval soon = { .it_value.tv_usec = 900000 };

	stopped = s->d->pid;
	signal(SIGALRM, go_on);
	kill(stopped, SIGSTOP);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(copy(s, "t1:/etc/hostname", s->here, 0), 0);
	signal(SIGALRM, SIG_DFL);
	assert_string_equal(names_in(s->here), "hostname ");
}

static void a_link_that_a_guest_had_made_is_not_followed(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *to = path_join(s->here, "r");
	auto_free char *l = path_join(to, "l");
	struct stat st;

	serve_evil(s, "links");
	/* Twice: now the link is there from the beginning. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(copy(s, "t1:/r", s->here, R), -VMCTL_PARTIAL);
		assert_string_equal(names_in(s->outside), "");
		assert_int_equal(lstat(l, &st), 0);
		assert_true(S_ISREG(st.st_mode));
	}
}

static void a_tree_that_is_too_deep_ends(void **state)
{
	struct stand *s = need_stand(state);

	serve_evil(s, "deep");
	assert_int_equal(copy(s, "t1:/r", s->here, R), -VMCTL_PARTIAL);
	assert_non_null(strstr(s->first.message, "deep"));
}

static void rights_are_not_taken_from_a_guest(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *to = path_join(s->here, "f");
	struct stat st;

	serve_evil(s, "nothing");
	for (int flags = 0; flags <= P; flags += P) {
		assert_int_equal(copy(s, "t1:/r/f", to, flags), 0);
		assert_int_equal(stat(to, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
	}
	assert_int_equal(st.st_mtime, 1000000000);
}

/* --- what a server may say ------------------------------------------------ */

/* It fails so, in any case without a trace of it. */
static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	return st.st_mode & 07777;
}

/* Of "key", which leads nowhere, and of "big", which leads to a file. */
static void put_links(struct stand *s, const char *other)
{
	auto_free char *key = path_join(s->outside, "key");
	auto_free char *big = path_join(s->outside, "big");

	(void)unlink(key);
	(void)unlink(big);
	assert_int_equal(symlink("/nonexistent/x", key), 0);
	assert_int_equal(symlink(other, big), 0);
}

/* One file, small and large ones of a tree; down and up. */
static void a_link_that_is_replaced_hands_on_no_mode(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *dir = path_join(s->here, "dir");
	auto_free char *key = path_join(dir, "key");
	auto_free char *big = path_join(dir, "big");
	auto_free char *other = path_join(s->here, "other");
	auto_free char *to_key = path_join(s->outside, "key");
	auto_free char *to_big = path_join(s->outside, "big");
	auto_free char *tree = str_printf("%s/.", dir);
	auto_free char *bytes = calloc(1, 200000);
	const char *const pairs[][2] = { { key, s->outside },
					 { key, to_key },
					 { tree, s->outside } };
	const mode_t mask = umask(022);

	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(file_write_atomic(key, "k", 1, 0600, NULL), 0);
	assert_int_equal(file_write_atomic(big, bytes, 200000, 0600, NULL), 0);
	assert_int_equal(file_write_atomic(other, "o", 1, 0644, NULL), 0);
	for (size_t i = 0; i < 2 * ARRAY_LEN(pairs); i++) {
		const char *const *pair = pairs[i / 2];
		auto_free char *from =
			str_printf("%s%s", i % 2 ? "" : "t1:", pair[0]);
		auto_free char *to =
			str_printf("%s%s", i % 2 ? "t1:" : "", pair[1]);

		put_links(s, other);
		assert_int_equal(copy(s, from, to, R), 0);
		assert_int_equal(mode_of(to_key), 0600);
		if (pair[0] == tree)
			assert_int_equal(mode_of(to_big), 0600);
		assert_int_equal(mode_of(other), 0644);
	}
	umask(mask);
}

static void fails_so(struct stand *s, const char *way, const char *from,
		     int code, const char *message)
{
	auto_free char *old = path_join(s->here, "f");

	print_message("%s:\n", way);
	assert_int_equal(file_write_atomic(old, "old", 3, 0600, NULL), 0);
	serve_evil(s, way);
	assert_int_equal(copy(s, from, old, 0), -code);
	assert_non_null(strstr(s->p->err.message, message));
	assert_true(printable(s->p->err.message));
	assert_string_equal(names_in(s->here), "f ");
	auto_str text = STR_INIT;
	assert_int_equal(file_read(old, 100, &text, NULL), 0);
	assert_string_equal(str_text(&text), "old");
}

static void what_a_server_says_is_checked(void **state)
{
	struct stand *s = need_stand(state);
	static const struct {
		const char *way;
		int code;
		const char *message;
	} ways[] = {
		{ "talks", VMCTL_BAD_DATA, "something else than sftp" },
		{ "negative size", VMCTL_BAD_DATA, "impossible size" },
		{ "too much data", VMCTL_BAD_DATA, "more came" },
		{ "no data", VMCTL_BAD_DATA, "without data" },
		{ "shrinks", VMCTL_FAILED, "became shorter" },
		{ "refuses to read", VMCTL_FAILED, "cannot read" },
		{ "another question", VMCTL_BAD_DATA, "no question" },
		{ "wrong type", VMCTL_BAD_DATA, "does not fit" },
		{ "huge packet", VMCTL_BAD_DATA, "something else" },
		{ "cut off", VMCTL_BAD_DATA, "does not fit" },
		{ "long handle", VMCTL_BAD_DATA, "cut off" },
		{ "says nothing", VMCTL_BAD_DATA, "says nothing" },
	};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		fails_so(s, ways[i].way, "t1:/r/f", ways[i].code,
			 ways[i].message);
}

static void a_folder_that_does_not_end_is_left(void **state)
{
	struct stand *s = need_stand(state);

	serve_evil(s, "endless folder");
	assert_int_equal(copy(s, "t1:/r", s->here, R), -VMCTL_PARTIAL);
	assert_non_null(strstr(s->first.message, "does not end"));
	serve_evil(s, "too many names");
	assert_int_equal(copy(s, "t1:/r", s->here, R), -VMCTL_BAD_DATA);
}

static void short_answers_are_put_together(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *f = path_join(s->here, "f");
	auto_free char *one = path_join(s->here, "r/one");

	serve_evil(s, "short answers");
	assert_int_equal(copy(s, "t1:/r/f", f, 0), 0);
	assert_evil_bytes(f, EVIL_SIZE);
	serve_evil(s, "small files");
	assert_int_equal(copy(s, "t1:/r", s->here, R), 0);
	assert_evil_bytes(one, 100);
}

/* --- the end of a connection ---------------------------------------------- */

static void a_broken_copy_is_gone_on_with(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *f = path_join(s->here, "f");
	struct stat st;

	assert_int_equal(file_write_atomic(f, "old", 3, 0600, NULL), 0);
	serve_evil(s, "dies");
	assert_int_equal(copy(s, "t1:/r/f", f, 0), -VMCTL_TRANSPORT);
	assert_non_null(strstr(s->p->err.hint, "--resume"));
	assert_int_equal(stat(f, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_non_null(strstr(names_in(s->here), ".part"));
	/* What is there is taken over: else this server would die again
	 * before the end is reached. */
	serve_evil(s, "large");
	assert_int_equal(copy(s, "t1:/r/f", f, RESUME), 0);
	assert_evil_bytes(f, EVIL_LARGE);
	assert_string_equal(names_in(s->here), "f ");
}

/* Breaks a copy off. The path of what it left, allocated. */
static char *left_by_a_broken_copy(struct stand *s, const char *f)
{
	char *part;

	serve_evil(s, "dies");
	assert_int_equal(copy(s, "t1:/r/f", f, 0), -VMCTL_TRANSPORT);
	part = path_join(s->here, names_in(s->here));
	part[strlen(part) - 1] = '\0';
	return part;
}

/* Of a copy that was killed soon. */
static void what_is_too_little_to_go_on_with_is_removed(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *f = path_join(s->here, "f");
	auto_free char *part = left_by_a_broken_copy(s, f);

	assert_int_equal(truncate(part, 3000000), 0);
	serve_evil(s, "large");
	assert_int_equal(copy(s, "t1:/r/f", f, RESUME), 0);
	assert_evil_bytes(f, EVIL_LARGE);
	assert_string_equal(names_in(s->here), "f ");
}

/* The beginning of something else, under the right name. */
static void a_wrong_beginning_is_never_gone_on_with(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *f = path_join(s->here, "f");
	auto_free char *part = left_by_a_broken_copy(s, f);

	patch(part, 1000000, "wrong", 5);
	patch(part, 0, "x", 1);
	serve_evil(s, "large");
	assert_int_equal(copy(s, "t1:/r/f", f, RESUME), 0);
	assert_evil_bytes(f, EVIL_LARGE);
}

static void cancelling_ends_a_copy_that_hangs(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *f = path_join(s->here, "f");
	int64_t begin = clock_mono_ms();

	serve_evil(s, "hangs");
	s->p->asked = 0;
	s->p->cancel_at = 60;
	assert_int_equal(copy(s, "t1:/r/f", f, 0), -VMCTL_CANCELLED);
	s->p->cancel_at = 0;
	assert_true(clock_mono_ms() - begin < 60000);
	assert_string_equal(names_in(s->here), "");
}

/* --- a server with less to offer ------------------------------------------ */

static void make_tree(struct stand *s, const char *name)
{
	auto_free char *dir = path_join(s->here, name);
	auto_free char *big = path_join(dir, "big");
	auto_free char *small = path_join(dir, "small");
	auto_free char *bytes = malloc(1000000);

	assert_int_equal(random_bytes(bytes, 256, NULL), 0);
	for (size_t i = 256; i < 1000000; i++)
		bytes[i] = (char)(bytes[i - 256] + (char)(i >> 8));
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(file_write_atomic(big, bytes, 1000000, 0640, NULL), 0);
	assert_int_equal(file_write_atomic(small, bytes, 3000, 0640, NULL), 0);
}

static void without_extensions_it_works_too(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *a = path_join(s->here, "a");
	auto_free char *b = path_join(s->here, "b");
	auto_free char *c = path_join(s->here, "c");
	auto_free char *there = str_printf("t1:%s", b);

	make_tree(s, "a");
	serve_with(s, "exec " SFTP_SERVER
		      " -P posix-rename,limits,statvfs,expand-path");
	/* The second time there is something to replace. */
	for (int i = 0; i < 2; i++) {
		auto_free char *contents = str_printf("%s/.", a);

		assert_int_equal(copy(s, contents, there, R), 0);
		free(must_run("/usr/bin/diff", "-r", a, b, NULL));
	}
	assert_int_equal(copy(s, there, c, R), 0);
	free(must_run("/usr/bin/diff", "-r", a, c, NULL));
	free(must_run("/bin/sh", "-c", "! ls -A \"$0\" | grep vmctl", b, NULL));
}

/* More requests than can be under way, while the listings of the folders above
 * are waiting. */
static void a_tree_of_many_folders_arrives(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *a = path_join(s->here, "a");
	auto_free char *b = path_join(s->here, "b");
	auto_free char *c = path_join(s->here, "c");
	auto_free char *there = str_printf("t1:%s", b);

	free(must_run("/bin/sh", "-c",
		      "i=0; while [ $i -lt 120 ]; do"
		      " mkdir -p \"$0/x/$i/y\"; j=0; while [ $j -lt 20 ]; do"
		      " echo $i $j >\"$0/x/$i/y/$j\"; j=$((j + 1)); done;"
		      " i=$((i + 1)); done",
		      a, NULL));
	assert_int_equal(copy(s, a, there, R), 0);
	free(must_run("/usr/bin/diff", "-r", a, b, NULL));
	assert_int_equal(copy(s, there, c, R), 0);
	free(must_run("/usr/bin/diff", "-r", a, c, NULL));
}

static void a_server_without_sftp_says_so(void **state)
{
	struct stand *s = need_stand(state);
	auto_free char *f = path_join(s->here, "f");

	serve_with(s, "exit 1");
	assert_int_equal(copy(s, "t1:/r/f", f, 0), -VMCTL_UNSUPPORTED);
	assert_non_null(strstr(s->p->err.hint, "openssh-sftp-server"));
}

/* --- a full disk ---------------------------------------------------------- */

/* In a process of its own, that sees another disk there. 77: not possible. */
static int in_small_disk(struct stand *s, const char *dir,
			 int (*body)(struct stand *s))
{
	int status;

	vmctl_free(take_ptr(&s->p->ctx));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!small_disk(dir, "size=1m"))
			_exit(77);
		s->p->ctx = place_context(s->p);
		_exit(body(s));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	s->p->ctx = place_context(s->p);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int fill_here(struct stand *s)
{
	auto_free char *f = path_join(s->here, "f");

	serve_evil(s, "large");
	if (copy(s, "t1:/r/f", f, 0) != -VMCTL_LIMIT)
		return 1;
	if (!strstr(s->p->err.message, "disk of this host is full") ||
	    !strstr(s->p->err.message, "more is needed"))
		return 2;
	return *names_in(s->here) ? 3 : 0;
}

static void a_full_disk_here_is_told_with_what_is_missing(void **state)
{
	struct stand *s = need_stand(state);
	int r = in_small_disk(s, s->here, fill_here);

	if (r == 77)
		skip_because("mount namespaces are not permitted");
	assert_int_equal(r, 0);
}

static bool may_mount(const struct stand *s, const char *map)
{
	auto_free char *probe = str_printf(
		"unshare %s mount -t tmpfs none %s 2>/dev/null; echo $?", map,
		s->outside);
	auto_free char *status = must_run("/bin/sh", "-c", probe, NULL);

	return str_eq(status, "0\n");
}

static void a_full_disk_there_is_told_with_what_is_missing(void **state)
{
	struct stand *s = need_stand(state);
	const char *map = geteuid() == 0 ? "-m" : "-Urm";

	/* Before anything is allocated, as skipping is a long jump. */
	if (!may_mount(s, map))
		skip_because("mount namespaces are not permitted");

	auto_free char *f = path_join(s->here, "f");
	auto_free char *file = path_join(s->outside, "f");
	auto_free char *there = str_printf("t1:%s", file);
	/* Whether the server sees the small disk is seen by its listing. */
	auto_free char *command = str_printf(
		"exec unshare %s sh -c 'mount -t tmpfs -o size=1m none %s && "
		"exec " SFTP_SERVER " || exit 77'",
		map, s->outside);
	auto_free char *bytes = malloc(3000000);

	memset(bytes, 'x', 3000000);
	assert_int_equal(file_write_atomic(f, bytes, 3000000, 0600, NULL), 0);
	serve_with(s, command);
	assert_int_equal(copy(s, f, there, 0), -VMCTL_FAILED);
	assert_non_null(strstr(s->p->err.message, "disk of t1 is full"));
	assert_non_null(strstr(s->p->err.message, "more is needed"));
}

/* -------------------------------------------------------------------------- */

#define TEST(f) cmocka_unit_test_setup_teardown(f, stand_setup, stand_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(names_of_a_guest_never_lead_outside),
		TEST(a_guest_does_not_choose_what_a_copy_is_called),
		TEST(a_login_directory_of_another_gives_no_name),
		TEST(a_guest_does_not_choose_the_name_in_another_guest),
		TEST(a_slow_server_needs_no_hypervisor),
		TEST(a_link_that_a_guest_had_made_is_not_followed),
		TEST(a_tree_that_is_too_deep_ends),
		TEST(rights_are_not_taken_from_a_guest),
		TEST(a_link_that_is_replaced_hands_on_no_mode),
		TEST(what_a_server_says_is_checked),
		TEST(a_folder_that_does_not_end_is_left),
		TEST(short_answers_are_put_together),
		TEST(a_broken_copy_is_gone_on_with),
		TEST(what_is_too_little_to_go_on_with_is_removed),
		TEST(a_wrong_beginning_is_never_gone_on_with),
		TEST(cancelling_ends_a_copy_that_hangs),
		TEST(without_extensions_it_works_too),
		TEST(a_tree_of_many_folders_arrives),
		TEST(a_server_without_sftp_says_so),
		TEST(a_full_disk_here_is_told_with_what_is_missing),
		TEST(a_full_disk_there_is_told_with_what_is_missing),
	};

	if (argc == 3 && str_eq(argv[1], "serve"))
		evil_serve(argv[2]);
	self = realpath("/proc/self/exe", NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
