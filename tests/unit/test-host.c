/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <stdio.h>

#include "base/file.h"
#include "host/host.h"

#define GIB (INT64_C(1) << 30)
#define MIB (INT64_C(1) << 20)

static char folder[64];

static int setup(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/vmctl-test-host.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	return dir_remove(folder, NULL);
}

/* A file of this text; its name is valid until the next call. */
static const char *file_of(const char *text)
{
	static char name[96];

	snprintf(name, sizeof(name), "%s/proc", folder);
	must(file_write_atomic(name, text, strlen(text), 0600, err));
	return name;
}

static void LIM_001_a_creation_leaves_the_reserve_of_memory(void **state)
{
	struct host_memory have = { .total = 8 * GIB, .available = 3 * GIB };

	must(limit_memory_check(&have, 2 * GIB, GIB, err));
	must_fail(VMCTL_LIMIT,
		  limit_memory_check(&have, 2 * GIB + 1, GIB, err));
	must_fail(VMCTL_LIMIT, limit_memory_check(&have, 64 * GIB, GIB, err));
	/* A reserve larger than what there is refuses everything. */
	must_fail(VMCTL_LIMIT, limit_memory_check(&have, 1, 4 * GIB, err));
	must(limit_memory_check(&have, 64 * GIB, 0, err));
}

static void
LIM_001_the_refusal_has_the_figures_and_a_size_that_fits(void **state)
{
	struct host_memory have = { .total = 8 * GIB, .available = 3 * GIB };
	struct vmctl_error err;

	limit_memory_check(&have, 4 * GIB, GIB, &err);
	assert_non_null(strstr(err.message, "4G of memory"));
	assert_non_null(strstr(err.message, "8G"));
	assert_non_null(strstr(err.message, "3G are available"));
	assert_non_null(strstr(err.message, "1G stay"));
	assert_non_null(strstr(err.hint, "--memory 2048M"));
	assert_non_null(strstr(err.hint, "--force"));
	/* None is named where none fits. */
	have.available = GIB + 63 * MIB;
	limit_memory_check(&have, 4 * GIB, GIB, &err);
	assert_null(strstr(err.hint, "--memory"));
	assert_non_null(strstr(err.hint, "--force"));
}

static void LIM_002_a_creation_needs_the_reserve_of_disk(void **state)
{
	struct host_disk have = { .total = 100 * GIB, .available = 5 * GIB };
	struct vmctl_error why;

	must(limit_disk_check(&have, "/s", 5 * GIB, err));
	must(limit_disk_check(&have, "/s", 0, err));
	assert_int_equal(limit_disk_check(&have, "/s", 5 * GIB + 1, &why),
			 -VMCTL_LIMIT);
	assert_non_null(strstr(why.message, "100G"));
	assert_non_null(strstr(why.message, "/s"));
	assert_non_null(strstr(why.message, "5G are free"));
	assert_non_null(strstr(why.hint, "--force"));
}

static void LIM_001_available_memory_is_what_the_kernel_says(void **state)
{
	struct host_memory m = { 1, 1 };

	must(host_meminfo_read(file_of("MemTotal:       16284552 kB\n"
				       "MemFree:          500000 kB\n"
				       "MemAvailable:    8000000 kB\n"
				       "SwapTotal:             0 kB\n"),
			       &m, err));
	assert_true(m.total == INT64_C(16284552) * 1024);
	assert_true(m.available == INT64_C(8000000) * 1024);
	m.total = 7;
	/* Before Linux 3.14; and no such file. */
	must_fail(VMCTL_UNSUPPORTED,
		  host_meminfo_read(file_of("MemTotal: 1 kB\nMemFree: 1 kB\n"),
				    &m, err));
	must_fail(VMCTL_FAILED,
		  host_meminfo_read("/proc/nonexistent", &m, err));
	assert_true(m.total == 7);
	must(host_meminfo_read(MEMINFO, &m, err));
	assert_true(m.available > 0 && m.available <= m.total);
}

static void LIM_002_a_folder_to_be_made_counts_as_where_it_will_be(void **state)
{
	auto_free char *deep = str_printf("%s/a/b/c", folder);
	struct host_disk there, later;

	must(host_disk_read(folder, &there, err));
	must(host_disk_read(deep, &later, err));
	assert_true(there.total == later.total && there.total > 0);
	assert_true(there.used + there.available <= there.total);
	must_fail(VMCTL_FAILED, host_disk_read("/dev/null/x", &later, err));
	must(host_disk_read("/proc/nonexistent", &later, err));
}

static void LIM_003_processor_time_is_read_as_the_kernel_writes_it(void **state)
{
	struct host_ticks t;

	must(host_ticks_read(file_of("cpu  100 20 30 400 50 6 7 8 90 10\n"
				     "cpu0 1 2 3 4 5 6 7 8 9 10\n"),
			     &t, err));
	/* Guests' time is in user's; iowait is idle. */
	assert_int_equal(t.total, 621);
	assert_int_equal(t.busy, 171);
	must(host_ticks_read(file_of("cpu 1 2 3 4\n"), &t, err));
	assert_int_equal(t.total, 10);
	must_fail(VMCTL_UNSUPPORTED,
		  host_ticks_read(file_of("intr 1 2\n"), &t, err));
	must(host_ticks_read(PROC_STAT, &t, err));
	assert_true(t.total > t.busy);
}

static void LIM_003_what_is_used_is_a_share_of_the_interval(void **state)
{
	struct host_ticks a = { .busy = 100, .total = 1000 };
	struct host_ticks half = { .busy = 150, .total = 1100 };
	struct host_ticks back = { .busy = 90, .total = 1100 };
	struct host_ticks odd = { .busy = 900, .total = 1100 };

	assert_true(host_ticks_used(&a, &half) == 50);
	assert_true(host_ticks_used(&a, &a) == 0);
	assert_true(host_ticks_used(&a, &back) == 0);
	assert_true(host_ticks_used(&half, &a) == 0);
	assert_true(host_ticks_used(&a, &odd) == 100);
}

static void LIM_003_the_figures_of_this_host_fit_together(void **state)
{
	struct vmctl_options o = { .size = sizeof(o), .home = folder };
	struct vmctl_host_stats *s = NULL;
	struct vmctl *ctx = NULL;

	must(vmctl_new(&o, &ctx, err));
	must(vmctl_host_stats(ctx, &s, err));
	assert_true(s->cpus > 0 && s->cpu_used >= 0 && s->cpu_used <= 100);
	assert_true(s->memory_used + s->memory_available == s->memory_total);
	/* Nothing is used of a tmpfs that is empty. */
	assert_true(s->disk_total > 0 && s->disk_used >= 0 &&
		    s->disk_used + s->disk_available <= s->disk_total);
	assert_string_equal(s->storage, folder);
	assert_true(s->hostname[0]);
	vmctl_host_stats_free(s);
	vmctl_host_stats_free(NULL);
	vmctl_free(ctx);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(LIM_001_a_creation_leaves_the_reserve_of_memory),
		TEST(LIM_001_the_refusal_has_the_figures_and_a_size_that_fits),
		TEST(LIM_002_a_creation_needs_the_reserve_of_disk),
		TEST(LIM_001_available_memory_is_what_the_kernel_says),
		TEST(LIM_002_a_folder_to_be_made_counts_as_where_it_will_be),
		TEST(LIM_003_processor_time_is_read_as_the_kernel_writes_it),
		TEST(LIM_003_what_is_used_is_a_share_of_the_interval),
		TEST(LIM_003_the_figures_of_this_host_fit_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
