#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The catalogue, and downloads, from a web server on loopback that misbehaves on
# demand (tests/web-server).

load ../lib.sh

setup_file() {
	requires python3
	private_home
	export W=$BATS_FILE_TMPDIR/web
	mkdir -p "$W"
	unset https_proxy HTTPS_PROXY http_proxy all_proxy ALL_PROXY no_proxy NO_PROXY
	unset CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR
	"$TOP/tests/web-server" "$W" </dev/null >"$W/.out" 2>&1 3>&- &
	echo $! >"$W/.pid"
	wait_until 20 test -s "$W/.port"
	URL=http://127.0.0.1:$(cat "$W/.port")
	export URL
	# No two megabytes of it are the same, so that a wrong splice shows.
	make_image "$W/a.qcow2" 5
	export SHA256 SHA512
	SHA256=$(digest_of "$W/a.qcow2")
	SHA512=$(sha512sum <"$W/a.qcow2" | cut -d ' ' -f 1)
	SIZE=$(stat -c %s "$W/a.qcow2")
	export SIZE
	(cd "$W" && sha512sum a.qcow2 >SHA512SUMS && sha256sum -b a.qcow2 >SHA256SUMS)
	export VMCTL_CATALOGUE=$BATS_FILE_TMPDIR/catalogue.json
	HOST=$(uname -m)
	export HOST
}

teardown_file() {
	[ ! -s "$W/.pid" ] || kill "$(cat "$W/.pid")" || :
}

setup() {
	: >"$W/.log"
	rm -f "$W/.open"
	catalogue
}

teardown() {
	touch "$W/.open"
	[ -z "${PULL:-}" ] || kill -9 "$PULL" 2>/dev/null || :
	rm -f "$VMCTL_HOME"/images/.pull-* "$VMCTL_HOME/catalogue.json"
	vmctl image list -o name | while read -r name; do
		vmctl image delete -y "$name"
	done
}

make_image() { # FILE MEGABYTES
	local i
	qemu-img create -q -f qcow2 "$1" 64M
	for ((i = 0; i < $2; i++)); do
		head -c 1M /dev/urandom >"$BATS_FILE_TMPDIR/random"
		qemu-io -f qcow2 -c "write -q -s $BATS_FILE_TMPDIR/random ${i}M 1M" "$1" >/dev/null
	done
}

digest_of() {
	sha256sum <"$1" | cut -d ' ' -f 1
}

# catalogue [URL [CHECKSUM [SIGNATURE [KEYRING]]]]: test:1 for this host.
catalogue() {
	jq -n --arg url "${1:-$URL/a.qcow2}" --arg sum "${2:-SHA512SUMS}" --arg sig "${3:-}" \
		--arg ring "${4:-}" --arg arch "$HOST" '
		{url: $url, checksum: $sum} + if $sig == "" then {} else {signature: $sig} end
		| {images: [{name: "test:1", os: "test 1", user: "tester", description: "A test",
			keyrings: (if $ring == "" then [] else [$ring] end), files: {($arch): .}}]}
	' >"$VMCTL_CATALOGUE"
}

asked() { # how often the server was asked for what matches
	grep -c -- "$1" "$W/.log" || :
}

partials() {
	find "$VMCTL_HOME/images" -name '.pull-*' ! -name '*.tag' 2>/dev/null
}

# Nothing is listed, and nothing is in the folder.
nothing_here() {
	same "$(vmctl image list -o name)" ""
	same "$(find "$VMCTL_HOME/images" -type f)" ""
}

of() { # NAME KEY
	vmctl image show "$1" -o json | jq -r ".$2"
}

# --- the catalogue ----------------------------------------------------------------
@test "IMG-001 the catalogue that is installed: images of several makers, each with its checksum, for two architectures" {
	ok env VMCTL_CATALOGUE="$TOP/images/catalogue.json" vmctl image catalogue --all -o json
	jq -e 'length >= 16' <<<"$out"
	for maker in debian ubuntu fedora alpine; do
		for arch in x86_64 aarch64; do
			jq -e --arg m "$maker:" --arg a $arch \
				'any(.[]; (.name | startswith($m)) and .arch == $a)' <<<"$out"
		done
	done
	jq -e 'all(.[]; (.url | test("^https://[a-z0-9.-]+/.*[.](qcow2|img)$")) and
		(.checksum_url | startswith("https://")) and .checksum_url != .url and
		(.user | length) > 0 and (.os | length) > 0 and (.description | length) > 0)' <<<"$out"
	# The same image twice would be a slip of the pen.
	same "$(jq -r '.[].url' <<<"$out" | sort | uniq -d)" ""
}

