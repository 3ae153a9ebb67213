# Turn meta-data and the cloud-config parts of user-data into a plan: lines of
# `verb 'word' 'word'...` for the shell functions of the reader to carry out.
# Every word is quoted, so nothing in the input is ever shell syntax.
#
#   awk -v user=NAME -f json.awk -f plan.awk META-DATA [CONFIG MERGE-RULE]...
#
# CONFIG and META-DATA are files; MERGE-RULE is a word, empty for cloud-init's
# default, in which a later part's keys replace an earlier one's
# (cloudinit.readthedocs.io, "Merging user-data sections").

# -- words and lines

function quoted(s,    piece, n, i, out) {
	n = split(s, piece, "'")
	out = piece[1]
	for (i = 2; i <= n; i++) out = out "'\\''" piece[i]
	return "'" out "'"
}

function begin(verb) { line = verb }
function word(s) { line = line " " quoted(s) }
function end() { print line }
function call(verb, a) { begin(verb); word(a); end() }
function call2(verb, a, b) { begin(verb); word(a); word(b); end() }
function fail(message) { call("fail", message) }

# -- values
#
# Looking at an element creates it, so a type that is not empty is what says that
# there is a value.

function under(path, key) { return path SUBSEP key }

# set(PATH): there is something there, and not false, null, empty or a blank.
function set(path) {
	if (T[path] == "" || T[path] == "null" || T[path] == "false") return 0
	if (T[path] == "string") return V[path] != ""
	return holds(path) ? N[path] > 0 : 1
}

# holds(PATH): it is a mapping or a list.
function holds(path) { return T[path] == "object" || T[path] == "array" }

# text(PATH, DEFAULT): a scalar's text.
function text(path, otherwise) {
	if (holds(path)) fail(name_of(path) ": a text or number is wanted here")
	return holds(path) || T[path] == "" || T[path] == "null" ? otherwise : V[path]
}

function name_of(path) {
	sub(/^[^\034]*\034/, "", path)
	gsub(/\034/, ".", path)
	return path
}

# size(PATH), item(PATH, I): a list, or a lone value as a list of one.
function size(path) { return T[path] == "array" ? N[path] : set(path) ? 1 : 0 }
function item(path, i) { return T[path] == "array" ? under(path, i) : path }

# -- reading

function slurp(file,    s) {
	# No JSON text has this byte in it, so the file is one record.
	RS = "\001"
	s = ""
	getline s < file
	close(file)
	return s
}

