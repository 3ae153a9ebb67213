/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMCTL_VMCTL_H
#define VMCTL_VMCTL_H

/* libvmctl: virtual machines for terminal users. Includes every public
 * header. */
#include <vmctl/config.h>
#include <vmctl/console.h>
#include <vmctl/context.h>
#include <vmctl/copy.h>
#include <vmctl/diagnosis.h>
#include <vmctl/doctor.h>
#include <vmctl/error.h>
#include <vmctl/execution.h>
#include <vmctl/host.h>
#include <vmctl/image.h>
#include <vmctl/instance.h>
#include <vmctl/key.h>
#include <vmctl/label.h>
#include <vmctl/network.h>
#include <vmctl/port.h>
#include <vmctl/ssh-config.h>

#endif
