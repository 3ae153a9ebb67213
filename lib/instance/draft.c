/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/units.h"
#include "instance/port.h"
#include "internal/config.h"
#include "internal/host.h"
#include "internal/image.h"
#include "internal/key.h"
#include "internal/network.h"

#define MEMORY_MIN (INT64_C(64) << 20)

void draft_done(struct draft *d)
{
	vmctl_instance_free(d->row);
	free(d->image_path);
	state_instance_keys_free(d->keys, d->key_count);
	if (d->host_key_private)
		explicit_bzero(d->host_key_private,
			       strlen(d->host_key_private));
	free(d->host_key_private);
	free(d->user_data);
	free(d->agent);
	free(d->accel_reason);
	free(d->ports);
	*d = (struct draft){ 0 };
}

/* What the row says of its interfaces, as the database will say it. */
static int show_nics(struct draft *d, struct vmctl_error *err)
{
	const struct state_nic *first = &d->nics[0];

	strv_free(d->row->networks);
	d->row->networks = strv_dup(NULL);
	if (!d->row->networks)
		return fail_oom(err);
	for (size_t i = 0; i < d->nic_count; i++) {
		auto_free char *label = state_nic_label(&d->nics[i]);

		if (!label || strv_append(&d->row->networks, label) < 0)
			return fail_oom(err);
	}
	return instance_set_address(d->row, first->address, "reservation", err);
}

/* The first interface has the MAC that follows from the id (NET-006), further
 * ones random ones. */
static int draw_nics(struct vmctl *ctx, struct draft *d,
		     struct vmctl_error *err)
{
	static const char *const one[] = { NULL, NULL };
	bool given = d->networks && d->networks[0];
	const char *const *wishes = given ? d->networks : one;

	d->nic_count = 0;
	do {
		struct state_nic *nic = &d->nics[d->nic_count];
		unsigned char m[3];

		if (d->nic_count == NIC_MAX)
			return fail(err, VMCTL_INVALID, 0,
				    "an instance has at most %d interfaces",
				    NIC_MAX);
		int r = random_bytes(m, sizeof(m), err);
		if (r < 0)
			return r;
		snprintf(nic->mac, sizeof(nic->mac), "52:54:00:%02x:%02x:%02x",
			 m[0], m[1], m[2]);
		if (!d->nic_count)
			snprintf(nic->mac, sizeof(nic->mac), "%s", d->row->mac);
		r = network_choose(ctx, wishes[d->nic_count],
				   d->nic_count ? NULL : d->ip, d->dry, d->nics,
				   d->nic_count, nic, err);
		if (r < 0)
			return r;
		d->nic_count++;
	} while (given && wishes[d->nic_count]);
	return show_nics(d, err);
}

int draft_identity(struct vmctl *ctx, struct draft *d, struct vmctl_error *err)
{
	unsigned char id[4];
	char uuid[UUID_TEXT];
	int r = random_bytes(id, sizeof(id), err);

	if (r == 0)
		r = random_uuid(uuid, err);
	if (r < 0)
		return r;
	struct vmctl_instance *row = d->row;
	free(row->id);
	free(row->mac);
	free(row->uuid);
	row->id = str_printf("i-%02x%02x%02x%02x", id[0], id[1], id[2], id[3]);
	/* 52:54:00 is QEMU's; the rest is the tail of the id (NET-006). */
	row->mac = str_printf("52:54:00:%02x:%02x:%02x", id[1], id[2], id[3]);
	row->uuid = strdup(uuid);
	if (!row->id || !row->mac || !row->uuid)
		return fail_oom(err);
	r = draw_nics(ctx, d, err);
	row->ssh_port = 0;
	if (r == 0 && d->port_count)
		r = ports_require_way(row->name, instance_has_user(row),
				      row->connection, err);
	if (r == 0)
		r = ports_settle(ctx, d->ports, d->port_count, err);
	if (r == 0 && d->nics[0].kind == STATE_NIC_USER)
		r = port_draw(ctx, false, "127.0.0.1", d->ports, d->port_count,
			      &row->ssh_port, err);
	return r;
}

/* --- sizes --------------------------------------------------------------- */

/* A number without a unit is bytes: where that makes far too little, it says
 * what was probably meant. */
static bool hint_unit(int64_t given, int64_t least, const char *option,
		      struct vmctl_error *err)
{
	for (int shift = 20; shift <= 30; shift += 10) {
		if (given >= 1 << 20 || given << shift < least)
			continue;
		fail_hint(err, "--%s %lld%c", option, (long long)given,
			  shift == 20 ? 'M' : 'G');
		return true;
	}
	return false;
}

