/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmctl/vmctl.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/render/record.h"

/*
 * The command framework. One `const struct command` per file says all there
 * is to say of a command; help, usage errors, the manual's SYNOPSIS, OPTIONS
 * and EXIT STATUS, and completion are made from it. Nothing is typed twice.
 *
 * To add a command: cli/<noun>/<verb>.c with the struct, a line in
 * commands.def, a manual page man/vmctl-<noun>-<verb>.1.in, a test. The lint
 * names what is missing.
 */

struct cli;

/* Candidates for the word being completed: adds "value" or "value\tabout"
 * lines to `out`. Reads the database only, never a hypervisor, never prints,
 * and says nothing when it fails. */
typedef void (*completer)(struct cli *cli, const char *prefix, struct str *out);

/* One such line, made safe: nothing else may hold a tab or a line feed.
 * `about` may be NULL. */
void completion_add(struct str *out, const char *value, const char *about);

/* Ready-made ones: cli/completers.c, complete-instances.c, complete-labels.c.
 * complete_files asks the shell. */
void complete_instances(struct cli *cli, const char *prefix, struct str *out);
void complete_running(struct cli *cli, const char *prefix, struct str *out);
void complete_stopped(struct cli *cli, const char *prefix, struct str *out);
/* "NAME" and "USER@NAME" of those that run. */
void complete_logins(struct cli *cli, const char *prefix, struct str *out);
void complete_images(struct cli *cli, const char *prefix, struct str *out);
void complete_keys(struct cli *cli, const char *prefix, struct str *out);
void complete_networks(struct cli *cli, const char *prefix, struct str *out);
void complete_types(struct cli *cli, const char *prefix, struct str *out);
void complete_files(struct cli *cli, const char *prefix, struct str *out);
void complete_labels(struct cli *cli, const char *prefix, struct str *out);
void complete_label_words(struct cli *cli, const char *prefix, struct str *out);
void complete_selectors(struct cli *cli, const char *prefix, struct str *out);
void complete_commands(struct cli *cli, const char *prefix, struct str *out);

/* How an option's or argument's text is turned into a value, and so the C
 * type of the member that it is bound to. */
enum value_type {
	VALUE_FLAG,	/* bool; takes no argument */
	VALUE_COUNT,	/* int; takes no argument, counts */
	VALUE_STRING,	/* const char * */
	VALUE_CHOICE,	/* const char *, one of `choices` */
	VALUE_INT,	/* int64_t, within [min, max] */
	VALUE_SIZE,	/* int64_t, bytes ("512M") */
	VALUE_DURATION, /* int64_t, milliseconds ("30s") */
	VALUE_STRINGS,	/* struct strings: may be given several times; with
			 * `choices` also as a list joined by commas */
};

struct strings {
	const char **items; /* NULL-terminated once count > 0 */
	size_t count;
};

struct option {
	const char *name; /* long name without dashes; NULL ends an array */
	char letter;	  /* 0: none */
	enum value_type type;
	const char *metavar; /* "NAME", "SIZE" … ; NULL for flags */
	const char *help;    /* what it does; lower case, no full stop */
	size_t offset;
	const char *const *choices; /* for VALUE_CHOICE and VALUE_STRINGS,
				     * NULL-terminated */
	int64_t min, max;	    /* for VALUE_INT; min of VALUE_DURATION */
	completer complete;
	const char *fallback; /* the default, as help and manual show it; it is
			       * the command that applies it. May be NULL */
	/* What it is without a value, "--watch"; NULL: it needs one. A word
	 * that follows is its value if it begins with a digit: not for commands
	 * with arguments. */
	const char *bare;
	unsigned needs; /* of a global one: refused by commands without this
			 * flag (enum command_flags), and not shown to them */
};

/* Binding that the compiler checks: OPTION(struct create_options, memory,
 * int64_t, .name = "memory", .type = VALUE_SIZE, …). */
