/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_AGENT_PROTOCOL_H
#define DRIVER_AGENT_PROTOCOL_H

/*
 * What vmctl and its agent in the guest (images/agent) say to each other over a
 * virtio-serial port, which is one stream of bytes in each direction.
 *
 * A port tells neither side for certain that the other one is a new one: a
 * client may be killed in the middle of a frame, and its last bytes are still
 * on their way when the next one is there. So each host begins with AGENT_MARK
 * and a HELLO with a nonce of its own, and the mark is nowhere else in what a
 * host sends: who sends a payload that contains it cuts it into two frames. The
 * guest drops all when it reads the mark, wherever that is. It answers with the
 * mark and the nonce, and the host skips all before those: what was meant for
 * its predecessor.
 *
 * A frame is a header of AGENT_HEADER bytes (length of the payload, 4; type, 1;
 * number of the command, 4) and the payload. Numbers are little-endian. 0 is
 * the number of no command.
 *
 * Of each stream of a command AGENT_WINDOW bytes may be under way; the receiver
 * gives more by CREDIT as it gets rid of them. So one command that is slow to
 * read, or whose reader is slow, does not hold up the others.
 *
 * A frame that is not as described here ends the session: the guest kills what
 * it runs and waits for the next mark; the host closes the channel.
 */
#define AGENT_PORT "org.vmctl.exec.0"
#define AGENT_PROTOCOL 1

#define AGENT_MARK "\xff\x00vmctl-exec\r\n\x1a\xfe"
#define AGENT_MARK_SIZE 16
#define AGENT_NONCE_SIZE 16

#define AGENT_HEADER 9
/* A whole frame fits what the port's driver takes at once. */
#define AGENT_PAYLOAD_MAX (32768 - AGENT_HEADER)
#define AGENT_WINDOW (256 * 1024)
#define AGENT_REQUEST_MAX (4 * 1024 * 1024)
#define AGENT_COMMANDS_MAX 64 /* at once */
#define AGENT_TEXT_MAX 512    /* of messages */

enum agent_type {
	/* host: version (1), nonce. guest: version (1), nonce, generation (4:
	 * which session of this agent it is), text "version\nboot id" */
	AGENT_HELLO = 1,
	/* host: last (1: this is the rest), a part of the request (below) */
	AGENT_EXEC = 2,
	AGENT_STDIN = 3,
	AGENT_STDIN_EOF = 4,
	AGENT_CREDIT = 5, /* both: stream (1), bytes (4) */
	AGENT_SIGNAL = 6, /* host: number (1), for the process group */
	AGENT_KILL = 7,	  /* host: ends all that it started; EXIT follows */
	AGENT_PING = 8,	  /* both: the guest sends the payload back */

	/* guest: */
	AGENT_STARTED = 16, /* pid (4) */
	AGENT_OUT = 17,
	AGENT_ERR = 18,
	AGENT_STDIN_CLOSED = 19, /* nobody reads any more */
	/* The command has ended and said all: status (1), signal (1), of enum
	 * agent_time (1). The last frame of a command, as FAILED is. */
	AGENT_EXIT = 20,
	/* enum agent_failure (1), text. Of no command: of the session. */
	AGENT_FAILED = 21,
};

enum agent_time {
	AGENT_IN_TIME,
	AGENT_LATE, /* its time was up: all was ended */
	/* Likewise, but of the command itself these are the status and signal
	 * by which it had ended before: what it left behind held its output. */
	AGENT_HELD_LATE,
};

enum agent_stream { AGENT_S_IN, AGENT_S_OUT, AGENT_S_ERR, AGENT_STREAMS };

/*
 * The request: flags (1), timeout in ms (4; 0: none), and then user, folder (empty: the
 * user's home), the number (4) of arguments and them, the number (4) of
 * variables "NAME=value" and them. A text is its length (4) and its bytes, none of them NUL.
 */
enum agent_flags {
	AGENT_WANT_IN = 1, /* else it reads and writes /dev/null */
	AGENT_WANT_OUT = 2,
	AGENT_WANT_ERR = 4,
	AGENT_WANT_ALL = 7,
};

enum agent_failure {
	AGENT_F_SESSION = 1, /* a frame was wrong */
	AGENT_F_REQUEST, /* nothing was run: the request cannot be read … */
	AGENT_F_USER,	 /* … there is no such user … */
	AGENT_F_LIMIT,	 /* … too many commands run … */
	AGENT_F_SYSTEM,	 /* … the guest is out of something */
	AGENT_F_LOST,	 /* how it ended is not known */
};

static inline void agent_put32(unsigned char *p, unsigned long v)
{
	p[0] = v & 0xff;
	p[1] = v >> 8 & 0xff;
	p[2] = v >> 16 & 0xff;
	p[3] = v >> 24 & 0xff;
}

static inline unsigned long agent_get32(const unsigned char *p)
{
	return p[0] | (unsigned long)p[1] << 8 | (unsigned long)p[2] << 16 |
	       (unsigned long)p[3] << 24;
}

static inline void agent_put_header(unsigned char *p, unsigned long length,
				    int type, unsigned long id)
{
	agent_put32(p, length);
	p[4] = (unsigned char)type;
	agent_put32(p + 5, id);
}

#endif
