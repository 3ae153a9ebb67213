#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# vmctl-tutorial(7), followed line by line: its first lines say how it is read. What is
# shown is what a terminal has: standard output and error together.

load ../lib.sh

setup_file() {
	private_home
	on_session || return 0
	import_mini
	# The displays, unescaped: "C command" or "N command" (not run), "I typed",
	# "O output", "S status" of the next command.
	awk '
		/^\.\\" not run: / { left_out = 1 }
		/^\.\\" status: / { print "S " $3 }
		/^\.Bd -literal/ { inside = 1; next }
		/^\.Ed/ { inside = left_out = 0 }
		!inside { next }
		{ gsub(/\\&/, ""); gsub(/\\e/, "\\") }
		/^\$ / { print (left_out ? "N " : "C ") substr($0, 3); next }
		/^[a-z]*@[a-z0-9]*:~\$ / { sub(/^[^$]*\$ /, ""); print "I " $0; next }
		{ print "O " $0 }
	' "$TOP/man/vmctl-tutorial.7.in" >"$BATS_FILE_TMPDIR/steps"
	grep '^\.\\" varies: ' "$TOP/man/vmctl-tutorial.7.in" >"$BATS_FILE_TMPDIR/varies"
}

teardown_file() {
	on_system || delete_all
}

setup() {
	session_only
	STEPS=$BATS_FILE_TMPDIR/steps
}

# squeezed: runs of blanks as one, none at the ends of lines.
squeezed() {
	sed -E 's/[ \t]+/ /g; s/^ //; s/ $//'
}

# pattern: what the lines on stdin are as one regular expression, with a line feed
# behind each.
pattern() {
	local line text regex all=''
	while IFS= read -r line; do
		if [ "$line" = ... ]; then
			all+=$'(.*\n)*'
			continue
		fi
		line=$(sed -E 's/[][\\.*+?(){}|^$]/\\&/g; s/\\\.\\\.\\\./.*/g' <<<"$line")
		while read -r _ _ text regex; do
			text=$(sed -E 's/[.]/\\&/g' <<<"$text")
			line=${line//"$text"/"$regex"}
		done <"$BATS_FILE_TMPDIR/varies"
		all+=$line$'\n'
	done < <(squeezed)
	printf '%s.' "^$all\$"
}

# step COMMAND INPUT OUTPUT STATUS: types the command, compares what comes.
step() {
	local rc=0 wanted
	bash -c "$1" <<<"$2" >got 2>&1 || rc=$?
	wanted=$(printf %s "$3" | pattern)
	if [ $rc = "$4" ] && squeezed <got | perl -0777 -e '
		$re = shift; chop $re; $got = <STDIN> // ""; exit !($got =~ /$re/)' -- "$wanted"; then
		return
	fi
	echo "\$ $1"
	echo "status $rc, shown as $4"
	diff <(printf %s "$3") got || :
	return 1
}

@test "every line of the tutorial does what it shows" {
	requires curl
	cd "$BATS_TEST_TMPDIR"
	command='' input='' output='' status_=0 next=0 count=0
	while IFS= read -r line; do
		text=${line:2}
		case $line in
		I*) input+=$text$'\n' ;;
		O*) output+=$text$'\n' ;;
		S*) next=$text ;;
		[CNE]*)
			[ -z "$command" ] || step "$command" "$input" "$output" "$status_"
			command='' input='' output='' status_=$next next=0
			case $line in C*) command=$text count=$((count + 1)) ;; esac
			;;
		esac
	done < <(cat "$STEPS" && echo "E ")
	[ $count -ge 25 ]
}

@test "what the tutorial shows is not taken for granted" {
	cd "$BATS_TEST_TMPDIR"
	step 'echo a b; echo 12s' '' $'a    b\n...s\n' 0
	step 'echo 5' '' $'25862\n' 0
	step 'cat; exit 2' 'typed' $'typed\n' 2
	step 'true' '' '' 0
	step 'echo 1; echo 2; echo 3' '' $'...\n3\n' 0
	run ! step 'echo ab' '' $'a.\n' 0
	run ! step 'echo a; echo b' '' $'a\n' 0
	run ! step 'echo a' '' '' 0
	run ! step 'true' '' $'a\n' 0
	run ! step 'true' '' '' 1
}

@test "what is not run of it has a reason, and is little" {
	[ "$(grep -c '^N ' "$STEPS")" -le 12 ]
	same "$(grep -c '^\.\\" not run: .' "$TOP/man/vmctl-tutorial.7.in")" \
		"$(grep -c '^\.\\" not run:' "$TOP/man/vmctl-tutorial.7.in")"
}
