/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "instance-help.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "base/file.h"

/* A folder with the modules of the build, but the fake for libvirt. */
static struct fake *load_fake(struct place *p)
{
	static fake_getter get;
	static const char *const real[] = { "crypto.so", "iso.so", "ssh.so" };
	const char *from = getenv("VMCTL_MODULE_DIR");

	if (get) /* the module stays for the life of the process */
		return get();
	assert_non_null(from);
	auto_free char *own = realpath(from, NULL);
	auto_free char *dir = place_path(p, "modules");
	auto_free char *link = path_join(dir, "libvirt.so");
	auto_free char *fake = str_printf("%s/../tests/fakes/libvirt.so", own);

	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < ARRAY_LEN(real); i++) {
		auto_free char *to = path_join(own, real[i]);
		auto_free char *name = path_join(dir, real[i]);

		assert_int_equal(symlink(to, name), 0);
	}
	assert_int_equal(symlink(fake, link), 0);
	setenv("VMCTL_MODULE_DIR", dir, 1);
	/* All are loaded now: the folder goes with the first test. */
	const struct hv_ops *ops;
	assert_int_equal(hv_load(&ops, &p->err), 0);
	void *handle = dlopen(link, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(handle);
	get = (fake_getter)dlsym(handle, "fake_hypervisor");
	assert_non_null(get);
	setenv("VMCTL_MODULE_DIR", from, 1);
	return get();
}

int stage_setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	void *place = NULL;

	if (!s || place_setup(&place) < 0)
		return -1;
	s->place = place;
	snprintf(s->db.dir, sizeof(s->db.dir), "%s", s->place->home);
	auto_free char *raw = make_raw(s->place, "mini.raw", 65536, 1);
	if (import(s->place, raw, "mini", NULL) < 0)
		return -1;
	/* A key of the tests' own: an instance wants one. */
	struct vmctl_key *key = NULL;
	if (vmctl_key_generate(s->place->ctx, "key", "test", &key,
			       &s->place->err) < 0)
		return -1;
	vmctl_key_free(key);
	s->hv = load_fake(s->place);
	int event_fd = s->hv->event_fd > 0
			       ? s->hv->event_fd
			       : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	*s->hv = (struct fake){ .event_fd = event_fd };
	*state = s;
	return 0;
}

int stage_teardown(void **state)
{
	struct stage *s = *state;
	void *place = s->place;
	int r = place_teardown(&place);

	free(s);
	return r;
}

int create_with(struct vmctl *ctx, const struct vmctl_instance_create *more,
		struct vmctl_error *err)
{
	struct vmctl_instance_create spec = *more;
	struct vmctl_instance *made = NULL;

	spec.size = sizeof(spec);
	spec.image = "mini";
	spec.accel = "tcg";
	spec.memory = 64 << 20;
	spec.disk = 1 << 20;
	spec.force = true;
	int r = vmctl_instance_create(ctx, &spec, &made, err);

	vmctl_instance_free(made);
	return r;
}

int create_in(struct vmctl *ctx, const char *name, struct vmctl_error *err)
{
	const struct vmctl_instance_create spec = { .name = name };

	return create_with(ctx, &spec, err);
}

static int first_port; /* of the process that began, also where it forks */

int own_port(int offset)
{
	if (!first_port)
		first_port = 30000 + (int)(getpid() % 90) * 20;
	return first_port + offset;
}

const char *spec_at(int offset, const char *rest)
{
	static char texts[8][64];
	static int next;
	char *out = texts[next++ % 8];

	snprintf(out, sizeof(texts[0]), "%d:%s", own_port(offset), rest);
	return out;
}

int stage_create(struct stage *s, const char *name)
{
	return create_in(s->place->ctx, name, &s->err);
}

int in_process(struct stage *s,
	       int (*body)(struct vmctl *ctx, struct vmctl_error *err),
	       long kill_us)
{
	struct vmctl_error err = { 0 };
	int status;

	/* A database must not be carried across fork(2). */
	vmctl_free(take_ptr(&s->place->ctx));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct itimerval t = {
			.it_value = { kill_us / 1000000, kill_us % 1000000 }
		};

		setitimer(ITIMER_REAL, &t, NULL); /* SIGALRM ends it */
		_exit(-body(place_context(s->place), &err));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	s->place->ctx = place_context(s->place);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), kill_us ? SIGALRM : SIGKILL);
		return 1;
	}
	return -WEXITSTATUS(status);
}

enum vmctl_state state_of(struct stage *s, const char *name)
{
	struct vmctl_instance *row = NULL;

	if (vmctl_instance_get(s->place->ctx, name, 0, &row, &s->err) < 0)
		return VMCTL_STATE_COUNT;
	enum vmctl_state state = row->state;
	vmctl_instance_free(row);
	return state;
}

int domains_of(const struct stage *s)
{
	int n = 0;

	for (int i = 0; i < FAKE_DOMAINS; i++)
		n += s->hv->domains[i].used;
	return n;
}

static int entries(const struct stage *s, const char *folder)
{
	auto_free char *path = path_join(s->place->home, folder);
	auto_dir DIR *dir = opendir(path);
	int n = 0;

	for (const struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	return n;
}

void nothing_is_held(struct stage *s)
{
	assert_int_equal(domains_of(s), 0);
	assert_int_equal(s->hv->host_count, 0);
	assert_int_equal(entries(s, "instances"), 0);
	assert_string_equal(fixture_ask(&s->db, "SELECT count(*) FROM intent"),
			    "0");
	assert_string_equal(fixture_ask(&s->db,
					"SELECT count(*) FROM instance WHERE"
					" ssh_port NOT NULL AND"
					" state <> 'terminated'"),
			    "0");
	assert_string_equal(
		fixture_ask(&s->db,
			    "SELECT count(*) FROM nic WHERE live AND reserved"),
		"0");
	assert_string_equal(
		fixture_ask(&s->db, "SELECT count(*) FROM port_forward"), "0");
}
