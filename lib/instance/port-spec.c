/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <stdio.h>

#include "instance/port.h"

#define FORM "[[ADDRESS:]HOSTPORT:]GUESTPORT[/udp], as in 8080:80"

/* A range of ports; one port is a range of one, and 0 to 0 is none. */
struct range {
	int first, last;
};

static int fail_spec(const char *spec, struct vmctl_error *err)
{
	return fail(err, VMCTL_INVALID, 0, "'%s' is not of the form " FORM,
		    spec);
}

/* Digits alone: no sign, no space, not 0x50. */
static bool parse_number(const char *text, size_t len, int *ret)
{
	if (!len || len > 5 || strspn(text, "0123456789") < len)
		return false;
	*ret = (int)strtol(text, NULL, 10);
	return *ret <= 65535;
}

static int parse_range(const char *spec, const char *text, size_t len,
		       struct range *ret, struct vmctl_error *err)
{
	const char *dash = memchr(text, '-', len);
	size_t head = dash ? (size_t)(dash - text) : len;
	struct range r;

	if (!parse_number(text, head, &r.first) ||
	    (dash && !parse_number(dash + 1, len - head - 1, &r.last)))
		return fail(err, VMCTL_INVALID, 0,
			    "'%s': '%.*s' is not a port (1 to 65535) or a "
			    "range of them",
			    spec, (int)len, text);
	if (!dash)
		r.last = r.first;
	if (r.last < r.first || (dash && !r.first))
		return fail(err, VMCTL_INVALID, 0,
			    "'%s': %.*s is an empty range", spec, (int)len,
			    text);
	*ret = r;
	return 0;
}

static int parse_address(const char *spec, const char *text, size_t len,
			 char ret[16], struct vmctl_error *err)
{
	char copy[16];
	struct in_addr ip;

	snprintf(copy, sizeof(copy), "%.*s", (int)len, text);
	if (len >= sizeof(copy) || inet_pton(AF_INET, copy, &ip) != 1)
		return fail(err, VMCTL_INVALID, 0,
			    "'%s': '%.*s' is not an IPv4 address, as "
			    "127.0.0.1, or 0.0.0.0 for all of this host's",
			    spec, (int)len, text);
	uint32_t host = ntohl(ip.s_addr);
	if (IN_MULTICAST(host) || host == INADDR_BROADCAST)
		return fail(err, VMCTL_INVALID, 0,
			    "'%s': %s is not an address of one host", spec,
			    copy);
	inet_ntop(AF_INET, &ip, ret, 16);
	return 0;
}

/* Takes "/udp" off the end. */
static int parse_protocol(const char *spec, size_t *len, bool *ret_udp,
			  bool *ret_given, struct vmctl_error *err)
{
	const char *slash = strchr(spec, '/');

	*ret_udp = slash && str_eq(slash, "/udp");
	*ret_given = slash != NULL;
	*len = slash ? (size_t)(slash - spec) : strlen(spec);
	if (slash && !*ret_udp && !str_eq(slash, "/tcp"))
		return fail(err, VMCTL_INVALID, 0,
			    "'%s': the protocol is tcp or udp, not '%s'", spec,
			    slash + 1);
	return 0;
}

struct spec {
	bool udp, has_protocol, has_address;
	char address[16];
	struct range host, guest;
};

#define PARTS 3

/* The pieces between colons, at most PARTS; more are counted. */
static size_t split(const char *text, size_t len, const char *at[PARTS],
		    size_t n[PARTS])
{
	size_t count = 0;

	for (const char *p = text, *end = text + len; p <= end; count++) {
		const char *colon = memchr(p, ':', (size_t)(end - p));
		const char *stop = colon ? colon : end;

		if (count < PARTS) {
			at[count] = p;
			n[count] = (size_t)(stop - p);
		}
		p = stop + 1;
	}
	return count;
}

static int fail_ipv6(const char *spec, struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0,
	     "'%s': IPv6 is not forwarded, as QEMU's user-mode networking "
	     "forwards IPv4 alone",
	     spec);
	fail_hint(err, "give an IPv4 address of this host, or none");
	return -VMCTL_INVALID;
}

/* What is left and right of the last colon, and the address before. */
static int parse(const char *spec, struct spec *ret, struct vmctl_error *err)
{
	struct spec s = { .address = "127.0.0.1" };
	const char *at[PARTS];
	size_t n[PARTS], len;
	int r = parse_protocol(spec, &len, &s.udp, &s.has_protocol, err);

	if (r < 0)
		return r;
	if (memchr(spec, '[', len))
		return fail_ipv6(spec, err);
	size_t count = split(spec, len, at, n);
	if (count > PARTS)
		return count > PARTS + 1 ? fail_ipv6(spec, err)
					 : fail_spec(spec, err);
	if (!len)
		return fail_spec(spec, err);
	if (count == 2 && memchr(at[0], '.', n[0])) {
		fail(err, VMCTL_INVALID, 0,
		     "'%s': behind an address come both ports", spec);
		fail_hint(err,
			  "%.*s:HOSTPORT:%.*s, or %.*s::%.*s for a port that "
			  "is chosen",
			  (int)n[0], at[0], (int)n[1], at[1], (int)n[0], at[0],
			  (int)n[1], at[1]);
		return -VMCTL_INVALID;
	}
	if (count == PARTS) {
		s.has_address = true;
		r = parse_address(spec, at[0], n[0], s.address, err);
	}
	if (r == 0 && count > 1 && n[count - 2])
		r = parse_range(spec, at[count - 2], n[count - 2], &s.host,
				err);
	if (r == 0)
		r = parse_range(spec, at[count - 1], n[count - 1], &s.guest,
				err);
	if (r == 0 && !s.guest.first)
		r = fail(err, VMCTL_INVALID, 0, "'%s': a guest has no port 0",
			 spec);
	if (r == 0)
		*ret = s;
	return r;
}

