/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <stdio.h>

#include "base/file.h"
#include "base/proc.h"
#include "driver/crypto.h"
#include "driver/http.h"
#include "driver/iso.h"
#include "driver/ssh.h"
#include "driver/yaml.h"
#include "host/doctor.h"
#include "internal/host.h"

/* Programs and libraries. */

#define VERSION_MS 5000

/* Where daemons and what only other programs start are, beside PATH. */
static const char elsewhere[] = "/usr/sbin:/sbin:/usr/local/sbin:/usr/libexec";

static char *search(const char *path, const char *name)
{
	while (path && *path) {
		size_t n = strcspn(path, ":");
		auto_free char *file =
			str_printf("%.*s/%s", (int)n, path, name);

		if (file && n && access(file, X_OK) == 0)
			return take_ptr(&file);
		path += n + (path[n] == ':');
	}
	return NULL;
}

char *doctor_program(const char *name)
{
	char *found = search(getenv("PATH"), name);

	return found ? found : search(elsewhere, name);
}

/* "QEMU emulator version 7.2.22 (Debian …)": from the first digit on. */
char *doctor_version(struct doctor *d, const char *program)
{
	const char *const argv[] = { program, "--version", NULL };
	const struct proc_spec spec = { .argv = argv,
					.timeout_ms = VERSION_MS,
					.cancelled = d->ctx->ev.cancelled,
					.data = d->ctx->ev.data };
	auto_str out = STR_INIT;

	if (proc_check(&spec, &out, NULL) < 0)
		return NULL;
	const char *at = str_text(&out);
	while (*at && *at != '\n' && !isdigit((unsigned char)*at))
		at++;
	return strndup(at, strcspn(at, " ,)\n"));
}

/* What runs, or why it does not. */
static bool say_program(struct doctor *d, const char *path)
{
	auto_free char *version = doctor_version(d, path);

	if (version && *version)
		say_ok(d, "%s %s", path, version);
	else
		say_problem(d, "%s is there and does not run", path);
	return version && *version;
}

/* --- QEMU ----------------------------------------------------------------- */

static const char *package_of(const char *arch)
{
	static const char *const packages[][2] = {
		{ "x86_64", "qemu-system-x86" },
		{ "aarch64", "qemu-system-arm" },
		{ "ppc64le", "qemu-system-ppc" },
		{ "s390x", "qemu-system-s390x" },
	};

	for (size_t i = 0; i < ARRAY_LEN(packages); i++)
		if (str_eq(packages[i][0], arch))
			return packages[i][1];
	return "qemu-system-misc";
}

static void look_for_qemu(struct doctor *d, const char *arch, const char *why)
{
	auto_free char *name = str_printf("qemu-system-%s", arch);
	auto_free char *path = name ? doctor_program(name) : NULL;

	/* Of the host's architecture it has another name on Fedora. */
	if (!path && str_eq(arch, host_arch()))
		path = doctor_program("qemu-kvm");
	if (path && say_program(d, path))
		return;
	if (!path)
		say_problem(d, "there is no qemu-system-%s, %s", arch, why);
	doctor_type(d, "sudo apt-get install %s", package_of(arch));
}

void check_qemu(struct doctor *d)
{
	struct vmctl_image_list *images = NULL;
	auto_strv char **seen = strv_dup(NULL);

	look_for_qemu(d, host_arch(), "which runs the machines");
	if (!d->db || state_image_list(d->db, &images, NULL) < 0)
		return;
	for (size_t i = 0; seen && i < images->count; i++) {
		const char *arch = images->items[i]->arch;
		bool known = str_eq(arch, host_arch());

		for (char **s = seen; *s; s++)
			known |= str_eq(*s, arch);
		if (known || strv_append(&seen, arch) < 0)
			continue;
		auto_free char *why = str_printf("which the image %s needs",
						 images->items[i]->name);
		look_for_qemu(d, arch, why ? why : "");
	}
	vmctl_image_list_free(images);
}

void check_qemu_img(struct doctor *d)
{
	auto_free char *path = search(getenv("PATH"), "qemu-img");

	if (path && say_program(d, path))
		return;
	if (!path)
		say_problem(d, "there is no qemu-img on PATH, which makes the "
			       "disks");
	doctor_type(d, "sudo apt-get install qemu-utils");
}

/* --- libraries ------------------------------------------------------------ */

static int load_hv(struct vmctl_error *err)
{
	const struct hv_ops *ops;

	return hv_load(&ops, err);
}

static int load_ssh(struct vmctl_error *err)
{
	const struct ssh_ops *ops;

	return ssh_load(&ops, err);
}

static int load_crypto(struct vmctl_error *err)
{
	const struct crypto_ops *ops;

	return crypto_load(&ops, err);
}

static int load_iso(struct vmctl_error *err)
{
	const struct iso_ops *ops;

	return iso_load(&ops, err);
}

static int load_http(struct vmctl_error *err)
{
	const struct http_ops *ops;

	return http_load(&ops, err);
}

static int load_yaml(struct vmctl_error *err)
{
	const struct yaml_ops *ops;

	return yaml_load(&ops, err);
}

void check_modules(struct doctor *d)
{
	static const struct {
		const char *library, *does;
		int (*load)(struct vmctl_error *err);
	} modules[] = {
		{ "libvirt", "runs machines", load_hv },
		{ "libssh", "logs in to them", load_ssh },
		{ "libcrypto", "makes keys and digests", load_crypto },
		{ "libarchive", "writes seeds", load_iso },
		{ "libcurl", "pulls images", load_http },
		{ "libyaml", "reads user data", load_yaml },
	};
	auto_str loaded = STR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(modules); i++) {
		struct vmctl_error why = { 0 };

		if (modules[i].load(&why) == 0) {
			str_addf(&loaded, "%s%s", loaded.len ? ", " : "",
				 modules[i].library);
			continue;
		}
		say_problem(d, "%s, which %s: %s", modules[i].library,
			    modules[i].does, why.message);
		doctor_type(d, "%s", why.hint);
	}
	if (loaded.len)
		say_ok(d, "%s can be loaded", loaded.p);
}

void check_gpgv(struct doctor *d)
{
	auto_free char *path = search(getenv("PATH"), "gpgv");

	if (path) {
		say_ok(d, "%s", path);
		return;
	}
	say_warning(d, "there is no gpgv: images that are signed cannot be "
		       "verified by their signature");
	doctor_type(d, "sudo apt-get install gpgv");
}
