/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIVER_LIBVIRT_DOCUMENT_H
#define DRIVER_LIBVIRT_DOCUMENT_H

#include "driver/hypervisor.h"

/* What libvirt's documents of networks and domains say. A value that is not in
 * them, or cannot be one, is empty. VMCTL_BAD_DATA when one cannot be read. */

/* Of a network: all but name, uuid and active. */
int network_read(const char *text, struct hv_network *ret,
		 struct vmctl_error *err);

/* Of a network: the addresses that it keeps. The caller frees *ret. */
int hosts_read(const char *text, struct hv_lease **ret, size_t *ret_n,
	       struct vmctl_error *err);

/* Of a domain: all but uuid and state. VMCTL_NOT_FOUND: it is not vmctl's. */
int owned_read(const char *text, struct hv_owned *ret, struct vmctl_error *err);

/* Of a domain: its channels. */
int channels_read(const char *text, struct hv_details *ret,
		  struct vmctl_error *err);

#endif
