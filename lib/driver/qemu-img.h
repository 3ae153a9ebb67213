/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_QEMU_IMG_H
#define DRIVER_QEMU_IMG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"

/* Disk images through the program qemu-img(1) and its JSON output. */

/* A new qcow2 overlay of `size` bytes on a qcow2 backing file. `path` must
 * not exist. */
int qemu_img_overlay(const char *backing, int64_t size, const char *path,
		     const struct events *ev, struct vmctl_error *err);

/* Writes `from` (a raw image) to `to` as qcow2. */
int qemu_img_convert(const char *from, const char *to, const struct events *ev,
		     struct vmctl_error *err);

/* Structure check of a qcow2 file: VMCTL_BAD_DATA when it has errors. The
 * format is given, never guessed, and the file is only read. */
int qemu_img_check(const char *path, const struct events *ev,
		   struct vmctl_error *err);

/* Whether a QEMU process has the image open for writing, judged by the locks
 * that QEMU takes on it (block/file-posix.c: bytes from 100 on). false also
 * when that cannot be told. */
bool qemu_disk_in_use(const char *path);

/* Takes the locks of a program that reads the image and wants it not to change
 * meanwhile: until the file is closed no QEMU opens it for writing. false when
 * one has done so before. Other readers are let in, as QEMU has it. */
bool qemu_disk_hold(int fd);

#endif
