/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <vmctl/instance.h>

#include "ssh-config/ssh-config.h"

DEFINE_CLEANUP(instance, struct vmctl_instance *, vmctl_instance_free);

/* Puts the one that is named first; the others stay behind it. */
static int choose(struct vmctl *ctx, const char *name, struct state_host *hosts,
		  size_t n, struct vmctl_error *err)
{
	auto_cleanup(instance_cleanup) struct vmctl_instance *row = NULL;
	int r = vmctl_instance_get(ctx, name, VMCTL_LIST_CACHED, &row, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (str_eq(hosts[i].id, row->id)) {
			struct state_host it = hosts[i];

			hosts[i] = hosts[0];
			hosts[0] = it;
			return 0;
		}
	return r < 0 ? r
		     : fail(err, VMCTL_NOT_FOUND, 0, "%s is deleted already",
			    row->id);
}

int vmctl_ssh_config_show(struct vmctl *ctx,
			  const struct vmctl_ssh_config *what, const char *name,
			  char **ret, struct vmctl_error *err)
{
	auto_record rec = { 0 };
	auto_str text = STR_INIT;
	struct state_host *hosts = NULL;
	struct state *db;
	size_t n = 0;
	int r = context_state(ctx, &db, err);

	if (r == 0)
		r = record_get(ctx, &rec, err);
	if (r == 0)
		r = how_make(ctx, what->program, &rec.how, err);
	if (r >= 0)
		r = state_hosts(db, &hosts, &n, err);
	if (r == 0 && name)
		r = choose(ctx, name, hosts, n, err);
	size_t shown = name ? 1 : n;
	if (r == 0)
		r = keys_write(&rec.how, hosts, shown, false, err);
	if (r == 0)
		r = blocks_text(&rec.how, hosts, shown, &text, err);
	if (r == 0)
		r = str_take(&text, ret, err);
	state_hosts_free(hosts, n);
	return r;
}
