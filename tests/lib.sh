# SPDX-License-Identifier: LGPL-2.1-or-later
# For the .bats files: `load ../lib.sh`. tests/run prepares the surroundings:
# HOME (private), PATH with the build, VMT_IMAGE (the mini image,
# for kind debian the full one), TOP.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154

bats_require_minimum_version 1.5.0

# Whoever runs a file by hand has another input and umask than tests/run.
exec </dev/null
umask 022

# Before each command, bats has bash note where it is, to show the line that failed: that
# takes longer than most tests do. The line of the test is enough, so only what bats itself
# calls is noted. A function keeps this attribute when the test file defines it anew.
set +T
for traced in setup_file setup teardown teardown_file ${BATS_TEST_NAME-}; do
	declare -F "$traced" >/dev/null || eval "$traced() { :; }"
	declare -ft "$traced"
done

# private_home [DIR]: every file has a VMCTL_HOME of its own, below DIR; setup_file calls this.
private_home() {
	export VMCTL_HOME=${1:-$BATS_FILE_TMPDIR}/v
	export NO_COLOR=1
	unset VMCTL_CONNECT
	if on_system; then
		export VMCTL_CONNECT=$VMT_CONNECT
		# Where QEMU's user may go, unlike in the folders of bats.
		VMCTL_HOME=$(mktemp -d "$TMPDIR/home.XXXXXX")
		chmod 711 "$VMCTL_HOME"
		return
	fi
	mkdir -p "$VMCTL_HOME"
	chmod 700 "$VMCTL_HOME"
}

# Where ssh looks for its configuration is the home directory of the password database,
# whatever HOME is. After this it is $SSH_CONFIG, empty so far, and what it was asked, by
# vmctl too, is in $SSH_CONFIG.read.
private_ssh() {
	export SSH_CONFIG=$BATS_FILE_TMPDIR/ssh_config
	local bin=$BATS_FILE_TMPDIR/ssh-bin
	: >"$SSH_CONFIG"
	mkdir "$bin"
	# shellcheck disable=SC2016 # for that script
	printf '#!/bin/sh\necho "$*" >>"$SSH_CONFIG.read"\nexec %s -F "$SSH_CONFIG" "$@"\n' \
		"$(command -v ssh)" >"$bin/ssh"
	chmod +x "$bin/ssh"
	PATH=$bin:$PATH
}

# --- the connection -----------------------------------------------------------
# The end-to-end suite runs on qemu:///session and, as kind system, on
# qemu:///system.
on_system() {
	[ "${VMT_CONNECT:-}" = qemu:///system ]
}

on_session() {
	! on_system
}

# NET-009: without privileges there are forwarded ports instead of addresses.
session_only() {
	on_session || skip "forwarded ports are of the session connection (NET-009)"
}

# HOST and PORT at which an instance's ssh answers; of the session on loopback.
endpoint() { # NAME
	local place
	place=$(vmctl ip "$1") || return
	HOST=${place%:*} PORT=${place##*:}
}

# requires PROGRAM...: or else the test fails. Skipped is what this kernel or its
# container does not give; a program can be installed, and `make check` does that.
requires() {
	local program
	for program; do
		if ! command -v "$program" >/dev/null; then
			echo "$program is missing: it belongs into scripts/deps" >&2
			return 1
		fi
	done
}

# wait_until SECONDS COMMAND...: until the command succeeds. A machine that has other things
# to do is slow: a guest that boots in twenty seconds was seen to take more than a minute.
wait_until() {
	local deadline=$((SECONDS + ($1 > 180 ? $1 : 180)))
	shift
	until "$@"; do
		if ((SECONDS >= deadline)); then
			echo "still not true: $*" >&2
			return 1
		fi
		sleep 0.1
	done
}

# has_ended PID: also when whoever has to wait for it has not done so yet. That is the
# first process of the machine where a test killed the parent, and some are slow.
has_ended() {
	case $(ps -o stat= -p "$1") in '' | Z*) ;; *) return 1 ;; esac
}

