#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Keys, held against ssh-keygen.

load ../lib.sh

setup_file() {
	private_home
	export K=$BATS_FILE_TMPDIR/k
	mkdir -p "$K"
	ssh-keygen -q -t ed25519 -N '' -C 'me@here' -f "$K/ed25519"
	# Stored by no test for longer than it takes: a key has one name.
	ssh-keygen -q -t ed25519 -N '' -C spare -f "$K/spare"
	ssh-keygen -q -t rsa -b 2048 -N '' -C rsa -f "$K/rsa"
	ssh-keygen -q -t rsa -b 1024 -N '' -C weak -f "$K/weak"
	for bits in 256 384 521; do
		ssh-keygen -q -t ecdsa -b $bits -N '' -C "" -f "$K/ecdsa$bits"
	done
}

@test "KEY-002 KEY-003 every type is taken, with ssh-keygen's fingerprints" {
	for name in ed25519 rsa ecdsa256 ecdsa384 ecdsa521; do
		ok vmctl key import "$name" "$K/$name.pub"
		ok vmctl key show "$name" -o json
		read -r bits sha _ < <(ssh-keygen -l -E sha256 -f "$K/$name.pub")
		read -r _ md5 _ < <(ssh-keygen -l -E md5 -f "$K/$name.pub")
		same "$(jq -r .sha256 <<<"$out")" "$sha"
		same "$(jq -r .md5 <<<"$out")" "$md5"
		same "$(jq -r .bits <<<"$out")" "$bits"
		same "$(jq -r .public_key <<<"$out")" "$(cut -d ' ' -f 1-2 "$K/$name.pub")"
	done
}

