/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_KVM_H
#define DRIVER_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Whether KVM is worth using. The device node proves nothing: on some nested
 * hosts a guest under KVM is emulated instruction by instruction and an
 * ordinary kernel never reaches its console. So a throw-away virtual machine
 * counts to 10,000 in real mode and is timed.
 */
struct kvm_verdict {
	bool usable;
	int64_t probe_ns; /* time of the loop; 0 when it could not run */
	char reason[160]; /* one line, for host health */
};

/* Never fails: what goes wrong makes KVM unusable and is the reason. Takes at
 * most a second. */
void kvm_probe(struct kvm_verdict *ret);

#endif
