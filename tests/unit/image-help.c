/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image-help.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"

static bool cancelled_at(void *data)
{
	struct place *p = data;

	return ++p->asked == p->cancel_at;
}

struct vmctl *place_context(struct place *p)
{
	const struct vmctl_options opts = {
		.size = sizeof(opts),
		.home = p->home,
		.lock_timeout_ms = 20000,
		.command = "test",
		.cancelled = cancelled_at,
		.data = p,
	};
	struct vmctl *ctx = NULL;

	assert_int_equal(vmctl_new(&opts, &ctx, &p->err), 0);
	return ctx;
}

int place_setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	snprintf(p->dir, sizeof(p->dir), "%s/vmctl-image.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->home, sizeof(p->home), "%s/home", p->dir);
	p->ctx = place_context(p);
	*state = p;
	return 0;
}

int place_teardown(void **state)
{
	struct place *p = *state;
	int r;

	vmctl_free(p->ctx);
	r = dir_remove(p->dir, NULL);
	free(p);
	return r;
}

char *place_path(const struct place *p, const char *name)
{
	char *path = path_join(p->dir, name);

	assert_non_null(path);
	return path;
}

void run_program(const char *program, ...)
{
	const char *argv[24] = { program };
	const struct proc_spec spec = { .argv = argv };
	struct vmctl_error err = { 0 };
	va_list args;
	int n = 1;

	va_start(args, program);
	while (n < 23 && (argv[n] = va_arg(args, const char *)))
		n++;
	va_end(args);
	if (proc_check(&spec, NULL, &err) < 0)
		assert_string_equal(err.message, program);
}

char *make_raw(struct place *p, const char *name, size_t size, unsigned seed)
{
	char *path = place_path(p, name);
	auto_free unsigned char *bytes = calloc(1, size);
	unsigned x = seed * 2654435761u + 1;

	assert_non_null(bytes);
	/* Half of it noise and half nothing, as disks are. */
	for (size_t i = 0; i < size / 2; i++) {
		x = x * 1664525u + 1013904223u;
		bytes[i] = x >> 24 & 0x0f; /* so that it can be compressed */
	}
	if (size >= 512) {
		bytes[510] = 0x55;
		bytes[511] = 0xaa;
	}
	assert_int_equal(file_write_atomic(path, bytes, size, 0600, NULL), 0);
	return path;
}

char *make_qcow2(struct place *p, const char *name, unsigned seed,
		 bool compressed)
{
	char *path = place_path(p, name);
	auto_free char *raw = make_raw(p, "seed.raw", 1 << 20, seed);

	run_program("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw,
		    path, compressed ? "-c" : NULL, NULL);
	return path;
}

void patch(const char *path, long at, const void *bytes, size_t n)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
}

int import(struct place *p, const char *file, const char *name,
	   struct vmctl_image **ret)
{
	const struct vmctl_image_import what = {
		.size = sizeof(what),
		.file = file,
		.name = name,
	};
	struct vmctl_image *image = NULL;
	int r = vmctl_image_import(p->ctx, &what, &image, &p->err);

	if (ret && r == 0)
		*ret = take_ptr(&image);
	vmctl_image_free(image);
	return r;
}

int stored_files(const struct place *p)
{
	auto_free char *path = path_join(p->home, "images");
	auto_dir DIR *dir = opendir(path);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	return dir ? n - 2 : 0;
}
