#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Images: what is taken, what is refused, and what is stored.

load ../lib.sh

setup_file() {
	private_home
	export I=$BATS_FILE_TMPDIR/i
	mkdir -p "$I"
	qemu-img create -q -f qcow2 "$I/good.qcow2" 64M
	qemu-io -f qcow2 -c 'write -P 0x5a 0 1M' "$I/good.qcow2" >/dev/null
	# A raw disk with a boot sector.
	truncate -s 8M "$I/boot.raw"
	printf '\125\252' | dd of="$I/boot.raw" bs=1 seek=510 conv=notrunc status=none
}

@test "IMG-005 import stores name, digest, size, user, time and path" {
	ok vmctl image import --name good --user debian --os 'debian 12' "$I/good.qcow2"
	has "$out" good
	ok vmctl image show good -o json
	same "$(jq -r .name <<<"$out")" good
	same "$(jq -r .user <<<"$out")" debian
	same "$(jq -r .os <<<"$out")" 'debian 12'
	same "$(jq -r .arch <<<"$out")" "$(uname -m)" # IMG-002
	same "$(jq -r .virtual_size <<<"$out")" $((64 << 20))
	path=$(jq -r .path <<<"$out")
	same "$(sha256sum <"$path" | cut -d ' ' -f 1)" "$(jq -r .digest <<<"$out")"
	[[ $(stat -c %A "$path") == -r--?----- ]] # for nobody else
	[[ $(jq -r .created_at <<<"$out") =~ Z$ ]]
}

@test "IMG-002 the host's architecture is the default, and another can be named" {
	qemu-img create -q -f qcow2 "$I/arm.qcow2" 1M
	ok vmctl image import --name arm --arch aarch64 "$I/arm.qcow2"
	same "$(vmctl image show arm -o json | jq -r .arch)" aarch64
}

@test "image import: the name comes from the file when none is given" {
	cp "$I/good.qcow2" "$BATS_TEST_TMPDIR/from-file.qcow2"
	qemu-io -f qcow2 -c 'write -P 0x11 0 64k' "$BATS_TEST_TMPDIR/from-file.qcow2" >/dev/null
	ok vmctl image import "$BATS_TEST_TMPDIR/from-file.qcow2"
	has "$err" "no account is named, so root is entered; with another, such as debian or ubuntu: --user NAME"
	ok vmctl image show from-file
}

@test "image import: the same again succeeds and changes nothing" {
	ok vmctl image import --name again "$I/good.qcow2"
	before=$(snapshot)
	ok vmctl image import --name again "$I/good.qcow2"
	same "$(snapshot)" "$before"
}

@test "image import: other contents under a name that is taken are status 4" {
	ok vmctl image import --name taken "$I/good.qcow2"
	refused 4 vmctl image import --name taken "$I/boot.raw"
}

@test "image import: a raw image with a boot sector becomes qcow2" {
	ok vmctl image import --name raw "$I/boot.raw"
	path=$(vmctl image show raw -o json | jq -r .path)
	same "$(qemu-img info -f qcow2 --output json "$path" | jq -r .format)" qcow2
	qemu-img compare -q -f raw -F qcow2 "$I/boot.raw" "$path"
}

@test "IMG-003 an expected digest is checked" {
	digest=$(sha256sum <"$I/good.qcow2" | cut -d ' ' -f 1)
	wrong=$(printf '%064d' 0)
	refused 1 vmctl image import --name dig --digest "$wrong" "$I/good.qcow2"
	ok vmctl image import --name dig --digest "$digest" "$I/good.qcow2"
}

@test "image import: what is no image is refused: text, empty, zeros, random" {
	echo hello >"$I/text.qcow2"
	refused 1 vmctl image import --name bad "$I/text.qcow2"
	: >"$I/empty.qcow2"
	refused 1 vmctl image import --name bad "$I/empty.qcow2"
	truncate -s 4M "$I/zeros.img"
	refused 1 vmctl image import --name bad "$I/zeros.img"
	head -c 1M /dev/urandom >"$I/random.img"
	refused 1 vmctl image import --name bad "$I/random.img"
}

@test "image import: a directory, FIFO, device or missing file is refused" {
	refused 1 vmctl image import --name bad "$I"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	refused 1 timeout 10 vmctl image import --name bad "$BATS_TEST_TMPDIR/fifo"
	refused 1 timeout 10 vmctl image import --name bad /dev/zero
	refused 3 vmctl image import --name bad "$I/nothing.qcow2"
}

