/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"
#include "ssh-help.h"

#include "base/str.h"

/* Waiting for ssh: the hypervisor is the fake, and the guest a real sshd, which
 * knows none of the instance's keys. */

#define LONG_MS 60000

struct scene {
	struct stage *stage;
	struct sshd *sshd;
};

static void sql(struct scene *s, char *take_text)
{
	auto_free char *text = take_text;

	assert_non_null(text);
	(void)fixture_ask(&s->stage->db, text);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	void *stage = NULL, *sshd = NULL;

	if (!s || stage_setup(&stage) < 0)
		return -1;
	s->stage = stage;
	if (stage_create(stage, "web1") < 0 || sshd_setup(&sshd) < 0)
		return -1;
	s->sshd = sshd;
	sql(s, str_printf("UPDATE instance SET ssh_port = %d, user = '%s',"
			  " host_key = '%s', launched_at = 1",
			  s->sshd->port, s->sshd->user, s->sshd->host_key));
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	void *stage = s->stage, *sshd = s->sshd;
	int r = sshd_teardown(&sshd);

	free(s);
	return stage_teardown(&stage) < 0 ? -1 : r;
}

static int wait_for_ssh(struct scene *s, long timeout_ms)
{
	s->stage->err = (struct vmctl_error){ 0 };
	return vmctl_instance_wait(s->stage->place->ctx, "web1", VMCTL_WAIT_SSH,
				   timeout_ms, &s->stage->err);
}

static void a_refusal_of_all_keys_ends_the_wait(void **state)
{
	struct scene *s = *state;

	assert_int_equal(wait_for_ssh(s, LONG_MS), -VMCTL_DENIED);
	assert_non_null(strstr(s->stage->err.message, "web1"));
	assert_non_null(strstr(s->stage->err.message, "refused every key"));
}

static void while_it_is_young_its_keys_may_still_come(void **state)
{
	struct scene *s = *state;
	auto_free char *public = NULL;

	sql(s, strdup("UPDATE instance SET launched_at = unixepoch()"));
	assert_int_equal(wait_for_ssh(s, 1), -VMCTL_TIMEOUT);
	assert_int_equal(wait_for_ssh(s, 2000), -VMCTL_TIMEOUT);
	public = strdup(fixture_ask(&s->stage->db,
				    "SELECT public_key FROM instance_key"));
	assert_non_null(public);
	sshd_authorize(s->sshd, public);
	assert_int_equal(wait_for_ssh(s, LONG_MS), 0);
	/* It has taken them once: what is refused from now on stays so. */
	sql(s, strdup("UPDATE instance SET user = 'stranger'"));
	assert_int_equal(wait_for_ssh(s, LONG_MS), -VMCTL_DENIED);
	assert_non_null(strstr(s->stage->err.message,
			       "refused every key for user stranger"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_refusal_of_all_keys_ends_the_wait),
		TEST(while_it_is_young_its_keys_may_still_come),
	};

	return cmocka_run_group_tests_name("wait-ssh", tests, NULL, NULL);
}
