# Take a MIME message apart. Part N's body, still encoded, goes to the file dir/N;
# for each part a line `N TYPE ENCODING MERGE-RULE` is printed. Parts that are made
# of parts themselves are taken apart as well, in their place. On a message that
# makes no sense the last line says why and the exit status is 1.

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
		boundary = parameter(value, "boundary")
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
	if (type ~ /^multipart\//) {
		if (boundary == "") problem("a multipart message without a boundary")
		delimiter[++depth] = "--" boundary
		state = "preamble"
		return
	}
	# A message without parts is one itself, and ends where the file does.
	if (depth == 0) closed = 1
	state = "body"
	file = dir "/" ++part
	printf "" > file
	print part, type == "" ? "text/plain" : type, encoding == "" ? "7bit" : encoding, merge
}

function begin_headers() {
	type = encoding = merge = boundary = ""
	state = "headers"
	first = 1
}

# delimits(LINE): whether it ends what is going on: a delimiter of the innermost
# multipart, or of one around it, which ends that as well. Blanks may follow it.
function delimits(line,    i, rest) {
	if (substr(line, 1, 2) != "--") return 0
	for (i = depth; i > 0; i--) {
		if (index(line, delimiter[i]) != 1) continue
		rest = substr(line, length(delimiter[i]) + 1)
		if (rest !~ /^(--)?[ \t]*$/) continue
		if (state == "body") close(file)
		depth = i
		pending = ""
		if (substr(rest, 1, 2) != "--") begin_headers()
		else if (--depth > 0) state = "epilogue"
		else closed = 1
		return 1
	}
	return 0
}

BEGIN {
	part = depth = 0
	begin_headers()
}

{
	sub(/\r$/, "")
}

delimits($0) {
	if (closed) exit
	next
}

# The first line of a mailbox's message, which is no header.
first && /^From / {
	next
}

state == "headers" {
	first = 0
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
