/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

static const char usage[] =
	"usage: vmctl-agent [--port DEVICE | --listen SOCKET] [--wait "
	"SECONDS]\n"
	"Runs commands for vmctl on the host, which asks for them through the\n"
	"virtio-serial port " AGENT_PORT ".\n"
	"\n"
	"  --port DEVICE    the port's device, or another character device\n"
	"  --listen SOCKET  make a UNIX socket and serve those who connect to\n"
	"                   it, one after the other\n"
	"  --wait SECONDS   how long to wait for the port to appear\n"
	"  --version        print the version\n";

static struct port port;
static struct session session;

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The first process of a system may be started without any, and then a pipe
 * would get the number of a standard stream. */
static void open_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd < 3);
	if (fd > 2)
		close(fd);
}

static int64_t until(int64_t at)
{
	int64_t ms = at - now_ms();

	return !at ? -1 : ms < 0 ? 0 : ms;
}

static int serve(void)
{
	static struct pollfd fds[1 + AGENT_COMMANDS_MAX * POLLED_PER_COMMAND];

	for (;;) {
		int64_t timeout = until(session.look_at);
		size_t n = commands_poll(&port, fds + 1, &timeout);
		unsigned news;

		fds[0] = (struct pollfd){ port.epoll, POLLIN, 0 };
		if (poll(fds, 1 + n, (int)timeout) < 0) {
			if (errno == EINTR)
				continue;
			return 1;
		}
		/* Before the port is read, which may begin and end commands. */
		commands_handle(&port, fds + 1, n);
		news = fds[0].revents ? port_news(&port) : PORT_NONE;
		if (news & PORT_HUNG_UP)
			session_doubt(&session);
		if (news && !session_read(&session))
			return 0; /* the port was taken out */
		if (session.look_at && now_ms() >= session.look_at)
			session_look(&session);
		port_flush(&port);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "listen", required_argument, NULL, 'l' },
		{ "wait", required_argument, NULL, 'w' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *device = NULL, *socket = NULL;
	int wait = 0, c;

	open_standard_streams();
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			device = optarg;
		else if (c == 'l')
			socket = optarg;
		else if (c == 'w')
			wait = atoi(optarg);
		else if (c == 'v')
			return puts("vmctl-agent " VMCTL_VERSION) < 0;
		else
			return fputs(usage, c == 'h' ? stdout : stderr) < 0 ||
					       c != 'h'
				       ? 2
				       : 0;
	}
	if (optind < argc || (device && socket))
		return fputs(usage, stderr), 2;
	signal(SIGPIPE, SIG_IGN);
	/* Of the keepers only their sockets are listened to. */
	signal(SIGCHLD, SIG_IGN);
	if ((socket ? port_listen(&port, socket)
		    : port_open(&port, device, wait)) < 0)
		return 1;
	session_init(&session, &port);
	return serve();
}
