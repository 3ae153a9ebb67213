/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmctl/diagnosis.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "driver/host-log.h"

/* Why an instance cannot be used, as far as a fake hypervisor can tell. */

static int setup_one(void **state)
{
	int r = stage_setup(state);

	return r < 0 ? r : stage_create(*state, "web1");
}

static struct vmctl_diagnosis *look(struct stage *s)
{
	struct vmctl_diagnosis *d = NULL;
	int64_t begun = clock_mono_ms();

	assert_int_equal(
		vmctl_instance_diagnose(s->place->ctx, "web1", &d, &s->err), 0);
	/* It takes about two seconds; what hangs would take far longer. */
	assert_in_range(clock_mono_ms() - begun, 0, 30000);
	return d;
}

/* Whether a finding of that topic has that text in it. */
static bool found(const struct vmctl_diagnosis *d, const char *topic,
		  const char *text)
{
	for (size_t i = 0; i < d->count; i++)
		if (str_eq(d->items[i].topic, topic) &&
		    strstr(d->items[i].text, text))
			return true;
	return false;
}

static void write_console(struct stage *s, const char *text)
{
	auto_free char *path =
		str_printf("%s/instances/%s/console.log", s->place->home,
			   s->hv->domains[0].name);

	assert_int_equal(
		file_write_atomic(path, text, strlen(text), 0600, &s->err), 0);
}

static void a_running_one_is_seen_from_all_sides(void **state)
{
	struct stage *s = *state;

	s->hv->details.channel_count = 2;
	strcpy(s->hv->details.channels[0].name, HV_QEMU_AGENT);
	s->hv->details.channels[0].up = true;
	strcpy(s->hv->details.channels[1].name, HV_AGENT);
	strcpy(s->hv->details.control, "QEMU has not answered for 3.0 s");
	write_console(s, "one\ntwo\nthree\nfour\nCloud-init v. 22.4 running\n"
			 "\033[31msix\033[0m\n");
	struct vmctl_diagnosis *d = look(s);
	assert_true(found(d, "state", "running"));
	assert_true(found(d, "libvirt", "QEMU has not answered"));
	assert_true(found(d, "interface", "52:54:00:"));
	assert_true(found(d, "forward", "127.0.0.1:"));
	/* The fake listens nowhere. */
	assert_true(found(d, "ssh", "refuses connections"));
	assert_true(found(d, "agent", "the QEMU guest agent is connected"));
	assert_true(found(d, "agent", "vmctl's agent is not connected"));
	assert_true(found(d, "cloud-init", "Cloud-init v. 22.4 running"));
	assert_true(found(d, "console", "| six"));
	assert_true(found(d, "console", "| two"));
	assert_false(found(d, "console", "| one")); /* the last five */
	for (size_t i = 0; i < d->count; i++)
		assert_null(strpbrk(d->items[i].text, "\033\n\r"));
	assert_string_equal(d->next, "vmctl logs web1");
	vmctl_diagnosis_free(d);
	s->hv->details.silent = true;
	d = look(s);
	assert_string_equal(d->next, "vmctl stop --force web1");
	vmctl_diagnosis_free(d);
}

static void a_full_disk_of_the_host_is_told_with_what_to_type(void **state)
{
	struct stage *s = *state;

	s->hv->domains[0].state = HV_PAUSED;
	strcpy(s->hv->details.why, "as the host's disk is full");
	struct vmctl_diagnosis *d = look(s);
	assert_true(found(d, "state", "paused as the host's disk is full"));
	assert_false(found(d, "ssh", ""));
	assert_non_null(strstr(d->next, "virsh -c "));
	assert_non_null(strstr(d->next, s->hv->domains[0].name));
	vmctl_diagnosis_free(d);
}

static void without_a_forward_it_is_to_be_started(void **state)
{
	struct stage *s = *state;

	memset(s->hv->domains[0].ports, 0, sizeof(s->hv->domains[0].ports));
	struct vmctl_diagnosis *d = look(s);
	assert_true(found(d, "forward", "and is not"));
	assert_string_equal(d->next, "vmctl start web1");
	vmctl_diagnosis_free(d);
}

static void it_works_without_a_hypervisor(void **state)
{
	struct stage *s = *state;

	write_console(s, "the last words\n");
	vmctl_free(s->place->ctx);
	s->place->ctx = place_context(s->place);
	s->hv->down = true;
	struct vmctl_diagnosis *d = look(s);
	assert_true(found(d, "libvirt", "nobody answers"));
	assert_true(found(d, "state", "(as last seen)"));
	assert_true(found(d, "console", "| the last words"));
	assert_string_equal(d->next, "vmctl host doctor");
	vmctl_diagnosis_free(d);
	s->hv->down = false;
}

static void an_unknown_name_has_none(void **state)
{
	struct stage *s = *state;
	struct vmctl_diagnosis *d = NULL;

	assert_int_equal(
		vmctl_instance_diagnose(s->place->ctx, "web2", &d, &s->err),
		-VMCTL_NOT_FOUND);
	assert_null(d);
	vmctl_diagnosis_free(NULL);
}

