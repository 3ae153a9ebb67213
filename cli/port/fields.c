/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/port/fields.h"

#define AT(member) offsetof(struct vmctl_port, member)

static const char *state_text(const void *record)
{
	return vmctl_port_state_name(
		((const struct vmctl_port *)record)->state);
}

static const struct field fields[] = {
	{ "instance", "INSTANCE", FIELD_STRING, AT(instance), FIELD_ALWAYS,
	  .help = "the instance that it is forwarded to" },
	{ "port", "PORT", FIELD_STRING, AT(text), FIELD_NAME,
	  .help = "all of it, as 127.0.0.1:8080->80/tcp" },
	{ "state", "STATE", FIELD_TEXT, 0, FIELD_STATE, .text = state_text,
	  .help = "active, inactive, or unknown" },
	{ "reason", "REASON", FIELD_STRING, AT(reason), 0,
	  .help = "why it is not active" },
	{ "protocol", "PROTOCOL", FIELD_STRING, AT(protocol),
	  FIELD_WIDE | FIELD_ALWAYS, .help = "tcp or udp" },
	{ "address", "ADDRESS", FIELD_STRING, AT(address),
	  FIELD_WIDE | FIELD_ALWAYS,
	  .help = "the address of this host; 0.0.0.0 is all of them" },
	{ "host_port", "HOST PORT", FIELD_INT, AT(host_port), FIELD_WIDE,
	  .help = "the port of this host" },
	{ "guest_port", "GUEST PORT", FIELD_INT, AT(guest_port), FIELD_WIDE,
	  .help = "the port of the guest" },
	{ .key = NULL },
};

const struct record port_record = { "port", fields };
