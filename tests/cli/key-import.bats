#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Where keys are taken from: ~/.ssh, the ssh agent, web addresses.

load ../lib.sh

setup_file() {
	private_home
	private_ssh
	export K=$BATS_FILE_TMPDIR/k
	mkdir -p "$K"
	for name in one two three four; do
		ssh-keygen -q -t ed25519 -N '' -C "$name@here" -f "$K/$name"
	done
	ssh-keygen -q -t rsa -b 1024 -N '' -C weak -f "$K/weak"
}

setup() {
	unset SSH_AUTH_SOCK SSH_AGENT_PID
	: >"$SSH_CONFIG"
	export HOME=$BATS_TEST_TMPDIR/home
	mkdir -p "$HOME/.ssh"
}

teardown() {
	[ -z "${AGENT:-}" ] || kill "$AGENT" || :
	[ -z "${SERVER:-}" ] || kill "$SERVER" || :
	[ ! -s "$(database)" ] || db 'DELETE FROM ssh_key'
}

public() { # of FILE.pub or of the key stored under a name
	case $1 in
	*.pub) cut -d ' ' -f 1-2 "$1" ;;
	*) vmctl key show "$1" -o json | jq -r .public_key ;;
	esac
}

print() {
	ssh-keygen -l -E "${2:-sha256}" -f "$K/$1.pub" | cut -d ' ' -f 2
}

# --- ~/.ssh ---------------------------------------------------------------------
@test "KEY-008 without a source it is the user's own key, which is named" {
	cp "$K/one.pub" "$HOME/.ssh/id_rsa.pub"
	cp "$K/two.pub" "$HOME/.ssh/id_ecdsa.pub"
	ok vmctl key import own
	same "$out" own
	has "$err" "$HOME/.ssh/id_ecdsa.pub"
	same "$(public own)" "$(public "$K/two.pub")"
	cp "$K/three.pub" "$HOME/.ssh/id_ed25519.pub"
	cp "$K/three" "$HOME/.ssh/id_ed25519"
	ok vmctl key import newer -o json
	same "$(jq -r .public_key <<<"$out")" "$(public "$K/three.pub")"
	same "$(jq -r .private_path <<<"$out")" "$HOME/.ssh/id_ed25519"
	refused 4 vmctl key import again
}

@test "KEY-008 without a key of one's own there is a line that makes one" {
	refused 3 vmctl key import own
	has "$err" ssh-keygen
	cp "$K/one" "$HOME/.ssh/id_ed25519"
	refused 3 vmctl key import own
	has "$err" "ssh-keygen -y -f $HOME/.ssh/id_ed25519"
	rm -r "$HOME/.ssh"
	refused 3 vmctl key import own
}

@test "KEY-008 a private key in the place of one's own public key is refused" {
	cp "$K/one" "$HOME/.ssh/id_ed25519.pub"
	refused 1 vmctl key import own
	has "$err" "private key"
	run ! grep -rqs "PRIVATE KEY" "$VMCTL_HOME"
}

# --- the agent ------------------------------------------------------------------
agent() {
	eval "$(ssh-agent -s)" >/dev/null
	AGENT=$SSH_AGENT_PID
	for name; do ssh-add -q "$K/$name"; done
}

@test "KEY-008 the only key of the agent, or one by its comment or fingerprint" {
	agent one
	ok vmctl key import only --agent
	same "$(public only)" "$(public "$K/one.pub")"
	same "$(vmctl key show only -o json | jq -r .comment)" one@here
	same "$(vmctl key show only -o json | jq -r .private_path)" null
	ssh-add -q "$K/two" "$K/three" "$K/four"
	ok vmctl key import --agent by-comment two@here
	same "$(public by-comment)" "$(public "$K/two.pub")"
	ok vmctl key import by-sha -a "$(print three)"
	same "$(public by-sha)" "$(public "$K/three.pub")"
	ok vmctl key import by-md5 -a "$(print four md5)"
	same "$(public by-md5)" "$(public "$K/four.pub")"
	refused 4 vmctl key import once-more -a two@here
}

@test "KEY-008 several keys in the agent and none chosen: they are named" {
	agent one two
	refused 2 vmctl key import which --agent
	has "$err" one@here
	has "$err" two@here
	has "$err" "$(print one)"
	has "$err" "vmctl key import which --agent"
	refused 3 vmctl key import which --agent nobody@here
	refused 2 vmctl key import which --agent two@here --private "$K/two"
}

