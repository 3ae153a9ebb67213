/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/shell/run.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/units.h"
#include "cli/shell/words.h"

int shell_begin(struct shell *sh, struct cli *cli, struct vmctl_error *err)
{
	const struct globals *g = &cli->globals;
	char timeout[32];
	int r = 0;

	*sh = (struct shell){ .cli = cli, .globals = strv_dup(NULL) };
	r |= !sh->globals;
	if (g->connect)
		r |= setenv("VMCTL_CONNECT", g->connect, 1);
	if (g->output)
		r |= strv_append(&sh->globals, "-o") |
		     strv_append(&sh->globals, g->output);
	if (g->color)
		r |= strv_append(&sh->globals, "--color") |
		     strv_append(&sh->globals, g->color);
	if (g->quiet)
		r |= strv_append(&sh->globals, "-q");
	if (g->yes)
		r |= strv_append(&sh->globals, "-y");
	for (int i = 0; i < g->verbose; i++)
		r |= strv_append(&sh->globals, "-v");
	if (g->timeout >= 0) {
		snprintf(timeout, sizeof(timeout), "%lldms",
			 (long long)g->timeout);
		r |= strv_append(&sh->globals, "--timeout") |
		     strv_append(&sh->globals, timeout);
	}
	return r ? fail_oom(err) : 0;
}

void shell_done(struct shell *sh)
{
	strv_free(sh->globals);
	free(sh->current);
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 255;
	return status_of(status);
}

/* In a child: signals as a command expects them. */
static void own_signals(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	/* There are no jobs that could be continued. */
	signal(SIGTSTP, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGWINCH, SIG_DFL);
}

static void put(int fd, int as)
{
	if (fd >= 0 && fd != as) {
		dup2(fd, as);
		close(fd);
	}
}

/* `command` for the host's shell, reading from `in` when that is not -1. */
static pid_t start_host(const char *command, int in)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	own_signals();
	put(in, STDIN_FILENO);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* A command of vmctl, in a process that is a copy of this one: nothing needs to
 * be looked for and loaded anew. */