@test "on a host without MD5 keys have a SHA-256 fingerprint alone" {
	local build
	build=$(dirname "$(command -v vmctl)")
	mkdir "$BATS_TEST_TMPDIR/modules"
	ln -s "$build"/modules/* "$BATS_TEST_TMPDIR/modules"
	ln -s "$build/modules/crypto.so" "$BATS_TEST_TMPDIR/modules/real-crypto.so"
	ln -sf "$build/tests/fakes/crypto.so" "$BATS_TEST_TMPDIR/modules"
	export VMCTL_MODULE_DIR=$BATS_TEST_TMPDIR/modules
	ok vmctl key import without "$K/spare.pub"
	ok vmctl key generate made
	ok vmctl key show without -o json
	same "$(jq -r '.sha256, .md5' <<<"$out")" \
		"$(ssh-keygen -l -f "$K/spare.pub" | cut -d ' ' -f 2)"$'\nnull'
	ok vmctl key show made
	has "$(vmctl host doctor)" "OpenSSL has no MD5"
	ok vmctl key delete -y without made
}

@test "KEY-002 security keys: sk-ssh-ed25519 and sk-ecdsa" {
	# Made of their parts (OpenSSH, PROTOCOL.u2f): no such device is at hand.
	u32() { printf '%08x' "$1" | sed 's/../\\x&/g'; }
	str() { printf '%b' "$(u32 ${#1})" && printf %s "$1"; }
	{
		str sk-ssh-ed25519@openssh.com
		printf '%b' "$(u32 32)"
		head -c 32 /dev/urandom
		str ssh:
	} | base64 -w 0 >"$BATS_TEST_TMPDIR/b"
	echo "sk-ssh-ed25519@openssh.com $(<"$BATS_TEST_TMPDIR/b") token" >"$K/sk.pub"
	ok vmctl key import sk "$K/sk.pub"
	read -r _ sha _ < <(ssh-keygen -l -E sha256 -f "$K/sk.pub")
	same "$(vmctl key show sk -o json | jq -r .sha256)" "$sha"
}

@test "KEY-002 an RSA key of less than 2048 bits is refused" {
	refused 1 vmctl key import weak "$K/weak.pub"
	has "$err" 2048
}

@test "KEY-001 the format is validated strictly" {
	read -r type base _ <"$K/ed25519.pub"
	bad() {
		# shellcheck disable=SC2059
		printf "$@" >"$BATS_TEST_TMPDIR/bad.pub"
		refused 1 vmctl key import bad "$BATS_TEST_TMPDIR/bad.pub"
	}
	bad ''
	bad 'hello\n'
	bad "ssh-rsa $base\n"                 # the inner type is another
	bad "ssh-dss $base\n"                 # not one of the types
	bad "$type ${base%????}\n"            # cut short
	bad "$type $base$base\n"              # trailing data
	bad "$type ${base}AAAA\n"
	bad "$type ${base:0:40}*${base:41}\n" # not base64
	bad "$type\n"
	bad "command=\"x\" $type $base\n"     # options are authorized_keys', not .pub's
}

@test "KEY-001 two keys, binary junk and 10 MB are refused" {
	cat "$K/spare.pub" "$K/rsa.pub" >"$BATS_TEST_TMPDIR/two.pub"
	refused 1 vmctl key import bad "$BATS_TEST_TMPDIR/two.pub"
	has "$err" "two keys"
	# The hint is right, also behind a comment.
	sed -i '1i # mine' "$BATS_TEST_TMPDIR/two.pub"
	refused 1 vmctl key import first "$BATS_TEST_TMPDIR/two.pub"
	has "$err" "sed -n 2p $BATS_TEST_TMPDIR/two.pub | vmctl key import first -"
	sed -n 2p "$BATS_TEST_TMPDIR/two.pub" >"$BATS_TEST_TMPDIR/first"
	ok vmctl key import first - <"$BATS_TEST_TMPDIR/first"
	ok vmctl key delete -y first
	head -c 4096 /dev/urandom >"$BATS_TEST_TMPDIR/junk.pub"
	refused 1 vmctl key import bad "$BATS_TEST_TMPDIR/junk.pub"
	{ cat "$K/spare.pub" && head -c 10M /dev/zero | tr '\0' '#'; } >"$BATS_TEST_TMPDIR/big.pub"
	refused 1 vmctl key import bad "$BATS_TEST_TMPDIR/big.pub"
	{ cat "$K/spare.pub" && printf 'a\0b\n'; } >"$BATS_TEST_TMPDIR/nul.pub"
	refused 1 vmctl key import bad "$BATS_TEST_TMPDIR/nul.pub"
}

@test "a key with comment lines, line ends of DOS, a byte order mark or a comment in Latin-1 is taken" {
	{
		printf '\357\273\277# of the old laptop\r\n\r\n%s gr\374n\r\n# that is all\r\n' \
			"$(cut -d ' ' -f 1-2 "$K/spare.pub")"
	} >"$BATS_TEST_TMPDIR/dos.pub"
	ok vmctl key import dos "$BATS_TEST_TMPDIR/dos.pub"
	same "$(vmctl key show dos -o json | jq -r '.public_key + " " + .comment')" \
		"$(cut -d ' ' -f 1-2 "$K/spare.pub") grün"
	ok vmctl key delete -y dos
	iconv -t UTF-16 "$K/spare.pub" >"$BATS_TEST_TMPDIR/wide.pub"
	refused 1 vmctl key import wide "$BATS_TEST_TMPDIR/wide.pub"
	has "$err" "it is text in UTF-16, not in UTF-8"
}

@test "KEY-008 a private key is named as such and never stored" {
	refused 1 vmctl key import bad "$K/ed25519"
	has "$err" "private key"
	ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f "$BATS_TEST_TMPDIR/pem"
	refused 1 vmctl key import bad "$BATS_TEST_TMPDIR/pem"
	has "$err" "private key"
	run ! grep -rqs "PRIVATE KEY" "$VMCTL_HOME"
}

@test "KEY-001 a file that is none: missing, directory, FIFO, device, not readable" {
	refused 3 vmctl key import bad "$BATS_TEST_TMPDIR/nothing"
	refused 1 vmctl key import bad "$BATS_TEST_TMPDIR"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	refused 1 timeout 10 vmctl key import bad "$BATS_TEST_TMPDIR/fifo"
	refused 1 timeout 10 vmctl key import bad /dev/zero
	cp "$K/rsa.pub" "$BATS_TEST_TMPDIR/secret.pub"
	chmod 0 "$BATS_TEST_TMPDIR/secret.pub"
	[ -r "$BATS_TEST_TMPDIR/secret.pub" ] ||
		refused 1 vmctl key import bad "$BATS_TEST_TMPDIR/secret.pub"
}

@test "KEY-004 KEY-005 a name that is taken is status 4" {
	ok vmctl key generate taken
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/other"
	refused 4 vmctl key import taken "$BATS_TEST_TMPDIR/other.pub"
	refused 4 vmctl key generate taken
}

@test "KEY-005 the same key under another name is status 4, naming the first" {
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/one"
	ok vmctl key import first-name "$BATS_TEST_TMPDIR/one.pub"
	refused 4 vmctl key import second-name "$BATS_TEST_TMPDIR/one.pub"
	has "$err" first-name
}

@test "KEY-004 names of keys are checked" {
	for name in '' 'a b' '../x' 'a/b' "$(printf 'a\033b')" "$(printf '%0100d' 0)"; do
		refused 2 vmctl key generate "$name"
	done
}

@test "KEY-007 stored: name, public key, comment, fingerprints, time" {
	ssh-keygen -q -t ed25519 -N '' -C 'a comment, with blanks' -f "$BATS_TEST_TMPDIR/full"
	ok vmctl key import full "$BATS_TEST_TMPDIR/full.pub"
	ok vmctl key show full -o json
	same "$(jq -r .name <<<"$out")" full
	same "$(jq -r .comment <<<"$out")" 'a comment, with blanks'
	same "$(jq -r .type <<<"$out")" ssh-ed25519
	[[ $(jq -r .created_at <<<"$out") =~ ^20[0-9-]{8}T[0-9:]{8}Z$ ]]
}

@test "KEY-008 import from standard input" {
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/stdin"
	ok bash -c "vmctl key import stdin - <'$BATS_TEST_TMPDIR/stdin.pub'"
	same "$(vmctl key show stdin -o json | jq -r .public_key)" \
		"$(cut -d ' ' -f 1-2 "$BATS_TEST_TMPDIR/stdin.pub")"
}

@test "KEY-001 a comment with control characters does no harm" {
	read -r type base _ <"$K/ecdsa256.pub"
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/x"
	read -r type base _ <"$BATS_TEST_TMPDIR/x.pub"
	printf '%s %s evil\033]0;x\007\n' "$type" "$base" >"$BATS_TEST_TMPDIR/evil.pub"
	try vmctl key import evil "$BATS_TEST_TMPDIR/evil.pub"
	if [ "$status" = 0 ]; then
		ok vmctl key list
		run ! grep -q "$(printf '\033')" "$BATS_TEST_TMPDIR/out"
		ok vmctl key show evil
		run ! grep -q "$(printf '\033')" "$BATS_TEST_TMPDIR/out"
	else
		same "$status" 1
	fi
}

@test "key generate: an OpenSSH pair that ssh-keygen reads, private file 0600" {
	ok vmctl key generate mine
	file=$(vmctl key show mine -o json | jq -r .private_path)
	same "$(stat -c %a "$file")" 600
	same "$(ssh-keygen -y -f "$file" | cut -d ' ' -f 1-2)" \
		"$(vmctl key show mine -o json | jq -r .public_key)"
}

@test "key list: every format names every key" {
	ok vmctl key generate listed
	ok vmctl key list
	has "$out" listed
	ok vmctl key list -o wide
	has "$out" SHA256:
	vmctl key list -o json | jq -r '.[].name' | grep -qx listed
	vmctl key list -o ndjson | jq -r .name | grep -qx listed
	vmctl key list -o name | grep -qx listed
	vmctl key list -o csv --columns name --no-header | tr -d '\r' | grep -qx listed
	vmctl key list -o tsv --columns name,type --no-header |
		grep -qx "$(printf 'listed\tssh-ed25519')"
}

@test "key delete: gone with the private half that vmctl made; another's file stays" {
	ok vmctl key generate doomed
	file=$(vmctl key show doomed -o json | jq -r .private_path)
	ok vmctl key delete doomed
	[ ! -e "$file" ]
	fails 3 vmctl key show doomed
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/own"
	ok vmctl key import own "$BATS_TEST_TMPDIR/own.pub"
	ok vmctl key delete own
	[ -e "$BATS_TEST_TMPDIR/own" ]
}

@test "key delete of several: each on its own, status 6 when some failed, 3 when all" {
	ok vmctl key generate d1
	ok vmctl key generate d2
	try vmctl key delete d1 nobody d2
	same "$status" 6
	has "$err" nobody
	fails 3 vmctl key show d1
	fails 3 vmctl key show d2
	try vmctl key delete nobody1 nobody2
	same "$status" 3
}

@test "ten writers at once: every key is stored" {
	pids=()
	for i in 0 1 2 3 4 5 6 7 8 9; do
		vmctl key generate "many$i" >/dev/null 2>"$BATS_TEST_TMPDIR/e$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	same "$(vmctl key list -o name | grep -c '^many')" 10
}
