#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What create refuses before it makes anything, and what --dry-run shows. No
# virtual machine is started here.

load ../lib.sh

setup_file() {
	private_home
	qemu-img create -q -f qcow2 "$BATS_FILE_TMPDIR/tiny.qcow2" 64M
	qemu-io -f qcow2 -c 'write -P 0x5a 0 1M' "$BATS_FILE_TMPDIR/tiny.qcow2" >/dev/null
	vmctl image import --name tiny --user vm "$BATS_FILE_TMPDIR/tiny.qcow2"
	vmctl key generate key
	# So that no hypervisor is asked which networks it has.
	vmctl config set network user
	U=$BATS_FILE_TMPDIR/u
	export U
	mkdir "$U"
}

bad() { # STATUS ARGUMENT...
	local wanted=$1
	shift
	refused "$wanted" vmctl create --image tiny "$@"
}

@test "create: a name that is empty, too long or no hostname is refused" {
	for name in '' - -a a- a.b a_b 'a b' a/b ../a 'a;b' 'ä' "$(printf '%064d' 0)" \
		"$(printf 'a\tb')" "$(printf 'a\nb')"; do
		bad 2 -- "$name"
	done
}

@test "create: a name of one letter and one of 63 are taken" {
	ok vmctl create --dry-run --image tiny a
	ok vmctl create --dry-run --image tiny "$(printf '%063d' 0 | tr 0 a)"
}

@test "create: a size without a unit, too small in bytes: the hint has the unit" {
	for given in memory:2048:2048M memory:64:64M memory:2:2G memory:1M:64M disk:500:500M disk:20:20G disk:1M:1G; do
		IFS=: read -r option value hint <<<"$given"
		bad 2 --"$option" "$value" web1
		same "$(tail -n 1 <<<"$err" | tr -d ' ')" "--$option$hint"
	done
}

