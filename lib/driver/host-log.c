/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/host-log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

#define AUDIT_LOG "/var/log/audit/audit.log"
#define SYSTEM_QEMU_LOG "/var/log/libvirt/qemu"
#define TAIL_BYTES (256 << 10)
#define JOURNAL_MS 600
#define LINE_MAX_BYTES 300

/* --- the kernel's and the audit daemon's ------------------------------------
 */

static bool is_denial(const char *line)
{
	static const char *const signs[] = {
		"apparmor=\"DENIED\"",	 "avc:  denied",
		"type=SECCOMP",		 "oom-kill",
		"Out of memory: Killed", "Killed process",
	};

	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (strstr(line, signs[i]))
			return true;
	return false;
}

/* A whole word: pid=12 is not pid=123. */
static bool has_word(const char *line, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = line; n && (p = strstr(p, word)); p++)
		if (!((p[n] >= '0' && p[n] <= '9') ||
		      (p[n] >= 'a' && p[n] <= 'f')))
			return true;
	return false;
}

static bool names_it(const char *line, const struct host_log_names *names)
{
	for (size_t i = 0; names->words[i]; i++)
		if (has_word(line, names->words[i]))
			return true;
	return false;
}

/* Keeps the last `most`. */
static void keep(char ***list, const char *line, size_t most)
{
	size_t n = strlen(line);
	auto_free char *safe = str_printable(
		line, n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES, false);
	size_t have = strv_len((const char *const *)*list);

	if (!safe || !*safe || !most)
		return;
	if (have == most) {
		free((*list)[0]);
		memmove(*list, *list + 1, have * sizeof(**list));
	}
	(void)strv_append(list, safe);
}

static void take_lines(char *text, const struct host_log_names *names,
		       size_t most, char ***list)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		if (is_denial(line) && names_it(line, names))
			keep(list, line, most);
}

/* The ring buffer of the kernel (ABI/testing/dev-kmsg): a record for each
 * read, "priority,sequence,time,flags;text". */
static bool read_kmsg(const struct host_log_names *names, size_t most,
		      char ***list)
{
	auto_close int fd =
		open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192];
	ssize_t n;

	if (fd < 0)
		return false;
	/* EPIPE: a record was overwritten while we were reading. */
	while ((n = read(fd, record, sizeof(record) - 1)) > 0 ||
	       (n < 0 && (errno == EPIPE || errno == EINTR))) {
		if (n <= 0)
			continue;
		record[n] = '\0';
		char *text = strchr(record, ';');
		if (!text)
			continue;
		text[strcspn(text, "\n")] = '\0';
		if (is_denial(text + 1) && names_it(text + 1, names))
			keep(list, text + 1, most);
	}
	return errno == EAGAIN;
}

static void read_journal(const struct host_log_names *names, size_t most,
			 char ***list)
{
	static const char *const argv[] = { "journalctl", "-k",	  "-q",
					    "--no-pager", "-o",	  "cat",
					    "-n",	  "5000", "--boot",
					    NULL };
	const struct proc_spec spec = { .argv = argv,
					.timeout_ms = JOURNAL_MS };
	struct proc_result res = { 0 };

	if (proc_run(&spec, &res, NULL) == 0 && res.out.p)
		take_lines(res.out.p, names, most, list);
	proc_result_done(&res);
}

/* The end of a file, in *ret; the first line is not whole. */
static bool read_tail(const char *path, struct str *ret)
{
	auto_close int fd = -1;
	struct stat st;

	if (file_open(path, &fd, NULL) < 0 || fstat(fd, &st) < 0)
		return false;
	if (st.st_size > TAIL_BYTES &&
	    lseek(fd, st.st_size - TAIL_BYTES, SEEK_SET) < 0)
		return false;
	/* It grows while it is read. */
	if (!str_reserve(ret, TAIL_BYTES + 1))
		return false;
	ssize_t n = read(fd, ret->p, TAIL_BYTES);
	if (n < 0)
		return false;
	ret->len = (size_t)n;
	ret->p[n] = '\0';
	for (size_t i = 0; i < ret->len; i++)
		if (!ret->p[i])
			ret->p[i] = ' ';
	return true;
}

char **host_log_denials(const struct host_log_names *names, size_t most)
{
	auto_strv char **list = strv_dup(NULL);
	auto_str audit = STR_INIT;

	if (!list)
		return NULL;
	if (!read_kmsg(names, most, &list))
		read_journal(names, most, &list);
	/* auditd takes the kernel's audit records away from its ring. */
	if (!list[0] && read_tail(AUDIT_LOG, &audit))
		take_lines(audit.p, names, most, &list);
	return take_ptr(&list);
}

