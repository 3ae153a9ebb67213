#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A host of its own for the tests of qemu:///system:
#
#   unshare --mount --net --pid --fork --kill-child bash tests/system/host.sh DIR
#
# Runs as the first process of new namespaces: a network that has nothing but
# loopback, mounts that nobody else sees, processes that end with this one. In it
# a libvirt daemon runs on a configuration and folders of its own, so that nothing
# of the real host is read for more than its defaults, or changed.
#
# When all is ready DIR/ready exists; when that cannot be, DIR/reason says why: the tests
# are skipped for that, or fail, when it begins with "failed: ".
# It ends with its standard input: also when whoever holds that is killed. bash,
# because the first process must wait for the orphans (QEMU is one), or libvirt
# takes the dead for alive.
set -u
dir=$1

# Ends here, with the reason for which the tests are skipped.
cannot() {
	echo "$*" | tr '\n' ' ' >"$dir/reason.new"
	mv "$dir/reason.new" "$dir/reason"
	exit 0
}

# What is not the kernel's or its container's doing.
failed() {
	cannot "failed: $*"
}

# may WHAT COMMAND...: what is not permitted in every container.
may() {
	local what=$1 said
	shift
	said=$("$@" 2>&1) || cannot "$what is not possible here: $said"
}

for program in ip dnsmasq libvirtd virsh iptables; do
	command -v "$program" >/dev/null || failed "$program is missing: it belongs into scripts/deps"
done
may "a process namespace" mount -t proc proc /proc
may "a private /sys" mount -t sysfs sysfs /sys
may "loopback of its own" ip link set lo up

# --- the daemon's own files ---------------------------------------------------
mkdir -p "$dir/etc"
[ ! -d /etc/libvirt ] || cp -a /etc/libvirt/. "$dir/etc/"
rm -rf "$dir/etc/qemu" "$dir/etc/libxl" "$dir/etc/storage"
mkdir -p "$dir/etc/qemu/networks/autostart"
# Without virtlogd the first start waits for it for minutes; the other lines are
# what a container has not got.
cat >"$dir/etc/qemu.conf" <<-'END'
	stdio_handler = "file"
	security_driver = "none"
	user = "root"
	group = "root"
	namespaces = []
	cgroup_controllers = []
END
# As for members of the group libvirt on a real host.
cat >"$dir/etc/libvirtd.conf" <<-'END'
	auth_unix_ro = "none"
	auth_unix_rw = "none"
	unix_sock_rw_perms = "0777"
END
may "a private /etc/libvirt" mount --bind "$dir/etc" /etc/libvirt
# Where root's own records are (system/sudo): an empty directory stays on the real host.
mkdir -p /var/lib/vmctl
for folder in /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /var/lib/vmctl /run; do
	[ -d "$folder" ] || failed "there is no $folder"
	may "a private $folder" mount -t tmpfs -o mode=755 private "$folder"
done
mkdir -p /var/lib/libvirt/{dnsmasq,qemu,network,images} /run/libvirt /run/lock /run/netns
# Where a service manager runs vmctl leaves the daemon to that.
mkdir -p /run/systemd/system
# libvirt and QEMU say where they were started.
may "a bridge" ip link add name probe type bridge
ip link delete probe

libvirtd -d >"$dir/libvirtd.log" 2>&1 || failed "libvirtd does not start: $(tail -n 1 "$dir/libvirtd.log")"
for _ in {1..300}; do
	[ ! -S /run/libvirt/libvirt-sock ] || break
	sleep 0.1
done
# Asks QEMU what it can do, which takes seconds the first time.
virsh -q -c qemu:///system capabilities >/dev/null 2>"$dir/libvirtd.log" ||
	failed "libvirtd does not answer: $(tail -n 1 "$dir/libvirtd.log")"
: >"$dir/ready"

while read -r _; do :; done
