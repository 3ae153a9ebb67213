# Decode quoted-printable (RFC 2045, 6.7). An "=" without two hex digits stays as it is.

function digit(c) {
	return index("0123456789ABCDEF", toupper(c)) - 1
}

{
	# Blanks at the end of a line were added on the way.
	sub(/[ \t\r]+$/, "")
	soft = sub(/=$/, "")
	out = ""
	while (match($0, /=[0-9A-Fa-f][0-9A-Fa-f]/)) {
		out = out substr($0, 1, RSTART - 1) \
			sprintf("%c", 16 * digit(substr($0, RSTART + 1, 1)) + digit(substr($0, RSTART + 2, 1)))
		$0 = substr($0, RSTART + 3)
	}
	printf "%s%s", out $0, soft ? "" : "\n"
}
