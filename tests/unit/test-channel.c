/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread between a stream of libvirt and the caller's socket. The file is
 * compiled in, with a stream of the test's own. */
#include "unit.h"

#include <dirent.h>
#include <time.h>

#include "../../lib/driver/libvirt/channel.c"
#include "../../lib/driver/libvirt/stream.c"

/* What the guest takes before it reads no more. */
static size_t room;
static int aborted;

virStreamPtr virStreamNew(virConnectPtr conn, unsigned int flags)
{
	return (virStreamPtr)&room;
}

int virStreamFree(virStreamPtr st)
{
	return 0;
}

int virStreamAbort(virStreamPtr st)
{
	aborted++;
	return 0;
}

int virStreamRecv(virStreamPtr st, char *data, size_t n)
{
	return -2;
}

int virStreamSend(virStreamPtr st, const char *data, size_t n)
{
	if (!room)
		return -2;
	n = n < room ? n : room;
	room -= n;
	return (int)n;
}

int virStreamEventAddCallback(virStreamPtr st, int events,
			      virStreamEventCallback cb, void *opaque,
			      virFreeCallback ff)
{
	return 0; /* as with many a libvirt, ff() is never called */
}

int virStreamEventUpdateCallback(virStreamPtr st, int events)
{
	return 0;
}

int virStreamEventRemoveCallback(virStreamPtr st)
{
	return 0;
}

int virDomainOpenChannel(virDomainPtr dom, const char *name, virStreamPtr st,
			 unsigned int flags)
{
	return 0;
}

int virDomainFree(virDomainPtr domain)
{
	return 0;
}

virErrorPtr virGetLastError(void)
{
	return NULL;
}

int domain_find(struct hv *hv, const char *uuid, virDomainPtr *ret,
		struct vmctl_error *err)
{
	*ret = NULL;
	return 0;
}

int domain_details(struct hv *hv, const char *uuid, struct hv_details *ret,
		   struct vmctl_error *err)
{
	*ret = (struct hv_details){ .state = HV_RUNNING, .channel_count = 1 };
	snprintf(ret->channels[0].name, sizeof(ret->channels[0].name), "port");
	ret->channels[0].up = true;
	return 0;
}

int libvirt_fail(struct vmctl_error *err, const char *what)
{
	return fail(err, VMCTL_HYPERVISOR, 0, "%s", what);
}

static struct hv_pipe *open_one(size_t takes)
{
	struct hv hv = { 0 };
	struct hv_pipe *pipe = NULL;

	room = takes;
	aborted = 0;
	must(channel_open(&hv, "uuid", "port", &pipe, err));
	return pipe;
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A hang here is ended by the alarm. */
static void closing_does_not_wait_for_a_guest_that_does_not_read(void **state)
{
	static const char bytes[4096];
	struct hv_pipe *pipe = open_one(1000);

	alarm(20);
	assert_int_equal(send(pipe->fd, bytes, sizeof(bytes), 0),
			 sizeof(bytes));
	channel_close(pipe);
	alarm(0);
	assert_int_equal(aborted, 1);
}

static void what_was_sent_before_closing_arrives(void **state)
{
	static const char bytes[4096];

	for (int i = 0; i < 50; i++) {
		struct hv_pipe *pipe = open_one(sizeof(bytes) * 2);

		assert_int_equal(send(pipe->fd, bytes, sizeof(bytes), 0),
				 sizeof(bytes));
		channel_close(pipe);
		assert_int_equal(room, sizeof(bytes));
	}
}

static void a_guest_that_does_not_read_costs_no_time(void **state)
{
	static const char bytes[4096];
	struct hv_pipe *pipe = open_one(1000);
	struct pollfd p = { .fd = pipe->fd, .events = POLLIN };
	double before = cpu_seconds();

	assert_int_equal(send(pipe->fd, bytes, sizeof(bytes), 0),
			 sizeof(bytes));
	assert_int_equal(poll(&p, 1, 300), 0);
	assert_true(cpu_seconds() - before < 0.2);
	alarm(20);
	channel_close(pipe);
	alarm(0);
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void the_next_channel_gets_the_descriptor_of_the_last(void **state)
{
	channel_close(open_one(1));
	int before = open_descriptors();
	struct hv_pipe *one = open_one(1), *two = open_one(1);

	channel_close(one);
	channel_close(two);
	for (int i = 0; i < 50; i++)
		channel_close(open_one(1));
	/* As many as were used at the same time. */
	assert_int_equal(open_descriptors(), before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			closing_does_not_wait_for_a_guest_that_does_not_read),
		cmocka_unit_test(what_was_sent_before_closing_arrives),
		cmocka_unit_test(a_guest_that_does_not_read_costs_no_time),
		cmocka_unit_test(
			the_next_channel_gets_the_descriptor_of_the_last),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