static int fail_memory(int64_t memory, struct vmctl_error *err)
{
	char want[SIZE_TEXT];

	fail(err, VMCTL_INVALID, 0, "the memory must be at least %s",
	     format_size(MEMORY_MIN, want));
	if (!hint_unit(memory, MEMORY_MIN, "memory", err))
		fail_hint(err, "--memory %s", want);
	return -VMCTL_INVALID;
}

static int check_sizes(const struct vmctl_instance *row,
		       const struct vmctl_image *image, struct vmctl_error *err)
{
	char have[SIZE_TEXT], want[SIZE_TEXT];

	if (row->vcpus < 1 || row->vcpus > 255)
		return fail(err, VMCTL_INVALID, 0,
			    "the number of vCPUs must be from 1 to 255");
	if (row->memory < MEMORY_MIN)
		return fail_memory(row->memory, err);
	if (row->disk < image->virtual_size) {
		fail(err, VMCTL_INVALID, 0,
		     "a disk of %s is too small: the image %s needs %s",
		     format_size(row->disk, want), image->name,
		     format_size(image->virtual_size, have));
		/* Rounded up: what the message says is rounded to the nearest,
		 * and a fraction cannot be given. */
		if (hint_unit(row->disk, image->virtual_size, "disk", err))
			return -VMCTL_INVALID;
		fail_hint(err, "--disk %lldG",
			  (long long)((image->virtual_size + (1 << 30) - 1) >>
				      30));
		return -VMCTL_INVALID;
	}
	return 0;
}

static int set_sizes(struct vmctl *ctx, struct draft *d,
		     const struct vmctl_instance_create *spec,
		     const struct vmctl_image *image, struct vmctl_error *err)
{
	struct vmctl_instance *row = d->row;
	const struct config *config;
	struct vmctl_type type;
	int r = context_config(ctx, &config, err);

	if (r == 0)
		r = config_type(config,
				spec->type ? spec->type
					   : config_text(config, "type"),
				&type, err);
	if (r < 0)
		return r;
	if (spec->vcpus < 0 || spec->memory < 0 || spec->disk < 0)
		return fail(err, VMCTL_INVALID, 0, "a size is negative");
	row->vcpus = spec->vcpus ? spec->vcpus : type.vcpus;
	row->memory = spec->memory ? spec->memory : type.memory;
	/* An image may be larger than the type's disk: it is the least. */
	row->disk = spec->disk			      ? spec->disk
		    : type.disk > image->virtual_size ? type.disk
						      : image->virtual_size;
	bool plain = !spec->vcpus && !spec->memory && !spec->disk;
	row->type = strdup(plain || spec->type ? type.name : "custom");
	r = row->type ? check_sizes(row, image, err) : fail_oom(err);
	return r < 0 ? r
		     : host_limits_check(ctx, row->memory, spec->force, err);
}

/* --- the whole ------------------------------------------------------------ */

/* Made of the image's: "debian-3fa9". An image's name may have dots and colons,
 * and be as long as an instance's; a host name may not, and takes the tail. */
static char *generated_name(const char *image, const unsigned char tail[2])
{
	size_t n = strcspn(image, ".:_");

	if (n > INSTANCE_NAME_MAX - strlen("-0000"))
		n = INSTANCE_NAME_MAX - strlen("-0000");
	while (n > 0 && image[n - 1] == '-')
		n--;
	return str_printf("%.*s-%02x%02x", (int)n, image, tail[0], tail[1]);
}

static int set_name(struct vmctl *ctx, struct draft *d, const char *name,
		    const char *image, struct vmctl_error *err)
{
	auto_instance *other = NULL;
	unsigned char tail[2];
	struct state *db;
	int r = name ? vmctl_instance_name_check(name, err)
		     : random_bytes(tail, sizeof(tail), err);

	if (r < 0)
		return r;
	d->row->name = name ? strdup(name) : generated_name(image, tail);
	if (!d->row->name)
		return fail_oom(err);
	r = context_state(ctx, &db, err);
	if (r < 0)
		return r;
	if (state_instance_get(db, d->row->name, &other, NULL) == 0) {
		fail(err, VMCTL_EXISTS, 0,
		     "there is an instance named %s already", other->name);
		fail_hint(err, "choose another name, or: vmctl delete %s",
			  other->name);
		return -VMCTL_EXISTS;
	}
	return 0;
}

static int set_image(struct draft *d, const struct vmctl_image *image,
		     struct vmctl_error *err)
{
	if (!str_eq(image->arch, host_arch()))
		return fail(err, VMCTL_UNSUPPORTED, 0,
			    "the image %s is for %s, this host is %s",
			    image->name, image->arch, host_arch());
	d->image_path = strdup(image->path);
	d->row->image = strdup(image->name);
	d->row->image_digest = strdup(image->digest);
	d->row->user = strdup(image->user);
	d->guest_makes_host_key = str_eq(image->host_keys, "guest");
	d->image_wants_agent = str_eq(image->agent, "seed");
	d->image_has_agent = str_eq(image->agent, "image");
	return d->image_path && d->row->image && d->row->image_digest &&
			       d->row->user
		       ? 0
		       : fail_oom(err);
}