@test "image import: an image that refers to another file is refused" {
	qemu-img create -q -f qcow2 -b "$I/good.qcow2" -F qcow2 "$I/overlay.qcow2"
	refused 1 vmctl image import --name bad "$I/overlay.qcow2"
	has "$err" backing
	qemu-img create -q -f qcow2 -b /etc/passwd -F raw -u "$I/steal.qcow2" 1M
	refused 1 vmctl image import --name bad "$I/steal.qcow2"
	qemu-img create -q -f qcow2 -o "data_file=$I/data.raw,data_file_raw=on" "$I/external.qcow2" 1M
	refused 1 vmctl image import --name bad "$I/external.qcow2"
	has "$err" data
	qemu-img create -q -f vmdk "$I/other.vmdk" 1M
	refused 1 vmctl image import --name bad "$I/other.vmdk"
}

# opened COMMAND...: qemu-io as it says, until release.
opened() {
	mkfifo "$BATS_TEST_TMPDIR/hold"
	"$@" <"$BATS_TEST_TMPDIR/hold" >"$BATS_TEST_TMPDIR/opened" 2>&1 3>&- &
	holder=$!
	exec 4>"$BATS_TEST_TMPDIR/hold"
	echo 'read 0 512' >&4
	wait_until 30 grep -q 'read 512/512' "$BATS_TEST_TMPDIR/opened"
}

release() {
	exec 4>&-
	wait "$holder"
	rm "$BATS_TEST_TMPDIR/hold"
}

@test "image import: a disk that another process writes to is status 4, until it does not" {
	cp "$I/boot.raw" "$I/live.raw"
	cp "$I/good.qcow2" "$I/live.qcow2"
	for format in raw qcow2; do
		opened qemu-io -f $format "$I/live.$format"
		refused 4 vmctl image import --name live-$format "$I/live.$format"
		has "$err" "is in use"
		has "$err" "stop the machine"
		refused 4 vmctl image import --name live-$format --format $format "$I/live.$format"
		release
		ok vmctl image import --name live-$format "$I/live.$format"
	done
	# Who only reads, as a machine reads the base of its disk, is not in the way.
	opened qemu-io -r -f qcow2 "$I/live.qcow2"
	ok vmctl image import --name read "$I/live.qcow2"
	release
}

@test "image import: a raw file that pretends to be qcow2 is not trusted as raw" {
	qemu-img create -q -f qcow2 -b /etc/passwd -F raw -u "$I/trick.raw" 1M
	try vmctl image import --name trick --format raw "$I/trick.raw"
	if [ "$status" = 0 ]; then
		path=$(vmctl image show trick -o json | jq -r .path)
		same "$(qemu-img info --output json "$path" | jq -r '."backing-filename" // "none"')" none
		ok vmctl image delete -y trick
	else
		[ "$status" = 1 ]
	fi
}

@test "image import: an encrypted image is refused" {
	qemu-img create -q -f qcow2 --object secret,id=s,data=x \
		-o encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10 "$I/luks.qcow2" 1M
	refused 1 vmctl image import --name bad "$I/luks.qcow2"
	has "$err" encrypt
}

@test "image import: a truncated image is refused" {
	qemu-img create -q -f qcow2 "$I/cut.qcow2" 64M
	qemu-io -f qcow2 -c 'write -P 1 0 8M' "$I/cut.qcow2" >/dev/null
	truncate -s 3M "$I/cut.qcow2"
	refused 1 vmctl image import --name bad "$I/cut.qcow2"
	head -c 50 "$I/good.qcow2" >"$I/header.qcow2"
	refused 1 vmctl image import --name bad "$I/header.qcow2"
}

@test "image import: names are checked" {
	for name in '' 'a b' '../x' 'a/b' "$(printf 'a\033b')" "$(printf '%0200d' 0)"; do
		refused 2 vmctl image import --name "$name" "$I/good.qcow2"
	done
}

@test "image import --host-keys: where the host key comes from is kept and shown" {
	ok vmctl image import --host-keys guest --name own-keys "$I/good.qcow2"
	same "$(vmctl image show own-keys -o json | jq -r .host_keys)" guest
	echo '{"name": "own-keys-too", "host_keys": "guest"}' >"$BATS_TEST_TMPDIR/image.json"
	ok vmctl image import --metadata "$BATS_TEST_TMPDIR/image.json" "$I/good.qcow2"
	same "$(vmctl image show own-keys-too -o json | jq -r .host_keys)" guest
	ok vmctl image import --name given-keys "$I/good.qcow2"
	same "$(vmctl image show given-keys -o json | jq -r .host_keys)" seed
	echo '{"name": "x", "host_keys": "thin air"}' >"$BATS_TEST_TMPDIR/image.json"
	refused 2 vmctl image import --metadata "$BATS_TEST_TMPDIR/image.json" "$I/good.qcow2"
	has "$err" 'thin air'
	refused 2 vmctl image import --host-keys both --name x "$I/good.qcow2"
	ok vmctl image import --agent none --name no-agent "$I/good.qcow2"
	same "$(vmctl image show no-agent -o json | jq -r .agent)" none
	same "$(vmctl image show own-keys -o json | jq -r .agent)" seed
	echo '{"name": "x", "agent": "thin air"}' >"$BATS_TEST_TMPDIR/image.json"
	refused 2 vmctl image import --metadata "$BATS_TEST_TMPDIR/image.json" "$I/good.qcow2"
}

