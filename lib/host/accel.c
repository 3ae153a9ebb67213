/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/utsname.h>

#include "base/json.h"
#include "base/proc.h"
#include "driver/kvm.h"
#include "internal/host.h"

#define FACT "kvm-verdict"

/* What a verdict stands and falls with: this boot, this kernel, and whether
 * this user may open the device now. */
static char *scope(void)
{
	struct utsname u;

	if (uname(&u) < 0)
		return NULL;
	return str_printf("%s %s %s", proc_boot_id(), u.release,
			  access("/dev/kvm", R_OK | W_OK) == 0 ? "rw" : "-");
}

static bool recall(struct state *db, const char *key_scope,
		   struct kvm_verdict *ret)
{
	auto_free char *text = NULL;
	auto_json json_t *v = NULL;

	if (state_fact_get(db, FACT, key_scope, &text, NULL) < 0 || !text ||
	    json_parse(text, strlen(text), FACT, &v, NULL) < 0)
		return false;
	ret->usable = json_get_bool(v, "usable", false);
	ret->probe_ns = json_get_int(v, "probe_ns", 0);
	snprintf(ret->reason, sizeof(ret->reason), "%s",
		 json_get_string(v, "reason", ""));
	return true;
}

/* Not being able to remember is no reason to fail. */
static void remember(struct state *db, const char *key_scope,
		     const struct kvm_verdict *verdict)
{
	auto_free char *text = NULL;
	auto_json json_t *v = json_pack(
		"{s:b, s:I, s:s}", "usable", verdict->usable, "probe_ns",
		(json_int_t)verdict->probe_ns, "reason", verdict->reason);

	if (v && json_text(v, 0, &text, NULL) == 0)
		state_fact_set(db, FACT, key_scope, text, NULL);
}

static int kvm_verdict_get(struct vmctl *ctx, struct kvm_verdict *ret,
			   struct vmctl_error *err)
{
	struct state *db;
	auto_free char *key_scope = scope();
	/* A verdict can be had without a database, only not remembered. */
	bool known = context_state(ctx, &db, NULL) == 0;

	if (!key_scope)
		return fail_oom(err);
	if (known && recall(db, key_scope, ret))
		return 0;
	kvm_probe(ret);
	/* Only what was measured: a probe that did not end says more of a busy
	 * moment than of this boot, and the rest is found out at once. */
	if (known && ret->probe_ns)
		remember(db, key_scope, ret);
	return 0;
}

int host_accel(struct vmctl *ctx, const char *want, struct host_accel *ret,
	       struct vmctl_error *err)
{
	struct kvm_verdict v = { 0 };

	if (want && (str_eq(want, "kvm") || str_eq(want, "tcg"))) {
		*ret = (struct host_accel){
			.accel = str_eq(want, "kvm") ? "kvm" : "tcg",
			.reason = "asked for",
		};
		return 0;
	}
	if (want && !str_eq(want, "auto")) {
		fail(err, VMCTL_INVALID, 0, "unknown accelerator '%s'", want);
		fail_hint(err, "it is one of auto, kvm, tcg");
		return -VMCTL_INVALID;
	}
	int r = kvm_verdict_get(ctx, &v, err);
	if (r < 0)
		return r;
	struct host_accel out = { .accel = v.usable ? "kvm" : "tcg",
				  .probe_ns = v.probe_ns };
	snprintf(out.reason, sizeof(out.reason), "%s", v.reason);
	log_debug(&ctx->ev, "accelerator %s: %s", out.accel, out.reason);
	*ret = out;
	return 0;
}

const char *host_arch(void)
{
	static struct utsname u;

	if (!u.machine[0] && uname(&u) < 0)
		return "x86_64";
	return u.machine;
}
