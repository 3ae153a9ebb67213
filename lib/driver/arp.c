/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/arp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/str.h"

/* Lines of "IP address, HW type, Flags, HW address, Mask, Device" (proc(5)). */
#define TABLE "/proc/net/arp"
#define FLAG_COMPLETE 2 /* ATF_COM */

int arp_find_in(const char *table, const char *mac, const char *device,
		char ret[46], struct vmctl_error *err)
{
	char line[256];

	while (str_line(&table, line, sizeof(line))) {
		char address[46], hardware[18], where[16];
		unsigned flags;

		if (sscanf(line, "%45s 0x%*x 0x%x %17s %*s %15s", address,
			   &flags, hardware, where) == 4 &&
		    flags & FLAG_COMPLETE && strcasecmp(hardware, mac) == 0 &&
		    str_eq(where, device)) {
			memcpy(ret, address, sizeof(address));
			return 0;
		}
	}
	return fail(err, VMCTL_NOT_FOUND, 0, "no neighbour on %s is %s", device,
		    mac);
}

int arp_find(const char *mac, const char *device, char ret[46],
	     struct vmctl_error *err)
{
	auto_str table = STR_INIT;
	int r = file_read(TABLE, 1 << 24, &table, err);

	return r < 0 ? r : arp_find_in(str_text(&table), mac, device, ret, err);
}
