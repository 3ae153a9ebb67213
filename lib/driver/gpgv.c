/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "driver/gpgv.h"

#include "base/proc.h"

#define BEGIN "-----BEGIN PGP PUBLIC KEY BLOCK-----"
#define END "-----END PGP PUBLIC KEY BLOCK-----"

/* --- what it says -------------------------------------------------------- */

/* Lines of --status-fd (GnuPG, doc/DETAILS). */
struct verdict {
	bool good;    /* the last one was, and its VALIDSIG follows */
	bool bad;     /* some signature does not fit the data */
	bool expired; /* or revoked: signature or key */
	bool unknown; /* the key is not in the keyring */
	char signer[GPGV_FINGERPRINT];
};

/* The last word of VALIDSIG is the primary key's fingerprint. */
static void read_signer(const char *line, size_t n, char ret[GPGV_FINGERPRINT])
{
	size_t len = 0;

	while (len < n && line[n - 1 - len] != ' ')
		len++;
	if (len == 0 || len >= GPGV_FINGERPRINT)
		return;
	memcpy(ret, line + n - len, len);
	ret[len] = '\0';
}

static void read_line(const char *line, size_t n, struct verdict *v)
{
	static const char mark[] = "[GNUPG:] ";
	auto_free char *text = strndup(line, n);
	const char *word;

	if (!text) {
		v->bad = true;
		return;
	}
	if (!str_starts(text, mark))
		return;
	word = text + strlen(mark);
	if (str_starts(word, "GOODSIG "))
		v->good = true;
	else if (str_starts(word, "VALIDSIG ") && v->good && !*v->signer)
		read_signer(text, n, v->signer);
	else if (str_starts(word, "BADSIG "))
		v->bad = true;
	else if (str_starts(word, "EXPSIG ") ||
		 str_starts(word, "EXPKEYSIG ") ||
		 str_starts(word, "REVKEYSIG "))
		v->expired = true;
	else if (str_starts(word, "NO_PUBKEY "))
		v->unknown = true;
	/* What follows of a signature that is not good is not its signer. */
	if (str_starts(word, "NEWSIG") && !*v->signer)
		v->good = false;
}

static int judge(const struct proc_result *res, char signer[GPGV_FINGERPRINT],
		 struct vmctl_error *err)
{
	struct verdict v = { 0 };

	for (const char *p = str_text(&res->out); *p;) {
		size_t n = strcspn(p, "\n");

		read_line(p, n, &v);
		p += n + (p[n] == '\n');
	}
	if (v.bad)
		return fail(err, VMCTL_BAD_DATA, 0, "the signature is wrong");
	if (v.good && *v.signer) {
		memcpy(signer, v.signer, sizeof(v.signer));
		return 0;
	}
	return fail(err, VMCTL_BAD_DATA, 0, "%s",
		    v.expired	? "the signature, or the key that made it, "
				  "has expired or was revoked"
		    : v.unknown ? "the signature is by a key that is not in "
				  "the keyring"
				: "there is no signature that can be checked");
}

int gpgv_verify(const struct gpgv_check *what, const struct events *ev,
		char signer[GPGV_FINGERPRINT], struct vmctl_error *err)
{
	auto_cleanup(proc_result_done) struct proc_result res = { 0 };
	const char *argv[12];
	size_t n = 0;
	struct proc_spec spec = { .argv = argv,
				  .timeout_ms = 60000,
				  .cancelled = ev ? ev->cancelled : NULL,
				  .data = ev ? ev->data : NULL };
	int r;

	argv[n++] = "gpgv";
	argv[n++] = "--status-fd";
	argv[n++] = "1";
	argv[n++] = "--keyring";
	argv[n++] = what->keyring;
	if (what->output) {
		argv[n++] = "--output";
		argv[n++] = what->output;
	}
	argv[n++] = "--";
	if (what->signature)
		argv[n++] = what->signature;
	argv[n++] = what->data;
	argv[n] = NULL;
	r = proc_run(&spec, &res, err);
	if (r == -VMCTL_NOT_FOUND)
		fail_hint(err, "sudo apt-get install gpgv");
	return r < 0 ? r : judge(&res, signer, err);
}

/* --- armour -------------------------------------------------------------- */

/* One block, from behind its first line to before its last. */
static int decode_block(const char *p, const char *end, struct str *ret,
			struct vmctl_error *err)
{
	auto_str digits = STR_INIT;
	auto_free unsigned char *bytes = NULL;
	bool body = false;
	size_t len = 0;
	int r;

	while (p < end) {
		size_t n = 0, room = (size_t)(end - p);

		while (n < room && p[n] != '\n')
			n++;
		size_t used = n && p[n - 1] == '\r' ? n - 1 : n;
		if (body && used && *p == '=')
			break; /* the checksum, which protects nothing */
		if (body)
			str_addn(&digits, p, used);
		else if (used == 0)
			body = true; /* an empty line ends the headers */
		p += n < room ? n + 1 : n;
	}
	r = str_check(&digits, err);
	if (r == 0)
		r = base64_decode(str_text(&digits), digits.len, &bytes, &len,
				  err);
	if (r == 0)
		str_addn(ret, bytes, len);
	return r;
}

int gpgv_dearmour(const char *text, size_t len, struct str *ret,
		  struct vmctl_error *err)
{
	const char *limit = text + len;
	auto_str out = STR_INIT;
	int r = 0;

	for (;;) {
		const char *p = memmem(text, (size_t)(limit - text), BEGIN,
				       strlen(BEGIN));
		const char *end =
			p ? memmem(p, (size_t)(limit - p), END, strlen(END))
			  : NULL;

		if (!end)
			break;
		p += strlen(BEGIN);
		if (p < end && *p == '\r')
			p++;
		if (p < end)
			p++; /* the line feed */
		r = decode_block(p, end, &out, err);
		if (r < 0)
			return r;
		text = end;
	}
	/* Without armour it is what it is. */
	if (out.len == 0 && !out.oom)
		str_addn(&out, text, len);
	r = str_check(&out, err);
	if (r < 0)
		return r;
	*ret = out;
	out = STR_INIT;
	return 0;
}
