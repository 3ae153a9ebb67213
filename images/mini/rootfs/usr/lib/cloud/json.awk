# A JSON parser (RFC 8259), because starting jq takes half a second of a boot
# under emulation and this takes a hundredth of it.
#
# json_parse(TEXT, ROOT) returns "" or what is wrong with TEXT, and leaves the
# values in arrays that are indexed by path. A path is ROOT, or a path, SUBSEP, and
# a key or a number from 1:
#
#   T[path]     object array string number true false null; unset if not there
#   V[path]     a string's or number's text, or the word for the other scalars
#   N[path]     how many members an object or array has
#   K[path, i]  the key of an object's i-th member
#
# Run it with LC_ALL=C: it deals in bytes, and leaves UTF-8 as it is.

function json_parse(text, root) {
	if (!json_ready) json_prepare()
	# Between the quotes of TEXT there are strings and structure by turns, but
	# for escaped quotes, so nothing is looked at character by character.
	json_chunks = split(text, json_chunk, "\"")
	json_at = 1
	json_rest = json_chunk[1]
	json_error = ""
	json_depth = 0
	json_value(root)
	if (json_error == "" && json_next() != "") json_fail("something follows the end")
	return json_error
}

function json_prepare(    i) {
	for (i = 1; i < 256; i++) json_byte[i] = sprintf("%c", i)
	for (i = 0; i < 16; i++) {
		json_hex[substr("0123456789abcdef", i + 1, 1)] = i
		json_hex[substr("0123456789ABCDEF", i + 1, 1)] = i
	}
	json_escape["\""] = "\""; json_escape["/"] = "/"; json_escape["b"] = "\b"
	json_escape["f"] = "\f"; json_escape["n"] = "\n"; json_escape["r"] = "\r"
	json_escape["t"] = "\t"
	json_ready = 1
}

function json_fail(text) {
	if (json_error == "") json_error = text
}

# json_next(): the first character of the next token, "" at the end.
function json_next() {
	sub(/^[ \t\r\n]+/, "", json_rest)
	if (json_rest != "") return substr(json_rest, 1, 1)
	return json_at < json_chunks ? "\"" : ""
}

function json_value(path,    c) {
	if (json_error != "") return
	c = json_next()
	if (c == "\"") {
		V[path] = json_string()
		T[path] = "string"
	} else if (c == "{" || c == "[") {
		if (++json_depth > 64) {
			json_fail("nested too deeply")
			return
		}
		json_rest = substr(json_rest, 2)
		T[path] = c == "{" ? "object" : "array"
		N[path] = 0
		json_members(path, c == "{" ? "}" : "]")
		json_depth--
	} else if (match(json_rest, /^(true|false|null)/)) {
		T[path] = V[path] = substr(json_rest, 1, RLENGTH)
		json_rest = substr(json_rest, RLENGTH + 1)
	} else if (match(json_rest, /^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?/)) {
		T[path] = "number"
		V[path] = substr(json_rest, 1, RLENGTH)
		json_rest = substr(json_rest, RLENGTH + 1)
	} else if (c == "")
		json_fail("cut short")
	else
		json_fail("unexpected \"" substr(json_rest, 1, 20) "\"")
}

function json_members(path, end,    c, key) {
	if (json_next() == end) {
		json_rest = substr(json_rest, 2)
		return
	}
	while (json_error == "") {
		N[path]++
		if (end == "}") {
			if (json_next() != "\"") {
				json_fail("a key is not a string")
				return
			}
			key = json_string()
			if (T[path, key] != "") json_fail("the key \"" key "\" is there twice")
			if (json_next() != ":") json_fail("no colon after the key \"" key "\"")
			json_rest = substr(json_rest, 2)
			K[path, N[path]] = key
		} else
			key = N[path]
		json_value(path SUBSEP key)
		if (json_error != "") return
		c = json_next()
		json_rest = substr(json_rest, 2)
		if (c == end) return
		if (c != ",") json_fail(c == "" ? "cut short" : "no comma between members")
	}
}

function json_string(    s, n) {
	s = json_chunk[++json_at]
	# A quote after an odd number of backslashes is part of the string.
	for (;;) {
		n = length(s)
		while (n > 0 && substr(s, n, 1) == "\\") n--
		if ((length(s) - n) % 2 == 0) break
		if (json_at >= json_chunks) break
		s = s "\"" json_chunk[++json_at]
	}
	if (json_at >= json_chunks) {
		json_fail("a string has no end")
		return ""
	}
	json_rest = json_chunk[++json_at]
	if (s ~ /[\001-\037]/) json_fail("a control character in a string")
	return index(s, "\\") ? json_unescape(s) : s
}

function json_unescape(s,    out, piece, n, i, c, code, low) {
	n = split(s, piece, "\\")
	out = piece[1]
	for (i = 2; i <= n; i++) {
		if (piece[i] == "") {
			# Two backslashes: what follows the second is plain.
			i++
			out = out "\\" piece[i]
			continue
		}
		c = substr(piece[i], 1, 1)
		if (c in json_escape) {
			out = out json_escape[c] substr(piece[i], 2)
			continue
		}
		code = json_code(piece[i])
		if (code >= 55296 && code < 56320) {
			# The high half of a character beyond 16 bits.
			low = length(piece[i]) == 5 ? json_code(piece[i + 1]) : -1
			if (low < 56320 || low > 57343) code = -1
			else {
				code = 65536 + (code - 55296) * 1024 + low - 56320
				i++
			}
		} else if (code >= 56320 && code <= 57343)
			code = -1
		if (code <= 0) {
			json_fail(code == 0 ? "\\u0000 in a string" : "a bad escape in a string")
			return ""
		}
		out = out json_utf8(code) substr(piece[i], 6)
	}
	return out
}

# json_code(PIECE): the number in "uXXXX...", or -1.
function json_code(piece,    i, c, code) {
	if (substr(piece, 1, 1) != "u" || length(piece) < 5) return -1
	for (i = 2; i <= 5; i++) {
		c = substr(piece, i, 1)
		if (!(c in json_hex)) return -1
		code = code * 16 + json_hex[c]
	}
	return code
}

function json_utf8(code) {
	if (code < 128) return json_byte[code]
	if (code < 2048)
		return json_byte[192 + int(code / 64)] json_byte[128 + code % 64]
	if (code < 65536)
		return json_byte[224 + int(code / 4096)] \
			json_byte[128 + int(code / 64) % 64] json_byte[128 + code % 64]
	return json_byte[240 + int(code / 262144)] json_byte[128 + int(code / 4096) % 64] \
		json_byte[128 + int(code / 64) % 64] json_byte[128 + code % 64]
}
