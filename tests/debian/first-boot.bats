#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a real cloud-init makes of the seed, in the full Debian image: one instance that
# gets everything (full), one whose YAML is broken (broken), one whose commands fail
# (fails). They boot at once, as that takes a minute or two.

load ../lib.sh

setup_file() {
	private_home
	requires debugfs qemu-img ssh-keygen ssh-keyscan
	[ -e "$VMT_IMAGE" ] || {
		echo "no Debian image; make images/debian" >&2
		return 1
	}
	vmctl image import --metadata "$TOP/images/debian/image.json" "$VMT_IMAGE" >/dev/null
	K=$BATS_FILE_TMPDIR/k
	mkdir "$K"
	for key in own ann; do
		ssh-keygen -q -t ed25519 -N '' -C $key -f "$K/$key"
	done
	vmctl key import own "$K/own.pub"
	export K

	D=$BATS_FILE_TMPDIR
	full >"$D/full"
	broken >"$D/broken"
	fails_ >"$D/fails"
	make="vmctl create --image debian --cpus 1 --memory 512M --key own"
	$make full --disk 5G --network user --network user --user-data "$D/full"
	started=$EPOCHSECONDS
	$make broken --user-data "$D/broken"
	$make fails --user-data "$D/fails"
	vmctl wait full --for ssh --timeout 600s || {
		vmctl logs full | tail -n 40
		return 1
	}
	echo "# full: ssh after $((EPOCHSECONDS - started)) s, three booting, load $(cut -d ' ' -f 1-3 /proc/loadavg)" >&3
	export started
}

teardown_file() {
	delete_all
}

guest() {
	vmctl exec full -- "$@"
}

# guest_sh NAME: a script on standard input.
guest_sh() {
	vmctl exec "$1" -- sh -s
}

# What YAML has over JSON: comments, anchors and merge keys, blocks; and text that is
# not ASCII. runcmd waits for the test.
full() {
	cat <<-END
		#cloud-config
		# A comment; and an anchor that is used twice.
		fqdn: web.example.org
		manage_etc_hosts: true
		vmctl_test: &file
		  owner: 'root:adm'
		  permissions: '0640'
		users:
		  - default
		  - name: ann          # another user, with a key of her own
		    gecos: Ann Other
		    shell: /bin/bash
		    sudo: 'ALL=(ALL) NOPASSWD:ALL'
		    lock_passwd: true
		    ssh_authorized_keys: [ '$(cat "$K/ann.pub")' ]
		ssh_authorized_keys:
		  - $(cat "$K/ann.pub")
		ssh_pwauth: true
		write_files:
		  - <<: *file
		    path: /etc/one
		    content: |
		      first: 'line'
		        indented äöü
		  - <<: *file
		    path: /etc/two
		    encoding: b64
		    content: AAH+/w==
		bootcmd:
		  - 'echo boot >>/var/log/vmctl-boot'
		runcmd:
		  - 'mkfifo /var/tmp/go && timeout 1200 cat /var/tmp/go'
		  - [sh, -c, 'echo "\$(hostname) \$(id -un)" >>/var/log/vmctl-run']
		  - 'echo second >>/var/log/vmctl-run'
	END
}

broken() {
	# A tab where create, which reads with libyaml, has it, and PyYAML does not.
	printf '#cloud-config\nwrite_files:\n  - path:\t/etc/one\n'
}

# A document of several parts of the user's own, one of them of parts again.
fails_() {
	cat <<-'END'
		Content-Type: multipart/mixed; boundary="outer"
		MIME-Version: 1.0

		--outer
		Content-Type: text/cloud-config

		#cloud-config
		write_files:
		  - {path: /etc/one, content: one}
		runcmd:
		  - 'echo said by runcmd; exit 7'
		--outer
		Content-Type: multipart/mixed; boundary="inner"

		--inner
		Content-Type: text/x-shellscript
		Content-Disposition: attachment; filename="good.sh"

		#!/bin/sh
		echo "good as $(id -un)" >/var/log/vmctl-run
		--inner
		Content-Type: text/x-shellscript
		Content-Disposition: attachment; filename="bad.sh"

		#!/bin/sh
		exit 3
		--inner
		Content-Type: text/jinja2

		## template: jinja
		#cloud-config
		merge_how: 'list(append)+dict(no_replace,recurse_list)+str()'
		write_files:
		  - {path: /etc/two, content: "id {{ v1.instance_id }}"}
		--inner--
		--outer--
	END
}

