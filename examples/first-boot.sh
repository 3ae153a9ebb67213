#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# User data as a script: it runs once, as root, at the end of the first boot.
#
#   vmctl create web1 --image mini --user-data first-boot.sh
#   vmctl wait web1 --for cloud-init
#   vmctl exec web1 -- cat /var/tmp/first-boot
set -eu

{
	date
	uname -r
} >/var/tmp/first-boot
