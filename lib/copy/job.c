/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "copy/copy.h"

#include "base/units.h"

/* A failure of the connection, or of the protocol on it, ends everything, as
 * does a wish to stop. A full disk would only fail again. */
static bool in_vain(struct job *job, int r)
{
	switch (-r) {
	case VMCTL_CANCELLED:
	case VMCTL_NO_MEMORY:
	case VMCTL_INTERNAL:
		return true;
	case VMCTL_TRANSPORT:
	case VMCTL_BAD_DATA:
	case VMCTL_TIMEOUT:
		for (struct end *e = job->ends; e; e = e->next)
			if (e->ops->tend(e, NULL) < 0)
				return true;
		return false;
	default:
		return job->stop;
	}
}

int job_failed(struct job *job, int r, const struct vmctl_error *why)
{
	bool first = job->sum.failed++ == 0;

	job->code = first || job->code == why->code ? why->code : VMCTL_FAILED;
	job->last = *why;
	if (in_vain(job, r)) {
		job->stop = true;
		return r;
	}
	if (job->many && job->what->failed)
		job->what->failed(job->what->data, why);
	return 0;
}

void job_advance(struct job *job, int64_t bytes)
{
	job->seen += (uint64_t)bytes;
	progress_at(job->ev, job->phase, job->seen, job->total);
}

void job_explain(struct job *job, struct folder *at, int64_t needed,
		 struct vmctl_error *err)
{
	enum vmctl_code code = err->code;
	int64_t left = at->end->ops->space(at);
	char size[SIZE_TEXT], label[LABEL_MAX];
	const char *where = at->end->sftp ? at->end->name : "this host";

	/* A server has no word for it: "failure" is all it says. A few blocks
	 * are kept back by most file systems. */
	if (code != VMCTL_LIMIT && (code != VMCTL_FAILED || !at->end->sftp ||
				    left < 0 || left > 65536 || left >= needed))
		return;
	job->stop = true;
	folder_label(at, "", label);
	if (needed > left && left >= 0)
		fail(err, at->end->sftp ? VMCTL_FAILED : VMCTL_LIMIT, 0,
		     "the disk of %s is full at %s: %s more is needed", where,
		     *label ? label : ".", format_size(needed - left, size));
	else
		fail(err, at->end->sftp ? VMCTL_FAILED : VMCTL_LIMIT, 0,
		     "the disk of %s is full at %s", where,
		     *label ? label : ".");
}