@test "wait --for cloud-init: status 5 while it works, 0 when it is done" {
	try vmctl wait full --for cloud-init --timeout 20s
	same "$status" 5
	has "$err" "has not finished cloud-init after"
	wait_until 300 guest test -p /var/tmp/go
	guest sudo sh -c 'echo >/var/tmp/go'
	ok vmctl wait full --for cloud-init --timeout 600s
	same "$err" ""
	echo "# full: cloud-init done after $((EPOCHSECONDS - started)) s, load $(cut -d ' ' -f 1-3 /proc/loadavg)" >&3
}

@test "a broken YAML: status 1 with cloud-init's line; name and keys are there all the same" {
	fails 1 vmctl wait broken --for cloud-init --timeout 600s
	has "$err" "broken: cloud-init failed: Failed loading yaml blob"
	has "$err" "line 3"
	ok vmctl exec broken -- hostname
	same "$out" broken
	try vmctl exec broken -- test -e /etc/one
	same "$status" 1
}

@test "a command and a script that fail: status 1 with cloud-init's lines" {
	fails 1 vmctl wait fails --for cloud-init --timeout 600s
	has "$err" "fails: cloud-init failed: ('scripts-user', RuntimeError('Runparts: 2 failures (bad.sh,runcmd) in 3 "
	# The hint is right.
	has "$err" "vmctl exec fails -- sudo cat /var/log/cloud-init-output.log"
	ok vmctl exec fails -- sudo cat /var/log/cloud-init-output.log
	has "$out" "said by runcmd"
}

@test "INST-004 a multipart document of the user's own, nested and with a template" {
	ok guest_sh fails <<-'END'
		cat /var/log/vmctl-run /etc/one
		echo
		cat /etc/two
	END
	same "$out" "good as root
one
id $(field fails id)"
}

@test "the machine ids differ from each other, and the image has none" {
	qemu-img convert -O raw "$VMT_IMAGE" "$BATS_TEST_TMPDIR/raw"
	in_image=$(debugfs -R 'cat /etc/machine-id' "$BATS_TEST_TMPDIR/raw?offset=1048576" 2>&1)
	rm "$BATS_TEST_TMPDIR/raw"
	# What debugfs says of itself, and nothing else.
	same "$(grep -v '^debugfs [0-9]' <<<"$in_image")" ""
	for name in full broken fails; do
		vmctl exec $name -- cat /etc/machine-id
	done >"$BATS_TEST_TMPDIR/ids"
	same "$(grep -cxE '[0-9a-f]{32}' "$BATS_TEST_TMPDIR/ids")" 3
	same "$(sort -u "$BATS_TEST_TMPDIR/ids" | wc -l)" 3
	ok vmctl delete -y broken fails
}

@test "the host name follows from the user's fqdn" {
	ok guest hostname
	same "$out" web
	ok guest hostname -f
	same "$out" web.example.org
}

@test "INST-004 write_files, runcmd and bootcmd from YAML with comments and anchors" {
	ok guest_sh full <<-'END'
		sudo cat /etc/one
		sudo stat -c '%a %U:%G' /etc/one
		sudo od -An -tx1 /etc/two
		cat /var/log/vmctl-run /var/log/vmctl-boot
	END
	same "$out" "first: 'line'
  indented äöü
640 root:adm
 00 01 fe ff
web root
second
boot"
}

