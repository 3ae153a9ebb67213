/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/host-name.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"

#define HOSTS_MAX (4 << 20) /* such as are made to block names */

/* Those of loopback, also where the file does not have them, and of groups of
 * IPv6 that every host belongs to. */
static const char *const fixed[] = {
	"localhost",	  "localhost4",	   "localhost6",      "ip6-localhost",
	"ip6-loopback",	  "ip6-localnet",  "ip6-mcastprefix", "ip6-allnodes",
	"ip6-allrouters", "broadcasthost",
};

/* One word of `n` letters of a hosts(5). */
static bool is_word(const char *at, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(at, word, n) == 0;
}

static bool leads_back(const char *at, size_t n)
{
	return strncmp(at, "127.", 4) == 0 || is_word(at, n, "::1");
}

/* The whole name: those with dots are no names of instances. */
static bool line_has(const char *line, const char *name)
{
	static const char blanks[] = " \t\r";
	bool first = true;

	for (;;) {
		line += strspn(line, blanks);
		size_t n = strcspn(line, " \t\r\n#");

		if (!n || (first && !leads_back(line, n)))
			return false;
		if (!first && is_word(line, n, name))
			return true;
		first = false;
		line += n;
	}
}

bool host_name_in(const char *hosts, const char *name)
{
	const char *line = hosts;

	while (*line) {
		if (line_has(line, name))
			return true;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
}

bool host_name_is_own(const char *name)
{
	auto_str hosts = STR_INIT;
	char host[256] = "";

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		if (strcasecmp(fixed[i], name) == 0)
			return true;
	if (gethostname(host, sizeof(host) - 1) == 0 && *host &&
	    is_word(host, strcspn(host, "."), name))
		return true;
	return file_read("/etc/hosts", HOSTS_MAX, &hosts, NULL) == 0 &&
	       host_name_in(str_text(&hosts), name);
}