@test "image import --metadata: a byte order mark does no harm, UTF-16 is named" {
	printf '\357\273\277{"name": "marked"}' >"$BATS_TEST_TMPDIR/image.json"
	ok vmctl image import --metadata "$BATS_TEST_TMPDIR/image.json" "$I/good.qcow2"
	ok vmctl image delete -y marked
	iconv -t UTF-16 "$BATS_TEST_TMPDIR/image.json" >"$BATS_TEST_TMPDIR/wide.json"
	refused 1 vmctl image import --metadata "$BATS_TEST_TMPDIR/wide.json" "$I/good.qcow2"
	has "$err" "text in UTF-16, not in UTF-8"
}

@test "image import --metadata: the fields come from the file; nonsense is refused" {
	cat >"$BATS_TEST_TMPDIR/image.json" <<-END
		{"name": "meta", "description": "Says so", "os": "thing 1", "arch": "x86_64", "user": "someone"}
	END
	ok vmctl image import --metadata "$BATS_TEST_TMPDIR/image.json" "$I/good.qcow2"
	ok vmctl image show meta -o json
	same "$(jq -r .user <<<"$out")" someone
	same "$(jq -r .description <<<"$out")" "Says so"
	echo '{"name": ' >"$BATS_TEST_TMPDIR/bad.json"
	refused 1 vmctl image import --metadata "$BATS_TEST_TMPDIR/bad.json" "$I/good.qcow2"
	refused 3 vmctl image import --metadata "$BATS_TEST_TMPDIR/none.json" "$I/good.qcow2"
}

@test "IMG-003 IMG-004 verify finds damage, and create refuses the image with the mending command" {
	cp "$I/good.qcow2" "$BATS_TEST_TMPDIR/d.qcow2"
	qemu-io -f qcow2 -c 'write -P 0x77 4M 1M' "$BATS_TEST_TMPDIR/d.qcow2" >/dev/null
	ok vmctl image import --name damaged "$BATS_TEST_TMPDIR/d.qcow2"
	ok vmctl image verify damaged
	path=$(vmctl image show damaged -o json | jq -r .path)
	chmod u+w "$path"
	printf X | dd of="$path" bs=1 seek=400000 conv=notrunc status=none
	chmod u-w "$path"
	fails 1 vmctl image verify damaged
	refused 1 vmctl create broken --image damaged
	has "$err" vmctl
	rm -f "$path"
	fails 1 vmctl image verify damaged
	refused 1 vmctl create broken --image damaged
}

@test "image list: every format" {
	ok vmctl image import --name listed "$I/good.qcow2"
	ok vmctl image list
	has "$out" listed
	vmctl image list -o json | jq -e '.[] | select(.name == "listed") | .size > 0' >/dev/null
	vmctl image list -o name | grep -qx listed
}

@test "image show: by digest prefix too" {
	ok vmctl image import --name prefix "$I/boot.raw"
	digest=$(vmctl image show prefix -o json | jq -r .digest)
	ok vmctl image show "${digest:0:12}"
	fails 3 vmctl image show nosuch
}

@test "image delete: the file goes with its last name" {
	qemu-img create -q -f qcow2 "$I/twice.qcow2" 3M
	ok vmctl image import --name twice1 "$I/twice.qcow2"
	ok vmctl image import --name twice2 "$I/twice.qcow2"
	path=$(vmctl image show twice1 -o json | jq -r .path)
	ok vmctl image delete -y twice1
	[ -e "$path" ]
	ok vmctl image delete -y twice2
	[ ! -e "$path" ]
	fails 3 vmctl image delete -y twice2
}

@test "image import killed half way lists nothing and the next one works" {
	truncate -s 600M "$I/large.raw"
	printf '\125\252' | dd of="$I/large.raw" bs=1 seek=510 conv=notrunc status=none
	head -c 200M /dev/urandom | dd of="$I/large.raw" bs=1M seek=1 conv=notrunc status=none
	vmctl image import --name large "$I/large.raw" >/dev/null 2>&1 &
	pid=$!
	wait_until 20 bash -c "find '$VMCTL_HOME' -newer '$I/large.raw' -size +1M | grep -q ."
	kill -9 $pid
	wait $pid || :
	fails 3 vmctl image show large
	ok vmctl image import --name large "$I/large.raw"
	ok vmctl image delete -y large
	rm -f "$I/large.raw"
	# Nothing but whole images is left.
	same "$(find "$VMCTL_HOME/images" -type f ! -name '*.qcow2')" ""
}