@test "INST-005 keys: lists of both are joined; a user of the user's own; and the user's value wins" {
	endpoint full
	echo "box $(db "SELECT host_key FROM instance WHERE name = 'full'")" >"$BATS_TEST_TMPDIR/known"
	enter() { # KEY USER COMMAND
		ssh -F none -i "$K/$1" -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes \
			-o UserKnownHostsFile="$BATS_TEST_TMPDIR/known" -o HostKeyAlias=box -p "$PORT" "$2@$HOST" "$3"
	}
	same "$(enter own debian 'sudo id -un')" root
	same "$(enter ann debian 'sudo id -un')" root
	same "$(enter ann ann 'id -un; sudo -n id -un; getent passwd ann | cut -d : -f 5')" "ann
root
Ann Other"
	run ! enter own ann true
	ok guest sudo sshd -T
	has "$out" "passwordauthentication yes"
}

@test "the host key is the pinned one, and there is no other" {
	endpoint full
	# Some versions print lines that begin with # as well.
	same "$(ssh-keyscan -T 60 -p "$PORT" "$HOST" 2>/dev/null | grep -v '^#' | cut -d ' ' -f 2-3)" \
		"$(db "SELECT host_key FROM instance WHERE name = 'full'")"
	ok guest sh -c 'ls /etc/ssh/ssh_host_*'
	same "$out" "/etc/ssh/ssh_host_ed25519_key
/etc/ssh/ssh_host_ed25519_key.pub"
}

@test "the seed is a virtio disk, found by the SMBIOS serial number; there is no CD-ROM" {
	ok guest sudo cat /sys/class/dmi/id/product_serial
	same "$out" ds=nocloud
	ok guest lsblk -rdno NAME,TYPE
	same "$out" "vda disk
vdb disk"
	ok guest cloud-init status --format json
	same "$(jq -r .datasource <<<"$out")" nocloud
	has "$(jq -r .detail <<<"$out")" "seed=dmi,/dev/vdb"
}

@test "two interfaces: both have addresses, the first the default route, and each is known by its MAC" {
	ok guest_sh full <<-'END'
		for n in 0 1; do
			echo "eth$n $(cat /sys/class/net/eth$n/address)"
			ip -4 -o addr show dev eth$n | grep -c 'inet .* dynamic '
			networkctl status --no-pager eth$n | sed -n 's/.*DHCP4 Client ID: *//p'
		done
		ip -4 route get 192.0.2.1 | sed -n 's/.* dev \([^ ]*\) .*/\1/p'
	END
	same "$out" "$(db "SELECT 'eth' || position || ' ' || mac || char(10) || 1 || char(10) || mac
		FROM nic WHERE instance = '$(field full id)' ORDER BY position")
eth0"
}

@test "the root file system has grown to the disk asked for" {
	ok guest sh -c 'lsblk -bdno SIZE /dev/vda; lsblk -bdno SIZE /dev/vda1; df -B1 --output=size / | tail -n 1'
	# shellcheck disable=SC2086 # three numbers
	set -- $out
	same "$1" $((5 << 30))
	(($2 > (5 << 30) - (4 << 20)))
	(($3 > (5 << 30) * 95 / 100))
}

@test "INST-011 a reboot repeats nothing that is done once" {
	state() {
		guest_sh full <<-'END'
			cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub /var/log/vmctl-run
			sudo stat -c '%n %Y' /etc/one /home/debian/.ssh/authorized_keys
			hostname
		END
	}
	before=$(state)
	boot=$(guest cat /proc/sys/kernel/random/boot_id)
	ok vmctl reboot full
	rebooted() {
		local now
		now=$(vmctl exec --timeout 10s full -- cat /proc/sys/kernel/random/boot_id 2>/dev/null) &&
			[ -n "$now" ] && [ "$now" != "$boot" ]
	}
	wait_until 300 rebooted
	ok vmctl wait full --for cloud-init --timeout 300s
	same "$err" ""
	same "$(state)" "$before"
	ok guest cat /var/log/vmctl-boot
	same "$out" "boot
boot"
	ok guest systemctl is-system-running --wait
	same "$out" running
}

@test "INST-010 the power button shuts it down" {
	ok vmctl stop full
	same "$(field full state)" stopped
}