static int set_rest(struct vmctl *ctx, struct draft *d,
		    const struct vmctl_instance_create *spec,
		    struct vmctl_error *err)
{
	struct host_accel accel;
	int r = host_accel(ctx, spec->accel, &accel, err);

	if (r == 0 && spec->user_data)
		r = user_data_read(spec->user_data, spec->user_data_len,
				   &d->user_data, err);
	if (r < 0)
		return r;
	d->row->accel = strdup(accel.accel);
	d->accel_reason = strdup(accel.reason);
	d->row->connection = strdup(ctx->uri);
	d->row->reason = strdup("");
	d->row->created_at = clock_now();
	d->row->state = VMCTL_STATE_PENDING;
	if (!d->row->accel || !d->accel_reason || !d->row->connection ||
	    !d->row->reason)
		return fail_oom(err);
	r = draft_labels(d, spec->labels, err);
	if (r == 0)
		r = draft_agent(ctx, d, err);
	if (r == 0)
		r = draft_account_check(d, err);
	return r < 0 ? r : draft_host_key(d, err);
}

DEFINE_CLEANUP(image, struct vmctl_image *, vmctl_image_free);

/* What is asked for, with the settings where nothing is said. The type's
 * default stays with set_sizes(), which has to know who chose it. */
static int fill_gaps(struct vmctl *ctx,
		     const struct vmctl_instance_create *asked,
		     struct vmctl_instance_create *ret, struct vmctl_error *err)
{
	struct vmctl_instance_create spec = { 0 };
	const struct config *config;
	int r = context_config(ctx, &config, err);

	if (r < 0)
		return r;
	/* A caller built against an older header has a shorter struct. */
	memcpy(&spec, asked,
	       asked->size < sizeof(spec) ? asked->size : sizeof(spec));
	if (!spec.image)
		spec.image = config_text(config, "image");
	if (!spec.accel)
		spec.accel = config_text(config, "accel");
	if (!spec.keys)
		spec.keys = config_names(config, "key");
	*ret = spec;
	return 0;
}

/* Tells where a name comes from that the user did not type just now. */
static int from_setting(int r, const void *asked, const void *filled,
			const char *key, struct vmctl_error *err)
{
	if (r < 0 && !asked && filled)
		fail_prefix(err, "setting '%s'", key);
	return r;
}

int draft_make(struct vmctl *ctx, const struct vmctl_instance_create *asked,
	       bool make_keys, struct draft *ret, struct vmctl_error *err)
{
	auto_cleanup(draft_done) struct draft d = { 0 };
	auto_cleanup(image_cleanup) struct vmctl_image *image = NULL;
	struct vmctl_instance_create spec;

	int r = fill_gaps(ctx, asked, &spec, err);
	if (r < 0)
		return r;
	d.networks = spec.networks;
	d.key_names = spec.keys;
	d.ip = spec.ip;
	d.dry = !make_keys;
	d.row = calloc(1, sizeof(*d.row));
	if (!d.row)
		return fail_oom(err);
	/* What needs nothing but the arguments and this host is checked
	 * first, then the hypervisor is asked, and a key pair, which stays, is
	 * made last. */
	if (spec.name)
		r = vmctl_instance_name_check(spec.name, err);
	if (r == 0)
		r = port_specs_parse(spec.ports, &d.ports, &d.port_count, err);
	if (r == 0)
		r = from_setting(image_use(ctx, spec.image, &image, err),
				 asked->image, spec.image, "image", err);
	if (r == 0)
		r = set_image(&d, image, err);
	if (r == 0)
		r = set_name(ctx, &d, spec.name, image->name, err);
	if (r == 0)
		r = set_sizes(ctx, &d, &spec, image, err);
	if (r == 0)
		r = set_rest(ctx, &d, &spec, err);
	if (r == 0 && spec.keys)
		r = from_setting(draft_keys(ctx, &d, spec.keys, false, err),
				 asked->keys, spec.keys, "key", err);
	if (r == 0 && !d.dry)
		r = instance_access_check(ctx, err);
	if (r == 0)
		r = draft_identity(ctx, &d, err);
	if (r == 0 && !spec.keys)
		r = draft_keys(ctx, &d, NULL, make_keys, err);
	if (r == 0)
		r = draft_account(ctx, &d, err);
	if (r < 0)
		return r;
	*ret = d;
	d = (struct draft){ 0 };
	return 0;
}