#define BIND(strct, member, ctype)                                             \
	(offsetof(strct, member) +                                             \
	 0 * sizeof(struct {                                                   \
		 _Static_assert(                                               \
			 __builtin_types_compatible_p(                         \
				 __typeof__(((strct *)0)->member), ctype),     \
			 #member " has another type");                         \
		 int dummy;                                                    \
	 }))
#define OPT_FLAG(strct, member, ...)                                           \
	{                                                                      \
		.type = VALUE_FLAG, .offset = BIND(strct, member, bool),       \
		__VA_ARGS__                                                    \
	}
#define OPT_COUNT(strct, member, ...)                                          \
	{                                                                      \
		.type = VALUE_COUNT, .offset = BIND(strct, member, int),       \
		__VA_ARGS__                                                    \
	}
#define OPT_STRING(strct, member, ...)                                         \
	{                                                                      \
		.type = VALUE_STRING,                                          \
		.offset = BIND(strct, member, const char *), __VA_ARGS__       \
	}
#define OPT_CHOICE(strct, member, ...)                                         \
	{                                                                      \
		.type = VALUE_CHOICE,                                          \
		.offset = BIND(strct, member, const char *), __VA_ARGS__       \
	}
#define OPT_INT(strct, member, ...)                                            \
	{                                                                      \
		.type = VALUE_INT, .offset = BIND(strct, member, int64_t),     \
		__VA_ARGS__                                                    \
	}
#define OPT_SIZE(strct, member, ...)                                           \
	{                                                                      \
		.type = VALUE_SIZE, .offset = BIND(strct, member, int64_t),    \
		__VA_ARGS__                                                    \
	}
#define OPT_DURATION(strct, member, ...)                                       \
	{                                                                      \
		.type = VALUE_DURATION,                                        \
		.offset = BIND(strct, member, int64_t), __VA_ARGS__            \
	}
#define OPT_STRINGS(strct, member, ...)                                        \
	{                                                                      \
		.type = VALUE_STRINGS,                                         \
		.offset = BIND(strct, member, struct strings), __VA_ARGS__     \
	}
#define OPT_END                                                                \
	{                                                                      \
		.name = NULL                                                   \
	}

/* Positional arguments, in order. */
struct argument {
	const char *name; /* "NAME"; NULL ends an array */
	const char *help;
	size_t offset;	   /* const char *, or struct strings when many */
	bool optional;	   /* zero is allowed */
	bool many;	   /* takes all that are left, but the last word when
			    * one more argument follows; at most one may */
	bool after_dashes; /* only what follows "--" (a guest's command line);
			    * many is implied */
	completer complete;
};
#define ARG_ONE(strct, member, ...)                                            \
	{                                                                      \
		.offset = BIND(strct, member, const char *), __VA_ARGS__       \
	}
#define ARG_MANY(strct, member, ...)                                           \
	{                                                                      \
		.offset = BIND(strct, member, struct strings), .many = true,   \
		__VA_ARGS__                                                    \
	}
#define ARG_END                                                                \
	{                                                                      \
		.name = NULL                                                   \
	}

struct example {
	const char *command; /* as typed; NULL ends an array */
	const char *about;   /* one line */
};

enum command_group {
	GROUP_INSTANCES,
	GROUP_IMAGES,
	GROUP_KEYS,
	GROUP_NETWORKS,
	GROUP_HOST,
	GROUP_CONFIG,
	GROUP_OTHER,
	GROUP_HIDDEN, /* for programs: __complete */
};

enum command_flags {
	/* The exit status is the guest's (exec, ssh): the manual and help
	 * say so. */
	COMMAND_PASSES_STATUS = 1 << 0,
	/* Options end at the first positional argument after those declared
	 * without after_dashes, so that "ssh web1 ls -l" works too. Where one
	 * of these is for many words ("exec NAME... -- COMMAND..."), this
	 * holds for command lines without "--", and the first word alone is
	 * its own; the first "--" ends the many. */
	COMMAND_STOPS_AT_ARGS = 1 << 1,
	/* It honours --dry-run. Without this flag --dry-run is refused, so
	 * that nobody believes in a dry run that was none. */
	COMMAND_DRY_RUN = 1 << 2,
	/* Its output is a list of records: --filter, --sort and --print0. */
	COMMAND_LISTS = 1 << 5,
	/* It does not look at the settings: help, version. */
	COMMAND_NO_CONFIG = 1 << 3,
	/* It runs though the settings are broken: it mends them. */
	COMMAND_ANY_CONFIG = 1 << 4,
};

struct command {
	const char *path;	    /* "create", "image import" */
	const char *const *aliases; /* whole paths; NULL-terminated or NULL */
	const char *summary;	    /* one line, lower case, no full stop */
	enum command_group group;
	unsigned flags;
	const struct argument *args; /* or NULL */
	const struct option *opts;   /* or NULL */
	size_t opts_size;	     /* of the struct they are bound to */
	const struct record *record; /* what it outputs (-o), or NULL */
	const struct example *examples;
	const int *exits; /* statuses beside 0, 1 and 2; 0-terminated */

	/* `opts` is zeroed and filled for each run. Returns 0 or -code with
	 * *err set. Output goes through cli->out (see render.h). */
	int (*run)(struct cli *cli, void *opts, struct vmctl_error *err);
};

/* Every command, in the order of commands.def, ended by NULL; and the
 * declaration of each, so that its own file need not repeat it. */
extern const struct command *const commands[];
extern const char *const command_symbols[]; /* "cmd_create", the same order */
#define COMMAND(symbol) extern const struct command cmd_##symbol;
#include "cli/commands.def"
#undef COMMAND

/* Values of the global options. `output` and `color` are NULL until the
 * settings were asked, when the command line does not have them. */
struct globals {
	const char *connect;
	const char *output; /* "table" … */
	const char *columns;
	const char *filter, *sort;
	const char *color;
	bool print0;
	bool no_header, quiet, yes, dry_run, help, version;
	int verbose;
	int64_t timeout; /* milliseconds; -1 when not given */
};
extern const struct option global_options[];

struct progress; /* progress.c */

struct cli {
	struct globals globals;
	const struct command *command; /* the one that runs */
	struct vmctl *ctx;	       /* through cli_context() only */
	struct render *out;
	int status; /* a guest's exit status, for COMMAND_PASSES_STATUS;
		     * valid when run returns 0 */
	bool tty_in, tty_out, tty_err;
	bool worker; /* one of many processes: it draws and asks nothing */
	struct progress *progress;
	struct vmctl_diagnosis *diagnosis; /* for the next error; diagnose.h */
	const char *name;		   /* "vmctl create web1", for locks */
	bool in_shell; /* signals are the shell's, not this command's */
	bool glance;   /* somebody types: makes nothing, waits for nothing */
	/* For completers: the words before the one being completed. */
	int word_count;
	const char *const *words;
};

/* The library context, made at the first call; and its end, after which
 * nothing is open and a process may be forked. */
int cli_context(struct cli *cli, struct vmctl **ret, struct vmctl_error *err);
void cli_context_close(struct cli *cli);

/* One line for people on stderr: not with -q. */
void cli_note(struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* An error on stderr in the form that -o asks for. */
void cli_error(struct cli *cli, const struct vmctl_error *err);

/* Asks a yes/no question when stdin and stderr are terminals and neither -y
 * nor -q is given; true otherwise. */
bool cli_confirm(struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * The instance that is meant when none is named: the one that runs, which is
 * said, or that which a person chooses from a list, where stdin and stderr are
 * terminals and -q is not given. Its name in *ret, which the caller frees.
 *
 * VMCTL_INVALID, with what to type, when there are several and nobody to ask;
 * VMCTL_STATE when none runs, VMCTL_NOT_FOUND when there is none at all;
 * VMCTL_CANCELLED; VMCTL_FAILED when nothing was chosen; VMCTL_HYPERVISOR.
 */
int cli_choose_instance(struct cli *cli, char **ret, struct vmctl_error *err);

/* --timeout in milliseconds, or the default. */
long cli_timeout(const struct cli *cli, long fallback_ms);

/* --timeout, or that setting. For commands that have a context. */
long cli_timeout_of(const struct cli *cli, const char *setting);

/*
 * Runs `each` for every name in turn; one failing does not stop the others
 * (each is reported on its own). Returns the failure itself for a single
 * name, VMCTL_PARTIAL when some of several failed, and the common code when
 * all failed with the same one.
 */
int cli_each(struct cli *cli, const struct strings *names,
	     int (*each)(struct cli *cli, const char *name, void *data,
			 struct vmctl_error *err),
	     void *data, struct vmctl_error *err);

/* Whether the user interrupted (SIGINT, SIGTERM, SIGHUP). */
bool cli_interrupted(void);

/* --- parse.c, help.c, complete.c ----------------------------------------- */

/* Parses argv[1…] and runs the command. Returns the exit status. */
int cli_main(int argc, char **argv);

/* Finds the command that the words begin with (by path or alias); *ret_words
 * is how many words its path took. NULL: none; *ret_nearest (may be NULL) is
 * then a suggestion or NULL. */
const struct command *command_find(int n, const char *const *words,
				   int *ret_words, const char **ret_nearest);

/*
 * Fills `globals` and, for the command found, a zeroed options struct.
 * Unlike elsewhere *ret is filled on failure too, as far as was read, so that
 * the error can be shown in the form that -o asks for. The caller frees it
 * with parsed_done() in every case.
 */
struct parsed {
	const struct command *command; /* NULL: only global options */
	const char *noun; /* the word of "vmctl image --help", else NULL */
	void *opts;
	struct globals globals;
};
int parse_command_line(int argc, const char *const *argv, struct parsed *ret,
		       struct vmctl_error *err);

/* The part of it behind the command's name. */
int parse_arguments(const struct command *cmd, int n, const char *const *words,
		    struct parsed *ret, struct vmctl_error *err);
void parsed_done(struct parsed *p);

/* The commands of a noun ("image"): the next one behind `after` (NULL: the
 * first), or NULL. Not the hidden ones. */
const struct command *noun_next(const char *noun, const struct command *after);

/* How many arguments are the command's own, how many of these there must be,
 * and whether words after "--" are for a guest. */
size_t command_own_arguments(const struct command *cmd);
size_t command_needed_arguments(const struct command *cmd);
bool command_takes_guest_words(const struct command *cmd);

/* Whether it is "exec NAME... -- COMMAND..." and "exec NAME COMMAND...". */
bool command_has_short_form(const struct command *cmd);

/* The words of an array of options, NULL when `name` is none of them. */
const struct option *option_by_name(const struct option *opts, const char *name,
				    size_t len);
const struct option *option_by_letter(const struct option *opts, char letter);
bool option_takes_value(const struct option *opt);
/* Whether a command (NULL: none in particular) honours a global option. */
bool option_applies(const struct option *opt, const struct command *cmd);
bool option_shows_choices(const struct option *opt);
/* Its help, with the choices where the metavar does not show them. */
void option_about(const struct option *opt, struct str *out);
/* "NAME", "[NAME]" where it may be left out, or the choices joined by "|",
 * added to `out`. */
void option_metavar(const struct option *opt, struct str *out);

/* Text as a sentence: a capital first, a full stop (or `stop`) last, whether
 * it had them or not. */
void add_sentence(const char *text, const char *stop, struct str *out);

/* Heading of a group, "Instances"; NULL for the hidden one. */
const char *group_title(enum command_group group);

/* "vmctl create [options] NAME": made from the struct. */
int command_usage(const struct command *cmd, struct str *out);
/* Of the form without "--", where there is one; else nothing. */
void command_short_usage(const struct command *cmd, struct str *out);

/* --help of one command (or of all, for NULL), at `width` columns. */
int command_help(const struct command *cmd, int width, struct str *out);
int noun_help(const char *noun, int width, struct str *out);
void short_help(struct str *out); /* what `vmctl` alone says */
int help_width(void); /* columns of the terminal, 80 when there is none */

/* The words so far, the last one being completed; lines for the shell. */
void complete_words(struct cli *cli, int n, const char *const *words,
		    struct str *out);

#endif
