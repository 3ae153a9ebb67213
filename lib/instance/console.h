/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_CONSOLE_H
#define INSTANCE_CONSOLE_H

#include <sys/types.h>

#include <vmctl/console.h>

#include "instance/instance.h"

/*
 * The record of the serial console. While a machine runs it is written to
 * console.log in the instance's folder: by virtlogd, which begins a new file
 * at 2 MiB (virtlogd.conf) and calls the older ones console.log.0 (the newest)
 * and so on; or by QEMU itself where qemu.conf has stdio_handler = "file".
 *
 * Before the next start these files move to boots/NUMBER/ (console-boot.c), and
 * at the end of the instance to logs/ID/boots/ in the data folder. What was
 * interrupted half way is found in both places and taken as one.
 */
#define CONSOLE_LOG "console.log"

/* A file of the record. */
struct console_part {
	char *path;
	int64_t boot;
	bool live;   /* it is where the machine writes */
	int64_t age; /* the number behind console.log, -1: none */
	dev_t dev;
	ino_t ino;
	int64_t size, written_at;
};

/* How the machine was started and ended, as far as that is known. */
struct console_boot {
	int64_t number;	    /* the first is 1 */
	int64_t started_at; /* epoch; 0: not known */
	char ended[96];	    /* how, in words; "": it runs, or not known */
	bool live;	    /* the newest, in the instance's folder */
	int64_t size, written_at;
};

/* All there is, the oldest first. */
struct console_record {
	struct console_part *parts;
	size_t part_count;
	struct console_boot *boots;
	size_t boot_count;
};

/* console-record.c. That there is nothing is no failure. */
int console_record(const struct vmctl *ctx, const char *id,
		   struct console_record *ret, struct vmctl_error *err);
void console_record_done(struct console_record *r);
#define auto_record auto_cleanup(console_record_done) struct console_record

/* Folders: of the boots that are over, and where those of a deleted instance
 * are kept. NULL only when memory is short. */
char *console_boots_dir(const struct vmctl *ctx, const char *id);
char *console_kept_dir(const struct vmctl *ctx, const char *id);

/* The note beside a boot's files: when it was started and how it ended. */
struct console_note {
	long long number, started_at;
	char ended[96];
};
bool console_note_read(const char *dir, struct console_note *ret);
int console_note_write(const char *dir, const struct console_note *note,
		       struct vmctl_error *err);

/* The number of a file of the record ("console.log.3"), -1 for console.log
 * itself, -2 for any other file. */
int64_t console_age(const char *name);

/* console-boot.c: makes the file and the note of the next start, and moves what
 * was before aside: true when it did. That it cannot is no reason not to start.
 */
bool console_begin(struct vmctl *ctx, const struct vmctl_instance *row);
/* The start was none, as somebody else was faster: when begin was true. */
void console_take_back(struct vmctl *ctx, const struct vmctl_instance *row);
/* Notes how the newest start ended, in the hypervisor's words; when that says
 * that the machine runs, `otherwise`. */
void console_ended(struct vmctl *ctx, const struct vmctl_instance *row,
		   const char *otherwise);
/* The same for one that is known to be off, without a note: for who has no
 * lock. "": not known. */
void console_how_ended(struct vmctl *ctx, const struct vmctl_instance *row,
		       char ret[96]);
/* Moves the newest one aside when the machine is not to be started again. */
int console_archive(const struct vmctl *ctx, const char *id, const char *ended,
		    struct vmctl_error *err);

/* console-keep.c: the end of a boot alone; not more than the setting logs.size
 * of what QEMU writes; what outlives the instance, before its folder is
 * removed; and for how long. */
int console_shorten(const struct console_record *r, int64_t boot, int64_t limit,
		    struct vmctl_error *err);
void console_bound(struct vmctl *ctx, const char *id);
void console_keep(struct vmctl *ctx, const struct vmctl_instance *row,
		  const char *ended);
void console_prune(struct vmctl *ctx, int64_t before);

/* console-read.c. A place in the record: a file that stays open whatever
 * becomes of its name. */
struct console_place {
	int fd; /* -1: before the first */
	int64_t at, boot;
	dev_t dev;
	ino_t ino;
};

/* Opens a file of the record, looking for it anew where it was renamed. 1: it
 * is not there any more. */
int console_part_open(const struct vmctl *ctx, const char *id,
		      const struct console_part *part, int *ret_fd,
		      struct vmctl_error *err);

/* Reads on from there to the end of the file as it is now. */
int console_pass(struct console_place *place,
		 const struct vmctl_console_log *what, struct vmctl_error *err);

/* console-follow.c: from that place on. *ret_gone: the instance is. */
int console_follow(struct vmctl *ctx, const char *id,
		   struct console_place *place,
		   const struct vmctl_console_log *what, bool *ret_gone,
		   struct vmctl_error *err);

#endif