@test "IMG-001 image catalogue: every format, and names are completed" {
	ok vmctl image catalogue
	has "$out" test:1
	same "$(vmctl image catalogue -o name)" test:1
	same "$(vmctl image catalog -o json | jq -r '.[].verifies')" checksum
	same "$(vmctl image catalogue -o tsv --columns name,user --no-header)" test:1$'\t'tester
	for format in wide ndjson tsv; do
		vmctl image catalogue -o $format | grep -q test:1
	done
	vmctl __complete -- image pull te | grep -q '^test:1'
	same "$(cat "$W/.log")" ""
}

@test "IMG-001 a catalogue of one's own adds images and replaces those of the same name" {
	jq '.images[0] |= (.user = "mine")
		| .images += [.images[0] + {name: "house:1"}]' "$VMCTL_CATALOGUE" >"$VMCTL_HOME/catalogue.json"
	same "$(vmctl image catalogue -o name | sort | tr '\n' ' ')" "house:1 test:1 "
	same "$(vmctl image catalogue -o json | jq -r '.[] | select(.name == "test:1") | .user')" mine
	VMCTL_CATALOGUE=$BATS_TEST_TMPDIR/none ok vmctl image pull house:1
	rm "$VMCTL_HOME/catalogue.json"
	VMCTL_CATALOGUE=$BATS_TEST_TMPDIR/none refused 3 vmctl image catalogue
	has "$err" "$BATS_TEST_TMPDIR/none"
}

