# Turn meta-data and the cloud-config parts of user-data into a plan: lines of
# `verb 'word' 'word'...` for the shell functions of the reader to carry out.
# Every word goes through @sh, so nothing in the input is ever shell syntax;
# data that may hold any byte goes through base64 as well.
#
# Arguments: $meta, the meta-data as text; $default, the default user's name;
# $count, the number of config parts; their texts are $config1, $config2 ... and
# their merge rules $merge1, $merge2 ... (empty for cloud-init's default, in
# which a later part's keys replace an earlier one's).

def text: if type == "string" then . elif . == null then "" else tojson end;
def call($verb; $words): ([$verb] + ($words | map(text | @sh))) | join(" ");
def fail($message): call("fail"; [$message]);
def list: if type == "array" then . elif . == null then [] else [.] end;
def set: . != null and . != false and . != [] and . != {} and . != "";

# A command of runcmd or bootcmd: a line of shell, or an argument vector.
def command: if type == "array" then map(text | @sh) | join(" ") else text end;
def script: "#!/bin/sh\n" + (map(select(. != null) | command + "\n") | join(""));

def append($new):
	. as $old
	| if ($old | type) == "object" and ($new | type) == "object" then
		reduce ($new | keys_unsorted[]) as $k ($old;
			.[$k] |= if . == null then $new[$k] else append($new[$k]) end)
	elif ($old | type) == "array" and ($new | type) == "array" then $old + $new
	else $new end;

def merge($rule; $new):
	# A part may carry its rule inside it as well.
	($rule + " " + ($new | (.merge_how // .merge_type) | text)) as $rule
	| if $rule | test("append|recurse") then append($new) else . + $new end;

def parse($name; $text):
	try ($text | fromjson | if type == "object" then {ok: .}
		else {error: "\($name): not a mapping"} end)
	catch {error: "\($name): not JSON; the mini image does not read any other YAML"};

def publickeys:
	if type == "object" then [.[] | if type == "object" then .["openssh-key"] else . end]
	else list end
	| map(select(set) | list[] | text | split("\n")[] | select(. != ""));

def encoding:
	(.encoding // "") | text | ascii_downcase
	| if IN("", "text/plain") then "plain"
	elif IN("b64", "base64") then "base64"
	elif IN("gz", "gzip") then "gzip"
	elif IN("gz+b64", "gz+base64", "gzip+b64", "gzip+base64") then "gzip+base64"
	else . end;

def writefile:
	if .path | set | not then fail("write_files: an entry has no path")
	else call("write_file"; [.path, encoding, ((.content // "") | text | @base64),
		(.permissions // "0644"), (.owner // "root:root"), (.append // false)])
	end;

# What is neither handled below nor harmless to leave out must not go unnoticed.
def handled: ["bootcmd", "write_files", "hostname", "fqdn", "preserve_hostname",
	"user", "users", "system_info", "ssh_authorized_keys", "disable_root",
	"ssh_keys", "ssh_deletekeys", "ssh_genkeytypes", "runcmd", "power_state",
	"timezone"];
def harmless: ["merge_how", "merge_type", "growpart", "resize_rootfs",
	"manage_etc_hosts", "prefer_fqdn_over_hostname", "create_hostname_file",
	"final_message", "output", "locale", "disable_root_opts", "ssh_quiet_keygen",
	"ssh_fp_console_blacklist", "ssh_key_console_blacklist", "no_ssh_fingerprints",
	"ssh_publish_hostkeys", "allow_public_ssh_keys", "datasource",
	"datasource_list", "network", "cloud_init_modules", "cloud_config_modules",
	"cloud_final_modules", "package_reboot_if_required", "chpasswd_expire"];

def user:
	if type == "string" then {name: .} else . end
	| if (.name | set) | not then fail("users: an entry has no name")
	elif (.name | test("^[a-z_][a-z0-9_.-]*[$]?$")) | not then
		fail("users: \(.name | tojson) is not a user name")
	else
		call("add_user"; [.name, .shell, .gecos, .uid, .homedir,
			((.groups // []) | if type == "string" then split(",") else list end
				| map(gsub("\\s"; "")) | join(" ")), .primary_group]),
		(.name as $n | .sudo | list[] | select(set) | call("allow_sudo"; [$n, .])),
		(.name as $n | .ssh_authorized_keys | publickeys[]
			| call("authorize"; [$n, .])),
		(.name as $n | to_entries[]
			| select(.value | set)
			| select(.key | IN("passwd", "hashed_passwd", "plain_text_passwd",
				"ssh_import_id", "snapuser", "doas", "expiredate"))
			| fail("users: \($n): \(.key) is not supported by the mini image"))
	end;

def plan($meta):
	. as $c
	| (($c.user | if type == "object" then .name else . end)
		// $c.system_info.default_user.name // $default) as $me
	| (if $c.users == null then ["default"] else $c.users | list end) as $users
	| ($users | any(. == "default")) as $mine

	| (select($c.bootcmd | set)
		| call("boot_commands"; [$c.bootcmd | list | script | @base64])),
	($c.write_files | list[] | select((.defer // false) | not) | writefile),

	(($c.hostname // $c.fqdn // $meta["local-hostname"] // $meta.hostname) as $h
		| select(($h | set) and $c.preserve_hostname != true)
		| call("set_hostname"; [$h, ($c.fqdn // "")])),

	(select($mine and $me != $default)
		| call("add_user"; [$me, "", "", "", "", "sudo", ""]),
		call("allow_sudo"; [$me, "ALL=(ALL:ALL) NOPASSWD:ALL"])),
	($users[] | select(. != "default") | user),
	((($meta["public-keys"] // $meta.public_keys | publickeys)
			+ ($c.ssh_authorized_keys | publickeys))[]
		| (select($mine) | call("authorize"; [$me, .])),
		(select($c.disable_root != true) | call("authorize"; ["root", .]))),

	(select($c.ssh_deletekeys != false) | "delete_host_keys"),
	(($c.ssh_keys // {}) | to_entries[]
		| (.key | capture("^(?<type>rsa|ecdsa|ed25519)_(?<part>private|public|certificate)$")
			// null) as $k
		| if $k == null then fail("ssh_keys: unknown key \(.key)")
		else call("host_key"; [$k.type, $k.part, .value]) end),
	(select($c.ssh_keys | set | not)
		| call("generate_host_keys"; ($c.ssh_genkeytypes // ["ed25519"]))),

	($c.write_files | list[] | select(.defer // false) | writefile),

	(select($c.runcmd | set)
		| call("run_commands"; [$c.runcmd | list | script | @base64])),
	(select($c.power_state | set)
		| call("power_state"; [$c.power_state.mode, ($c.power_state.delay // "now")])),

	(select(($c.timezone | set) and ($c.timezone | IN("UTC", "Etc/UTC", "Etc/UCT") | not))
		| fail("timezone: the mini image knows UTC only")),
	($c | to_entries[] | select(.value | set)
		| select(.key as $k | handled + harmless | index($k) | not)
		| fail("\(.key): not supported by the mini image"));

(if $meta == "" then {ok: {}} else parse("meta-data"; $meta) end) as $m
| [range(1; ($count | tonumber) + 1)
	| tostring as $i
	| {rule: $ARGS.named["merge" + $i],
		doc: parse("user-data, cloud-config part " + $i; $ARGS.named["config" + $i])}]
	as $parts
| ($m, $parts[].doc | select(.error) | fail(.error)),
(reduce ($parts[] | select(.doc.ok)) as $p ({}; merge($p.rule; $p.doc.ok))
	| call("instance"; [($m.ok // {})["instance-id"]]),
	plan($m.ok // {}))
