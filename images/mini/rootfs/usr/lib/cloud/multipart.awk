# Take a MIME multipart message apart. Part N's body, still encoded, goes to the
# file dir/N; for each part a line `N TYPE ENCODING MERGE-RULE` is printed. On a
# message that makes no sense the last line says why and the exit status is 1.

function problem(text) {
	print text
	failed = 1
	exit 1
}

# header(LINE): one header, with its continuation lines already joined on.
function header(line,    name, value, colon) {
	colon = index(line, ":")
	if (!colon) return
	name = tolower(substr(line, 1, colon - 1))
	value = substr(line, colon + 1)
	gsub(/^[ \t]+|[ \t]+$/, "", value)
	if (name == "content-type") {
		if (part == 0) boundary = parameter(value, "boundary")
		sub(/[ \t]*;.*/, "", value)
		type = tolower(value)
	} else if (name == "content-transfer-encoding")
		encoding = tolower(value)
	else if (name == "merge-type" || name == "x-merge-type")
		merge = value
}

# parameter(VALUE, NAME): of a structured header; quoted or not.
function parameter(value, name,    start, rest) {
	if (!match(tolower(value), ";[ \t]*" name "[ \t]*=[ \t]*")) return ""
	rest = substr(value, RSTART + RLENGTH)
	if (substr(rest, 1, 1) == "\"") {
		rest = substr(rest, 2)
		return substr(rest, 1, index(rest "\"", "\"") - 1)
	}
	sub(/[ \t;].*/, "", rest)
	return rest
}

function end_headers() {
	if (pending != "") header(pending)
	pending = ""
	if (part == 0) {
		if (type !~ /^multipart\//) problem("not a multipart message")
		if (boundary == "") problem("a multipart message without a boundary")
		state = "preamble"
		return
	}
	state = "body"
	file = dir "/" part
	printf "" > file
	print part, type == "" ? "text/plain" : type, encoding == "" ? "7bit" : encoding, merge
}

function begin_headers() {
	type = encoding = merge = ""
	state = "headers"
}

BEGIN {
	part = 0
	begin_headers()
}

{
	sub(/\r$/, "")
}

# A delimiter line ends whatever is going on; blanks may follow it.
boundary != "" && substr($0, 1, length(boundary) + 2) == "--" boundary {
	rest = substr($0, length(boundary) + 3)
	if (rest ~ /^(--)?[ \t]*$/) {
		if (state == "body") close(file)
		if (substr(rest, 1, 2) == "--") {
			closed = 1
			exit
		}
		part++
		begin_headers()
		next
	}
}

state == "headers" {
	if ($0 == "") end_headers()
	else if ($0 ~ /^[ \t]/) pending = pending " " $0
	else {
		if (pending != "") header(pending)
		pending = $0
	}
	next
}

# The line break before a delimiter is strictly a part of the delimiter, but these
# are texts, and want their last line to be one.
state == "body" {
	print > file
}

END {
	if (failed) exit 1
	if (!closed) {
		print "the multipart message is cut short"
		exit 1
	}
}
