/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "driver/crypto.h"
#include "driver/openssh.h"
#include "host/doctor.h"
#include "internal/ssh-config.h"

/* OpenSSH, which vmctl itself does not need. */

#define LEAST_MAJOR 8
#define LEAST_MINOR 5

static void look_for_md5(struct doctor *d)
{
	const struct crypto_ops *crypto;
	unsigned char md5[MD5_SIZE];
	struct vmctl_error why = { 0 };

	if (crypto_load(&crypto, &why) < 0)
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
	else if (crypto->md5("", 0, md5, &why) < 0)
		say_note(d,
			 "%s, as in FIPS mode: keys have a SHA-256 "
			 "fingerprint alone",
			 why.message);
}

void check_openssh(struct doctor *d)
{
	auto_free char *version = openssh_version();
	int major = 0, minor = 0;

	if (!version || !*version) {
		say_note(d, "there is no ssh here: vmctl ssh works without, "
			    "and vmctl ssh-config does not");
		doctor_type(d, "sudo apt-get install openssh-client");
	} else if (sscanf(version, "OpenSSH_%d.%d", &major, &minor) == 2 &&
		   (major < LEAST_MAJOR ||
		    (major == LEAST_MAJOR && minor < LEAST_MINOR))) {
		say_warning(d,
			    "%s is too old for vmctl ssh-config, which "
			    "needs 8.5",
			    version);
	} else {
		say_ok(d, "%s", version);
	}
	look_for_md5(d);
}

void check_ssh_config(struct doctor *d)
{
	struct vmctl_error why = { 0 };
	int r = ssh_config_look(d->ctx, &why);

	if (r < 0)
		doctor_say_error(d, VMCTL_VERDICT_PROBLEM, &why);
	else if (r == 0)
		say_ok(d, "ssh does not know instances by name; vmctl "
			  "ssh-config install would tell it");
	else
		say_ok(d, "ssh knows all instances by name");
}
