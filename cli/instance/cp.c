/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/command.h"

/* Copies files between this host and guests. */

struct cp_options {
	struct strings sources;
	const char *target, *user;
	bool recursive, preserve, resume;
};

/* Somebody waits. */
#define PEEK_MS 300

/* "NAME:/srv/w" to what the guest has there; `n` is where its path begins. */
static void complete_remote(struct cli *cli, const char *word, size_t n,
			    struct str *out)
{
	const char *at = memchr(word, '@', n), *slash = strrchr(word, '/');
	int head =
		(int)(slash && slash >= word + n ? slash + 1 - word : (long)n);
	const char *begin = at ? at + 1 : word;
	auto_free char *name = strndup(begin, n - 1 - (size_t)(begin - word));
	auto_free char *user = at ? strndup(word, (size_t)(at - word)) : NULL;
	auto_strv char **names = NULL;
	struct vmctl *ctx;

	if (!name || (at && !user) || cli_context(cli, &ctx, NULL) ||
	    vmctl_copy_names(ctx, name, user, word + n, PEEK_MS, &names, NULL))
		return;
	for (char **f = names; *f; f++) {
		auto_free char *value = str_printf("%.*s%s", head, word, *f);

		if (value)
			completion_add(out, value, NULL);
	}
}

static void complete_places(struct cli *cli, const char *prefix,
			    struct str *out)
{
	size_t n = strcspn(prefix, ":/");
	auto_str names = STR_INIT;

	if (prefix[n] == ':') {
		complete_remote(cli, prefix, n + 1, out);
		return;
	}
	/* Instances as "NAME:". */
	complete_logins(cli, prefix, &names);
	for (const char *p = str_text(&names); *p;) {
		size_t line = strcspn(p, "\n"), name = strcspn(p, "\t\n");

		str_addn(out, p, name);
		str_addc(out, ':');
		str_addn(out, p + name, line - name);
		str_addc(out, '\n');
		p += line + (p[line] == '\n');
	}
	complete_files(cli, prefix, out);
}

static const struct argument args[] = {
	ARG_MANY(struct cp_options, sources, .name = "SOURCE",
		 .complete = complete_places,
		 .help = "[USER@]NAME:PATH in an instance, - for standard "
			 "input, else a file of this host"),
	ARG_ONE(struct cp_options, target, .name = "TARGET",
		.complete = complete_places,
		.help = "where to: a file or folder, written likewise; - for "
			"standard output"),
	ARG_END,
};

static const struct option opts[] = {
	OPT_FLAG(struct cp_options, recursive, .name = "recursive",
		 .letter = 'r', .help = "copy folders with what is in them"),
	OPT_FLAG(struct cp_options, preserve, .name = "preserve", .letter = 'p',
		 .help = "keep modes and times"),
	OPT_FLAG(struct cp_options, resume, .name = "resume",
		 .help = "go on with what an interrupted copy of the same "
			 "file left"),
	OPT_STRING(struct cp_options, user, .name = "user", .letter = 'u',
		   .metavar = "USER", .help = "account in the guests",
		   .fallback = "the image's"),
	OPT_END,
};

static const struct example examples[] = {
	{ "vmctl cp site.tar web1:/srv/", "Copy a file into a folder there." },
	{ "vmctl cp -rp web1:/var/log/app logs",
	  "Get a folder with the times of its files." },
	{ "pg_dump shop | vmctl cp - db1:shop.sql",
	  "Write standard input to a file in the login directory." },
	{ "vmctl cp -r web1:/etc/nginx web2:/tmp",
	  "From one instance to another." },
	{ "vmctl cp --resume disk.img web1:/srv/disk.img",
	  "Go on after the connection broke." },
	{ NULL },
};

static void report(void *data, const struct vmctl_error *err)
{
	cli_error(data, err);
}

static int run(struct cli *cli, void *data, struct vmctl_error *err)
{
	const struct cp_options *o = data;
	struct vmctl *ctx;
	int r = cli_context(cli, &ctx, err);

	if (r < 0)
		return r;
	struct vmctl_copy what = {
		.size = sizeof(what),
		.sources = o->sources.items,
		.target = o->target,
		.recursive = o->recursive,
		.preserve = o->preserve,
		.resume = o->resume,
		.user = o->user,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.connect_timeout_ms = cli_timeout(cli, 0),
		.failed = report,
		.data = cli,
	};

	return vmctl_copy(ctx, &what, NULL, err);
}

const struct command cmd_cp = {
	.path = "cp",
	.aliases = (const char *const[]){ "copy", NULL },
	.summary = "copy files to, from and between instances",
	.group = GROUP_INSTANCES,
	.args = args,
	.opts = opts,
	.opts_size = sizeof(struct cp_options),
	.examples = examples,
	.exits = (const int[]){ 3, 4, 6, 7, 8, 0 },
	.run = run,
};
