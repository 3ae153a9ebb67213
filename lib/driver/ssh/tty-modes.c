/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "driver/ssh/session.h"

/* Encoded terminal modes: RFC 4254 section 8, and RFC 8160 for IUTF8. */

enum which { IFLAG, OFLAG, CFLAG, LFLAG };

static const struct {
	unsigned char opcode, index;
} characters[] = {
	{ 1, VINTR },	{ 2, VQUIT },	  { 3, VERASE },    { 4, VKILL },
	{ 5, VEOF },	{ 6, VEOL },	  { 7, VEOL2 },	    { 8, VSTART },
	{ 9, VSTOP },	{ 10, VSUSP },	  { 12, VREPRINT }, { 13, VWERASE },
	{ 14, VLNEXT }, { 18, VDISCARD },
};

static const struct {
	unsigned char opcode;
	enum which which;
	tcflag_t mask;
} flags[] = {
	{ 30, IFLAG, IGNPAR },	{ 31, IFLAG, PARMRK },	{ 32, IFLAG, INPCK },
	{ 33, IFLAG, ISTRIP },	{ 34, IFLAG, INLCR },	{ 35, IFLAG, IGNCR },
	{ 36, IFLAG, ICRNL },	{ 38, IFLAG, IXON },	{ 39, IFLAG, IXANY },
	{ 40, IFLAG, IXOFF },	{ 41, IFLAG, IMAXBEL }, { 42, IFLAG, IUTF8 },
	{ 50, LFLAG, ISIG },	{ 51, LFLAG, ICANON },	{ 53, LFLAG, ECHO },
	{ 54, LFLAG, ECHOE },	{ 55, LFLAG, ECHOK },	{ 56, LFLAG, ECHONL },
	{ 57, LFLAG, NOFLSH },	{ 58, LFLAG, TOSTOP },	{ 59, LFLAG, IEXTEN },
	{ 60, LFLAG, ECHOCTL }, { 61, LFLAG, ECHOKE },	{ 62, LFLAG, PENDIN },
	{ 70, OFLAG, OPOST },	{ 72, OFLAG, ONLCR },	{ 73, OFLAG, OCRNL },
	{ 74, OFLAG, ONOCR },	{ 75, OFLAG, ONLRET },	{ 91, CFLAG, CS8 },
	{ 92, CFLAG, PARENB },	{ 93, CFLAG, PARODD },
};

static unsigned char *put(unsigned char *p, unsigned char opcode,
			  unsigned char value)
{
	p[0] = opcode;
	p[1] = p[2] = p[3] = 0;
	p[4] = value;
	return p + 5;
}

size_t tty_modes(const struct termios *tio, unsigned char out[TTY_MODES_MAX])
{
	unsigned char *p = out;

	_Static_assert(5 * (ARRAY_LEN(characters) + ARRAY_LEN(flags)) + 1 <=
			       TTY_MODES_MAX,
		       "the modes fit");
	for (size_t i = 0; tio && i < ARRAY_LEN(characters); i++) {
		unsigned char c = tio->c_cc[characters[i].index];

		p = put(p, characters[i].opcode,
			c == _POSIX_VDISABLE ? 255 : c);
	}
	for (size_t i = 0; tio && i < ARRAY_LEN(flags); i++) {
		const tcflag_t all[] = { tio->c_iflag, tio->c_oflag,
					 tio->c_cflag, tio->c_lflag };
		tcflag_t mask = flags[i].mask;

		p = put(p, flags[i].opcode,
			(all[flags[i].which] & mask) == mask);
	}
	*p++ = 0; /* TTY_OP_END */
	return (size_t)(p - out);
}
