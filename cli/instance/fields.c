/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/instance/fields.h"

#include <vmctl/console.h>

#define AT(member) offsetof(struct vmctl_instance, member)

static const char *state_text(const void *record)
{
	return vmctl_state_name(((const struct vmctl_instance *)record)->state);
}

static const struct field fields[] = {
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_NAME | FIELD_BRIEF,
	  .help = "its name, also the guest's hostname" },
	{ "id", "ID", FIELD_STRING, AT(id),
	  FIELD_WIDE | FIELD_ALWAYS | FIELD_BRIEF,
	  .help = "its id, which never changes" },
	{ "state", "STATE", FIELD_TEXT, 0, FIELD_STATE | FIELD_BRIEF,
	  .text = state_text,
	  .help = "pending, running, stopping, stopped, paused, suspended, "
		  "error, terminated, or unknown" },
	{ "type", "TYPE", FIELD_STRING, AT(type), FIELD_ALWAYS | FIELD_BRIEF,
	  .help = "its size" },
	{ "vcpus", "VCPUS", FIELD_INT, AT(vcpus), FIELD_WIDE,
	  .help = "virtual processors" },
	{ "memory", "MEMORY", FIELD_SIZE, AT(memory), FIELD_BRIEF,
	  .help = "memory in bytes" },
	{ "disk", "DISK", FIELD_SIZE, AT(disk), FIELD_BRIEF,
	  .help = "size of the disk in bytes, as the guest sees it" },
	{ "image", "IMAGE", FIELD_STRING, AT(image), FIELD_ALWAYS | FIELD_BRIEF,
	  .help = "the image it was made from" },
	{ "address", "ADDRESS", FIELD_STRING, AT(address), FIELD_BRIEF,
	  .help = "where this host reaches it" },
	{ "ssh_port", "PORT", FIELD_INT, AT(ssh_port),
	  FIELD_ZERO_NONE | FIELD_BRIEF,
	  .help = "TCP port for ssh at that address" },
	{ "ports", "PORTS", FIELD_STRINGS, AT(ports), FIELD_WIDE,
	  .help = "ports of this host that are forwarded to it" },
	{ "networks", "NETWORKS", FIELD_STRINGS, AT(networks), FIELD_WIDE,
	  .help = "what its interfaces are connected to" },
	{ "address_source", "SOURCE", FIELD_STRING, AT(address_source),
	  FIELD_HIDDEN,
	  .help = "how the address is known: forward, reservation, lease, "
		  "agent, arp, or last seen" },
	{ "created_at", "AGE", FIELD_TIME, AT(created_at),
	  FIELD_ALWAYS | FIELD_BRIEF, .help = "when it was created" },
	{ "user", "USER", FIELD_STRING, AT(user), FIELD_WIDE,
	  .help = "the account to enter by ssh" },
	{ "keys", "KEYS", FIELD_STRINGS, AT(keys), FIELD_WIDE,
	  .help = "names of the ssh keys it was made with" },
	{ "labels", "LABELS", FIELD_STRINGS, AT(labels), FIELD_WIDE,
	  .help = "its labels, key=value; label.KEY is the value of one",
	  .each = "label" },
	{ "note", "NOTE", FIELD_STRING, AT(note), FIELD_HIDDEN,
	  .help = "the note on it" },
	{ "accel", "ACCEL", FIELD_STRING, AT(accel), FIELD_WIDE | FIELD_ASKED,
	  .help = "kvm or tcg" },
	{ "launched_at", "LAUNCHED", FIELD_TIME, AT(launched_at), FIELD_WIDE,
	  .help = "when it was last started" },
	{ "terminated_at", "TERMINATED", FIELD_TIME, AT(terminated_at),
	  FIELD_HIDDEN, .help = "when it was deleted" },
	{ "reason", "REASON", FIELD_STRING, AT(reason), FIELD_WIDE,
	  .help = "why it is in error or unknown" },
	{ "stale", "STALE", FIELD_BOOL, AT(stale), FIELD_HIDDEN | FIELD_BRIEF,
	  .help = "whether the state is what was last seen, not asked now" },
	{ "mac", "MAC", FIELD_STRING, AT(mac), FIELD_HIDDEN,
	  .help = "MAC address of its first interface" },
	{ "uuid", "UUID", FIELD_STRING, AT(uuid), FIELD_HIDDEN,
	  .help = "UUID of its domain" },
	{ "connection", "CONNECTION", FIELD_STRING, AT(connection),
	  FIELD_HIDDEN | FIELD_ALWAYS, .help = "URI of its hypervisor" },
	{ "image_digest", "DIGEST", FIELD_STRING, AT(image_digest),
	  FIELD_HIDDEN | FIELD_ALWAYS, .help = "SHA-256 of the image" },
	{ "host_key_sha256", "HOST KEY", FIELD_STRING, AT(host_key_sha256),
	  FIELD_HIDDEN, .help = "fingerprint of the guest's ssh host key" },
	{ "host_key", "PUBLIC HOST KEY", FIELD_STRING, AT(host_key),
	  FIELD_HIDDEN, .help = "the guest's public ssh host key" },
	{ "dir", "FOLDER", FIELD_STRING, AT(dir), FIELD_HIDDEN,
	  .help = "its folder: disk, seed and console record" },
	{ .key = NULL },
};

const struct record instance_record = { "instance", fields };

static const struct field address_fields[] = {
	{ "name", "NAME", FIELD_STRING, AT(name), FIELD_NAME,
	  .help = "the instance" },
	{ "address", "ADDRESS", FIELD_STRING, AT(address), 0,
	  .help = "where this host reaches it" },
	{ "ssh_port", "PORT", FIELD_INT, AT(ssh_port), FIELD_ZERO_NONE,
	  .help = "TCP port for ssh at that address" },
	{ .key = NULL },
};

const struct record address_record = { "address", address_fields };

#define BOOT(member) offsetof(struct vmctl_boot, member)

static const struct field boots[] = {
	{ "index", "BOOT", FIELD_INT, BOOT(index), FIELD_NAME,
	  .help = "0 for the last start, -1 for the one before" },
	{ "number", "NUMBER", FIELD_INT, BOOT(number), 0,
	  .help = "the first start is 1" },
	{ "started_at", "STARTED", FIELD_TIME, BOOT(started_at), 0,
	  .help = "when vmctl started it" },
	{ "written_at", "LAST OUTPUT", FIELD_TIME, BOOT(written_at), 0,
	  .help = "when the guest wrote last" },
	{ "ended", "ENDED", FIELD_STRING, BOOT(ended), 0,
	  .help = "how it ended, where that is known" },
	{ "size", "SIZE", FIELD_SIZE, BOOT(size), 0,
	  .help = "how much of it is kept" },
	{ .key = NULL },
};

const struct record boot_record = { "boot", boots };
