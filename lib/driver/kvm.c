/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/proc-ask.h"

/*
 * On real hardware the loop takes some 10 µs; where every instruction of the
 * guest is emulated, some 10 ms. The limit lies in the middle, on a
 * logarithmic scale, and the best of three runs counts, so that a busy host
 * does not decide it.
 */
#define LIMIT_NS 500000
#define RUNS 3
#define PROBE_TIMEOUT_MS 1000

static const char node[] = "/dev/kvm";

static void verdict(struct kvm_verdict *v, bool usable, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void verdict(struct kvm_verdict *v, bool usable, const char *fmt, ...)
{
	va_list ap;

	v->usable = usable;
	va_start(ap, fmt);
	vsnprintf(v->reason, sizeof(v->reason), fmt, ap);
	va_end(ap);
}

#if defined(__x86_64__)

/* mov $10000, %cx; 1: dec %cx; jnz 1b; hlt: real mode */
static const unsigned char code[] = {
	0xb9, 0x10, 0x27, 0x49, 0x75, 0xfd, 0xf4
};

static int set_start(int vcpu)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rip = 0, .rflags = 2 };

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -1;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	return ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 ||
			       ioctl(vcpu, KVM_SET_REGS, &regs) < 0
		       ? -1
		       : 0;
}

/* One virtual machine with one page of memory, counting. The time of the best
 * run in ns, or 0 with errno of what failed. */
static int64_t count_in_guest(int kvm)
{
	int64_t best = 0;
	auto_close int vm = ioctl(kvm, KVM_CREATE_VM, 0UL);
	auto_close int vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0UL);
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (vcpu < 0 || size <= 0 || page == MAP_FAILED)
		return 0;
	struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
				   MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		return 0;
	memcpy(page, code, sizeof(code));
	struct kvm_userspace_memory_region region = {
		.memory_size = 4096,
		.userspace_addr = (uint64_t)(uintptr_t)page,
	};
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return 0;
	for (int i = 0; i < RUNS; i++) {
		if (set_start(vcpu) < 0)
			return 0;
		int64_t begun = clock_mono_ns();
		if (ioctl(vcpu, KVM_RUN, 0UL) < 0)
			return 0;
		int64_t took = clock_mono_ns() - begun;
		if (run->exit_reason != KVM_EXIT_HLT) {
			errno = EPROTO;
			return 0;
		}
		if (!best || took < best)
			best = took;
	}
	return best;
}

static void count_body(void *data, void *answer)
{
	int64_t ns = count_in_guest(*(const int *)data);

	*(int64_t *)answer = ns ? ns : -(int64_t)(errno ? errno : EIO);
}

/* In a child, because a hypervisor that is badly broken may never return from
 * KVM_RUN. What it maps and opens goes with it. */
static int64_t count_with_deadline(int kvm)
{
	int64_t ns;

	return proc_ask(count_body, &kvm, &ns, sizeof(ns), PROBE_TIMEOUT_MS,
			NULL, NULL) == 0
		       ? ns
		       : -ETIMEDOUT;
}

static void probe_speed(int kvm, struct kvm_verdict *v)
{
	int64_t ns = count_with_deadline(kvm);

	if (ns < 0) {
		verdict(v, false, "a probe guest does not run: %s",
			strerrordesc_np((int)-ns));
		return;
	}
	v->probe_ns = ns;
	if (ns <= LIMIT_NS)
		verdict(v, true, "a probe guest ran its loop in %.0f us",
			(double)ns / 1000);
	else
		verdict(v, false,
			"%s answers, but its guests are emulated: a probe loop "
			"took %.1f ms, hardware needs some 0.01 ms",
			node, (double)ns / 1000000);
}

#else

static void probe_speed(int kvm, struct kvm_verdict *v)
{
	(void)kvm;
	verdict(v, true, "%s answers", node);
}

#endif

void kvm_probe(struct kvm_verdict *ret)
{
	struct kvm_verdict v = { 0 };
	auto_close int kvm = open(node, O_RDWR | O_CLOEXEC);

	if (kvm < 0 && errno == ENOENT)
		verdict(&v, false, "%s does not exist", node);
	else if (kvm < 0)
		verdict(&v, false, "%s cannot be opened: %s", node,
			strerrordesc_np(errno));
	else if (ioctl(kvm, KVM_GET_API_VERSION, 0UL) != 12)
		verdict(&v, false, "%s speaks another version", node);
	else
		probe_speed(kvm, &v);
	*ret = v;
}
