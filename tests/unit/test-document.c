/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is read out of libvirt's documents, in which others write, too: through
 * the module and libvirt's own test driver, which keeps what it is given; and,
 * for what that always writes in one way, with the files compiled in. */
#include "unit.h"

#include <stdio.h>

#include "base/file.h"
#include "driver/hypervisor.h"

#include "../../lib/driver/libvirt/document.c"
#include "../../lib/driver/libvirt/xml.c"

#define UUID "11111111-2222-3333-4444-555555555555"

/* Elements that are none: in a comment, as data, in another's namespace. */
#define DECOYS(inner)                                                          \
	"<metadata><x:note xmlns:x='urn:x'><!-- " inner " --><![CDATA[" inner  \
	"]]>" inner "</x:note></metadata>"

#define NETWORK_DECOYS                                                         \
	"<bridge name='evil0'/><forward mode='route'/>"                        \
	"<ip address='6.6.6.6' prefix='8'><dhcp><range start='6.6.6.7' "       \
	"end='6.6.6.8'/><host mac='52:54:00:66:66:66' ip='6.6.6.6' "           \
	"name='evil'/></dhcp></ip>"

static char path[256];

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, sizeof(path), "%s/vmctl-document.%d.xml",
		 tmp ? tmp : "/tmp", (int)getpid());
	return 0;
}

static int teardown(void **state)
{
	return unlink(path);
}

/* libvirt's test driver, which has this in it. */
static struct hv *open_with(const char *inner, const struct hv_ops **ret)
{
	auto_free char *text = str_printf("<node>%s</node>", inner);
	auto_free char *uri = str_printf("test://%s", path);
	struct hv *hv = NULL;

	must(file_write_atomic(path, text, strlen(text), 0600, err));
	must(hv_load(ret, err));
	must((*ret)->open(uri, 0, NULL, &hv, err));
	return hv;
}

static const char network[] =
	"<network><name>lab</name><uuid>" UUID "</uuid>" DECOYS(
		NETWORK_DECOYS) "<forward mode='nat'/><bridge name='virbr9'/>"
				"<ip family='ipv6' address='fd00::1' "
				"prefix='64'>"
				"<dhcp><range start='fd00::2' end='fd00::9'/>"
				"<host id='0:1:2' name='six' "
				"ip='fd00::5'/></dhcp></ip>"
				"<ip address='10.1.2.1' prefix='30'/>"
				"<ip netmask='255.255.254.0' "
				"address='192.168.50.1'><dhcp>"
				"<range start='192.168.50.10' "
				"end='192.168.50.20'/>"
				"<host mac='52:54:00:00:00:01' name='one' "
				"ip='192.168.50.11'/>"
				"</dhcp></ip>"
				"<dns><host "
				"ip='192.168.50.5'><hostname>web</hostname></"
				"host></dns>"
				"</network>";

static void a_network_is_read_from_its_own_elements(void **state)
{
	auto_free struct hv_network *nets = NULL;
	const struct hv_ops *ops;
	struct hv *hv = open_with(network, &ops);
	size_t n = 0;

	must(ops->net_list(hv, &nets, &n, err));
	assert_int_equal(n, 1);
	assert_string_equal(nets->name, "lab");
	assert_string_equal(nets->uuid, UUID);
	assert_string_equal(nets->bridge, "virbr9");
	assert_true(nets->nat);
	ops->close(hv);
}

static void its_addresses_are_those_of_ipv4_with_dhcp(void **state)
{
	auto_free struct hv_network *nets = NULL;
	const struct hv_ops *ops;
	struct hv *hv = open_with(network, &ops);
	size_t n = 0;

	must(ops->net_list(hv, &nets, &n, err));
	assert_int_equal(n, 1);
	assert_string_equal(nets->address, "192.168.50.1");
	assert_int_equal(nets->prefix, 23);
	assert_string_equal(nets->range_first, "192.168.50.10");
	assert_string_equal(nets->range_last, "192.168.50.20");
	ops->close(hv);
}

#define DOMAIN(metadata, devices)                                              \
	"<domain type='test'><name>i-0123abcd</name><uuid>" UUID "</uuid>"     \
	"<description>&lt;vmctl:id>i-dddddddd&lt;/vmctl:id></description>"     \
	"<metadata>" metadata "</metadata><memory>131072</memory>"             \
	"<os><type>hvm</type></os><devices>" devices "</devices></domain>"

#define DOMAIN_DECOYS                                                          \
	"<vmctl:id>i-eeeeeeee</vmctl:id> <vmctl:name>evil</vmctl:name> "       \
	"<disk><target dev='vda'/><source file='/evil'/></disk>"