@test "KEY-008 no agent, a dead one, or one without keys" {
	refused 3 vmctl key import none --agent
	has "$err" ssh-agent
	agent
	refused 3 vmctl key import none --agent
	has "$err" ssh-add
	kill "$AGENT"
	wait_until 5 test ! -S "$SSH_AUTH_SOCK"
	AGENT=
	refused 3 vmctl key import none --agent
}

@test "KEY-008 the agent that ssh's own configuration names is asked, and its name given" {
	agent one
	local socket=$SSH_AUTH_SOCK
	unset SSH_AUTH_SOCK
	printf 'Host *\n\tIdentityAgent %s\n' "$socket" >"$SSH_CONFIG"
	ok vmctl key import named --agent
	same "$(public named)" "$(public "$K/one.pub")"
	refused 3 vmctl key import other --agent nobody@here
	has "$err" "SSH_AUTH_SOCK=$socket ssh-add -l"
	echo "IdentityAgent none" >"$SSH_CONFIG"
	SSH_AUTH_SOCK=$socket refused 3 vmctl key import other --agent
	has "$err" "by ssh's configuration (IdentityAgent none): no ssh agent is asked"
	echo "IdentityAgent $K/nobody" >"$SSH_CONFIG"
	SSH_AUTH_SOCK=$socket refused 3 vmctl key import other --agent
	has "$err" "IdentityAgent $K/nobody): no ssh agent answers: No such file or directory"
	has "$err" "start that agent, or name another by IdentityAgent in ~/.ssh/config"
}

# --- web addresses --------------------------------------------------------------
# A web server with TLS on loopback, with an authority of its own. The files of
# its folder are whole answers.
authority() {
	[ ! -e "$K/ca.pem" ] || return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj /CN=vmctl-test-authority -keyout "$K/ca.key" -out "$K/ca.pem"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
		-keyout "$K/web.key" -out "$K/web.csr"
	openssl x509 -req -in "$K/web.csr" -CA "$K/ca.pem" -CAkey "$K/ca.key" -CAcreateserial \
		-days 2 -out "$K/web.pem" -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1)
}

answer() { # FILE STATUS [HEADER]: the body comes from standard input
	printf 'HTTP/1.0 %s\r\nContent-Type: text/plain\r\n%s\r\n' "$2" "${3:+$3$'\r\n'}" >"$W/$1"
	cat >>"$W/$1"
}

web() {
	requires openssl
	authority 2>"$BATS_TEST_TMPDIR/openssl" || { cat "$BATS_TEST_TMPDIR/openssl" && return 1; }
	W=$BATS_TEST_TMPDIR/web
	mkdir -p "$W"
	(cd "$W" && exec openssl s_server -accept 127.0.0.1:0 -HTTP -cert "$K/web.pem" \
		-key "$K/web.key" </dev/null >"$BATS_TEST_TMPDIR/web.log" 2>&1 3>&-) &
	SERVER=$!
	wait_until 20 grep -q '^ACCEPT' "$BATS_TEST_TMPDIR/web.log"
	PORT=$(sed -n 's/^ACCEPT.*:\([0-9]*\)$/\1/p' "$BATS_TEST_TMPDIR/web.log")
	URL=https://127.0.0.1:$PORT
	export SSL_CERT_FILE=$K/ca.pem
	unset CURL_CA_BUNDLE SSL_CERT_DIR https_proxy HTTPS_PROXY all_proxy ALL_PROXY
}

@test "KEY-008 https: one key, or several as NAME, NAME-2 and so on" {
	web
	answer one.keys '200 ok' <"$K/one.pub"
	ok vmctl key import ann "$URL/one.keys"
	same "$out" ann
	same "$(public ann)" "$(public "$K/one.pub")"
	{
		echo '# keys of bob'
		cat "$K/two.pub"
		echo
		cat "$K/three.pub" "$K/two.pub"
		printf %s "$(<"$K/four.pub")" # no line end
	} | answer many.keys '200 ok'
	ok vmctl key import bob "$URL/many.keys" -o json
	same "$(jq -r '.[].name' <<<"$out" | paste -sd ' ')" 'bob bob-2 bob-3'
	same "$(public bob)" "$(public "$K/two.pub")"
	same "$(public bob-3)" "$(public "$K/four.pub")"
	# With another name for the host, and the authorities named as for curl.
	db 'DELETE FROM ssh_key'
	ok env -u SSL_CERT_FILE CURL_CA_BUNDLE="$K/ca.pem" \
		vmctl key import bob "https://localhost:$PORT/many.keys"
	same "$out" $'bob\nbob-2\nbob-3'
}

