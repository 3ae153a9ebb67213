/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_LABEL_H
#define VMCTL_LABEL_H

#include <vmctl/instance.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Labels: words that instances are marked with, and chosen by.
 *
 * The rules are those of Kubernetes. A value is empty, or 1 to 63 letters,
 * digits, '-', '_' and '.', the first and the last being a letter or a digit.
 * A key is the same, not empty; it may begin with a domain name and a slash
 * ("example.com/role"), the whole being at most 63 characters. So no comma, no
 * equals sign and no exclamation mark is in either, and a selector needs no
 * quoting.
 */

/* VMCTL_INVALID when `text` is no "key=value", saying which part is wrong. */
VMCTL_API int vmctl_label_check(const char *text, struct vmctl_error *err);

/*
 * Changes the labels of an instance: "key=value" sets one, whether it was there
 * or not, "key-" takes one away, which need not be there. All changes are made
 * or none. VMCTL_INVALID for one of another form, and for a key that is named
 * twice; VMCTL_NOT_FOUND, VMCTL_STATE for a terminated instance.
 */
VMCTL_API int vmctl_instance_label(struct vmctl *ctx, const char *name,
				   const char *const *changes,
				   struct vmctl_error *err);

/* The labels that instances have, "key=value", each once, in order. The caller
 * frees the texts of *ret, which a NULL ends, and *ret with free(3). */
VMCTL_API int vmctl_label_list(struct vmctl *ctx, char ***ret,
			       struct vmctl_error *err);

#define VMCTL_NOTE_MAX 4096 /* bytes */

/* Replaces the note: UTF-8 without control characters other than line feed and
 * tab, "" for none. VMCTL_INVALID, VMCTL_NOT_FOUND, VMCTL_STATE. */
VMCTL_API int vmctl_instance_note(struct vmctl *ctx, const char *name,
				  const char *note, struct vmctl_error *err);

/*
 * Selectors: conditions joined by commas, all of which must hold.
 *
 *	key=value	it has the label with this value ("==" is the same)
 *	key!=value	it has not, be it that it lacks the key
 *	key		it has the label, whatever the value
 *	!key		it lacks it
 *
 * VMCTL_INVALID says what is wrong with one.
 */
VMCTL_API int vmctl_selector_check(const char *selector,
				   struct vmctl_error *err);

/* Whether all of the selectors (NULL-terminated; NULL selects everything) hold
 * for these labels (as in struct vmctl_instance). What vmctl_selector_check()
 * refuses does not hold. */
VMCTL_API bool vmctl_selector_match(const char *const *selectors,
				    const char *const *labels);

#ifdef __cplusplus
}
#endif
#endif