static const char domains[] = DOMAIN(
	"<x:note xmlns:x='urn:x' xmlns:vmctl='urn:other'><!-- " DOMAIN_DECOYS
	" --><![CDATA[" DOMAIN_DECOYS "]]>" DOMAIN_DECOYS "</x:note>"
	"<v:instance xmlns:v='urn:vmctl:instance:1'><!-- <v:id>no</v:id> -->"
	"<v:id>i-0123abcd</v:id><v:name><![CDATA[a<b]]></v:name></v:instance>",
	"<disk type='file' device='cdrom'><source file='/attached'/>"
	"<target dev='hda'/></disk><disk type='file'>"
	"<source file='/a &amp;amp; &lt;b>&apos;'/><target dev='vda'/></disk>");

static void a_domain_is_told_by_vmctls_own_metadata(void **state)
{
	auto_free struct hv_owned *owned = NULL;
	const struct hv_ops *ops;
	struct hv *hv = open_with(domains, &ops);
	size_t n = 0;

	must(ops->owned(hv, &owned, &n, err));
	assert_int_equal(n, 1);
	assert_string_equal(owned->id, "i-0123abcd");
	assert_string_equal(owned->uuid, UUID);
	assert_string_equal(owned->name, "a<b");
	assert_int_equal(owned->state, HV_RUNNING);
	ops->close(hv);
}

static void its_disk_is_the_one_that_vmctl_gave_it(void **state)
{
	auto_free struct hv_owned *owned = NULL;
	const struct hv_ops *ops;
	struct hv *hv = open_with(domains, &ops);
	size_t n = 0;

	must(ops->owned(hv, &owned, &n, err));
	assert_int_equal(n, 1);
	assert_string_equal(owned->disk, "/a &amp; <b>'");
	ops->close(hv);
}

static void metadata_of_others_makes_no_domain_ours(void **state)
{
	auto_free struct hv_owned *owned = NULL;
	const struct hv_ops *ops;
	struct hv *hv = open_with(
		DOMAIN("<v:instance xmlns:v='urn:vmctl:instance:1'>"
		       "<!-- <vmctl:id>i-eeeeeeee</vmctl:id> --></v:instance>",
		       ""),
		&ops);
	size_t n = 1;

	must(ops->owned(hv, &owned, &n, err));
	assert_int_equal(n, 0);
	ops->close(hv);
}

static void a_comment_makes_no_channel(void **state)
{
	const struct hv_ops *ops;
	struct hv *hv = open_with(
		DOMAIN("<x:note xmlns:x='urn:x'><!-- <target type='virtio' "
		       "name='org.evil' state='connected'/> --></x:note>",
		       "<channel type='unix'><target type='virtio' "
		       "name='org.good'/></channel>"),
		&ops);
	struct hv_details d;

	must(ops->details(hv, UUID, &d, err));
	assert_int_equal(d.channel_count, 1);
	assert_string_equal(d.channels[0].name, "org.good");
	assert_false(d.channels[0].up);
	ops->close(hv);
}

/* --- without libvirt --------------------------------------------------------
 */

/* The test driver does not say what a network would be after its next start. */
static void reservations_are_those_of_the_network(void **state)
{
	auto_free struct hv_lease *kept = NULL;
	bool one = false, dns = false, six = false;
	size_t n = 0;

	must(hosts_read(network, &kept, &n, err));
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		one |= str_eq(kept[i].mac, "52:54:00:00:00:01") &&
		       str_eq(kept[i].address, "192.168.50.11") &&
		       str_eq(kept[i].hostname, "one");
		dns |= !kept[i].mac[0] &&
		       str_eq(kept[i].address, "192.168.50.5");
		six |= !kept[i].mac[0] && str_eq(kept[i].address, "fd00::5") &&
		       str_eq(kept[i].hostname, "six");
	}
	assert_true(one && dns && six);
}

static void attributes_may_stand_in_any_order_and_quotes(void **state)
{
	struct hv_network net = { 0 };
	struct hv_details d = { 0 };

	must(network_read("<network><forward a='b'\n\tmode = \"nat\" />"
			  "<bridge delay='0' name=\"it's\"/>"
			  "<ip prefix=\"24\"  address='10.0.0.1' ></ip>"
			  "</network>",
			  &net, err));
	assert_true(net.nat);
	assert_string_equal(net.bridge, "it's");
	assert_string_equal(net.address, "10.0.0.1");
	assert_int_equal(net.prefix, 24);

	must(channels_read("<domain><devices><channel type='unix'>"
			   "<target state=\"connected\" name=\"one\" "
			   "type=\"virtio\"/></channel><channel type='unix'>"
			   "<target\nname='two' state='disconnected' "
			   "type='virtio'/></channel><channel type='pty'>"
			   "<target type='guestfwd' name='three' "
			   "state='connected'/></channel></devices></domain>",
			   &d, err));
	assert_int_equal(d.channel_count, 2);
	assert_string_equal(d.channels[0].name, "one");
	assert_true(d.channels[0].up);
	assert_string_equal(d.channels[1].name, "two");
	assert_false(d.channels[1].up);
}

