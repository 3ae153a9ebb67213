/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sftp-evil.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The protocol: draft-ietf-secsh-filexfer-02. Written apart from the client:
 * what both get wrong would not be seen. */

enum { OPEN = 3, CLOSE, READ, WRITE, LSTAT, FSTAT, OPENDIR = 11, READDIR };
enum { REALPATH = 16, STAT, READLINK = 19, EXTENDED = 200 };
enum { STATUS = 101, HANDLE, DATA, NAME, ATTRS };
enum { OK, END, NO_FILE, FAILURE = 4 };
#define DIR_MODE 040755
#define FILE_MODE 0104755 /* with set-user-ID */
#define LINK_MODE 0120777

static const char *way;
static unsigned reads;

static bool is(const char *name)
{
	return strcmp(way, name) == 0;
}

/* What "expands TEXT" makes of every "~USER/PATH"; NULL in other ways. */
static const char *expansion(void)
{
	static const char word[] = "expands ";
	size_t n = strlen(word);

	return strncmp(way, word, n) == 0 ? way + n : NULL;
}

static uint64_t file_size(void)
{
	if (is("large") || is("dies"))
		return EVIL_LARGE;
	return is("small files") || is("links") ? 100 : EVIL_SIZE;
}

unsigned char evil_byte(unsigned long long offset)
{
	return (unsigned char)(1 + offset * 2654435761u % 251);
}

/* --- packets ------------------------------------------------------------- */

static unsigned char out[1 << 20];
static size_t out_len;

static void put(const void *p, size_t n)
{
	memcpy(out + out_len, p, n);
	out_len += n;
}

static void put32(uint32_t v)
{
	v = htonl(v);
	put(&v, 4);
}

static void put_string(const void *p, size_t n)
{
	put32((uint32_t)n);
	put(p, n);
}

static void begin(unsigned char type, uint32_t id)
{
	out_len = 4;
	put(&type, 1);
	put32(id);
}

static void send_out(void)
{
	uint32_t n = htonl((uint32_t)out_len - 4);
	size_t done = 0;

	memcpy(out, &n, 4);
	while (done < out_len) {
		ssize_t k = write(1, out + done, out_len - done);

		if (k <= 0)
			_exit(1);
		done += (size_t)k;
	}
}

static void get(void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t k = read(0, (char *)p + done, n - done);

		if (k <= 0)
			_exit(0);
		done += (size_t)k;
	}
}

static void status(uint32_t id, uint32_t code)
{
	static const char words[] = "\033]0;owned\a\nno";

	begin(STATUS, id);
	put32(code);
	put_string(words, strlen(words));
	put_string("", 0);
	send_out();
}

/* --- what there is ------------------------------------------------------- */

static void put_attrs(uint32_t mode)
{
	uint64_t size = is("negative size") ? UINT64_MAX - 5 : file_size();

	put32(1 | 4 | 8);
	put32((uint32_t)(size >> 32));
	put32((uint32_t)size);
	put32(mode);
	put32(1000000000);
	put32(1000000000);
}

static void put_name(const char *name, size_t n, uint32_t mode)
{
	put_string(name, n);
	put_string("long", 4);
	put_attrs(mode);
}

static uint32_t mode_of(const char *path)
{
	const char *last = strrchr(path, '/');

	last = last ? last + 1 : path;
	/* Asked again, it is what lets the copy go on. */
	if (is("links") && strcmp(path, "/r/l") == 0)
		return DIR_MODE;
	if (strcmp(path, "/r") == 0 || strcmp(last, "..") == 0 ||
	    last[0] == 'd')
		return DIR_MODE;
	return last[0] == 'l' ? LINK_MODE : FILE_MODE;
}

static void list_names(uint32_t id)
{
	begin(NAME, id);
	put32(10);
	put_name("../evil", 7, FILE_MODE);
	put_name("/evil", 5, FILE_MODE);
	put_name("", 0, FILE_MODE);
	put_name("a/evil", 6, FILE_MODE);
	put_name("x\0y", 3, FILE_MODE);
	put_name(".", 1, FILE_MODE);
	put_name("..", 2, DIR_MODE);
	put_name("../devil", 8, DIR_MODE);
	put_name("../levil", 8, LINK_MODE);
	put_name("good", 4, FILE_MODE);
	send_out();
}

/* A link that leads out, and then files and folders by its name. */
static void list_links(uint32_t id, const char *path)
{
	begin(NAME, id);
	if (strcmp(path, "/r") != 0) {
		put32(1);
		put_name("evil", 4, FILE_MODE);
	} else {
		put32(4);
		put_name("l", 1, LINK_MODE);
		put_name("l", 1, DIR_MODE);
		put_name("l", 1, FILE_MODE);
		put_name("good", 4, FILE_MODE);
	}
	send_out();
}

