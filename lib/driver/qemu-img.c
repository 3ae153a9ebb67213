/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/qemu-img.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/proc.h"
#include "base/str.h"

/* For as long as the disk takes; it can be interrupted. */
#define DISK_TIMEOUT_MS (24L * 3600 * 1000)

/*
 * All paths given to qemu-img are absolute: it takes a name with a colon
 * before the first slash, such as "json:…" or "nbd:…", for something else than
 * a file. The format of an existing file is always given too: to guess it
 * would let the contents of a raw disk, which a guest writes, name other files
 * of the host to be read as its backing file.
 */
static int check_path(const char *path, struct vmctl_error *err)
{
	if (path[0] == '/')
		return 0;
	return fail(err, VMCTL_INTERNAL, 0, "%s is not an absolute path", path);
}

static int fail_missing(struct vmctl_error *err)
{
	int r = fail(err, VMCTL_UNSUPPORTED, 0,
		     "the program qemu-img is not installed");

	fail_hint(err, "sudo apt-get install qemu-utils");
	return r;
}

static int run(const char *const *argv, const struct events *ev,
	       struct proc_result *ret, struct vmctl_error *err)
{
	const struct proc_spec spec = {
		.argv = argv,
		.timeout_ms = DISK_TIMEOUT_MS,
		.cancelled = ev ? ev->cancelled : NULL,
		.data = ev ? ev->data : NULL,
	};
	int r = proc_run(&spec, ret, err);

	return r == -VMCTL_NOT_FOUND ? fail_missing(err) : r;
}

/* Its first line, "qemu-img: Could not open '/path': Invalid argument", without
 * the program's name. Cuts the text there. */
static const char *reason(struct proc_result *res)
{
	const char *why = str_text(&res->err);

	if (res->err.p)
		res->err.p[strcspn(res->err.p, "\n")] = '\0';
	return str_starts(why, "qemu-img: ") ? why + 10 : why;
}

/* A failure of qemu-img itself. Of a full disk it tells the text only. */
static int fail_program(const char *what, const char *path,
			struct proc_result *res, struct vmctl_error *err)
{
	const char *why = reason(res);

	if (strstr(why, "No space left on device") ||
	    strstr(why, "Disk quota exceeded")) {
		int r = fail(err, VMCTL_LIMIT, 0,
			     "cannot %s %s: no space left on the disk", what,
			     path);

		fail_hint(err, "free some disk space and try again");
		return r;
	}
	if (strstr(why, "Permission denied"))
		return fail(err, VMCTL_DENIED, 0, "cannot %s %s: %s", what,
			    path, why);
	return fail(err, VMCTL_FAILED, 0, "cannot %s %s: %s", what, path,
		    *why ? why : "qemu-img gave no reason");
}

/* Runs what has to succeed. */
static int run_ok(const char *const *argv, const char *what, const char *path,
		  const struct events *ev, struct vmctl_error *err)
{
	auto_cleanup(proc_result_done) struct proc_result res = { 0 };
	int r = run(argv, ev, &res, err);

	if (r < 0 || res.status == 0)
		return r;
	return fail_program(what, path, &res, err);
}

int qemu_img_overlay(const char *backing, int64_t size, const char *path,
		     const struct events *ev, struct vmctl_error *err)
{
	char bytes[32];
	const char *const argv[] = { "qemu-img", "create", "-q",    "-f",
				     "qcow2",	 "-F",	   "qcow2", "-b",
				     backing,	 "--",	   path,    bytes,
				     NULL };
	int r = check_path(backing, err);

	if (r == 0)
		r = check_path(path, err);
	if (r < 0)
		return r;
	/* qemu-img would write over a file that is there. */
	auto_close int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_sys(err, errno, "cannot make the disk %s", path);
	snprintf(bytes, sizeof(bytes), "%" PRId64, size);
	r = run_ok(argv, "make the disk", path, ev, err);
	if (r < 0)
		unlink(path);
	return r;
}

int qemu_img_convert(const char *from, const char *to, const struct events *ev,
		     struct vmctl_error *err)
{
	const char *const argv[] = { "qemu-img", "convert", "-q",    "-f",
				     "raw",	 "-O",	    "qcow2", "--",
				     from,	 to,	    NULL };
	int r = check_path(from, err);

	if (r == 0)
		r = check_path(to, err);
	return r < 0 ? r : run_ok(argv, "convert to", to, ev, err);
}

/* Of a file that is checked, a failure of the program tells about the file. */
static int bad_data(struct vmctl_error *err)
{
	if (err)
		err->code = VMCTL_BAD_DATA;
	return -VMCTL_BAD_DATA;
}

int qemu_img_check(const char *path, const struct events *ev,
		   struct vmctl_error *err)
{
	const char *const argv[] = { "qemu-img",      "check", "-f", "qcow2",
				     "--output=json", "--",    path, NULL };
	auto_cleanup(proc_result_done) struct proc_result res = { 0 };
	auto_json json_t *report = NULL;
	int64_t errors;
	int r = check_path(path, err);

	if (r == 0)
		r = run(argv, ev, &res, err);
	/* 3: clusters that nothing uses. They cost space and do no harm. */
	if (r < 0 || res.status == 0 || res.status == 3)
		return r;
	/* It could not even begin: no qcow2 file, or not one that it may read.
	 */
	if (json_parse(str_text(&res.out), res.out.len,
		       "the answer of qemu-img", &report, NULL) < 0) {
		r = fail_program("check", path, &res, err);
		return r == -VMCTL_FAILED ? bad_data(err) : r;
	}
	errors = json_get_int(report, "corruptions", 0) +
		 json_get_int(report, "check-errors", 0);
	return fail(err, VMCTL_BAD_DATA, 0,
		    "%s is damaged or cut short: qemu-img finds errors in its "
		    "structure (%" PRId64 ")",
		    path, errors);
}

/*
 * QEMU's locks on an image are shared ones, one byte for each permission: from
 * 100 on what a process does, from 200 on what it does not let others do. After
 * taking its own it looks whether somebody has the opposite one.
 */
#define DOES 100
#define FORBIDS 200
#define CONSISTENT_READ 0
#define WRITE 1
#define RESIZE 3

static bool somebody_has(int fd, off_t from, off_t n)
{
	struct flock lock = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = from,
			      .l_len = n };

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool qemu_disk_in_use(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && somebody_has(fd, DOES, 200);
}

bool qemu_disk_hold(int fd)
{
	static const off_t ours[] = { DOES + CONSISTENT_READ, FORBIDS + WRITE,
				      FORBIDS + RESIZE };

	/* A file system without locks has none of QEMU's either. */
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		struct flock lock = { .l_type = F_RDLCK,
				      .l_whence = SEEK_SET,
				      .l_start = ours[i],
				      .l_len = 1 };

		(void)fcntl(fd, F_OFD_SETLK, &lock);
	}
	return !somebody_has(fd, DOES + WRITE, 1) &&
	       !somebody_has(fd, DOES + RESIZE, 1) &&
	       !somebody_has(fd, FORBIDS + CONSISTENT_READ, 1);
}
