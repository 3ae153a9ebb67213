/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COPY_REMOTE_H
#define COPY_REMOTE_H

#include "copy/copy.h"

/* What the files remote*.c offer each other. */

int remote_call(struct end *end, const struct sftp_call *call,
		uint32_t *ret_ticket, struct vmctl_error *err);
int remote_wait(struct end *end, uint32_t ticket, struct sftp_reply *ret,
		struct vmctl_error *err);
/* Both. */
int remote_ask(struct end *end, const struct sftp_call *call,
	       struct sftp_reply *ret, struct vmctl_error *err);
/* The failure that a status is; 0 for SFTP_OK. The reply is done with. */
int remote_status(struct sftp_reply *reply, struct vmctl_error *err,
		  const char *fmt, ...) PRINTF_LIKE(3, 4);
/* An answer that is a list of one name, which is a whole path. */
bool remote_is_path(const struct sftp_reply *reply);
struct meta remote_meta(const struct sftp_attr *a);
struct sftp_attr remote_attr(const struct final *final);
int remote_publish(struct folder *at, const char *from, const char *to,
		   struct vmctl_error *err);
int remote_list(struct folder *dir, struct listing **ret,
		struct vmctl_error *err);
int remote_next(struct listing *l, struct entry *ret, struct vmctl_error *err);
void remote_end_list(struct listing *l);
int remote_open(struct folder *at, const char *name, bool follow,
		struct file **ret, struct meta *ret_meta,
		struct vmctl_error *err);
int remote_create(struct folder *at, const char *name, mode_t mode,
		  struct file **ret, struct vmctl_error *err);
int remote_reopen(struct folder *at, const char *name, int64_t size,
		  struct file **ret, struct vmctl_error *err);
int remote_open_as_is(struct folder *at, const char *name, struct file **ret,
		      struct vmctl_error *err);
int remote_rewrite(struct folder *at, const char *name, struct file **ret,
		   struct vmctl_error *err);
int remote_read(struct file *f, struct chunk *ret, struct vmctl_error *err);
int remote_write(struct file *f, int64_t off, const void *p, size_t n,
		 struct vmctl_error *err);
int remote_finish(struct file *f, const struct final *final,
		  struct vmctl_error *err);
void remote_close(struct file *f);
int remote_fetch(struct folder *from, struct small *v, size_t n,
		 struct vmctl_error *err);
int remote_store(struct folder *to, struct small *v, size_t n,
		 struct vmctl_error *err);

#endif