@test "KEY-008 https: all of the keys or none; a fragment chooses one" {
	web
	cat "$K/one.pub" "$K/weak.pub" "$K/two.pub" | answer mixed.keys '200 ok'
	refused 1 vmctl key import x "$URL/mixed.keys"
	has "$err" "line 2"
	has "$err" 1024
	ok vmctl key import x "$URL/mixed.keys#$(print two)"
	same "$(public x)" "$(public "$K/two.pub")"
	refused 3 vmctl key import y "$URL/mixed.keys#$(print three)"
	# KEY-005: one of them is known, or its name taken.
	cat "$K/one.pub" "$K/two.pub" | answer pair.keys '200 ok'
	refused 4 vmctl key import y "$URL/pair.keys"
	has "$err" " x"
	ok vmctl key import z-2 "$K/three.pub"
	cat "$K/one.pub" "$K/four.pub" | answer pair.keys '200 ok'
	refused 4 vmctl key import z "$URL/pair.keys"
	has "$err" z-2
}

@test "KEY-008 https: a private key is refused, and what is none too" {
	web
	answer private '200 ok' <"$K/one"
	refused 1 vmctl key import x "$URL/private"
	has "$err" "private key"
	cat "$K/one.pub" "$K/two" | answer both '200 ok'
	refused 1 vmctl key import x "$URL/both"
	has "$err" "private key"
	refused 1 vmctl key import x "$URL/both#$(print one)"
	has "$err" "private key"
	echo '<!DOCTYPE html><html>' | answer page '200 ok'
	refused 1 vmctl key import x "$URL/page"
	answer nothing '200 ok' </dev/null
	refused 1 vmctl key import x "$URL/nothing"
	head -c 70000 /dev/zero | tr '\0' '#' | answer large '200 ok'
	refused 1 vmctl key import x "$URL/large"
	has "$err" 65536
	head -c 1000 /dev/urandom | answer junk '200 ok'
	refused 1 vmctl key import x "$URL/junk"
	printf 'ssh-ed25519 AAAA\033]0;x\007\n' | answer evil '200 ok'
	refused 1 vmctl key import x "$URL/evil"
	run ! grep -rqs "PRIVATE KEY" "$VMCTL_HOME"
}

@test "KEY-008 https: what the server and its certificate say" {
	web
	answer gone '404 Not Found' </dev/null
	refused 3 vmctl key import x "$URL/gone"
	has "$err" "$URL/gone"
	answer closed '403 Forbidden' </dev/null
	refused 1 vmctl key import x "$URL/closed"
	answer one.keys '200 ok' <"$K/one.pub"
	answer there '302 Found' "Location: $URL/one.keys" </dev/null
	ok vmctl key import x "$URL/there"
	answer plain '302 Found' "Location: http://127.0.0.1:$PORT/one.keys" </dev/null
	refused 1 vmctl key import y "$URL/plain"
	has "$err" redirects
	answer loop '302 Found' "Location: $URL/loop" </dev/null
	refused 1 vmctl key import y "$URL/loop"
	refused 1 env -u SSL_CERT_FILE vmctl key import y "$URL/one.keys"
	has "$err" "not trusted"
	# Of another host.
	refused 1 vmctl key import y "https://127.0.0.2:$PORT/one.keys"
}

@test "KEY-008 other addresses are refused before anything is asked" {
	refused 2 vmctl key import x http://192.0.2.1/x.keys
	has "$err" https
	refused 2 vmctl key import x ftp://127.0.0.1/x.keys
	refused 2 vmctl key import x file:///etc/passwd
	refused 2 vmctl key import x https://me:geheim@127.0.0.1/x.keys
	hasnt "$err" geheim
	refused 2 vmctl key import x https://127.0.0.1/x.keys --private "$K/one"
	refused 2 vmctl key import 'a b' https://127.0.0.1:1/x.keys
	# What looks so may be a file all the same.
	mkdir -p "$BATS_TEST_TMPDIR/http:"
	cp "$K/one.pub" "$BATS_TEST_TMPDIR/http:/x"
	cd "$BATS_TEST_TMPDIR"
	ok vmctl key import x ./http://x
}

@test "KEY-008 a private key on standard input is refused" {
	refused 1 bash -c "vmctl key import x - <'$K/one'"
	has "$err" "private key"
	run ! grep -rqs "PRIVATE KEY" "$VMCTL_HOME"
}