@test "IMG-001 a catalogue that is broken is refused, naming the file and what is wrong" {
	own=$VMCTL_HOME/catalogue.json
	while read -r text; do
		echo "$text" >"$own"
		fails 1 vmctl image catalogue
		has "$err" "$own"
		fails 1 vmctl image pull test:1
	done <<-'END'
		{"images": [
		[]
		{"images": {}}
		{"images": [1]}
		{"images": [], "more": 1}
		{"images": [{"user": "u", "files": {"x86_64": {"url": "https://h/f", "checksum": "c"}}}]}
		{"images": [{"name": "a b", "user": "u", "files": {"x86_64": {"url": "https://h/f", "checksum": "c"}}}]}
		{"images": [{"name": "n", "files": {"x86_64": {"url": "https://h/f", "checksum": "c"}}}]}
		{"images": [{"name": "n", "user": "u", "files": {}}]}
		{"images": [{"name": "n", "user": "u", "files": {"x86_64": {"url": "https://h/f"}}}]}
		{"images": [{"name": "n", "user": "u", "files": {"x86_64": {"url": "f", "checksum": "c"}}}]}
		{"images": [{"name": "n", "user": 5, "files": {"x86_64": {"url": "https://h/f", "checksum": "c"}}}]}
		{"images": [{"name": "n", "user": "u", "keyrings": ["k"], "files": {"x86_64": {"url": "https://h/f", "checksum": "c"}}}]}
		{"images": [{"name": "n", "user": "u", "colour": 1, "files": {"x86_64": {"url": "https://h/f", "checksum": "c"}}}]}
	END
}

# --- pulling ----------------------------------------------------------------------
@test "IMG-001 IMG-003 IMG-005 a name is downloaded, verified and stored with all that is known of it" {
	ok vmctl image pull test:1
	same "$out" test:1
	same "$err" ""
	same "$(of test:1 user)" tester
	same "$(of test:1 os)" "test 1"
	same "$(of test:1 description)" "A test"
	same "$(of test:1 arch)" "$HOST"
	same "$(of test:1 digest)" "$SHA256"
	same "$(of test:1 source)" "$URL/a.qcow2"
	same "$(of test:1 checksum)" "sha512:$SHA512"
	same "$(of test:1 verified_by)" checksum
	same "$(of test:1 signed_by)" null
	cmp "$W/a.qcow2" "$(of test:1 path)"
	[[ $(stat -c %A "$(of test:1 path)") == -r--?----- ]]
	ok vmctl image verify test:1
	same "$(find "$VMCTL_HOME/images" -type f | wc -l)" 1
}

@test "IMG-005 an import says how it was verified too" {
	ok vmctl image import "$W/a.qcow2" --name plain
	same "$(of plain verified_by)" none
	ok vmctl image import "$W/a.qcow2" --name given --digest "$SHA256"
	same "$(of given verified_by)" digest
	same "$(of given source)" null
}

@test "IMG-002 the host's architecture is the default; another one's image is called after it" {
	jq '.images[0].files |= (. + {other: .[keys[0]]})' "$VMCTL_CATALOGUE" >"$BATS_TEST_TMPDIR/c"
	cp "$BATS_TEST_TMPDIR/c" "$VMCTL_CATALOGUE"
	same "$(vmctl image catalogue -o json | jq length)" 1
	same "$(vmctl image catalogue --all -o json | jq length)" 2
	same "$(vmctl image catalogue --arch other -o json | jq -r '.[].arch')" other
	ok vmctl image pull test:1
	same "$(of test:1 arch)" "$HOST"
	ok vmctl image pull test:1 --arch other
	same "$out" test:1-other
	same "$(of test:1-other arch)" other
	refused 3 vmctl image pull test:1 --arch z80
	has "$err" other
}

@test "image pull: a name that is not in the catalogue is status 3, with the nearest one" {
	refused 3 vmctl image pull tset:1
	has "$err" "vmctl image pull test:1"
	refused 3 vmctl image pull test
	has "$err" "vmctl image pull test:1"
	refused 3 vmctl image pull something-else
	has "$err" "vmctl image catalogue"
	refused 2 vmctl image pull ""
	refused 2 vmctl image pull test:1 --name 'a b'
	refused 2 vmctl image pull test:1 --digest 12
	same "$(cat "$W/.log")" ""
}

@test "IMG-003 any address with the digest of its file; without one it is refused" {
	refused 2 vmctl image pull "$URL/norange/a.qcow2"
	has "$err" --digest
	refused 2 vmctl image pull "$URL/norange/a.qcow2" --name x --digest nonsense
	same "$(cat "$W/.log")" ""
	ok vmctl image pull "$URL/norange/a.qcow2" --digest "${SHA256^^}" --user me
	hasnt "$err" "no account is named"
	same "$out" a
	same "$(of a verified_by)" digest
	same "$(of a user)" me
	same "$(of a source)" "$URL/norange/a.qcow2"
	# One that is in the catalogue has its checksum there.
	ok vmctl image pull "$URL/a.qcow2"
	hasnt "$err" "no account is named"
	same "$out" test:1
	same "$(of test:1 verified_by)" checksum
	refused 2 vmctl image pull ftp://127.0.0.1/b.qcow2 --digest "$SHA256"
	refused 2 vmctl image pull http://host.example/b.qcow2 --digest "$SHA256"
	refused 2 vmctl image pull "file://$W/b.qcow2" --digest "$SHA256"
}

@test "IMG-003 a wrong digest or checksum: nothing is stored, and nothing kept" {
	wrong=$(printf '%064d' 7)
	fails 1 vmctl image pull "$URL/norange/a.qcow2" --digest "$wrong"
	has "$err" "$SHA256"
	has "$err" "$wrong"
	nothing_here
	echo "$(printf '%0128d' 7)  a.qcow2" >"$W/WRONG"
	catalogue "$URL/a.qcow2" WRONG
	fails 1 vmctl image pull test:1
	has "$err" "$SHA512"
	nothing_here
	# A file with more behind it is another file.
	(cat "$W/a.qcow2" && echo more) >"$W/longer.qcow2"
	sed 's/a.qcow2/longer.qcow2/' "$W/SHA512SUMS" >"$W/LONGER"
	catalogue "$URL/longer.qcow2" LONGER
	fails 1 vmctl image pull test:1
	nothing_here
	# The digest of the command line holds beside that of the catalogue.
	catalogue
	fails 1 vmctl image pull test:1 --digest "$wrong"
	nothing_here
	ok vmctl image pull test:1 --digest "$SHA256"
}

@test "IMG-003 checksum files of every form" {
	pulled() { # FILE
		catalogue "$URL/a.qcow2" "$1"
		ok vmctl image pull test:1
		same "$(of test:1 verified_by)" checksum
		ok vmctl image delete -y test:1
	}
	pulled SHA256SUMS
	(cd "$W" && sha256sum --tag a.qcow2 && echo '# 5 bytes') >"$W/CHECKSUM"
	pulled CHECKSUM
	(cd "$W" && md5sum a.qcow2 && sha256sum ./a.qcow2 && sha512sum a.qcow2) >"$W/MIXED"
	pulled MIXED
	# One that is about this file alone may call it otherwise, or not at all.
	echo "$SHA512" >"$W/a.qcow2.sha512"
	pulled a.qcow2.sha512
	echo "$SHA256  a-20261120.qcow2" >"$W/a.qcow2.sha256"
	pulled a.qcow2.sha256
	refuse() {
		catalogue "$URL/a.qcow2" SUMS
		fails 1 vmctl image pull test:1
		has "$err" "$URL/SUMS"
		nothing_here
	}
	echo "$SHA256  b.qcow2" >"$W/SUMS" && refuse
	echo "$SHA256  sub/a.qcow2" >"$W/SUMS" && refuse
	(cd "$W" && md5sum a.qcow2 && sha1sum --tag a.qcow2) >"$W/SUMS" && refuse
	echo "$SHA256" >"$W/SUMS" && refuse
	echo "${SHA256}ab  a.qcow2" >"$W/SUMS" && refuse
	printf '%s  a.qcow2\n%064d  a.qcow2\n' "$SHA256" 7 >"$W/SUMS" && refuse
	: >"$W/SUMS" && refuse
	head -c 3000 /dev/urandom >"$W/SUMS" && refuse
	echo '<html>Not the file you look for</html>' >"$W/SUMS" && refuse
	same "$(asked '^/a.qcow2 ')" 5
}

@test "image pull: what is no image, or refers to another file, is refused and not kept" {
	echo hello >"$W/text.qcow2"
	fails 1 vmctl image pull "$URL/text.qcow2" --digest "$(digest_of "$W/text.qcow2")"
	has "$err" "$URL/text.qcow2"
	qemu-img create -q -f qcow2 -b /etc/passwd -F raw -u "$W/steal.qcow2" 1M
	fails 1 vmctl image pull "$URL/steal.qcow2" --digest "$(digest_of "$W/steal.qcow2")"
	has "$err" backing
	nothing_here
}

@test "image pull: a raw image is converted" {
	truncate -s 2M "$W/boot.img"
	printf '\125\252' | dd of="$W/boot.img" bs=1 seek=510 conv=notrunc status=none
	ok vmctl image pull "$URL/boot.img" --digest "$(digest_of "$W/boot.img")"
	same "$out" boot
	same "$(qemu-img info -f qcow2 --output json "$(of boot path)" | jq -r .format)" qcow2
	same "$(find "$VMCTL_HOME/images" -type f | wc -l)" 1
}

@test "image pull: what is here downloads nothing; what its makers replaced is status 4 and left alone" {
	ok vmctl image pull test:1
	ok vmctl image pull test:1
	same "$out" test:1
	same "$(asked '^/a.qcow2 ')" 1
	make_image "$W/b.qcow2" 1
	(cd "$W" && sha512sum b.qcow2 >B512)
	catalogue "$URL/b.qcow2" B512
	before=$(snapshot)
	fails 4 vmctl image pull test:1
	has "$err" --name
	same "$(snapshot)" "$before"
	same "$(asked '^/b.qcow2 ')" 0
	ok vmctl image pull test:1 --name newer
	same "$(of newer digest)" "$(digest_of "$W/b.qcow2")"
	same "$(of test:1 digest)" "$SHA256"
}

# --- interruptions ------------------------------------------------------------------
@test "image pull: cut off in the middle, it goes on where it stopped" {
	ok vmctl image pull "$URL/cutonce/1000000/a.qcow2" --digest "$SHA256"
	grep -q '^/cutonce/1000000/a.qcow2 bytes=1000000- "[0-9a-f]*" 206$' "$W/.log"
	cmp "$W/a.qcow2" "$(of a path)"
	ok vmctl image delete -y a
	ok vmctl image pull "$URL/dated/a.qcow2" --digest "$SHA256" --name dated
	has "$err" "no account is named, so root is entered"
}

@test "image pull: cut off again and again, what has arrived is kept, and the same command ends it" {
	fails 1 vmctl image pull "$URL/cut/300000/a.qcow2" --digest "$SHA256"
	has "$err" "goes on"
	same "$(vmctl image list -o name)" ""
	for _ in $(seq 20); do
		had=$(stat -c %s "$(partials)")
		[ "$had" -gt 0 ]
		try vmctl image pull "$URL/cut/300000/a.qcow2" --digest "$SHA256"
		[ "$status" != 0 ] || break
		[ "$(stat -c %s "$(partials)")" -gt "$had" ]
	done
	same "$status" 0
	same "$(asked ' - - 200')" 1
	cmp "$W/a.qcow2" "$(of a path)"
	same "$(partials)" ""
}

begin_pull() { # COMMAND...: until some of it has arrived
	"$@" >"$BATS_TEST_TMPDIR/pull.out" 2>"$BATS_TEST_TMPDIR/pull.err" 3>&- &
	PULL=$!
	wait_until 20 arrived
}

arrived() {
	local file
	file=$(partials)
	[ -n "$file" ] && [ "$(stat -c %s "$file")" -ge 2000000 ]
}

@test "image pull: killed half way it lists nothing, and the next one goes on" {
	begin_pull vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	kill -9 $PULL
	wait $PULL || :
	same "$(vmctl image list -o name)" ""
	touch "$W/.open"
	ok vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	grep -q 'bytes=2000000-.* 206$' "$W/.log"
	cmp "$W/a.qcow2" "$(of a path)"
	same "$(partials)" ""
}

@test "image pull: interrupted it says so and keeps what has arrived" {
	begin_pull vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	kill -TERM $PULL # a shell's jobs in the background do not hear of SIGINT
	rc=0
	wait $PULL || rc=$?
	same $rc 143
	same "$(stat -c %s "$(partials)")" 2000000
	same "$(vmctl image list -o name)" ""
}

@test "image pull: complete but killed before it was verified, nothing is downloaded again" {
	begin_pull vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	kill -9 $PULL
	wait $PULL || :
	tail -c +2000001 "$W/a.qcow2" >>"$(partials)"
	chmod 444 "$(partials)" # as it is made last of all
	: >"$W/.log"
	ok vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	same "$(cat "$W/.log")" ""
	cmp "$W/a.qcow2" "$(of a path)"
}

@test "image pull: a file that changed meanwhile is begun anew" {
	cp "$W/a.qcow2" "$W/change.qcow2"
	make_image "$BATS_TEST_TMPDIR/old" 4
	cp "$BATS_TEST_TMPDIR/old" "$W/change.qcow2"
	begin_pull vmctl image pull "$URL/gate/2000000/change.qcow2" --digest "$SHA256"
	kill -9 $PULL
	wait $PULL || :
	cp "$W/a.qcow2" "$W/change.qcow2"
	touch "$W/.open"
	ok vmctl image pull "$URL/gate/2000000/change.qcow2" --digest "$SHA256"
	grep -q 'bytes=2000000-.* 200$' "$W/.log"
	cmp "$W/a.qcow2" "$(of change path)"
}

@test "image pull: with damage in what was kept it ends in a mismatch, and then works" {
	begin_pull vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	kill -9 $PULL
	wait $PULL || :
	printf X | dd of="$(partials)" bs=1 seek=1000000 conv=notrunc status=none
	touch "$W/.open"
	fails 1 vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	nothing_here
	ok vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
}

@test "image pull: a server that knows no parts sends it all again" {
	begin_pull vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	kill -9 $PULL
	wait $PULL || :
	ok vmctl image pull "$URL/norange/a.qcow2" --digest "$SHA256"
	ok vmctl image delete -y a
	ok vmctl image pull "$URL/untagged/a.qcow2" --digest "$SHA256"
}

@test "image pull: two at once download it once" {
	begin_pull vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	before=$(snapshot)
	fails 4 vmctl --timeout 100ms image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	has "$err" "$PULL"
	has "$err" "image pull"
	same "$(snapshot)" "$before"
	vmctl --timeout 30s image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256" \
		>"$BATS_TEST_TMPDIR/second" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	second=$!
	touch "$W/.open"
	wait $PULL
	wait $second
	same "$(cat "$BATS_TEST_TMPDIR/second")" a
	same "$(asked '^/gate/')" 1
	same "$(find "$VMCTL_HOME/images" -type f | wc -l)" 1
}

@test "image pull: what nobody went on with for a week is removed" {
	begin_pull vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256"
	touch -d '8 days ago' "$(partials)"
	vmctl image import "$W/a.qcow2" --name one
	[ -n "$(partials)" ] # somebody is at it
	kill -9 $PULL
	wait $PULL || :
	touch -d '6 days ago' "$(partials)"
	vmctl image import "$W/a.qcow2" --name two
	[ -n "$(partials)" ]
	touch -d '8 days ago' "$(partials)"
	vmctl image import "$W/a.qcow2" --name three
	same "$(find "$VMCTL_HOME/images" -name '.*' -type f)" ""
}

# --- servers ------------------------------------------------------------------------
@test "image pull: a server that refuses, falls silent, never ends or has too much" {
	refused 3 vmctl image pull "$URL/none.qcow2" --digest "$SHA256"
	has "$err" "$URL/none.qcow2"
	fails 1 vmctl image pull "$URL/status/500/a.qcow2" --digest "$SHA256"
	fails 1 vmctl image pull "$URL/nolength/a.qcow2" --digest "$SHA256"
	has "$err" long
	fails 8 vmctl image pull "$URL/huge/a.qcow2" --digest "$SHA256"
	has "$err" space
	nothing_here
	fails 5 vmctl --timeout 1s image pull "$URL/stall/2000/a.qcow2" --digest "$SHA256"
	same "$(stat -c %s "$(partials)")" 2000
	fails 1 vmctl image pull http://127.0.0.1:9/a.qcow2 --digest "$SHA256"
	catalogue "$URL/a.qcow2" none
	fails 3 vmctl image pull test:1
	has "$err" "$URL/none"
}

@test "image pull: redirections lead to https only; certificates are checked" {
	requires openssl
	fails 1 vmctl image pull "$URL/to/$URL/a.qcow2" --digest "$SHA256"
	has "$err" https
	same "$(asked '^/a.qcow2 ')" 0
	T=$BATS_TEST_TMPDIR
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$T/key" -out "$T/cert" 2>/dev/null
	mkdir "$T/tls"
	cp "$W/a.qcow2" "$T/tls"
	"$TOP/tests/web-server" "$T/tls" "$T/cert" "$T/key" </dev/null >"$T/tls/.out" 2>&1 3>&- &
	PULL=$!
	wait_until 20 test -s "$T/tls/.port"
	secure=https://127.0.0.1:$(cat "$T/tls/.port")
	fails 1 vmctl image pull "$secure/a.qcow2" --digest "$SHA256"
	has "$err" certificate
	export SSL_CERT_FILE=$T/cert
	ok vmctl image pull "$URL/to/$secure/cutonce/1000000/a.qcow2" --digest "$SHA256"
	same "$(wc -l <"$T/tls/.log")" 2
	fails 1 vmctl image pull "$secure/to/$URL/a.qcow2" --name b --digest "$SHA256"
	has "$err" https
}

@test "image pull: on a full disk it is status 8 and lists nothing; with room it goes on" {
	# A user may have a small disk of his own where namespaces may be made.
	unshare -rm true 2>/dev/null || skip "needs namespaces or root"
	export -f wait_until arrived partials
	# shellcheck disable=SC2016 # the inner shell's
	ok unshare -rm bash -c '
		fill=$VMCTL_HOME/images/fill
		mkdir -p "$VMCTL_HOME/images" &&
		mount -t tmpfs -o size=12m tmpfs "$VMCTL_HOME/images" &&
		head -c 8M /dev/zero >"$fill" || exit 99
		vmctl image pull "$URL/a.qcow2" --digest "$SHA256" && exit 1
		[ $? = 8 ] || exit 2
		rm "$fill"
		# It becomes full on the way.
		vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256" &
		wait_until 20 arrived || exit 3
		cat /dev/zero >"$fill"
		touch "$W/.open"
		wait $! && exit 4
		[ $? = 8 ] || exit 5
		[ -z "$(vmctl image list -o name)" ] || exit 6
		rm "$fill"
		vmctl image pull "$URL/gate/2000000/a.qcow2" --digest "$SHA256" >&2 &&
		vmctl image delete -y a'
	has "$err" space
	same "$(asked 'bytes=.* 206$')" 1
}

# --- signatures ----------------------------------------------------------------------
keys() {
	requires gpg gpgv gpg-agent
	export GNUPGHOME=$BATS_FILE_TMPDIR/gpg
	[ ! -d "$GNUPGHOME" ] || return 0
	mkdir -m 700 "$GNUPGHOME"
	for who in maker other; do
		gpg -q --batch --passphrase '' --quick-generate-key "$who@example.org" ed25519 sign never
		gpg -q --batch --export "$who@example.org" >"$W/.$who.gpg"
	done
	gpg -q --batch --armor --export maker@example.org >"$W/.maker.asc"
	gpgconf --kill gpg-agent || :
	FPR=$(gpg -q --with-colons --list-keys maker@example.org | awk -F : '$1 == "fpr" { print $10; exit }')
	echo "$FPR" >"$W/.fpr"
}

sign() { # WHO HOW FILE SIGNATURE
	gpg -q --batch --yes -u "$1@example.org" "--$2" -o "$W/$4" "$W/$3"
	gpgconf --kill gpg-agent || :
}

@test "IMG-003 a signed checksum is verified by the maker's key, armoured or not, and recorded" {
	keys
	for how in detach-sign 'armor --detach-sign'; do
		for ring in .maker.gpg .maker.asc; do
			# shellcheck disable=SC2086 # two options
			gpg -q --batch --yes -u maker@example.org --${how} -o "$W/SHA512SUMS.gpg" "$W/SHA512SUMS"
			catalogue "$URL/a.qcow2" SHA512SUMS SHA512SUMS.gpg "$W/$ring"
			same "$(vmctl image catalogue -o json | jq -r '.[].verifies')" signature
			ok vmctl image pull test:1
			same "$err" ""
			same "$(of test:1 verified_by)" signature
			same "$(of test:1 signed_by)" "$(cat "$W/.fpr")"
			ok vmctl image delete -y test:1
		done
	done
	gpgconf --kill gpg-agent || :
}

@test "IMG-003 of a text signed within only what is signed counts" {
	keys
	(cd "$W" && sha256sum --tag a.qcow2 >"$BATS_TEST_TMPDIR/list")
	cp "$BATS_TEST_TMPDIR/list" "$W/LIST"
	sign maker clear-sign LIST CHECKSUM-S
	catalogue "$URL/a.qcow2" CHECKSUM-S CHECKSUM-S "$W/.maker.asc"
	ok vmctl image pull test:1
	same "$(of test:1 verified_by)" signature
	ok vmctl image delete -y test:1
	# Lines around it would otherwise bring another file in.
	echo "SHA256 (b.qcow2) = $SHA256" >"$W/LIST"
	sign maker clear-sign LIST INNER
	(cat "$BATS_TEST_TMPDIR/list" "$W/INNER" "$BATS_TEST_TMPDIR/list") >"$W/AROUND"
	catalogue "$URL/a.qcow2" AROUND AROUND "$W/.maker.asc"
	fails 1 vmctl image pull test:1
	nothing_here
	sed 's/^SHA256 (b/SHA256 (a/' "$W/INNER" >"$W/CHANGED"
	catalogue "$URL/a.qcow2" CHANGED CHANGED "$W/.maker.asc"
	fails 1 vmctl image pull test:1
	has "$err" signature
	same "$(asked '^/a.qcow2 ')" 1
}

@test "IMG-003 a wrong, foreign, missing or expired signature is refused before anything is downloaded" {
	keys
	ring=$W/.maker.gpg
	refuse() {
		catalogue "$URL/a.qcow2" "$1" "$2" "$ring"
		fails "$3" vmctl image pull test:1
		has "$err" "$URL/$2"
		nothing_here
	}
	echo >>"$W/SHA512SUMS"
	sign maker detach-sign SHA512SUMS old.sig
	sed -i '$d' "$W/SHA512SUMS"
	refuse SHA512SUMS old.sig 1
	sign other detach-sign SHA512SUMS other.sig
	refuse SHA512SUMS other.sig 1
	refuse SHA512SUMS missing.sig 3
	echo nonsense >"$W/nonsense.sig"
	refuse SHA512SUMS nonsense.sig 1
	: >"$W/empty.sig"
	refuse SHA512SUMS empty.sig 1
	refuse SHA512SUMS SHA512SUMS 1
	gpg -q --batch --yes -u maker@example.org --default-sig-expire 2020-01-01 \
		--faked-system-time 20190101T000000 --ignore-time-conflict --detach-sign \
		-o "$W/expired.sig" "$W/SHA512SUMS" 2>/dev/null || : >"$W/expired.sig"
	gpgconf --kill gpg-agent || :
	refuse SHA512SUMS expired.sig 1
	# Two signatures, of which one is by a key that is known.
	sign maker detach-sign SHA512SUMS maker.sig
	cat "$W/other.sig" "$W/maker.sig" >"$W/both.sig"
	catalogue "$URL/a.qcow2" SHA512SUMS both.sig "$ring"
	ok vmctl image pull test:1
	same "$(of test:1 signed_by)" "$(cat "$W/.fpr")"
	same "$(asked '^/a.qcow2 ')" 1
}

@test "IMG-003 without the keyring or gpgv it is told, and the checksum alone is recorded" {
	catalogue "$URL/a.qcow2" SHA512SUMS none.sig /nowhere/keys.gpg
	ok vmctl image pull test:1
	has "$err" /nowhere/keys.gpg
	same "$(of test:1 verified_by)" checksum
	ok vmctl image delete -y test:1
	cp "$W/SHA512SUMS" "$W/some.sig"
	echo key >"$W/.key"
	catalogue "$URL/a.qcow2" SHA512SUMS some.sig "$W/.key"
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	ln -s "$(command -v qemu-img)" "$BATS_TEST_TMPDIR/bin"
	ok env PATH="$BATS_TEST_TMPDIR/bin" "$(command -v vmctl)" image pull test:1
	has "$err" gpgv
	same "$(of test:1 verified_by)" checksum
}

# --- what uses images -------------------------------------------------------------------
@test "IMG-004 create with an image that is only in the catalogue names the pull, and downloads nothing" {
	refused 3 vmctl create web1 --image test:1
	has "$err" "vmctl image pull test:1"
	refused 3 vmctl create web1 --image other:1
	hasnt "$err" "image pull"
	refused 3 vmctl create web1
	has "$err" "vmctl image catalogue"
	same "$(cat "$W/.log")" ""
}

@test "IMG-004 a damaged or missing image refuses creation with the pull that mends it" {
	ok vmctl image pull test:1
	ok vmctl image pull "$URL/norange/a.qcow2" --name other --digest "$SHA256"
	path=$(of test:1 path)
	rm -f "$path"
	refused 1 vmctl create web1 --image test:1
	has "$err" "vmctl image pull test:1"
	refused 1 vmctl create web1 --image other
	has "$err" "vmctl image pull $URL/norange/a.qcow2 --digest $SHA256 --name other"
	fails 1 vmctl image verify test:1
	ok vmctl image pull test:1
	cmp "$W/a.qcow2" "$path"
	chmod u+w "$path"
	printf X | dd of="$path" bs=1 seek=400000 conv=notrunc status=none
	ok vmctl image pull test:1
	ok vmctl image verify test:1
	cmp "$W/a.qcow2" "$path"
}