@test "create: a name made of the image's is a host name, however long that is" {
	long=$(printf '%063d' 0 | tr 0 x)
	for image in "${long:0:58}" "${long:0:59}" "$long" "a-${long:0:55}-.b" "a-:b"; do
		ok vmctl image import --name "$image" --user vm "$BATS_FILE_TMPDIR/tiny.qcow2"
		ok vmctl create --dry-run --image "$image" --key key
		[[ $out =~ record\ ([^ ]*)\ \( ]]
		name=${BASH_REMATCH[1]}
		ok vmctl create --dry-run --image tiny --key key "$name"
		stem=${image%%[.:]*}
		stem=${stem:0:58}
		[[ $name =~ ^${stem%-}-[0-9a-f]{4}$ ]]
		ok vmctl image delete -y "$image"
	done
}

@test "INST-003 create: a name that looks like an id is refused" {
	bad 2 i-0123abcd
}

@test "create: a memory size of 0, negative, absurd or with junk behind it is refused" {
	for size in 0 0M -1 -512M 999999T 512Mx 512Q '' ' ' 1.5.2G 99999999999999999999 0x10M '512 M'; do
		bad 2 --memory="$size" web1
	done
	bad 2 --memory=1K web1
	bad 8 --memory=900T web1
}

@test "create: disk sizes and processor counts are checked likewise" {
	for size in 0 -1G 999999T 8Gx ''; do
		bad 2 --disk="$size" web1
	done
	for cpus in 0 -1 1.5 two 99999999999 '' 4x; do
		bad 2 --cpus="$cpus" web1
	done
}

@test "create: a disk smaller than the image is refused, naming the size needed" {
	bad 2 --disk=1M web1
	has "$err" 64
}

@test "create: a name of this host itself is refused" {
	local name
	for name in localhost LocalHost ip6-localhost "$(hostname | cut -d . -f 1)"; do
		bad 2 "$name"
		has "$err" "a name of this host itself"
	done
}

@test "create: a home directory that libvirt cannot be told of is refused, and nothing is made" {
	local home
	for home in $'\xff\xfe' $'new\nline' $'esc\x1b'; do
		home=$BATS_TEST_TMPDIR/$home
		mkdir "$home"
		cp -R "$VMCTL_HOME/." "$home"
		# It has its images itself.
		sqlite3 "$home/vmctl.db" "DELETE FROM fact WHERE key = 'storage'"
		VMCTL_HOME=$home fails 2 vmctl create --image tiny web1
		has "$err" "libvirt takes no file in"
		has "$err" "VMCTL_HOME"
		same "$(VMCTL_HOME=$home vmctl list --cached -o name)" ""
		[ ! -e "$home/instances" ]
	done
}

@test "create: an unknown image, type or key is status 3" {
	refused 3 vmctl create --image nosuch web1
	bad 3 --type t2.enormous web1
	has "$err" t2.
	bad 3 --key nosuch web1
}

@test "create: --accel takes auto, kvm and tcg" {
	bad 2 --accel fast web1
	has "$err" tcg
}

@test "create: user-data that is not UTF-8, holds NUL or exceeds 16 MiB is refused" {
	printf '#!/bin/sh\necho \377\376\n' >"$U/latin"
	bad 2 --user-data "$U/latin" web1
	printf '#!/bin/sh\n\0\n' >"$U/nul"
	bad 2 --user-data "$U/nul" web1
	{ echo '#!/bin/sh' && head -c 17M /dev/zero | tr '\0' '#'; } >"$U/big"
	bad 1 --user-data "$U/big" web1
	bad 2 --user-data - web1 <"$U/latin"
}

@test "create: user-data that is missing, a directory or a FIFO is refused" {
	bad 3 --user-data "$U/nothing" web1
	bad 1 --user-data "$U" web1
	mkfifo "$U/fifo"
	refused 1 timeout 60 vmctl create --image tiny --user-data "$U/fifo" web1
}

@test "create: user-data of an unknown kind is refused" {
	echo 'neither a script nor a cloud-config' >"$U/plain"
	bad 2 --user-data "$U/plain" web1
}

@test "INST-002 the types are those of the requirements" {
	while read -r type cpus memory; do
		ok vmctl create --dry-run --image tiny --type "$type" web1
		has "$out" "<vcpu"
		[[ $out =~ \<vcpu[^\>]*\>$cpus\</vcpu\> ]]
		[[ $out =~ \<memory\ unit=\'([A-Za-z]+)\'\>([0-9]+)\< ]] ||
			[[ $out =~ \<memory\ unit=\"([A-Za-z]+)\"\>([0-9]+)\< ]]
		case ${BASH_REMATCH[1]} in
		KiB) unit=1024 ;;
		MiB) unit=1 ;;
		*) unit=1048576 ;;
		esac
		same $((BASH_REMATCH[2] / unit)) "$memory"
	done <<-END
		t2.nano 1 512
		t2.micro 1 1024
		t2.small 1 2048
		t2.medium 2 4096
		t2.large 2 8192
	END
}

@test "create --dry-run: the domain, the cloud-init documents and the steps; nothing is left" {
	before=$(snapshot)
	ok vmctl create --dry-run --image tiny --key key --cpus 2 --memory 300M web1
	same "$(snapshot)" "$before"
	has "$out" "<domain"
	has "$out" "#cloud-config"
	has "$out" "web1"
	has "$out" "$(vmctl key show key -o json | jq -r .public_key)" # INST-005, KEY-007
	hasnt "$out" "$(sed -n 3p "$(vmctl key show key -o json | jq -r .private_path)")"
	same "$(find "$VMCTL_HOME/instances" -mindepth 1 2>/dev/null)" ""
}

@test "create --dry-run: the domain is well-formed XML, whatever the strings hold" {
	requires xmllint
	ok vmctl create --dry-run --image tiny web1
	sed -n '/<domain/,/<\/domain>/p' "$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/domain.xml"
	xmllint --noout "$BATS_TEST_TMPDIR/domain.xml"
}

@test "create --dry-run: user-data of either kind appears in the documents" {
	printf '#!/bin/sh\necho "marker-one"\n' >"$U/script"
	ok vmctl create --dry-run --image tiny --user-data "$U/script" web1
	has "$out" 'echo "marker-one"'
	printf '#cloud-config\nruncmd:\n- echo marker-two\n' >"$U/config"
	ok vmctl create --dry-run --image tiny --user-data - web1 <"$U/config"
	has "$out" "- echo marker-two"
}

@test "create: user-data in gzip or behind a byte order mark is taken, in UTF-16 it is named" {
	printf '#!/bin/sh\necho marker-four\n' >"$U/plain"
	gzip -9nc "$U/plain" >"$U/packed.gz"
	{ printf '\357\273\277' && cat "$U/plain"; } >"$U/marked"
	for file in "$U/plain" "$U/packed.gz" "$U/marked"; do
		ok vmctl create --dry-run --image tiny --user-data "$file" web1
		has "$out" $'\n#!/bin/sh\necho marker-four'
	done
	iconv -t UTF-16 "$U/plain" >"$U/wide"
	bad 2 --user-data "$U/wide" web1
	has "$err" "text in UTF-16, not in UTF-8"
	gzip -9n <"$U/plain" | head -c 25 >"$U/cut.gz"
	bad 2 --user-data "$U/cut.gz" web1
	has "$err" "damaged gzip data"
}

# A cloud-config in JSON that sets host keys.
host_keys() { # NAME VALUE...
	local doc='{}'
	while (($#)); do
		doc=$(jq -c --arg name "$1" --arg value "$2" '.ssh_keys[$name] = $value' <<<"$doc")
		shift 2
	done
	printf '#cloud-config\n%s\n' "$doc" >"$U/keys"
}

@test "create: a host key in the user data is the one that is expected" {
	for key in mine other; do
		ssh-keygen -q -t ed25519 -N '' -C root@web -f "$U/$key"
	done
	public=$(cut -d ' ' -f 1-2 "$U/mine.pub")
	host_keys ed25519_private "$(cat "$U/mine")"$'\n'
	ok vmctl create --dry-run --image tiny --user-data "$U/keys" web1
	has "$out" "\"ed25519_public\": \"$public\""
	host_keys ed25519_private "$(cat "$U/mine")"$'\n' ed25519_public "$(cat "$U/mine.pub")"
	ok vmctl create --dry-run --image tiny --user-data "$U/keys" web1
	has "$out" "\"ed25519_public\": \"$public\""
	# Of another type: beside vmctl's own.
	host_keys rsa_private x rsa_public y
	ok vmctl create --dry-run --image tiny --user-data "$U/keys" web1
	has "$out" '"ed25519_public": "(made when the instance is created)"'
}

@test "create: a host key in the user data that cannot be expected is refused" {
	[ -e "$U/mine" ] || ssh-keygen -q -t ed25519 -N '' -f "$U/mine"
	[ -e "$U/other" ] || ssh-keygen -q -t ed25519 -N '' -f "$U/other"
	ssh-keygen -q -t ed25519 -N secret -f "$U/locked"
	ssh-keygen -q -t ecdsa -N '' -f "$U/ecdsa"
	host_keys ed25519_private "$(cat "$U/mine")"$'\n' ed25519_public "$(cat "$U/other.pub")"
	bad 2 --user-data "$U/keys" web1
	has "$err" "ed25519_public is not the public half of ed25519_private"
	host_keys ed25519_public "$(cat "$U/mine.pub")"
	bad 2 --user-data "$U/keys" web1
	has "$err" "there is no ed25519_private"
	host_keys ed25519_private "$(cat "$U/locked")"$'\n'
	bad 2 --user-data "$U/keys" web1
	has "$err" "the private key has a passphrase"
	host_keys ed25519_private "$(cat "$U/ecdsa")"$'\n'
	bad 2 --user-data "$U/keys" web1
	has "$err" "another type"
	host_keys ed25519_private nonsense
	bad 2 --user-data "$U/keys" web1
	has "$err" "not in OpenSSH format"
}

# A cloud-config in YAML that has the key NAME; MORE lines may follow.
yaml_keys() { # NAME [MORE]
	printf '#cloud-config\n# in YAML\npackages: [x]\nssh_keys:\n  ed25519_private: |\n'
	sed 's/^/    /' "$U/$1"
	printf '%s' "${2:-}"
}

# message HEADER CONTENT...: parts, each with the header.
message() {
	local header=$1 part
	shift
	printf 'MIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary="=x="\n\nnot a part\n'
	for part; do
		printf -- '--=x=\n%s\n\n%s\n' "$header" "$part"
	done
	printf -- '--=x=--\nnor this\n'
}

@test "create: a host key in YAML is the one that is expected, in a part of a message too" {
	for key in mine other; do
		[ -e "$U/$key" ] || ssh-keygen -q -t ed25519 -N '' -C root@web -f "$U/$key"
	done
	want="\"ed25519_public\": \"$(cut -d ' ' -f 1-2 "$U/mine.pub")\""
	yaml_keys mine >"$U/yaml"
	expected() {
		ok vmctl create --dry-run --image tiny --user-data "$1" web1
		has "$out" "$want"
	}
	expected "$U/yaml"
	# An anchor, and the last of two.
	yaml_keys other "$(printf 'x: &k\n  ed25519_public: %s\nssh_keys:\n  <<: *k\n  ed25519_private: |\n' "$(<"$U/mine.pub")")
$(sed 's/^/    /' "$U/mine")
" >"$U/twice"
	expected "$U/twice"
	message 'Content-Type: text/cloud-config' "$(<"$U/yaml")" >"$U/mime"
	expected "$U/mime"
	message 'Content-Type: text/plain' '#!/bin/sh
echo ssh_keys:' "$(<"$U/yaml")" >"$U/mime"
	expected "$U/mime"
	message $'content-type: TEXT/Cloud-Config; charset="utf-8"\nContent-Transfer-Encoding: base64' \
		"$(base64 <"$U/yaml")" >"$U/mime"
	expected "$U/mime"
	message $'Content-Type: text/cloud-config\ncontent-transfer-encoding: quoted-printable' \
		"$(sed 's/=/=3D/g; s/^    b3/=20=20 =\n b3/' "$U/yaml")" >"$U/mime"
	expected "$U/mime"
	message $'Content-Type: application/x-gzip\nContent-Transfer-Encoding: base64' \
		"$(gzip -nc "$U/yaml" | base64)" >"$U/mime"
	expected "$U/mime"
	message 'Content-Type: multipart/mixed; boundary=inner' "$(
		printf -- '--inner\nContent-Type: text/cloud-config\n\n'
		cat "$U/yaml"
		printf -- '--inner--'
	)" >"$U/mime"
	expected "$U/mime"
}

@test "create: a host key in YAML that cannot be expected is refused" {
	for key in mine other; do
		[ -e "$U/$key" ] || ssh-keygen -q -t ed25519 -N '' -C root@web -f "$U/$key"
	done
	echo x >"$U/x"
	yaml_keys x >"$U/yaml"
	bad 2 --user-data "$U/yaml" web1
	has "$err" "not in OpenSSH format"
	yaml_keys mine "$(printf '  ed25519_public: %s\n' "$(<"$U/other.pub")")" >"$U/yaml"
	bad 2 --user-data "$U/yaml" web1
	has "$err" "ed25519_public is not the public half of ed25519_private"
	message 'Content-Type: text/cloud-config' "$(yaml_keys mine)" "$(yaml_keys other)" >"$U/mime"
	bad 2 --user-data "$U/mime" web1
	has "$err" "can only be read from one cloud-config"
	{ echo '## template: jinja' && yaml_keys mine; } >"$U/jinja"
	bad 2 --user-data "$U/jinja" web1
	has "$err" "can only be read from one cloud-config"
	# It is only spoken of.
	printf '#cloud-config\n# ssh_keys: none\nwrite_files:\n- path: /x\n  content: |\n   x\n   ssh_keys: no\n' >"$U/yaml"
	ok vmctl create --dry-run --image tiny --user-data "$U/yaml" web1
	printf '#!/bin/sh\ncat >/x <<END\nssh_keys: no\nEND\n' >"$U/script"
	ok vmctl create --dry-run --image tiny --user-data "$U/script" web1
}

@test "create: a cloud-config that cloud-init could not read is refused, with line and column" {
	printf '#cloud-config\nruncmd:\n- echo one\n  bad: [\n' >"$U/yaml"
	bad 2 --user-data "$U/yaml" web1
	has "$err" "the user data is not valid YAML: line 4, column 6: mapping values are not allowed"
	printf '#cloud-config\nbroken: [\n' >"$U/yaml"
	bad 2 --user-data "$U/yaml" web1
	has "$err" "the user data is not valid YAML: line 3, column 1: "
	message 'Content-Type: text/cloud-config' "$(<"$U/yaml")" >"$U/mime"
	bad 2 --user-data "$U/mime" web1
	has "$err" "a part of the user data is not valid YAML: line "
	for list in '- runcmd' 'runcmd'; do
		printf '#cloud-config\n%s\n' "$list" >"$U/yaml"
		bad 2 --user-data "$U/yaml" web1
		has "$err" "not made of keys with values"
	done
	printf '#cloud-config\n# nothing\n' >"$U/yaml"
	ok vmctl create --dry-run --image tiny --user-data "$U/yaml" web1
}

# account DOCUMENT: the one that is entered.
account() {
	printf '#cloud-config\n%s\n' "$1" >"$U/users"
	ok vmctl create --dry-run --image tiny --key key --user-data "$U/users" web1
	[[ $out =~ \<vmctl:user\>(.*)\</vmctl:user\> ]]
	same "${BASH_REMATCH[1]}" "$2"
}

@test "create: the account that the user data makes of the image's own is the one that is entered" {
	while IFS='|' read -r document want; do
		account "$document" "$want"
		case $want in
		vm) same "$err" "" ;;
		*) has "$err" "web1 is entered as $want, the account that the user data makes, not as vm" ;;
		esac
	done <<-'END'
		packages: [x]|vm
		users: [default, {name: ann}]|vm
		users: [{name: ann}, "bob, default"]|vm
		users: ann,default|vm
		users: {default: yes, ann: {}}|vm
		users: [{name: default, gecos: x}]|vm
		users: [{gecos: x}]|vm
		user: ann|ann
		user: {name: ann, shell: /bin/sh}|ann
		{"user": {"name": "ann"}, "users": ["bob"]}|ann
		system_info: {default_user: {name: ann}}|ann
		{users: [], disable_root: no}|root
		user: 'no name'|vm
	END
}

@test "create: without the image's own account, one that has a key of the instance's is entered" {
	key=$(vmctl key show key -o json | jq -r .public_key)
	account "users: [{name: ann, ssh_authorized_keys: [x, '$key a comment']}]" ann
	account "users: {bob: true, ann: {ssh-authorized-keys: '$key'}}" ann
	account "{\"users\": [{\"name\": \"ann\", \"ssh_authorized_keys\": \"${key}x\"}]}" vm
	has "$err" "users in the user data is without default: no account is given the keys of web1"
	for users in '[]' '' 3 '[ann]' 'ann' '{default: no}' '{default: , ann: {}}' 'defaults'; do
		account "users: $users" vm
		has "$err" "users in the user data is without default: no account is given the keys of web1"
	done
	message 'Content-Type: text/cloud-config' 'users: [default]' 'users: [ann]' >"$U/mime"
	ok vmctl create --dry-run --image tiny --user-data "$U/mime" web1
	has "$err" "users in the user data is without default"
}

@test "create: users whom nobody could be are refused where there is no agent either" {
	ok vmctl config set agent off
	for document in 'users: []' 'users: [{name: ann, gecos: Ann}]' 'users: {ann: {}}'; do
		printf '#cloud-config\n%s\n' "$document" >"$U/users"
		bad 2 --user-data "$U/users" web1
		has "$err" "nobody could enter the instance"
	done
	for document in 'users: [{name: ann, passwd: x}]' '{users: [], runcmd: [x]}' '{users: [], disable_root: off}' \
		'users: [default]' '{users: [], user: ann}'; do
		printf '#cloud-config\n%s\n' "$document" >"$U/users"
		ok vmctl create --dry-run --image tiny --user-data "$U/users" web1
	done
	ok vmctl config unset agent
}

@test "create --dry-run: the agent comes with the seed, unless the image or a setting says otherwise" {
	ok vmctl create --dry-run --image tiny web1
	has "$out" vmctl-agent.service
	has "$out" "(vmctl's agent)"
	printf '#cloud-config\nwrite_files:\n- {path: /a, content: marker-three}\n' >"$U/files"
	ok vmctl create --dry-run --image tiny --user-data "$U/files" web1
	has "$out" vmctl-agent.service
	has "$out" marker-three
	ok vmctl config set agent off
	ok vmctl create --dry-run --image tiny web1
	hasnt "$out" vmctl-agent
	ok vmctl config unset agent
	for from in image none; do
		db "UPDATE image SET agent = '$from' WHERE name = 'tiny'"
		ok vmctl create --dry-run --image tiny web1
		hasnt "$out" vmctl-agent
	done
	db "UPDATE image SET agent = 'seed' WHERE name = 'tiny'"
}

@test "create --dry-run refuses what create would refuse" {
	refused 2 vmctl create --dry-run --image tiny a_b
	refused 3 vmctl create --dry-run --image nosuch web1
}

@test "every command on an instance that does not exist is status 3" {
	for command in show start stop reboot 'delete -y' ip 'wait --for running' logs 'exec' ssh; do
		read -ra words <<<"$command"
		set -- "${words[@]}" nobody
		[ "$command" != exec ] || set -- "$@" -- true
		fails 3 timeout 30 vmctl "$@"
		has "$err" nobody
	done
}
