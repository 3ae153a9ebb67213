/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"

/*
 * Users are those of /etc/passwd and /etc/group, read here: a static program
 * must not load the guest's modules for other sources. PAM is not asked:
 * whoever may open the port is root in this machine anyway. Of what PAM does
 * for a login by ssh the variables of /etc/environment and /etc/default/locale
 * are taken over.
 */
#define PATH_DEFAULT                                                           \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool is_number(const char *name, unsigned long *ret)
{
	char *end;

	if (!isdigit((unsigned char)*name))
		return false;
	errno = 0;
	*ret = strtoul(name, &end, 10);
	return !*end && !errno && *ret < (uid_t)-1;
}

static bool read_groups(struct user *u)
{
	FILE *f = fopen("/etc/group", "re");
	struct group *g;

	u->groups[u->group_count++] = u->gid;
	while (f && (g = fgetgrent(f)))
		for (char **m = g->gr_mem; *m; m++)
			if (strcmp(*m, u->name) == 0 && g->gr_gid != u->gid &&
			    u->group_count < GROUPS_MAX)
				u->groups[u->group_count++] = g->gr_gid;
	if (f)
		fclose(f);
	return true;
}

bool user_find(struct user *u, const char *name)
{
	unsigned long uid = 0;
	bool by_number = is_number(name, &uid), found = false;
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;

	memset(u, 0, sizeof(*u));
	while (f && !found && (pw = fgetpwent(f))) {
		if (by_number ? pw->pw_uid != uid : strcmp(pw->pw_name, name))
			continue;
		found = true;
		u->uid = pw->pw_uid;
		u->gid = pw->pw_gid;
		u->name = strdup(pw->pw_name);
		u->home = strdup(*pw->pw_dir ? pw->pw_dir : "/");
		u->shell = strdup(*pw->pw_shell ? pw->pw_shell : "/bin/sh");
	}
	if (f)
		fclose(f);
	if (found && u->name && u->home && u->shell && read_groups(u))
		return true;
	user_done(u);
	return false;
}

void user_done(struct user *u)
{
	free(u->name);
	free(u->home);
	free(u->shell);
	u->name = u->home = u->shell = NULL;
}

/* --- environment
 * -------------------------------------------------------------- */

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

/* Takes `entry`, "NAME=value", instead of what has that name. */
static bool put(char ***env, char *take_entry)
{
	size_t n = 0, len;
	char **grown;

	if (!take_entry)
		return false;
	len = name_length(take_entry) + 1;
	for (; (*env)[n]; n++) {
		if (strncmp((*env)[n], take_entry, len) == 0) {
			free((*env)[n]);
			(*env)[n] = take_entry;
			return true;
		}
	}
	grown = realloc(*env, (n + 2) * sizeof(*grown));
	if (!grown) {
		free(take_entry);
		return false;
	}
	*env = grown;
	grown[n] = take_entry;
	grown[n + 1] = NULL;
	return true;
}

static bool put_pair(char ***env, const char *name, const char *value)
{
	char *entry = NULL;

	return asprintf(&entry, "%s=%s", name, value) >= 0 && put(env, entry);
}

/* Lines NAME=value, the value perhaps in quotes, as pam_env(8) reads them. */
static bool put_file(char ***env, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[4096];
	bool good = true;

	while (f && good && fgets(line, sizeof(line), f)) {
		char *name = line + strspn(line, " \t"), *value;

		if (strncmp(name, "export ", 7) == 0)
			name += 7;
		name[strcspn(name, "\r\n")] = '\0';
		value = strchr(name, '=');
		if (*name == '#' || !value || value == name)
			continue;
		*value++ = '\0';
		if (*value == '"' || *value == '\'') {
			char quote = *value++;
			char *end = strrchr(value, quote);

			if (end)
				*end = '\0';
		}
		good = put_pair(env, name, value);
	}
	if (f)
		fclose(f);
	return good;
}

char **user_environment(const struct user *u, char *const *more)
{
	char **env = calloc(1, sizeof(*env));
	bool good = env && put_pair(&env, "PATH", PATH_DEFAULT) &&
		    put_file(&env, "/etc/environment") &&
		    put_file(&env, "/etc/default/locale") &&
		    put_pair(&env, "HOME", u->home) &&
		    put_pair(&env, "USER", u->name) &&
		    put_pair(&env, "LOGNAME", u->name) &&
		    put_pair(&env, "SHELL", u->shell);

	for (; good && *more; more++)
		good = put(&env, strdup(*more));
	if (good)
		return env;
	environment_free(env);
	return NULL;
}

void environment_free(char **env)
{
	for (char **e = env; e && *e; e++)
		free(*e);
	free(env);
}

const char *environment_get(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}
