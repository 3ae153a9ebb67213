/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/owner.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/str.h"

/* Who in a user namespace has no name there (uid_overflow in
 * user_namespaces(7)): root cannot write to what is theirs. */
#define UNMAPPED 65534

/* Of the directories on the way, the first that is another's: that user may
 * also put something else into the place of all below it. */
static bool find_other(const char *path, uid_t *ret)
{
	auto_free char *at = strdup(path);
	struct stat st;

	if (geteuid() != 0 || !at)
		return false;
	for (char *p = at + 1; *at == '/'; p++) {
		if (*p && *p != '/')
			continue;
		char was = *p;
		*p = '\0';
		if (stat(at, &st) < 0)
			return false;
		if (st.st_uid != 0 && st.st_uid != UNMAPPED) {
			*ret = st.st_uid;
			return true;
		}
		*p = was;
		if (!was)
			break;
	}
	return false;
}

bool owner_differs(const char *path)
{
	uid_t uid;

	return find_other(path, &uid);
}

bool owner_is_us(const char *dir)
{
	struct stat st;

	return *dir == '/' && stat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid() && !(st.st_mode & S_IWOTH) &&
	       access(dir, R_OK | W_OK | X_OK) == 0 && !owner_differs(dir);
}

int owner_check(const char *path, struct vmctl_error *err)
{
	char buf[4096];
	struct passwd pw, *found = NULL;
	uid_t uid;

	if (!find_other(path, &uid))
		return 0;
	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) || !found) {
		fail(err, VMCTL_DENIED, 0,
		     "%s is in a directory of user %ld, where root writes "
		     "nothing",
		     path, (long)uid);
		fail_hint(err, "sudo -H vmctl …, for root's own");
	} else {
		fail(err, VMCTL_DENIED, 0,
		     "%s is in a directory of %s, where root writes nothing",
		     path, pw.pw_name);
		fail_hint(err, "sudo -u %s vmctl …, or sudo -H for root's own",
			  pw.pw_name);
	}
	return -VMCTL_DENIED;
}