static void list(uint32_t id, const char *path)
{
	static unsigned calls;
	static char last[4096];

	if (strcmp(last, path) != 0)
		calls = 0;
	snprintf(last, sizeof(last), "%s", path);
	if (is("endless folder")) {
		begin(NAME, id);
		put32(0);
		send_out();
	} else if (is("too many names")) {
		begin(NAME, id);
		put32(0x10000000);
		put_name("a", 1, FILE_MODE);
		send_out();
	} else if (calls++ > 0) {
		status(id, END);
	} else if (is("names")) {
		list_names(id);
	} else if (is("links")) {
		list_links(id, path);
	} else if (is("deep")) {
		begin(NAME, id);
		put32(1);
		put_name("d", 1, DIR_MODE);
		send_out();
	} else {
		begin(NAME, id);
		put32(2);
		put_name("one", 3, FILE_MODE);
		put_name("two", 3, FILE_MODE);
		send_out();
	}
}

/* --- reading ------------------------------------------------------------- */

static void data(uint32_t id, uint64_t offset, uint32_t n)
{
	uint64_t size = file_size();

	if (is("dies") && offset > 8 * 1024 * 1024)
		_exit(1);
	if (is("hangs") && reads > 1) {
		for (;;)
			pause();
	}
	if (is("shrinks") && offset > 1000)
		size = 1000;
	if (is("refuses to read")) {
		status(id, FAILURE);
		return;
	}
	if (offset >= size) {
		status(id, END);
		return;
	}
	if (n > size - offset)
		n = (uint32_t)(size - offset);
	if (is("short answers") && n > 7000)
		n = 7000;
	if (is("no data"))
		n = 0;
	if (is("too much data"))
		n += 1;
	begin(DATA, id);
	put32(n);
	for (uint32_t i = 0; i < n; i++)
		out[out_len++] = evil_byte(offset + i);
	send_out();
}

/* --- requests ------------------------------------------------------------ */

static uint32_t at32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return ntohl(v);
}

/* Answers that no request could have. */
static bool nonsense(uint32_t id)
{
	static const unsigned char huge[] = { 0x7f, 0xff, 0xff, 0xff, 103 };
	static const unsigned char large[4000];

	if (is("another question"))
		status(id + 77, OK);
	else if (is("wrong type"))
		begin(ATTRS, id), put_attrs(FILE_MODE), send_out();
	else if (is("huge packet"))
		(void)!write(1, huge, sizeof(huge));
	else if (is("cut off"))
		begin(NAME, id), put32(1), put32(5000), send_out();
	else if (is("long handle"))
		begin(HANDLE, id), put_string(large, sizeof(large)), send_out();
	else if (is("says nothing"))
		status(id, OK);
	else
		return false;
	return true;
}

static void answer(unsigned char *p, uint32_t n)
{
	static char folder[4096];
	uint32_t id = at32(p + 1), len = n >= 9 ? at32(p + 5) : 0;
	char *text = (char *)p + 9;

	/* Strings end where the next field begins; it was read already. */
	char path[4096];
	snprintf(path, sizeof(path), "%.*s", (int)len, text);
	switch (p[0]) {
	case REALPATH:
		begin(NAME, id);
		put32(1);
		put_name(path, strlen(path), DIR_MODE);
		send_out();
		break;
	case STAT:
	case LSTAT:
		if (!strncmp(path, "/r", 2))
			begin(ATTRS, id), put_attrs(mode_of(path)), send_out();
		else
			status(id, NO_FILE);
		break;
	case FSTAT:
		begin(ATTRS, id), put_attrs(FILE_MODE), send_out();
		break;
	case OPEN:
	case OPENDIR:
		snprintf(folder, sizeof(folder), "%s", path);
		if (!nonsense(id))
			begin(HANDLE, id), put_string("h", 1), send_out();
		break;
	case READDIR:
		list(id, folder);
		break;
	case READLINK:
		begin(NAME, id);
		put32(1);
		put_name(getenv(EVIL_OUTSIDE), strlen(getenv(EVIL_OUTSIDE)),
			 LINK_MODE);
		send_out();
		break;
	case EXTENDED: /* of a name and a path */
		begin(NAME, id);
		put32(1);
		put_name(expansion(), strlen(expansion()), DIR_MODE);
		send_out();
		break;
	case READ:
		reads++;
		data(id, (uint64_t)at32(p + 9 + len) << 32 | at32(p + 13 + len),
		     at32(p + 17 + len));
		break;
	default:
		status(id, p[0] == CLOSE ? OK : FAILURE);
	}
}

void evil_serve(const char *what)
{
	static unsigned char packet[1 << 20];
	static const char welcome[] = "Welcome to this machine\n";
	unsigned char head[4];

	way = what;
	if (is("talks"))
		(void)!write(1, welcome, strlen(welcome));
	for (;;) {
		uint32_t n;

		get(head, 4);
		n = at32(head);
		if (n == 0 || n > sizeof(packet))
			_exit(2);
		get(packet, n);
		if (packet[0] == 1) {
			begin(2, 3); /* VERSION has no identifier: 3 */
			if (expansion())
				put_string("expand-path@openssh.com", 23),
					put_string("1", 1);
			send_out();
		} else {
			answer(packet, n);
		}
	}
}
