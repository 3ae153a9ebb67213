#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Labels, selectors and notes, on instances that are only rows.
load ../lib.sh

setup_file() {
	private_home
	vmctl list --cached >/dev/null
	local name
	for name in web1 web2 db1; do row "$name"; done
}

setup() {
	db "DELETE FROM label"
	vmctl label web1 role=web tier=gold
	vmctl label web2 role=web example.com/team=a_b.c-d
	vmctl label db1 role=db
}

# chosen SELECTOR...: names, in one line.
chosen() {
	local args=() s
	for s; do args+=(-l "$s"); done
	vmctl list --cached -o name "${args[@]}" | tr '\n' ' '
}

@test "label sets, changes, takes away and shows" {
	ok vmctl label web1 tier=silver new= role-
	same "$out$err" ""
	ok vmctl label web1 -o tsv --no-header
	same "$out" "$(printf 'web1\tnew\t\nweb1\ttier\tsilver')"
	ok vmctl label web1 web2 seen=1 never-
	same "$(field web1 'labels|join(" ")')" "new= seen=1 tier=silver"
	same "$(field web2 'labels|join(" ")')" "example.com/team=a_b.c-d role=web seen=1"
	ok vmctl label -l role=db role=store
	same "$(field db1 'labels[0]')" role=store
	ok vmctl label --all role-
	same "$(chosen role)" ""
	# A value may have an equals sign's neighbours, but no further one.
	refused 2 vmctl label web1 a=b=c
}

@test "a label is a field, to show, to sort and to filter by" {
	vmctl label db1 role=db tier=9
	vmctl label web1 web2 role=web
	vmctl label web1 tier=10
	same "$(vmctl list --cached -o name --filter 'label.role=web' | xargs)" "web1 web2"
	same "$(vmctl list --cached -o name --filter 'label.tier>9' --sort name)" web1
	same "$(vmctl list --cached -o tsv --no-header --columns name,label.tier --sort -label.tier |
		tr '\t\n' ' ,')" "web1 10,db1 9,web2 ,"
	same "$(vmctl show web1 -o json --columns label.role)" "$(printf '{\n  "label.role": "web"\n}')"
	refused 2 vmctl list --filter 'label.=x'
	refused 2 vmctl key list --columns label.role
}

@test "label refuses what is no label, and then changes nothing" {
	local bad
	for bad in =x ' =x' a=-b a=b- 'a=b c' 'a=,' -a=b_ a/=b /a=b a/b/c=d a_b/c=d 'a!=b' \
		"a=$(printf 'x%.0s' {1..64})" "$(printf 'k%.0s' {1..64})=x" $'a=\377' $'a=b\nc' -; do
		refused 2 vmctl label web1 -- good=1 "$bad"
	done
	refused 2 vmctl label web1 a=1 a=2
	refused 2 vmctl label web1 a=1 a-
	refused 2 vmctl label a=1
	refused 2 vmctl label
	refused 2 vmctl label --all web1 a=1
	ok vmctl label web1 "$(printf 'k%.0s' {1..63})=$(printf 'v%.0s' {1..63})"
}

@test "one unknown name does not keep the others from their label" {
	try vmctl label web1 nobody db1 a=1
	same "$status" 6
	has "$err" "no instance 'nobody'"
	same "$(chosen a=1)" "db1 web1 "
	refused 3 vmctl label nobody a=1
}

@test "a terminated instance takes neither label nor note" {
	row gone
	id=$(db "SELECT id FROM instance WHERE name = 'gone'")
	db "UPDATE instance SET state = 'terminated', terminated_at = strftime('%s') WHERE name = 'gone'"
	refused 4 vmctl label "$id" a=1
	refused 4 vmctl note "$id" text
}

@test "selectors choose by value, presence and absence, all at once" {
	same "$(chosen role=web)" "web1 web2 "
	same "$(chosen role==web,tier)" "web1 "
	same "$(chosen 'role!=web')" "db1 "
	same "$(chosen '!tier')" "db1 web2 "
	same "$(chosen tier!=gold)" "db1 web2 "
	same "$(chosen example.com/team=a_b.c-d)" "web2 "
	same "$(chosen role=web '!tier')" "web2 "
	same "$(chosen role=w)" ""
	same "$(chosen rol)" ""
	same "$(chosen tier=)" ""
}

@test "a selector of another form is refused" {
	local bad
	for bad in '' ',' 'a,' ',a' '!' = '!=' =b '!=b' '!a=b' a=b=c 'a in (b)' 'a b' 'a===b' 'a!==b' $'\377'; do
		fails 2 vmctl list --cached -l "$bad"
		has "$err" label
	done
}

@test "what a selector does not find is an error, and nothing is done" {
	refused 3 vmctl delete -y -l role=nothing
	has "$err" "no instance has the labels role=nothing"
	refused 2 vmctl delete -y
	refused 2 vmctl delete -y --all web1
	has "$err" "exclude each other"
}

@test "show of what is selected is a list, however long" {
	same "$(vmctl show -l tier=gold -o json | jq -r 'map(.name)|join(" ")')" web1
	same "$(vmctl show db1 -l role=web -o json | jq -r 'map(.name)|join(" ")')" "db1 web1 web2"
	same "$(vmctl show web1 -l tier -o json | jq length)" 1
	same "$(vmctl show web1 -o json | jq -r .name)" web1
}

@test "note keeps a text, shows it and takes it away" {
	ok vmctl note web1 "Ann's,  until" friday
	same "$(field web1 note)" "Ann's,  until friday"
	ok vmctl note web1
	same "$out" "Ann's,  until friday"
	ok vmctl note web1 $'zwei\nZeilen: \u00fc'
	same "$(field web1 note)" $'zwei\nZeilen: \u00fc'
	refused 2 vmctl note web1 $'\033[2J'
	refused 2 vmctl note web1 $'\377'
	refused 2 vmctl note web1 "$(printf 'x%.0s' {1..4097})"
	refused 3 vmctl note nobody text
	ok vmctl note web1 ''
	same "$(field web1 note)" null
	ok vmctl note web1
	same "$out" ""
}

@test "labels and selectors are completed from the database" {
	has "$(vmctl __complete -- list -l ro)" "role=db"
	has "$(vmctl __complete -- list -l ro)" "role	with this label"
	has "$(vmctl __complete -- list -l role=web,ti)" "role=web,tier=gold"
	has "$(vmctl __complete -- list -l '!ti')" '!tier	without this label'
	has "$(vmctl __complete -- create x --label ti)" "tier=gold"
	has "$(vmctl __complete -- label web1 ti)" "tier-"
	has "$(vmctl __complete -- label we)" "web2"
}
