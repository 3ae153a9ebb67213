/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config.h"

/*
 * The one declaration of every setting. Validation, `vmctl config list`,
 * completion and vmctl-config(5) are made from it. Keys are a contract: add,
 * never rename. One with a dot is a member of an object in the file.
 */

static const char *const accels[] = { "auto", "kvm", "tcg", NULL };
static const char *const agents[] = { "auto", "off", NULL };
static const char *const switches[] = { "on", "off", NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };
static const char *const outputs[] = { "table", "wide", "json", "ndjson",
				       "csv",	"tsv",	"name", NULL };

static const struct vmctl_setting settings[] = {
	{ "connect", VMCTL_SETTING_URI, "hypervisor to use",
	  .fallback = "qemu:///session", .environment = "VMCTL_CONNECT" },
	{ "image", VMCTL_SETTING_NAME, "image that instances are made of",
	  .fallback_about = "the only one there is" },
	{ "type", VMCTL_SETTING_TYPE, "size of new instances",
	  .fallback = "t2.micro" },
	{ "key", VMCTL_SETTING_NAMES, "ssh keys that may enter new instances",
	  .fallback_about = "all that are known" },
	{ "network", VMCTL_SETTING_NAME,
	  "network of new instances: nat, user, bridge=BRIDGE or the name of "
	  "one",
	  .fallback_about = "nat where the connection has it, else user" },
	{ "accel", VMCTL_SETTING_CHOICE,
	  "how the processor of new instances is virtualised",
	  .fallback = "auto", .choices = accels },
	{ "agent", VMCTL_SETTING_CHOICE,
	  "whether new instances are given vmctl's agent, to run commands "
	  "without a network",
	  .fallback = "auto", .choices = agents },
	{ "storage", VMCTL_SETTING_FOLDER, "folder for images and instances",
	  .fallback_about = "the data folder" },
	{ "reserve.memory", VMCTL_SETTING_SIZE,
	  "memory that creating an instance leaves to the host; 0 is no limit",
	  .fallback = "1G" },
	{ "reserve.disk", VMCTL_SETTING_SIZE,
	  "disk space without which no instance is created; 0 is no limit",
	  .fallback = "5G" },
	{ "nat.subnet", VMCTL_SETTING_SUBNET,
	  "addresses of the network that vmctl makes",
	  .fallback = "192.168.100.0/24" },
	{ "timeout.ssh", VMCTL_SETTING_DURATION,
	  "how long create, start and wait wait for a guest",
	  .fallback = "5m" },
	{ "timeout.stop", VMCTL_SETTING_DURATION,
	  "how long stop waits for a guest to shut down", .fallback = "90s" },
	{ "exec.hold", VMCTL_SETTING_DURATION,
	  "how long exec keeps an ssh connection for the next command; 0 is "
	  "not at all",
	  .fallback = "1m" },
	{ "ssh.keepalive", VMCTL_SETTING_DURATION,
	  "silence of a guest after which ssh and exec ask whether it is "
	  "there; three unanswered end the session; 0 never asks",
	  .fallback = "15s" },
	{ "exec.record", VMCTL_SETTING_CHOICE,
	  "whether commands run in guests are recorded for history",
	  .fallback = "on", .choices = switches },
	{ "keep-days", VMCTL_SETTING_INT,
	  "days for which the records of deleted instances and of commands "
	  "run in guests are kept; 0 is for ever",
	  .fallback = "7", .max = 3650 },
	{ "logs.size", VMCTL_SETTING_SIZE,
	  "console record kept of one start of an instance", .fallback = "8M",
	  .min = 65536 },
	{ "logs.boots", VMCTL_SETTING_INT,
	  "starts of an instance of which the console record is kept",
	  .fallback = "10", .min = 1, .max = 1000 },
	{ "logs.deleted", VMCTL_SETTING_SIZE,
	  "console records kept of all deleted instances", .fallback = "256M" },
	{ "output", VMCTL_SETTING_CHOICE, "format of the output",
	  .fallback = "table", .choices = outputs },
	{ "color", VMCTL_SETTING_CHOICE, "when to use colours",
	  .fallback = "auto", .choices = colors },
	{ .key = NULL },
};

const struct vmctl_setting type_members[] = {
	{ "cpus", VMCTL_SETTING_INT, "its virtual processors", .fallback = "1",
	  .min = 1, .max = 255 },
	{ "memory", VMCTL_SETTING_SIZE, "its memory", .fallback = "1G",
	  .min = INT64_C(64) << 20 },
	{ "disk", VMCTL_SETTING_SIZE, "the size of its disk", .fallback = "8G",
	  .min = 1 << 20 },
	{ .key = NULL },
};

const struct vmctl_setting *vmctl_settings(void)
{
	return settings;
}

const char *vmctl_setting_type_name(enum vmctl_setting_type type)
{
	static const char *const names[] = {
		[VMCTL_SETTING_NAME] = "name",
		[VMCTL_SETTING_NAMES] = "names",
		[VMCTL_SETTING_URI] = "URI",
		[VMCTL_SETTING_CHOICE] = "choice",
		[VMCTL_SETTING_INT] = "number",
		[VMCTL_SETTING_SIZE] = "size",
		[VMCTL_SETTING_DURATION] = "duration",
		[VMCTL_SETTING_FOLDER] = "folder",
		[VMCTL_SETTING_SUBNET] = "subnet",
		[VMCTL_SETTING_TYPE] = "instance type",
	};

	return (size_t)type < ARRAY_LEN(names) ? names[type] : "value";
}

static const struct vmctl_setting *find(const struct vmctl_setting *s,
					const char *key)
{
	for (; s->key; s++) {
		if (str_eq(s->key, key))
			return s;
	}
	return NULL;
}

const struct vmctl_setting *setting_find(const char *key)
{
	return find(settings, key);
}

const struct vmctl_setting *type_member_find(const char *name)
{
	return find(type_members, name);
}

int fail_setting(const char *key, const char *otherwise,
		 struct vmctl_error *err)
{
	const char *keys[ARRAY_LEN(settings) + 1];
	size_t n = 0;
	int r = fail(err, VMCTL_INVALID, 0, "there is no setting '%s'", key);

	for (const struct vmctl_setting *s = settings; s->key; s++)
		keys[n++] = s->key;
	keys[n++] = "types";
	keys[n] = NULL;
	if (str_starts(key, "types"))
		fail_hint(err, "a type is set by types.NAME.cpus, "
			       "types.NAME.memory and types.NAME.disk");
	else
		fail_hint_nearest(err, key, keys, "", otherwise);
	return r;
}
