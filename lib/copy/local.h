/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COPY_LOCAL_H
#define COPY_LOCAL_H

#include "copy/copy.h"

/* What the files local*.c offer each other. */

/* fail_sys() that tells ENOENT and EEXIST apart. */
int local_fail(struct vmctl_error *err, int sys_errno, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
struct meta local_meta(const struct stat *st);
int local_apply(int fd, const struct final *final, const char *label,
		struct vmctl_error *err);
int local_publish(struct folder *at, const char *from, const char *to,
		  struct vmctl_error *err);
int local_open(struct folder *at, const char *name, bool follow,
	       struct file **ret, struct meta *ret_meta,
	       struct vmctl_error *err);
int local_create(struct folder *at, const char *name, mode_t mode,
		 struct file **ret, struct vmctl_error *err);
int local_reopen(struct folder *at, const char *name, int64_t size,
		 struct file **ret, struct vmctl_error *err);
int local_open_as_is(struct folder *at, const char *name, struct file **ret,
		     struct vmctl_error *err);
int local_rewrite(struct folder *at, const char *name, struct file **ret,
		  struct vmctl_error *err);
int local_read(struct file *f, struct chunk *ret, struct vmctl_error *err);
int local_write(struct file *f, int64_t off, const void *p, size_t n,
		struct vmctl_error *err);
int local_finish(struct file *f, const struct final *final,
		 struct vmctl_error *err);
void local_close(struct file *f);
int local_fetch(struct folder *from, struct small *v, size_t n,
		struct vmctl_error *err);
int local_store(struct folder *to, struct small *v, size_t n,
		struct vmctl_error *err);

#endif