static void what_qemu_wrote_since_its_last_start_is_read(void **state)
{
	struct stage *s = *state;
	static const char log[] =
		"2026-01-01 00:00:00.000+0000: starting up libvirt version: "
		"9.0\n"
		"qemu-system-x86_64: an older failure\n"
		"2026-01-02 00:00:00.000+0000: starting up libvirt version: "
		"9.0\n"
		"LC_ALL=C \\\n"
		"PATH=/bin \\\n"
		"/usr/bin/qemu-system-x86_64 \\\n"
		"-name guest=i-00000001 \\\n"
		"-msg timestamp=on\n"
		"char device redirected to /dev/pts/1 (label charserial0)\n"
		"qemu-system-x86_64: disk: \033[1mPermission denied\n"
		"2026-01-02 00:00:01.000+0000: shutting down, reason=failed\n";
	auto_free char *dir = path_join(s->place->home, "libvirt/qemu/log");
	auto_free char *path = path_join(dir, "i-00000001.log");

	assert_int_equal(dir_make(dir, 0700, &s->err), 0);
	assert_int_equal(
		file_write_atomic(path, log, sizeof(log) - 1, 0600, &s->err),
		0);
	setenv("XDG_CACHE_HOME", s->place->home, 1);
	char **lines = host_log_qemu("i-00000001", 1, 3);
	assert_int_equal(strv_len((const char *const *)lines), 2);
	assert_non_null(strstr(lines[0], "Permission denied"));
	assert_null(strchr(lines[0], '\033'));
	assert_non_null(strstr(lines[1], "reason=failed"));
	strv_free(lines);
	lines = host_log_qemu("i-00000001", 1, 1);
	assert_int_equal(strv_len((const char *const *)lines), 1);
	assert_non_null(strstr(lines[0], "reason=failed"));
	strv_free(lines);
	lines = host_log_qemu("i-00000002", 1, 3);
	assert_int_equal(strv_len((const char *const *)lines), 0);
	strv_free(lines);
	unsetenv("XDG_CACHE_HOME");
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, setup_one, stage_teardown)

/* A process with that command line, which waits for the other end of a pipe. */
static pid_t pretend(uid_t user, const char *name, const char *value,
		     int *ret_end)
{
	int ends[2];
	char c;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	int started[2];
	assert_int_equal(pipe2(started, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[0], 0);
		if (user != geteuid() && setuid(user) < 0)
			_exit(1);
		execl("/bin/sh", "qemu-system-x86_64", "-c", "read x", name,
		      value, NULL);
		_exit(1);
	}
	close(ends[0]);
	close(started[1]);
	/* It closes with the exec. */
	assert_int_equal(read(started[0], &c, 1), 0);
	close(started[0]);
	*ret_end = ends[1];
	return pid;
}

static void pretend_end(pid_t pid, int end)
{
	close(end);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_process_of_qemu_is_told_by_its_option_and_its_user(void **state)
{
	static const struct {
		const char *name, *value;
		bool is;
	} cases[] = {
		{ "-name", "guest=i-deadbee1,debug-threads=on", true },
		{ "-name", "guest=i-deadbee1", true },
		{ "-name", "guest=i-deadbee11", false },
		{ "-smbios", "guest=i-deadbee1", false },
		{ "-name", "qemu guest=i-deadbee1", false },
	};
	long seconds;
	int end;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		pid_t pid =
			pretend(geteuid(), cases[i].name, cases[i].value, &end);

		assert_int_equal(host_qemu_process("i-deadbee1", "/nonexistent",
						   &seconds),
				 cases[i].is ? pid : 0);
		pretend_end(pid, end);
	}
}

static void another_users_process_is_not_qemu(void **state)
{
	long seconds;
	int end;

	if (geteuid() != 0) {
		print_message("skipped: needs root\n");
		skip();
	}
	auto_free char *disk = strdup("/var/tmp/vmt-disk-XXXXXX");
	auto_close int fd = mkostemp(disk, O_CLOEXEC);
	assert_true(fd >= 0);
	pid_t pid = pretend(65534, "-name", "guest=i-deadbee2,x=1", &end);

	assert_int_equal(host_qemu_process("i-deadbee2", disk, &seconds), 0);
	/* libvirt gives the disk to the user that QEMU runs as. */
	assert_int_equal(fchown(fd, 65534, (gid_t)-1), 0);
	assert_int_equal(host_qemu_process("i-deadbee2", disk, &seconds), pid);
	pretend_end(pid, end);
	unlink(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_process_of_qemu_is_told_by_its_option_and_its_user),
		cmocka_unit_test(another_users_process_is_not_qemu),
		TEST(a_running_one_is_seen_from_all_sides),
		TEST(a_full_disk_of_the_host_is_told_with_what_to_type),
		TEST(without_a_forward_it_is_to_be_started),
		TEST(it_works_without_a_hypervisor),
		TEST(an_unknown_name_has_none),
		TEST(what_qemu_wrote_since_its_last_start_is_read),
	};

	return cmocka_run_group_tests_name("diagnose", tests, NULL, NULL);
}
