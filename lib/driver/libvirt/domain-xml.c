/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/str.h"
#include "driver/libvirt/libvirt.h"

/*
 * The domain document (https://libvirt.org/formatdomain.html). Every value
 * goes through xml_add(), so that nothing given by a user can become markup.
 */

void xml_add(struct str *s, const char *text)
{
	for (const char *p = text; *p; p++) {
		switch (*p) {
		case '&':
			str_add(s, "&amp;");
			break;
		case '<':
			str_add(s, "&lt;");
			break;
		case '>':
			str_add(s, "&gt;");
			break;
		case '\'':
			str_add(s, "&apos;");
			break;
		case '"':
			str_add(s, "&quot;");
			break;
		default:
			str_addc(s, *p);
		}
	}
}

/* before, value escaped, after */
static void add_value(struct str *s, const char *before, const char *value,
		      const char *after)
{
	str_add(s, before);
	xml_add(s, value);
	str_add(s, after);
}

/* Enough to write the records anew when the database is lost. */
static void add_metadata(struct str *s, const struct hv_spec *spec)
{
	str_add(s, "  <metadata>\n    <vmctl:instance"
		   " xmlns:vmctl='urn:vmctl:instance:1'>\n");
	add_value(s, "      <vmctl:id>", spec->id, "</vmctl:id>\n");
	add_value(s, "      <vmctl:name>", spec->name, "</vmctl:name>\n");
	add_value(s, "      <vmctl:image>", spec->image, "</vmctl:image>\n");
	add_value(s, "      <vmctl:digest>sha256:", spec->image_digest,
		  "</vmctl:digest>\n");
	add_value(s, "      <vmctl:user>", spec->user, "</vmctl:user>\n");
	for (size_t i = 0; spec->keys && spec->keys[i]; i++)
		add_value(s, "      <vmctl:key>", spec->keys[i],
			  "</vmctl:key>\n");
	str_add(s, "    </vmctl:instance>\n  </metadata>\n");
}

static void add_machine(struct str *s, const struct hv_spec *spec)
{
	bool x86 = str_eq(spec->arch, "x86_64");

	str_addf(s, "  <memory unit='b'>%lld</memory>\n",
		 (long long)spec->memory);
	str_addf(s, "  <vcpu placement='static'>%lld</vcpu>\n",
		 (long long)spec->vcpus);
	/* cloud-init looks at the serial number before it looks for disks. */
	str_add(s, "  <sysinfo type='smbios'>\n    <system>\n"
		   "      <entry name='serial'>ds=nocloud</entry>\n"
		   "    </system>\n  </sysinfo>\n");
	add_value(s, "  <os>\n    <type arch='", spec->arch, "' machine='");
	str_add(s, x86 ? "q35" : "virt");
	str_add(s, "'>hvm</type>\n    <boot dev='hd'/>\n"
		   "    <smbios mode='sysinfo'/>\n  </os>\n");
	str_add(s, "  <features>\n    <acpi/>\n");
	str_add(s, x86 ? "    <apic/>\n" : "    <gic version='3'/>\n");
	str_add(s, "  </features>\n");
	if (str_eq(spec->accel, "kvm"))
		str_add(s, "  <cpu mode='host-passthrough'/>\n");
	else
		/* Five-level page tables cost an emulated walk each. */
		str_add(s, x86 ? "  <cpu mode='maximum'>\n"
				 "    <feature policy='disable' name='la57'/>\n"
				 "  </cpu>\n"
			       : "  <cpu mode='maximum'/>\n");
	str_add(s, "  <clock offset='utc'/>\n"
		   "  <on_poweroff>destroy</on_poweroff>\n"
		   "  <on_reboot>restart</on_reboot>\n"
		   "  <on_crash>destroy</on_crash>\n");
}

static void add_interface(struct str *s, const struct hv_nic *nic)
{
	switch (nic->kind) {
	case HV_NIC_USER:
		str_add(s, "    <interface type='user'>\n");
		break;
	case HV_NIC_NETWORK:
		str_add(s, "    <interface type='network'>\n");
		add_value(s, "      <source network='", nic->source, "'/>\n");
		break;
	case HV_NIC_BRIDGE:
		str_add(s, "    <interface type='bridge'>\n");
		add_value(s, "      <source bridge='", nic->source, "'/>\n");
		break;
	}
	add_value(s, "      <mac address='", nic->mac, "'/>\n");
	/* Without its boot ROM the firmware has nothing to wait for. */
	str_add(s, "      <model type='virtio'/>\n"
		   "      <rom enabled='no'/>\n    </interface>\n");
}

static void add_channel(struct str *s, const char *name)
{
	add_value(s,
		  "    <channel type='unix'>\n"
		  "      <target type='virtio' name='",
		  name, "'/>\n    </channel>\n");
}

static void add_devices(struct str *s, const struct hv_spec *spec)
{
	str_add(s,
		"  <devices>\n"
		"    <disk type='file' device='disk'>\n"
		"      <driver name='qemu' type='qcow2' discard='unmap'/>\n");
	add_value(s, "      <source file='", spec->disk, "'/>\n");
	str_add(s, "      <target dev='vda' bus='virtio'/>\n    </disk>\n");
	/* virtio, not a SATA CD-ROM: cloud kernels have no AHCI driver, and
	 * others find it only after cloud-init has looked. */
	str_add(s, "    <disk type='file' device='disk'>\n"
		   "      <driver name='qemu' type='raw'/>\n");
	add_value(s, "      <source file='", spec->seed, "'/>\n");
	str_add(s, "      <target dev='vdb' bus='virtio'/>\n"
		   "      <readonly/>\n    </disk>\n");
	str_add(s, "    <controller type='usb' model='none'/>\n");
	for (size_t i = 0; i < spec->nic_count; i++)
		add_interface(s, &spec->nics[i]);
	add_value(s, "    <serial type='pty'>\n      <log file='",
		  spec->console_log, "' append='on'/>\n");
	str_add(s, "      <target port='0'/>\n    </serial>\n"
		   "    <console type='pty'>\n"
		   "      <target type='serial' port='0'/>\n    </console>\n");
	add_channel(s, HV_QEMU_AGENT);
	add_channel(s, HV_AGENT);
	str_add(s, "    <memballoon model='virtio' freePageReporting='on'/>\n"
		   "    <rng model='virtio'>\n"
		   "      <backend model='random'>/dev/urandom</backend>\n"
		   "    </rng>\n"
		   "  </devices>\n");
}

int domain_xml(const struct hv_spec *spec, char **ret, struct vmctl_error *err)
{
	auto_str s = STR_INIT;

	str_addf(&s, "<domain type='%s'>\n",
		 str_eq(spec->accel, "kvm") ? "kvm" : "qemu");
	add_value(&s, "  <name>", spec->id, "</name>\n");
	add_value(&s, "  <uuid>", spec->uuid, "</uuid>\n");
	add_value(&s, "  <title>", spec->name, "</title>\n");
	add_metadata(&s, spec);
	add_machine(&s, spec);
	add_devices(&s, spec);
	str_add(&s, "</domain>\n");
	return str_take(&s, ret, err);
}
