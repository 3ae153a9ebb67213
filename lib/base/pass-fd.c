/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/pass-fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int pass_fd(int socket, int fd, struct vmctl_error *err)
{
	char byte = 0;
	struct iovec io = { .iov_base = &byte, .iov_len = 1 };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr msg = { .msg_iov = &io,
			      .msg_iovlen = 1,
			      .msg_control = control.space,
			      .msg_controllen = sizeof(control.space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	if (errno == ENOTSOCK || errno == EINVAL)
		return fail(err, VMCTL_INVALID, 0,
			    "standard output is not the socket that ssh gives "
			    "with ProxyUseFdpass");
	return fail_sys(err, errno, "cannot hand over the connection");
}
