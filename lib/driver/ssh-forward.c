/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "driver/ssh.h"

/* "-L [ADDRESS:]PORT:HOST:HOSTPORT". */

#define BACKLOG 128
#define SOCKETS_MAX 64

DEFINE_CLEANUP(addrinfo, struct addrinfo *, freeaddrinfo);
#define auto_addrinfo auto_cleanup(addrinfo_cleanup)

/* One, taken apart. */
struct spec {
	char *address; /* NULL: loopback; "": all */
	char *port;    /* of digits alone */
	char *host;
	int host_port;
};

static void spec_done(struct spec *s)
{
	free(s->address);
	free(s->port);
	free(s->host);
}
#define auto_spec auto_cleanup(spec_done) struct spec

static int fail_form(const char *text, const char *why, struct vmctl_error *err)
{
	fail(err, VMCTL_INVALID, 0, "'%s' is no forward: %s", text, why);
	fail_hint(err, "[ADDRESS:]PORT:HOST:HOSTPORT, as in "
		       "8080:localhost:80");
	return -VMCTL_INVALID;
}

/* The next part, up to a colon; what stands in brackets may have some. False
 * when there is none. */
static bool next_part(const char **at, char **ret)
{
	const char *p = *at, *end;

	if (!p)
		return false;
	if (*p == '[') {
		end = strchr(++p, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		*ret = strndup(p, (size_t)(end - p));
		end++;
	} else {
		end = p + strcspn(p, ":");
		*ret = strndup(p, (size_t)(end - p));
	}
	*at = *end ? end + 1 : NULL;
	return true;
}

static int port_number(const char *text)
{
	long n = 0;

	for (const char *c = text; *c; c++) {
		if (!isdigit((unsigned char)*c) || n > 65535)
			return -1;
		n = n * 10 + (*c - '0');
	}
	return n >= 1 && n <= 65535 ? (int)n : -1;
}

static int parse(const char *text, struct spec *ret, struct vmctl_error *err)
{
	char *parts[5] = { NULL };
	const char *at = text;
	size_t n = 0;
	int r = 0;

	while (n < ARRAY_LEN(parts) && next_part(&at, &parts[n]))
		n++;
	for (size_t i = 0; i < n; i++)
		if (!parts[i])
			r = fail_oom(err);
	if (r == 0 && (at || n < 3 || n > 4))
		r = fail_form(text, "it has not three or four parts", err);
	if (r == 0) {
		size_t first = n == 4;

		*ret = (struct spec){ .address = first ? parts[0] : NULL,
				      .port = parts[first],
				      .host = parts[first + 1],
				      .host_port =
					      port_number(parts[first + 2]) };
		parts[0] = parts[1] = parts[first + 1] = NULL;
		if (port_number(ret->port) < 0 || ret->host_port < 0)
			r = fail_form(text, "a port is a number up to 65535",
				      err);
		else if (!*ret->host)
			r = fail_form(text, "it names no host to go on to",
				      err);
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		free(parts[i]);
	return r;
}

int ssh_forwards_check(const char *const *specs, struct vmctl_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && specs && specs[i]; i++) {
		auto_spec s = { 0 };

		r = parse(specs[i], &s, err);
	}
	return r;
}

static int fail_listen(const struct spec *s, const struct addrinfo *a,
		       int sys_errno, struct vmctl_error *err)
{
	char address[NI_MAXHOST] = "?";
	enum vmctl_code code = VMCTL_FAILED;

	(void)getnameinfo(a->ai_addr, a->ai_addrlen, address, sizeof(address),
			  NULL, 0, NI_NUMERICHOST);
	if (sys_errno == EADDRINUSE)
		code = VMCTL_EXISTS;
	else if (sys_errno == EADDRNOTAVAIL)
		code = VMCTL_INVALID;
	else if (sys_errno == EACCES)
		code = VMCTL_DENIED;
	fail(err, code, sys_errno, "cannot listen on %s port %s", address,
	     s->port);
	if (code == VMCTL_EXISTS)
		fail_hint(err, "ss -ltnp 'sport = :%s' shows who does",
			  s->port);
	if (code == VMCTL_DENIED)
		fail_hint(err, "ports from 1024 on are open to everybody");
	return -(int)code;
}

/* Whether it does no harm that this host has no such address: nobody asked for
 * IPv6 in particular. */
static bool dispensable(const struct spec *s, const struct addrinfo *a,
			int sys_errno)
{
	return a->ai_family == AF_INET6 &&
	       (sys_errno == EAFNOSUPPORT || sys_errno == EADDRNOTAVAIL) &&
	       !(s->address && strchr(s->address, ':'));
}

/* *ret is -1 where it is no matter. */
static int listen_on(const struct spec *s, const struct addrinfo *a, int *ret,
		     struct vmctl_error *err)
{
	auto_close int fd = socket(
		a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	*ret = -1;
	if (fd < 0)
		return dispensable(s, a, errno) ? 0
						: fail_listen(s, a, errno, err);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
				 sizeof(one));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0) {
		*ret = take_fd(&fd);
		return 0;
	}
	return dispensable(s, a, errno) ? 0 : fail_listen(s, a, errno, err);
}