static pid_t start_command(const struct shell *sh, char **argv, int out,
			   int other)
{
	pid_t pid = fork();
	int r;

	if (pid != 0)
		return pid;
	own_signals();
	if (other >= 0)
		close(other);
	if (!sh->own_input)
		put(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	put(out, STDOUT_FILENO);
	r = cli_main((int)strv_len((const char *const *)argv), argv);
	fflush(stdout);
	_exit(r);
}

static int fail_start(struct shell *sh)
{
	struct vmctl_error err;

	fail(&err, VMCTL_FAILED, errno, "cannot start a process");
	cli_error(sh->cli, &err);
	return 1;
}

/* What is behind the words, as a command that reads the output. */
static char *reader_of(const char *rest)
{
	return *rest == '|' ? strdup(rest + 1) : str_printf("cat %s", rest);
}

/* The command's own failure counts before that of what reads it. */
static int run_piped(struct shell *sh, char **argv, const char *rest)
{
	auto_free char *reader = reader_of(rest);
	auto_close int in = -1, out = -1;
	int fds[2], status, read_status;
	pid_t pid, host;

	if (!reader || pipe2(fds, O_CLOEXEC) < 0)
		return fail_start(sh);
	in = fds[0];
	out = fds[1];
	pid = start_command(sh, argv, out, in);
	if (pid < 0)
		return fail_start(sh);
	close(take_fd(&out));
	host = start_host(reader, in);
	close(take_fd(&in));
	status = wait_for(pid);
	read_status = host < 0 ? fail_start(sh) : wait_for(host);
	return status ? status : read_status;
}

static int run_command(struct shell *sh, char **argv, const char *rest)
{
	pid_t pid;

	fflush(NULL);
	if (rest)
		return run_piped(sh, argv, rest);
	pid = start_command(sh, argv, -1, -1);
	return pid < 0 ? fail_start(sh) : wait_for(pid);
}

/* --- the current instance ------------------------------------------------ */

static bool parses(char **argv)
{
	auto_cleanup(parsed_done) struct parsed p = { 0 };
	struct vmctl_error unused;

	return parse_command_line((int)strv_len((const char *const *)argv),
				  (const char *const *)argv, &p, &unused) == 0;
}

static bool takes_instance(const struct command *cmd)
{
	completer c = cmd->args ? cmd->args->complete : NULL;

	return c == complete_instances || c == complete_running ||
	       c == complete_stopped || c == complete_logins;
}

/* "vmctl", the options of the shell, the words; `name` goes before the word of
 * that number, unless it is NULL. */
static char **make_argv(const struct shell *sh, char **words, int at,
			const char *name)
{
	auto_strv char **argv = strv_dup(NULL);
	int bad = !argv || strv_append(&argv, "vmctl");

	for (char **g = sh->globals; !bad && *g; g++)
		bad = strv_append(&argv, *g);
	for (int i = 0; !bad; i++) {
		if (name && i == at)
			bad = strv_append(&argv, name);
		if (bad || !words[i])
			break;
		bad = strv_append(&argv, words[i]);
	}
	return bad ? NULL : take_ptr(&argv);
}

/* The current instance stands in where a name is missing: where the line is
 * none without it and one with it. */
static char **complete_argv(const struct shell *sh, char **words)
{
	auto_strv char **argv = make_argv(sh, words, 0, NULL);
	auto_strv char **named = NULL;
	int used = 0;
	const struct command *cmd =
		command_find((int)strv_len((const char *const *)words),
			     (const char *const *)words, &used, NULL);

	if (!argv || !sh->current || !cmd || !takes_instance(cmd) ||
	    parses(argv))
		return take_ptr(&argv);
	named = make_argv(sh, words, used, sh->current);
	return named && parses(named) ? take_ptr(&named) : take_ptr(&argv);
}

/* --- the shell's own words ----------------------------------------------- */

static int complain(struct shell *sh, struct vmctl_error *err)
{
	cli_error(sh->cli, err);
	return vmctl_code_exit(err->code);
}

static int use(struct shell *sh, const char *name)
{
	struct vmctl_instance *found = NULL;
	struct vmctl_error err = { 0 };
	struct cli fresh = { .globals = sh->cli->globals,
			     .name = sh->cli->name,
			     .in_shell = true };
	struct vmctl *ctx;
	int r;

	free(take_ptr(&sh->current));
	if (!name)
		return 0;
	r = cli_context(&fresh, &ctx, &err);
	if (r == 0)
		r = vmctl_instance_get(ctx, name, VMCTL_LIST_CACHED, &found,
				       &err);
	if (r == 0)
		sh->current = str_dup(found->name);
	vmctl_instance_free(found);
	vmctl_free(fresh.ctx);
	return r < 0 ? complain(sh, &err) : 0;
}

static int change_folder(struct shell *sh, const char *dir)
{
	const char *home = getenv("HOME");
	struct vmctl_error err;

	if (!dir)
		dir = home ? home : "/";
	if (chdir(dir) == 0)
		return 0;
	fail(&err, VMCTL_NOT_FOUND, errno, "cannot change to %s", dir);
	return complain(sh, &err);
}

static int leave(struct shell *sh, const char *status)
{
	struct vmctl_error err;
	int64_t n = sh->status;

	if (status && parse_int(status, "exit", 0, 255, &n, &err) < 0)
		return complain(sh, &err);
	sh->done = true;
	return (int)n;
}

/* false: it is a command of vmctl. */
static bool run_builtin(struct shell *sh, char **words, const char *rest)
{
	size_t n = strv_len((const char *const *)words);
	struct vmctl_error err;

	if (n > 2 || rest)
		return false;
	if (str_eq(words[0], "use"))
		sh->status = use(sh, words[1]);
	else if (str_eq(words[0], "cd"))
		sh->status = change_folder(sh, words[1]);
	else if (str_eq(words[0], "exit") || str_eq(words[0], "quit"))
		sh->status = leave(sh, words[1]);
	else if (str_eq(words[0], "shell")) {
		fail(&err, VMCTL_INVALID, 0, "this is the shell already");
		sh->status = complain(sh, &err);
	} else
		return false;
	return true;
}

void shell_run(struct shell *sh, const char *text)
{
	auto_shell_line line = { 0 };
	auto_strv char **argv = NULL;
	struct vmctl_error err = { 0 };
	pid_t pid;

	if (shell_split(text, &line, &err) < 0) {
		sh->status = complain(sh, &err);
		return;
	}
	if (line.host) {
		fflush(NULL);
		pid = start_host(line.host, -1);
		sh->status = pid < 0 ? fail_start(sh) : wait_for(pid);
		return;
	}
	if (!line.words[0] && line.rest) {
		fail(&err, VMCTL_INVALID, 0, "a command is missing before '%s'",
		     line.rest);
		sh->status = complain(sh, &err);
		return;
	}
	if (!line.words[0] || run_builtin(sh, line.words, line.rest))
		return;
	argv = complete_argv(sh, line.words);
	sh->status = argv ? run_command(sh, argv, line.rest) : 1;
}
