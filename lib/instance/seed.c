/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "driver/iso.h"
#include "instance/instance.h"

/*
 * The NoCloud seed (cloudinit.readthedocs.io, "NoCloud"). Documents are
 * written as JSON, which is YAML, so that no quoting can go wrong.
 */

void seed_done(struct seed *s)
{
	free(s->meta_data);
	free(s->user_data);
	free(s->network_config);
	*s = (struct seed){ 0 };
}

static int add_host_key(const struct draft *d, json_t *doc)
{
	json_t *pair =
		json_pack("{s:s, s:s}", "ed25519_private", d->host_key_private,
			  "ed25519_public", d->row->host_key);

	return json_object_set_new(doc, "ssh_deletekeys", json_true()) < 0
		       ? (json_decref(pair), -1)
		       : json_object_set_new(doc, "ssh_keys", pair);
}

int seed_cloud_config(const struct draft *d, char **ret,
		      struct vmctl_error *err)
{
	auto_json json_t *keys = json_array();
	auto_free char *text = NULL;

	for (size_t i = 0; i < d->key_count; i++) {
		auto_free char *line = str_printf(
			"%s %s", d->keys[i].public_key, d->keys[i].name);
		if (!line || json_array_append_new(keys, json_string(line)))
			return fail_oom(err);
	}
	/* The name is in meta-data alone: here it would stand against the one
	 * that follows from a user's fqdn. */
	auto_json json_t *doc = json_pack("{s:b, s:O}", "ssh_pwauth", 0,
					  "ssh_authorized_keys", keys);
	if (!doc || (d->host_key_private && add_host_key(d, doc) < 0))
		return fail_oom(err);
	int r = seed_add_agent(d, doc, err);
	if (r == 0)
		r = json_text(doc, 1, &text, err);
	if (r < 0)
		return r;
	*ret = str_printf("#cloud-config\n%s\n", text);
	return *ret ? 0 : fail_oom(err);
}

/* One part of a multipart document, base64 in lines of 76 (RFC 2045). */
static int add_part(struct str *s, const char *boundary, const char *type,
		    const char *name, const char *text, struct vmctl_error *err)
{
	auto_free char *b64 = base64_encode(text, strlen(text));

	if (!b64)
		return fail_oom(err);
	str_addf(s,
		 "--%s\nContent-Type: %s; charset=\"utf-8\"\n"
		 "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n"
		 "Content-Disposition: attachment; filename=\"%s\"\n",
		 boundary, type, name);
	/* Lists of both parts are joined; of a single value, the first part's
	 * stands. */
	if (str_eq(type, "text/cloud-config"))
		str_add(s, "Merge-Type: list(append)+"
			   "dict(no_replace,recurse_list)+str()\n");
	str_addc(s, '\n');
	for (size_t i = 0, n = strlen(b64); i < n; i += 76) {
		str_addn(s, b64 + i, n - i < 76 ? n - i : 76);
		str_addc(s, '\n');
	}
	return str_check(s, err);
}

static int user_data(const struct draft *d, char **ret, struct vmctl_error *err)
{
	auto_free char *ours = NULL;
	/* Of its own: what is given may be what a dry run said. */
	auto_free char *boundary = str_printf("==vmctl-%s==", d->row->id);
	auto_str s = STR_INIT;
	int r = seed_cloud_config(d, &ours, err);

	if (r == 0 && !boundary)
		r = fail_oom(err);
	if (r < 0)
		return r;
	if (!d->user_data) {
		*ret = take_ptr(&ours);
		return 0;
	}
	const char *message = user_data_message(d->user_data);
	const char *type = user_data_type(d->user_data);
	/* The user's part comes first, so that its values win over ours. */
	str_addf(&s,
		 "Content-Type: multipart/mixed; boundary=\"%s\"\n"
		 "MIME-Version: 1.0\n\n",
		 boundary);
	if (message) /* has its own headers: nested as it is */
		str_addf(&s, "--%s\n%s\n", boundary, message);
	else
		r = add_part(&s, boundary, type ? type : "text/cloud-config",
			     "user-data", d->user_data, err);
	if (r == 0)
		r = add_part(&s, boundary, "text/cloud-config", "vmctl", ours,
			     err);
	str_addf(&s, "--%s--\n", boundary);
	return r < 0 ? r : str_take(&s, ret, err);
}

static int json_document(json_t *doc, char **ret, struct vmctl_error *err)
{
	auto_json json_t *owned = doc;

	if (!owned)
		return fail_oom(err);
	return json_text(owned, 1, ret, err);
}

/* Version 2 (cloudinit.readthedocs.io, "Networking config Version 2"). Every
 * interface is named, as those that are not are left alone. The lease follows
 * the MAC: a client id made from the machine id is the same in every clone of
 * an image. The first interface has the default route. The names are labels, as
 * the MAC says which is meant; but when cloud-init writes for systemd-networkd
 * it takes overrides only from a label that is the kernel's name. */
static int network_config(const struct draft *d, char **ret,
			  struct vmctl_error *err)
{
	auto_json json_t *all = json_object();

	for (size_t i = 0; i < d->nic_count; i++) {
		char name[32];
		json_t *nic = json_pack(
			"{s:{s:s}, s:b, s:s, s:{s:i}}", "match", "macaddress",
			d->nics[i].mac, "dhcp4", 1, "dhcp-identifier", "mac",
			"dhcp4-overrides", "route-metric", 100 * ((int)i + 1));

		snprintf(name, sizeof(name), "eth%zu", i);
		if (json_object_set_new(all, name, nic))
			return fail_oom(err);
	}
	return json_document(
		json_pack("{s:i, s:O}", "version", 2, "ethernets", all), ret,
		err);
}

int seed_make(const struct draft *d, struct seed *ret, struct vmctl_error *err)
{
	auto_cleanup(seed_done) struct seed s = { 0 };
	int r = user_data(d, &s.user_data, err);

	if (r == 0)
		r = json_document(json_pack("{s:s, s:s}", "instance-id",
					    d->row->id, "local-hostname",
					    d->row->name),
				  &s.meta_data, err);
	if (r == 0)
		r = network_config(d, &s.network_config, err);
	if (r < 0)
		return r;
	*ret = s;
	s = (struct seed){ 0 };
	return 0;
}

int seed_write(const struct seed *seed, const char *path,
	       struct vmctl_error *err)
{
	const struct iso_ops *iso;
	const struct iso_file files[] = {
		{ "meta-data", seed->meta_data, strlen(seed->meta_data) },
		{ "user-data", seed->user_data, strlen(seed->user_data) },
		{ "network-config", seed->network_config,
		  strlen(seed->network_config) },
	};
	int r = iso_load(&iso, err);

	if (r < 0)
		return r;
	/* It holds the host's private key. */
	auto_close int fd =
		open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_sys(err, errno, "cannot write %s", path);
	r = iso->write(fd, "cidata", files, ARRAY_LEN(files), clock_now(), err);
	/* Nothing else has the keys in it, and no start makes it again. */
	if (r == 0 && fsync(fd) < 0)
		r = fail_sys(err, errno, "cannot write %s", path);
	return r;
}