static int resolve(const struct spec *s, struct addrinfo **ret,
		   struct vmctl_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV };
	const char *address = s->address;
	int e;

	if (address && (!*address || str_eq(address, "*"))) {
		hints.ai_flags |= AI_PASSIVE;
		address = NULL;
	}
	/* Without an address, and not AI_PASSIVE: the loopback ones. */
	e = getaddrinfo(address, s->port, &hints, ret);
	if (e == EAI_MEMORY)
		return fail_oom(err);
	if (e != 0)
		return fail(err, VMCTL_INVALID, 0, "cannot look up %s: %s",
			    address ? address : "loopback", gai_strerror(e));
	return 0;
}

static int add(struct ssh_forwards *f, const struct spec *s, int fd,
	       struct vmctl_error *err)
{
	auto_close int listener = fd;
	struct ssh_forward *grown =
		reallocarray(f->items, f->count + 1, sizeof(*grown));
	char *host;

	if (!grown)
		return fail_oom(err);
	f->items = grown;
	host = strdup(s->host);
	if (!host)
		return fail_oom(err);
	f->items[f->count++] = (struct ssh_forward){
		.listener = take_fd(&listener),
		.host = host,
		.port = s->host_port,
	};
	return 0;
}

static int open_one(struct ssh_forwards *f, const char *text,
		    struct vmctl_error *err)
{
	auto_addrinfo struct addrinfo *list = NULL;
	auto_spec s = { 0 };
	size_t before = f->count;
	int fd = -1, r = parse(text, &s, err);

	if (r == 0)
		r = resolve(&s, &list, err);
	for (struct addrinfo *a = list; r == 0 && a; a = a->ai_next) {
		if (f->count >= SOCKETS_MAX)
			return fail(err, VMCTL_INVALID, 0,
				    "too many forwards: %d addresses are the "
				    "most",
				    SOCKETS_MAX);
		r = listen_on(&s, a, &fd, err);
		if (r == 0 && fd >= 0)
			r = add(f, &s, fd, err);
	}
	if (r == 0 && f->count == before)
		return fail(err, VMCTL_INVALID, 0,
			    "this host has no address to listen on for '%s'",
			    text);
	return r;
}

int ssh_forwards_open(const char *const *specs, struct ssh_forwards *ret,
		      struct vmctl_error *err)
{
	struct ssh_forwards f = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && specs && specs[i]; i++)
		r = open_one(&f, specs[i], err);
	if (r < 0)
		ssh_forwards_close(&f);
	else
		*ret = f;
	return r;
}

void ssh_forwards_close(struct ssh_forwards *f)
{
	for (size_t i = 0; i < f->count; i++) {
		close(f->items[i].listener);
		free((char *)f->items[i].host);
	}
	free(f->items);
	*f = (struct ssh_forwards){ 0 };
}
