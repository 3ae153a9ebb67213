/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSTANCE_DIAGNOSE_H
#define INSTANCE_DIAGNOSE_H

#include <vmctl/diagnosis.h>

#include "driver/ssh-search.h"
#include "instance/instance.h"

/* While a diagnosis is made. What cannot be added for want of memory is left
 * out. */
struct findings {
	struct vmctl *ctx;
	struct vmctl_instance *row;
	struct vmctl_diagnosis *out;
	const struct hv_ops *ops;
	struct hv *hv; /* NULL: no connection */
	struct hv_details details;
	bool has_details;
	bool runs;
	bool no_forward; /* it should have one */
	bool disk_full;
	enum ssh_stage ssh;
	bool reached; /* the guest takes connections */
};

void find_text(struct findings *f, const char *topic, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* diagnose-net.c: interfaces, addresses, forwards; how far ssh comes. */
void find_interfaces(struct findings *f);
void find_ssh(struct findings *f);

#endif