static void a_value_may_have_markup_in_it(void **state)
{
	struct hv_details d = { 0 };

	must(channels_read("<domain><devices><channel><target type='virtio' "
			   "state='connected' name='&lt;a>&amp;lt;&#x27;'/>"
			   "</channel></devices></domain>",
			   &d, err));
	assert_int_equal(d.channel_count, 1);
	assert_string_equal(d.channels[0].name, "<a>&lt;'");
	assert_true(d.channels[0].up);
}

/* A name that was cut could be another's. */
static void a_value_that_is_too_long_is_none(void **state)
{
	struct hv_network net = { 0 };

	must(network_read("<network><bridge name='123456789012345'/></network>",
			  &net, err));
	assert_string_equal(net.bridge, "123456789012345");
	must(network_read("<network><bridge name='1234567890123456'/>"
			  "</network>",
			  &net, err));
	assert_string_equal(net.bridge, "");
}

static int prefix(const char *attributes)
{
	auto_free char *text =
		str_printf("<network><ip %s/></network>", attributes);
	struct hv_network net = { 0 };

	must(network_read(text, &net, err));
	return net.prefix;
}

static void a_prefix_may_be_a_mask_or_go_without_saying(void **state)
{
	assert_int_equal(prefix("address='10.0.0.1' prefix='29'"), 29);
	assert_int_equal(prefix("address='10.0.0.1' netmask='255.255.255.248'"),
			 29);
	assert_int_equal(prefix("address='10.0.0.1'"), 8);
	assert_int_equal(prefix("address='172.16.0.1'"), 16);
	assert_int_equal(prefix("address='192.168.1.1'"), 24);
	assert_int_equal(prefix("address='fd00::1' family='ipv6' prefix='8'"),
			 0);
}

static bool no_hosts(const char *attribute, const char *inner)
{
	auto_free char *text =
		str_printf("<network %s>%s</network>", attribute, inner);
	struct hv_network net = { 0 };

	must(network_read(text, &net, err));
	return net.no_hosts;
}

#define NO_HOSTS "<d:options><d:option value='no-hosts'/></d:options>"

static void an_option_of_dnsmasq_is_one_of_that_namespace(void **state)
{
	static const char dnsmasq[] =
		"xmlns:d='http://libvirt.org/schemas/network/dnsmasq/1.0'";

	assert_true(no_hosts(dnsmasq, NO_HOSTS));
	assert_false(no_hosts(dnsmasq, "<!-- " NO_HOSTS " -->"));
	assert_false(no_hosts("xmlns:d='urn:other'", NO_HOSTS));
}

static void what_is_not_a_plain_document_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"none",
		"<network>",
		"<network></netw",
		"<network>&unknown;</network>",
		"<!DOCTYPE network [<!ENTITY a 'b'>]><network>&a;</network>",
		"<!DOCTYPE network SYSTEM 'file:///etc/passwd'><network/>",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct hv_network net = { .prefix = 7 };
		struct hv_lease *list = NULL;
		size_t n = 7;

		must_fail(VMCTL_BAD_DATA, network_read(bad[i], &net, err));
		assert_int_equal(net.prefix, 7);
		must_fail(VMCTL_BAD_DATA, hosts_read(bad[i], &list, &n, err));
		assert_int_equal(n, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_is_read_from_its_own_elements),
		cmocka_unit_test(its_addresses_are_those_of_ipv4_with_dhcp),
		cmocka_unit_test(a_domain_is_told_by_vmctls_own_metadata),
		cmocka_unit_test(its_disk_is_the_one_that_vmctl_gave_it),
		cmocka_unit_test(metadata_of_others_makes_no_domain_ours),
		cmocka_unit_test(a_comment_makes_no_channel),
		cmocka_unit_test(reservations_are_those_of_the_network),
		cmocka_unit_test(attributes_may_stand_in_any_order_and_quotes),
		cmocka_unit_test(a_value_may_have_markup_in_it),
		cmocka_unit_test(a_value_that_is_too_long_is_none),
		cmocka_unit_test(a_prefix_may_be_a_mask_or_go_without_saying),
		cmocka_unit_test(an_option_of_dnsmasq_is_one_of_that_namespace),
		cmocka_unit_test(what_is_not_a_plain_document_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