# read_meta(FILE, ROOT): JSON, or lines of `key: value` with plain or quoted values,
# the usual form when written by hand.
function read_meta(file, root,    s, lines, n, i, key, value, problem) {
	s = slurp(file)
	if (s ~ /^[ \t\r\n]*[{]/) {
		problem = json_parse(s, root)
		if (problem != "") fail("meta-data: " problem)
		return
	}
	T[root] = "object"
	N[root] = 0
	n = split(s, lines, "\n")
	for (i = 1; i <= n; i++) {
		sub(/[ \t\r]+$/, "", lines[i])
		if (lines[i] ~ /^[ \t]*(#.*)?$/ || lines[i] == "---") continue
		if (!match(lines[i], /^[A-Za-z0-9_-]+:/)) {
			fail("meta-data: line " i ": neither JSON nor key: value")
			continue
		}
		key = substr(lines[i], 1, RLENGTH - 1)
		value = substr(lines[i], RLENGTH + 1)
		sub(/^[ \t]+/, "", value)
		if (value ~ /^"[^"\\]*"$/ || value ~ /^'[^']*'$/)
			value = substr(value, 2, length(value) - 2)
		else if (value ~ /^["'{[|>&*!%@`]/ || value ~ / #/ || value ~ /: /) {
			fail("meta-data: line " i ": only plain values are understood")
			continue
		}
		K[root, ++N[root]] = key
		T[root, key] = "string"
		V[root, key] = value
	}
}

# read_config(FILE, ROOT): returns whether it went well.
function read_config(file, root,    problem) {
	problem = json_parse(slurp(file), root)
	if (problem == "" && T[root] != "object") problem = "not a mapping"
	if (problem == "") return 1
	fail("user-data: a cloud-config that is not JSON (" problem \
		"): the mini image reads no other YAML")
	return 0
}

# -- merging

function drop(path,    i) {
	if (holds(path))
		for (i = 1; i <= N[path]; i++)
			drop(T[path] == "object" ? under(path, K[path, i]) : under(path, i))
	delete T[path]; delete V[path]; delete N[path]
}

# copy(TO, FROM): FROM takes TO's place.
function copy(to, from,    i, key) {
	drop(to)
	T[to] = T[from]
	V[to] = V[from]
	if (!holds(from)) return
	N[to] = N[from]
	for (i = 1; i <= N[from]; i++) {
		key = i
		if (T[from] == "object") key = K[to, i] = K[from, i]
		copy(under(to, key), under(from, key))
	}
}

# rules(WORD): note in `rule`, by type, what "list(append)+dict(no_replace)" says. Of
# two for the same type the first is meant; a type that is not named stays as it is.
function rules(how,    n, i, all, name) {
	gsub(/-/, "_", how)
	gsub(/[ \t]/, "", how)
	n = split(tolower(how), all, "+")
	for (i = 1; i <= n; i++) {
		if (all[i] == "") continue
		if (all[i] !~ /^(m_)?(dict|list|str)\(.*\)$/) {
			fail("user-data: \"" all[i] "\" is not a rule for merging")
			continue
		}
		name = all[i]
		sub(/\(.*/, "", name)
		sub(/^m_/, "", name)
		sub(/^[^(]*\(/, "", all[i])
		sub(/\)$/, "", all[i])
		if (!(name in rule)) rule[name] = "," all[i] ","
	}
}

# Rules in a config are a word like that, or a list of mappings.
function rules_of(path,    i, j, how, settings) {
	if (T[path] == "string") rules(V[path])
	else for (i = 1; i <= size(path); i++) {
		settings = under(item(path, i), "settings")
		how = text(under(item(path, i), "name"), "") "("
		for (j = 1; j <= size(settings); j++)
			how = how (j > 1 ? "," : "") text(item(settings, j), "")
		rules(how ")")
	}
}

function says(name, option) { return index(rule[name], "," option ",") > 0 }
# Of both words for it.
function recurses(name) { return says(name, "recurse_list") || says(name, "recurse_array") }

# merge(TO, FROM): FROM goes into TO as the rules for TO's type have it.
function merge(to, from,    name) {
	name = T[to] == "object" ? "dict" : T[to] == "array" ? "list" : T[to] == "string" ? "str" : ""
	if (!(name in rule)) return
	if (name == "dict") merge_dict(to, from)
	else if (name == "list") merge_list(to, from)
	else if (says("str", "append") && T[from] == "string") V[to] = V[to] V[from]
	else copy(to, from)
}

function merge_dict(to, from,    i, key, old, new, replace) {
	if (T[from] != "object") return
	# Unless it says so, what is there stays.
	replace = says("dict", "replace")
	for (i = 1; i <= N[from]; i++) {
		key = K[from, i]
		old = under(to, key)
		new = under(from, key)
		if (T[old] == "") {
			K[to, ++N[to]] = key
			copy(old, new)
		} else if (T[new] == "null" && says("dict", "allow_delete"))
			copy(old, new) # what is null is not there
		else if (replace)
			copy(old, new)
		else if (T[new] == "object" || (T[new] == "array" && recurses("dict")) ||
			(T[new] == "string" && says("dict", "recurse_str")))
			merge(old, new)
	}
}

function merge_list(to, from,    i, n, mine, old, new, how) {
	n = split("append prepend replace no_replace", mine, " ")
	how = "replace"
	for (i = n; i > 0; i--)
		if (says("list", mine[i])) how = mine[i]
	if (T[from] != "array") {
		if (how == "replace") copy(to, from)
		return
	}
	n = N[to]
	if (how == "replace") {
		for (i = 1; i <= n && i <= N[from]; i++) {
			old = under(to, i)
			new = under(from, i)
			if ((T[new] == "array" && recurses("list")) ||
				(T[new] == "string" && says("list", "recurse_str")) ||
				(T[new] == "object" && says("list", "recurse_dict")))
				merge(old, new)
			else
				copy(old, new)
		}
	} else if (how == "append") {
		for (i = 1; i <= N[from]; i++) copy(under(to, n + i), under(from, i))
		N[to] = n + N[from]
	} else if (how == "prepend") {
		for (i = n; i > 0; i--) copy(under(to, N[from] + i), under(to, i))
		for (i = 1; i <= N[from]; i++) copy(under(to, i), under(from, i))
		N[to] = n + N[from]
	}
}

function merge_config(root, header,    how, i) {
	split("", rule)
	how = T[root, "merge_how"] == "" || T[root, "merge_how"] == "null" ? "merge_type" : "merge_how"
	rules_of(under(root, how))
	rules(header)
	if (!("dict" in rule || "list" in rule || "str" in rule)) rules("dict(replace)+list()+str()")
	drop(under(root, how))
	for (i = 1; i <= N[root]; i++)
		if (K[root, i] == how) {
			K[root, i] = K[root, N[root]]
			N[root]--
			break
		}
	merge("c", root)
}

# -- the modules

# script(PATH): the commands of runcmd or bootcmd, each a line of shell or an
# argument vector, as a script.
function script(path,    i, j, out, command) {
	out = "#!/bin/sh\n"
	for (i = 1; i <= size(path); i++) {
		command = item(path, i)
		if (T[command] == "array") {
			for (j = 1; j <= N[command]; j++)
				out = out (j > 1 ? " " : "") quoted(text(under(command, j), ""))
			out = out "\n"
		} else if (T[command] != "null")
			out = out text(command, "") "\n"
	}
	return out
}

function encoding(name) {
	name = tolower(name)
	if (name == "" || name == "text/plain") return "plain"
	if (name == "b64" || name == "base64") return "base64"
	if (name == "gz" || name == "gzip") return "gzip"
	if (name ~ /^gz(ip)?[+]b(ase)?64$/) return "gzip+base64"
	return name
}

function write_files(deferred,    list, i, f) {
	list = under("c", "write_files")
	for (i = 1; i <= size(list); i++) {
		f = item(list, i)
		if ((T[f, "defer"] == "true") != deferred) continue
		if (!set(under(f, "path"))) {
			fail("write_files: an entry has no path")
			continue
		}
		begin("write_file")
		word(text(under(f, "path")))
		word(encoding(text(under(f, "encoding"), "")))
		word(text(under(f, "permissions"), "0644"))
		word(text(under(f, "owner"), "root:root"))
		word(text(under(f, "append"), "false"))
		word(text(under(f, "content"), ""))
		end()
	}
}

# authorize(NAME, PATH): keys in any of the forms in which they come: a text of one
# or more lines, a list, a mapping of those, or the old mapping with "openssh-key".
function authorize(name, path,    i, n, keys) {
	if (T[path] == "object") {
		for (i = 1; i <= N[path]; i++) {
			if (T[path, K[path, i]] == "object")
				authorize(name, under(under(path, K[path, i]), "openssh-key"))
			else
				authorize(name, under(path, K[path, i]))
		}
	} else if (T[path] == "array") {
		for (i = 1; i <= N[path]; i++) authorize(name, under(path, i))
	} else if (set(path)) {
		n = split(V[path], keys, "\n")
		for (i = 1; i <= n; i++) {
			sub(/\r$/, "", keys[i])
			if (keys[i] != "") call2("authorize", name, keys[i])
		}
	}
}

function add_user(u,    name, i, n, groups, list, odd) {
	name = T[u] == "string" ? V[u] : text(under(u, "name"), "")
	if (name !~ /^[a-z_][a-z0-9_.-]*$/) {
		fail("users: \"" name "\" is not a user name")
		return
	}
	list = under(u, "groups")
	groups = ""
	for (i = 1; i <= size(list); i++) groups = groups " " text(item(list, i), "")
	gsub(/[, \t]+/, " ", groups)
	begin("add_user")
	word(name)
	word(text(under(u, "shell"), ""))
	word(text(under(u, "gecos"), ""))
	word(text(under(u, "uid"), ""))
	word(text(under(u, "homedir"), ""))
	word(groups)
	word(text(under(u, "primary_group"), ""))
	end()
	list = under(u, "sudo")
	for (i = 1; i <= size(list); i++)
		if (set(item(list, i))) call2("allow_sudo", name, text(item(list, i)))
	authorize(name, under(u, "ssh_authorized_keys"))
	n = split("passwd hashed_passwd plain_text_passwd ssh_import_id snapuser expiredate", odd, " ")
	for (i = 1; i <= n; i++)
		if (set(under(u, odd[i])))
			fail("users: " name ": " odd[i] " is not supported by the mini image")
}

function hostname(    name) {
	if (T["c", "preserve_hostname"] == "true") return
	name = text(under("c", "hostname"), "")
	if (name == "") name = text(under("c", "fqdn"), "")
	if (name == "") name = text(under("m", "local-hostname"), "")
	if (name == "") name = text(under("m", "hostname"), "")
	if (name != "") call2("set_hostname", name, text(under("c", "fqdn"), ""))
}

function users(    me, mine, list, i) {
	# The default user's name may be another than the image's.
	me = user
	if (set(under(under(under("c", "system_info"), "default_user"), "name")))
		me = text(under(under(under("c", "system_info"), "default_user"), "name"))
	if (T["c", "user"] == "object") {
		if (set(under(under("c", "user"), "name"))) me = text(under(under("c", "user"), "name"))
	} else if (set(under("c", "user")))
		me = text(under("c", "user"))
	list = under("c", "users")
	# What is named in `user` is added to `users`; null is a list of nobody.
	mine = T[list] == "" || set(under("c", "user"))
	for (i = 1; i <= size(list); i++)
		if (T[item(list, i)] == "string" && V[item(list, i)] == "default") mine = 1
	if (mine && me != user) {
		T["u"] = "string"; V["u"] = me
		add_user("u")
		call2("allow_sudo", me, "ALL=(ALL:ALL) NOPASSWD:ALL")
	}
	for (i = 1; i <= size(list); i++)
		if (T[item(list, i)] != "string" || V[item(list, i)] != "default")
			add_user(item(list, i))
	if (mine) keys_of(me)
	if (T["c", "disable_root"] != "true") keys_of("root")
}

function keys_of(name) {
	authorize(name, under("m", "public-keys"))
	authorize(name, under("m", "public_keys"))
	authorize(name, under("c", "ssh_authorized_keys"))
}

function host_keys(    list, i, key, part) {
	if (T["c", "ssh_deletekeys"] != "false") {
		begin("delete_host_keys")
		end()
	}
	list = under("c", "ssh_keys")
	for (i = 1; i <= N[list]; i++) {
		key = K[list, i]
		if (key !~ /^(rsa|ecdsa|ed25519)_(private|public|certificate)$/) {
			fail("ssh_keys: unknown key " key)
			continue
		}
		part = key
		sub(/.*_/, "", part)
		sub(/_.*/, "", key)
		begin("host_key")
		word(key)
		word(part)
		word(text(under(list, K[list, i]), ""))
		end()
	}
	if (set(list)) return
	list = under("c", "ssh_genkeytypes")
	if (!set(list)) call("generate_host_key", "ed25519")
	for (i = 1; i <= size(list); i++)
		call("generate_host_key", text(item(list, i), ""))
}

# What is neither handled nor harmless to leave out must not go unnoticed.
function leftovers(    known, list, n, i, key) {
	n = split("bootcmd write_files hostname fqdn preserve_hostname user users " \
		"system_info ssh_authorized_keys disable_root ssh_keys ssh_deletekeys " \
		"ssh_genkeytypes runcmd power_state timezone " \
		"merge_how merge_type growpart resize_rootfs manage_etc_hosts " \
		"prefer_fqdn_over_hostname create_hostname_file final_message output locale " \
		"disable_root_opts ssh_quiet_keygen ssh_fp_console_blacklist " \
		"ssh_key_console_blacklist no_ssh_fingerprints ssh_publish_hostkeys " \
		"allow_public_ssh_keys datasource datasource_list network " \
		"cloud_init_modules cloud_config_modules cloud_final_modules", list, " ")
	for (i = 1; i <= n; i++) known[list[i]] = 1
	for (i = 1; i <= N["c"]; i++) {
		key = K["c", i]
		if (set(under("c", key)) && !(key in known))
			fail(key ": not supported by the mini image")
	}
	key = under("c", "timezone")
	if (set(key) && V[key] !~ /^(Etc\/)?(UTC|UCT)$/)
		fail("timezone: the mini image knows UTC only")
}

BEGIN {
	T["m"] = T["c"] = "object"
	N["m"] = N["c"] = 0
	read_meta(ARGV[1], "m")
	for (a = 2; a < ARGC; a += 2)
		if (read_config(ARGV[a], "part" a)) merge_config("part" a, ARGV[a + 1])

	begin("instance")
	word(text(under("m", "instance-id"), ""))
	end()
	if (set(under("c", "bootcmd"))) call("boot_commands", script(under("c", "bootcmd")))
	write_files(0)
	hostname()
	begin("name_is_known")
	end()
	users()
	host_keys()
	write_files(1)
	if (set(under("c", "runcmd"))) call("run_commands", script(under("c", "runcmd")))
	if (set(under("c", "power_state")))
		call2("power_state", text(under(under("c", "power_state"), "mode"), ""),
			text(under(under("c", "power_state"), "delay"), "now"))
	leftovers()
}