/* --- QEMU's own -------------------------------------------------------------
 */

static char *qemu_log(const char *domain, int session)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (!session)
		return str_printf("%s/%s.log", SYSTEM_QEMU_LOG, domain);
	if (cache && *cache == '/')
		return str_printf("%s/libvirt/qemu/log/%s.log", cache, domain);
	return str_printf("%s/.cache/libvirt/qemu/log/%s.log", home ? home : "",
			  domain);
}

/* libvirt writes "DATE: starting up libvirt version: …", the environment and
 * the arguments, one a line and each but the last ending in a backslash. */
char **host_log_qemu(const char *domain, int session, size_t most)
{
	auto_strv char **list = strv_dup(NULL);
	auto_free char *path = qemu_log(domain, session);
	auto_str text = STR_INIT;
	bool more = false;

	if (!list || !path || !read_tail(path, &text))
		return take_ptr(&list);
	char *rest = text.p, *line;
	while ((line = strsep(&rest, "\n"))) {
		size_t n = strlen(line);
		bool goes_on = n && line[n - 1] == '\\';

		if (strstr(line, ": starting up libvirt version")) {
			strv_free(take_ptr(&list));
			list = strv_dup(NULL);
			if (!list)
				return NULL;
			more = true; /* the environment follows */
			continue;
		}
		/* What libvirt notes of its own accord is no news. */
		if (!more && !goes_on && n && !strstr(line, "Domain id=") &&
		    !strstr(line, "char device redirected"))
			keep(&list, line, most);
		more = goes_on;
	}
	return take_ptr(&list);
}

/* --- its process ------------------------------------------------------------
 */

static long seconds_since(uint64_t start_ticks)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (long)now.tv_sec -
	       (long)(start_ticks / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* Whether it was started with "-name guest=i-0123abcd,…". */
static bool runs_domain(const char *pid, const char *domain)
{
	auto_free char *path = str_printf("/proc/%s/cmdline", pid);
	auto_free char *want = str_printf("guest=%s", domain);
	auto_close int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char buf[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
	bool named = false;

	if (n <= 0 || !want)
		return false;
	buf[n] = '\0';
	for (const char *p = buf; p < buf + n; p += strlen(p) + 1) {
		size_t length = strlen(want);

		if (named && str_starts(p, want) &&
		    (!p[length] || p[length] == ','))
			return true;
		named = str_eq(p, "-name");
	}
	return false;
}

/* The user who started it: the owner of /proc/PID is root for a program of
 * root's that anybody may run. */
static bool real_user(const char *pid, uid_t *ret)
{
	auto_free char *path = str_printf("/proc/%s/status", pid);
	auto_str text = STR_INIT;
	const char *at;
	unsigned uid;

	if (!path || file_read(path, 1 << 16, &text, NULL) < 0)
		return false;
	at = strstr(str_text(&text), "\nUid:");
	if (!at || sscanf(at, " Uid: %u", &uid) != 1)
		return false;
	*ret = uid;
	return true;
}

/* libvirt gives the disk to the user it runs QEMU as; where it is told not to,
 * that user is the one its packages make. Command lines of other users prove
 * nothing: anybody can write one. */
static bool may_run(uid_t user, const char *disk)
{
	static const char *const names[] = { "libvirt-qemu", "qemu" };
	struct stat st;

	if (user == geteuid() || (stat(disk, &st) == 0 && user == st.st_uid))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct passwd *p = getpwnam(names[i]);

		if (p && p->pw_uid == user)
			return true;
	}
	return false;
}

pid_t host_qemu_process(const char *domain, const char *disk, long *ret_seconds)
{
	auto_dir DIR *proc = opendir("/proc");
	const struct dirent *e;

	while (proc && (e = readdir(proc))) {
		char *end;
		long pid = strtol(e->d_name, &end, 10);
		uid_t user;

		if (pid <= 1 || *end || !runs_domain(e->d_name, domain) ||
		    !real_user(e->d_name, &user) || !may_run(user, disk))
			continue;
		uint64_t start = proc_start_time((pid_t)pid);
		if (!start)
			continue;
		*ret_seconds = seconds_since(start);
		return (pid_t)pid;
	}
	return 0;
}