/* --- to be added -----------------------------------------------------------
 */

static int refuse_overlap(const struct state_port *ports, size_t n,
			  const struct state_port *port,
			  struct vmctl_error *err)
{
	char text[PORT_TEXT], other[PORT_TEXT];

	for (size_t i = 0; port->host_port && i < n; i++)
		if (state_ports_overlap(&ports[i], port))
			return fail(err, VMCTL_INVALID, 0,
				    "%s and %s are the same port of this host",
				    state_port_text(&ports[i], other),
				    state_port_text(port, text));
	return 0;
}

static int add(const char *spec, struct state_port **list, size_t *n,
	       struct vmctl_error *err)
{
	struct spec s;
	int r = parse(spec, &s, err);

	if (r < 0)
		return r;
	int count = s.guest.last - s.guest.first + 1;
	if (s.host.first && s.host.last - s.host.first + 1 != count)
		return fail(err, VMCTL_INVALID, 0,
			    "'%s': the ranges are not of the same length",
			    spec);
	if (*n + (size_t)count > VMCTL_PORTS_MAX)
		return fail(err, VMCTL_INVALID, 0,
			    "'%s': an instance has at most %d forwarded ports",
			    spec, VMCTL_PORTS_MAX);
	struct state_port *more =
		reallocarray(*list, *n + (size_t)count, sizeof(**list));
	if (!more)
		return fail_oom(err);
	*list = more;
	for (int i = 0; r == 0 && i < count; i++) {
		struct state_port port = { .udp = s.udp,
					   .guest_port = s.guest.first + i };

		port.drawn = !s.host.first;
		port.host_port = s.host.first ? s.host.first + i : 0;
		memcpy(port.address, s.address, sizeof(port.address));
		r = refuse_overlap(*list, *n, &port, err);
		(*list)[(*n)++] = port;
	}
	return r;
}

int port_specs_parse(const char *const *specs, struct state_port **ret,
		     size_t *ret_n, struct vmctl_error *err)
{
	auto_free struct state_port *list = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && specs && specs[i]; i++)
		r = add(specs[i], &list, &n, err);
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	*ret_n = n;
	return 0;
}

int vmctl_port_check(const char *spec, bool *ret_fixed, struct vmctl_error *err)
{
	const char *const one[] = { spec, NULL };
	auto_free struct state_port *ports = NULL;
	size_t n = 0;
	int r = port_specs_parse(one, &ports, &n, err);

	if (r == 0 && ret_fixed)
		*ret_fixed = !ports[0].drawn;
	return r;
}

/* --- to be removed ---------------------------------------------------------
 */

/* "127.0.0.1:8080->80/tcp" is "127.0.0.1:8080:80/tcp". */
static char *without_arrow(const char *spec)
{
	char *copy = strdup(spec), *arrow = copy ? strstr(copy, "->") : NULL;

	if (arrow) {
		*arrow = ':';
		memmove(arrow + 1, arrow + 2, strlen(arrow + 2) + 1);
	}
	return copy;
}

/* A port alone, or behind an address, is the host's here. */
static int parse_known(const char *spec, struct spec *ret,
		       struct vmctl_error *err)
{
	auto_free char *plain = without_arrow(spec);
	auto_free char *full = NULL;
	const char *at[PARTS];
	size_t n[PARTS], len;
	bool udp, given;

	if (!plain)
		return fail_oom(err);
	int r = parse_protocol(plain, &len, &udp, &given, err);
	if (r < 0)
		return r;
	size_t count = split(plain, len, at, n);
	bool bare = count == 1 || (count == 2 && memchr(at[0], '.', n[0]));
	/* Any guest port that fits is good enough for the parser. */
	full = bare ? str_printf("%.*s:%.*s%s", (int)len, plain,
				 (int)n[count - 1], at[count - 1], plain + len)
		    : strdup(plain);
	if (!full)
		return fail_oom(err);
	r = parse(full, ret, err);
	if (r == 0 && !ret->host.first)
		r = fail(err, VMCTL_INVALID, 0,
			 "'%s' does not say which port of this host", spec);
	if (r == 0 && bare)
		ret->guest = (struct range){ 0 };
	return r;
}

static bool matches(const struct spec *s, const struct state_port *port)
{
	int at = port->host_port - s->host.first;

	return at >= 0 && port->host_port <= s->host.last &&
	       (!s->has_protocol || port->udp == s->udp) &&
	       (!s->has_address || str_eq(port->address, s->address)) &&
	       (!s->guest.first || port->guest_port == s->guest.first + at);
}

int port_spec_match(const char *spec, const struct state_port *known, size_t n,
		    bool *chosen, struct vmctl_error *err)
{
	struct spec s = { 0 };
	int r = parse_known(spec, &s, err);

	for (int port = s.host.first; r == 0 && port <= s.host.last; port++) {
		const struct state_port *found = NULL;
		char one[PORT_TEXT], two[PORT_TEXT];

		for (size_t i = 0; i < n; i++) {
			if (known[i].host_port != port ||
			    !matches(&s, &known[i]))
				continue;
			if (found)
				return fail(err, VMCTL_INVALID, 0,
					    "'%s' may be %s or %s", spec,
					    state_port_text(found, one),
					    state_port_text(&known[i], two));
			found = &known[i];
			chosen[i] = true;
		}
		if (!found)
			r = fail(err, VMCTL_NOT_FOUND, 0,
				 "port %d is not forwarded%s", port,
				 s.host.first == s.host.last ? " so" : "");
	}
	return r;
}
