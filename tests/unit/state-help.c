/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "state-help.h"

#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	snprintf(f->dir, sizeof(f->dir), "%s/vmctl-state.XXXXXX",
		 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(f->dir) || state_open(f->dir, 5000, &f->db, &f->err) < 0) {
		print_message("%s\n", f->err.message);
		return -1;
	}
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	int r;

	state_close(f->db);
	r = dir_remove(f->dir, NULL);
	free(f);
	return r;
}

void fixture_close(struct fixture *f)
{
	state_close(f->db);
	f->db = NULL;
}

void fixture_reopen(struct fixture *f)
{
	fixture_close(f);
	assert_int_equal(state_open(f->dir, 5000, &f->db, &f->err), 0);
}

static sqlite3 *other_connection(const struct fixture *f)
{
	auto_free char *path = path_join(f->dir, "vmctl.db");
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

void fixture_sql(const struct fixture *f, const char *sql)
{
	sqlite3 *db = other_connection(f);
	char *text = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
		assert_string_equal(text, sql); /* shows both */
	sqlite3_close(db);
}

const char *fixture_ask(const struct fixture *f, const char *sql)
{
	static char answer[4096];
	sqlite3 *db = other_connection(f);
	sqlite3_stmt *stmt = NULL;
	const char *text;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL),
			 SQLITE_OK);
	sqlite3_step(stmt);
	text = (const char *)sqlite3_column_text(stmt, 0);
	snprintf(answer, sizeof(answer), "%s", text ? text : "");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return answer;
}

void *fixture_write_lock(const struct fixture *f)
{
	sqlite3 *db = other_connection(f);

	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 SQLITE_OK);
	return db;
}

void fixture_write_unlock(void *lock)
{
	sqlite3_close(lock);
}

const char *digest_of(const char *begin)
{
	static char digest[4][65];
	static int next;
	char *out = digest[next++ % 4];

	memset(out, '0', 64);
	out[64] = '\0';
	memcpy(out, begin, strlen(begin));
	return out;
}

void key_put(const struct fixture *f, const char *public_key, const char *file)
{
	auto_free char *sql = str_printf("INSERT OR IGNORE INTO ssh_key VALUES "
					 "('%s', 't', 0, '%s', '', '', '',"
					 " '%s', 0)",
					 public_key, public_key, file);

	assert_non_null(sql);
	fixture_sql(f, sql);
}

void image_put(struct fixture *f, const char *name, const char *digest)
{
	const struct vmctl_image image = {
		.name = (char *)name,
		.description = (char *)"a test image",
		.os = (char *)"debian 12",
		.arch = (char *)"x86_64",
		.user = (char *)"debian",
		.digest = (char *)digest,
		.source_digest = (char *)digest_of("f00d"),
		.size = 4096,
		.virtual_size = 1 << 30,
		.created_at = 1000,
		.verified_at = 1000,
	};
	const struct state_file_mark mark = { 4096, 77, 12 };

	assert_int_equal(state_image_add(f->db, &image, &mark, &f->err), 0);
}

struct vmctl_instance sample_instance(unsigned number, const char *name,
				      const char *digest)
{
	static char id[4][16], mac[4][24], uuid[4][40];
	static int next;
	int slot = next++ % 4;

	snprintf(id[slot], sizeof(id[slot]), "i-%08x", number);
	snprintf(mac[slot], sizeof(mac[slot]), "52:54:00:00:%02x:%02x",
		 number >> 8 & 0xff, number & 0xff);
	snprintf(uuid[slot], sizeof(uuid[slot]),
		 "00000000-0000-4000-8000-%012x", number);
	return (struct vmctl_instance){
		.id = id[slot],
		.name = (char *)name,
		.type = (char *)"t2.micro",
		.vcpus = 1,
		.memory = 1 << 30,
		.disk = (int64_t)8 << 30,
		.image = (char *)"mini",
		.image_digest = (char *)digest,
		.user = (char *)"vm",
		.ssh_port = 40000 + (int64_t)number,
		.mac = mac[slot],
		.accel = (char *)"tcg",
		.connection = (char *)"qemu:///session",
		.uuid = uuid[slot],
		.host_key = (char *)"ssh-ed25519 AAAA",
		.host_key_sha256 = (char *)"SHA256:abc",
		.created_at = 2000,
	};
}

struct state_nic sample_nic(const struct vmctl_instance *row)
{
	struct state_nic nic = { .kind = STATE_NIC_USER };

	snprintf(nic.mac, sizeof(nic.mac), "%s", row->mac);
	return nic;
}

int instance_put(struct fixture *f, unsigned number, const char *name,
		 const char *digest, enum state_clash *clash)
{
	struct vmctl_instance row = sample_instance(number, name, digest);

	struct state_nic nic = sample_nic(&row);

	return state_instance_add(f->db, &row, NULL, 0, &nic, 1, NULL, 0,
				  "test", clash, &f->err);
}

static bool write_to(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) > 0;
}

bool small_disk(const char *dir, const char *options)
{
	auto_free char *uids = str_printf("0 %u 1", geteuid());
	auto_free char *gids = str_printf("0 %u 1", getegid());

	if (geteuid() == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("none", "/", "none", MS_REC | MS_PRIVATE, "") < 0)
			return false;
	} else if (!uids || !gids || unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
		   !write_to("/proc/self/setgroups", "deny") ||
		   !write_to("/proc/self/uid_map", uids) ||
		   !write_to("/proc/self/gid_map", gids)) {
		return false;
	}
	return mount("tmpfs", dir, "tmpfs", 0, options) == 0;
}

void race(int n, int (*body)(int which, void *data), void *data, int counts[8])
{
	int gate[2];

	memset(counts, 0, 8 * sizeof(*counts));
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			char c;

			/* All wait for the end of file, which comes to all at
			 * once. */
			close(gate[1]);
			(void)!read(gate[0], &c, 1);
			_exit(body(i, data));
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < n; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		assert_in_range(WEXITSTATUS(status), 0, 7);
		counts[WEXITSTATUS(status)]++;
	}
}