# --- results ------------------------------------------------------------------
# What every test calls starts no program that bash can do without: to start one takes
# longer than most of what it does.

# out, err and status of a command, apart; without NUL bytes, which bash warns of.
try() {
	local rc=0
	"$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || rc=$?
	status=$rc
	{
		out=$(<"$BATS_TEST_TMPDIR/out")
		err=$(<"$BATS_TEST_TMPDIR/err")
	} 2>/dev/null
	echo "\$ $*"
	echo "status $status"
	[ -z "$out" ] || echo "out: ${out:0:2000}"
	[ -z "$err" ] || echo "err: ${err:0:2000}"
}

# ok COMMAND...: it succeeds.
ok() {
	try "$@"
	[ "$status" = 0 ]
}

# within SECONDS STATUS COMMAND...: it ends so, by then; something else may hang.
within() {
	local limit=$1 wanted=$2 begun=$SECONDS
	shift 2
	try timeout 120 "$@"
	same "$status" "$wanted" || return
	((SECONDS - begun < limit)) || { echo "after $((SECONDS - begun)) s" && return 1; }
}

# fails STATUS COMMAND...: it ends so, with a line on stderr and nothing on stdout.
fails() {
	local wanted=$1 lines LC_ALL=C
	shift
	LC_ALL=C.UTF-8 try "$@"
	same "$status" "$wanted" || return
	if [ -n "$out" ]; then
		echo "something on stdout"
		return 1
	fi
	[ -n "$err" ] || { echo "nothing on stderr" && return 1; }
	if [[ ${err//$'\n'/} == *[[:cntrl:]]* ]] || IFS= read -r -d '' _ <"$BATS_TEST_TMPDIR/err"; then
		echo "control characters on stderr"
		return 1
	fi
	# One line of error and at most one of advice.
	mapfile -t lines <"$BATS_TEST_TMPDIR/err"
	((${#lines[@]} <= 2)) || { echo "more than an error and a hint" && return 1; }
}

# refused STATUS COMMAND...: like fails, and nothing has changed: neither a row of
# the database nor a file.
refused() {
	local before after
	before=$(snapshot)
	fails "$@" || return
	after=$(snapshot)
	if [ "$before" != "$after" ]; then
		echo "something changed:"
		diff <(echo "$before") <(echo "$after")
		return 1
	fi
}

has() {
	case $1 in *"$2"*) ;; *)
		echo "'$2' is not in: $1"
		return 1
		;;
	esac
}

hasnt() {
	case $1 in *"$2"*)
		echo "'$2' is in: $1"
		return 1
		;;
	esac
}

same() {
	[ "$1" = "$2" ] || { echo "'$1' is not '$2'" && return 1; }
}

# fits RECORD: the JSON on stdin, one object or a list that is not empty, has the keys of
# that record and no other, with values of the declared types (tests/data/records).
fits() {
	jq -es --rawfile all "$TOP/tests/data/records" --arg record "$1" '
		def fits($wanted):
			if $wanted | endswith("|null") then . == null or fits($wanted[:-5])
			elif $wanted == "strings" then type == "array" and all(.[]; type == "string")
			elif $wanted == "integer" then type == "number" and floor == .
			elif $wanted == "time" then type == "string" and test("^\\d{4}(-\\d\\d){2}T\\d\\d(:\\d\\d){2}Z$")
			else type == $wanted end;
		(if length == 1 and (.[0] | type) == "array" then .[0] else . end) as $values |
		[$all | split("\n")[] | split("\t") | select(.[0] == $record) | {(.[1]): .[2]}] | add as $types |
		$types != null and ($values | length > 0) and all($values[];
			. as $v | type == "object" and (keys == ($types | keys)) and
			all($types | to_entries[]; . as $t | $v[$t.key] | fits($t.value) or
				("\($t.key) is \(.), not \($t.value)" | stderr | false)))
	' >/dev/null
}

# found CHECK VERDICT WORDS: that the doctor's check said so, in $out.
found() {
	jq -e --arg c "$1" --arg v "$2" --arg w "$3" \
		'any(.[]; .check == $c and .verdict == $v and (.text + (.fix // "") | contains($w)))' <<<"$out"
}

# --- state -------------------------------------------------------------------
database() {
	echo "$VMCTL_HOME/vmctl.db"
}

db() {
	sqlite3 -cmd '.timeout 5000' "$VMCTL_HOME/vmctl.db" "$@"
}

# fake_guests N: a home in which up to N rows (see below) are guests that can be entered
# (tests/fakes/ssh.c): what they are sent runs on this host. teardown_file has to call
# fake_guests_end.
fake_guests() {
	local build name
	build=$(dirname "$(command -v vmctl)")
	mkdir "$BATS_FILE_TMPDIR/modules"
	ln -s "$build"/modules/*.so "$BATS_FILE_TMPDIR/modules"
	for name in ssh libvirt; do
		ln -sf "$build/tests/fakes/$name.so" "$BATS_FILE_TMPDIR/modules"
	done
	export VMCTL_MODULE_DIR=$BATS_FILE_TMPDIR/modules
	"$TOP/tests/greeter" "$1" "$BATS_FILE_TMPDIR/ports" </dev/null >/dev/null 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/greeter.pid"
	wait_until 10 test -s "$BATS_FILE_TMPDIR/ports"
	# The rows run, as long as they are said to.
	export FAKE_RUNNING=00000000-0000-0000-0000- FAKE_STOPPED=
	export FAKE_PORTS=$BATS_FILE_TMPDIR/ports
	vmctl config set exec.hold 0s
}

fake_guests_end() {
	kill "$(cat "$BATS_FILE_TMPDIR/greeter.pid")"
}

# row NAME [STATE]: an instance that is only a row, for commands that ask nobody else.
row() {
	local port="20000 + n" zeros ports
	printf -v zeros '%064d' 0
	if [ -n "${FAKE_PORTS-}" ]; then
		mapfile -t ports <"$FAKE_PORTS"
		printf -v port '%s,' "${ports[@]}"
		port="json_extract('[${port%,}]', '\$[' || n || ']')"
	fi
	db "CREATE TEMP TABLE t AS SELECT count(*) AS n FROM instance;
		INSERT OR IGNORE INTO image_file VALUES ('$zeros', 1, 1, 1, 1, 1, 1);
		INSERT INTO instance (id, name, state, reason, type, vcpus, memory, disk, image, image_digest,
			user, ssh_port, accel, connection, uuid, host_key, host_key_sha256, created_at,
			launched_at, terminated_at)
		SELECT printf('i-%08x', n + 1), '$1', '${2:-running}', '', 't2.micro', 1, 1 << 28, 1 << 30,
			'none', '$zeros', 'vm', $port, 'tcg', 'qemu:///session',
			printf('00000000-0000-0000-0000-%012d', n), 'ssh-ed25519 A', 'SHA256:A',
			strftime('%s'), strftime('%s'), 0 FROM t;
		INSERT INTO nic SELECT printf('i-%08x', n + 1), 0, 'user', '',
			printf('52:54:00:00:%02x:%02x', n / 256, n % 256), NULL, 0, 1 FROM t;"
}

# The rows (facts about the host aside: they are a cache) and the files.
snapshot() (
	rows=
	[ ! -s "$VMCTL_HOME/vmctl.db" ] || rows=$(db .dump)
	shopt -s globstar dotglob nullglob
	set -f
	IFS=$'\n'
	for row in $rows; do
		case $row in 'INSERT INTO fact '*) ;; 'INSERT INTO'*) echo "$row" ;; esac
	done
	set +f
	for file in "$VMCTL_HOME"/**; do
		case ${file#"$VMCTL_HOME"} in
		*/vmctl.db* | */log/* | */log | */run | */run/* | */locks | */locks/*) continue ;;
		esac
		[ -d "$file" ] && [ ! -L "$file" ] || echo "$file"
	done
)

virsh_() {
	virsh -q -c "${VMT_CONNECT:-qemu:///session}" "$@"
}

domains() {
	virsh_ list --all --name | sed '/^$/d'
}

# QEMU processes of this home directory's user whose command line names the id.
qemu_of() {
	local dir
	for dir in /proc/[0-9]*; do
		if [ -O "$dir" ] && tr '\0' ' ' 2>/dev/null <"$dir/cmdline" |
			grep -q "qemu-system.*$1"; then
			echo "${dir#/proc/}"
		fi
	done
	return 0
}

listens() {
	ss -Hltn "sport = :$1" | grep -q .
}

doesnt_listen() {
	! listens "$1"
}

field() { # field NAME KEY
	vmctl show "$1" -o json | jq -r ".$2"
}

# mac_of ID: of its first interface (NET-006).
mac_of() {
	echo "52:54:00:${1:4:2}:${1:6:2}:${1:8:2}"
}

# held MAC: what networks keep for it: reservations, and leases.
held() {
	local net
	on_system || return 0
	for net in $(virsh_ net-list --all --name); do
		{ virsh_ net-dumpxml "$net" && virsh_ net-dumpxml --inactive "$net"; } |
			grep -i "<host.*$1" | sort -u || :
		virsh_ net-dhcp-leases "$net" 2>/dev/null | grep -i "$1" || :
	done
}

not_held() {
	[ -z "$(held "$1")" ]
}

# no_networks: removes those that are left of earlier files; as vmctl makes them, when they are needed.
no_networks() {
	local net
	for net in $(virsh_ net-list --all --name); do
		virsh_ net-destroy "$net" >/dev/null 2>&1 || :
		virsh_ net-undefine "$net" >/dev/null
	done
}

# nothing_left ID [PORT]: no domain, folder, process, port, reserved address or
# lease of an instance.
nothing_left() {
	local bad=0
	if domains | grep -qx "$1"; then
		echo "domain $1 is left" && bad=1
	fi
	if [ -e "$VMCTL_HOME/instances/$1" ]; then
		find "$VMCTL_HOME/instances/$1"
		echo "files of $1 are left" && bad=1
	fi
	if [ -n "$(qemu_of "$1")" ]; then
		echo "a process of $1 is left" && bad=1
	fi
	if [ -e "$VMCTL_HOME/relays/$1" ]; then
		echo "a relay of $1 is left" && bad=1
	fi
	# 22 is the port at an address of its own, and the host may have an sshd.
	if [ "${2:-22}" != 22 ] && listens "$2"; then
		echo "port $2 is left" && bad=1
	fi
	# dnsmasq writes a released lease out a little later.
	if ! wait_until 5 not_held "$(mac_of "$1")"; then
		held "$(mac_of "$1")"
		echo "an address of $1 is left" && bad=1
	fi
	return $bad
}

# --- the mini image and instances ------------------------------------------------
# Imports the mini image as "mini" into this file's home.
import_mini() {
	[ -e "$VMT_IMAGE" ] || {
		echo "no mini image; make images/mini" >&2
		return 1
	}
	vmctl image import --metadata "$TOP/images/mini/image.json" "$VMT_IMAGE" >/dev/null
}

# A small type, so that several fit the machine.
small=(--image mini --cpus 1 --memory 256M)

# delete_all: what teardown_file calls. Fails when something is left.
delete_all() {
	local id bad=0
	local ids=() ports=()
	[ -s "$(database)" ] || return 0
	mapfile -t ids < <(vmctl list -o json | jq -r '.[].id')
	for id in "${ids[@]}"; do
		ports+=("$(vmctl list -o json | jq -r ".[] | select(.id == \"$id\") | .ssh_port // empty")")
	done
	for id in "${ids[@]}"; do
		vmctl delete -y "$id" >/dev/null || bad=1
	done
	for id in "${!ids[@]}"; do
		nothing_left "${ids[$id]}" "${ports[$id]}" || bad=1
	done
	return $bad
}
