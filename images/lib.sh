# Shared by the image recipes (sourced, never run): fetching Debian packages as
# an ordinary user and putting a disk together without mounting anything.
#
# The caller sets $here (its folder), $recipe (its name, for messages) and $suite.
# shellcheck shell=sh disable=SC2154

die() {
	printf '%s: %s\n' "$recipe" "$*" >&2
	exit 1
}

say() {
	printf '%s: %s\n' "$recipe" "$*" >&2
}

# need COMMAND PACKAGE ...: name everything that is missing at once, with the
# one command that installs it. sbin is not on an ordinary user's PATH, but
# that is where mke2fs and mkfs.fat live.
need() {
	PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
	missing=
	while [ $# -gt 0 ]; do
		command -v "$1" >/dev/null || [ -e "$1" ] ||
			missing="$missing $2"
		shift 2
	done
	[ -z "$missing" ] ||
		die "missing on this host; run: apt-get install$missing"
}

# Debian's own mirror, as debootstrap knows it. It is the one that guests get.
debian_mirror() {
	sed -n 's/^DEF_MIRROR="\(.*\)"$/\1/p' /usr/sbin/debootstrap 2>/dev/null
}

# The Debian mirror to use: the caller's choice, else whatever this host is
# configured with when it is Debian (a local mirror, a proxy cache, a snapshot),
# else Debian's own. apt parses the host's sources for us, in either format; an
# entry counts only if it is not pinned to somebody else's key.
choose_mirror() {
	mirror=${VMCTL_DEBIAN_MIRROR:-}
	security=${VMCTL_DEBIAN_SECURITY_MIRROR:-}
	# shellcheck source=/dev/null
	host=$(. /etc/os-release && echo "${ID:-} ${VERSION_CODENAME:-}") 2>/dev/null ||
		host=
	if [ "${host%% *}" = debian ]; then
		codename=${host#* }
		# shellcheck disable=SC2016 # apt expands these
		targets=$(apt-get indextargets --format \
			'$(RELEASE) $(COMPONENT) $(REPO_URI) $(SIGNED_BY)' \
			'Created-By: Packages' 2>/dev/null) || targets=
		: "${mirror:=$(echo "$targets" | awk -v r="$codename" '
			$1 == r && $2 == "main" &&
			($4 == "" || $4 ~ /debian-archive/) { print $3; exit }')}"
		: "${security:=$(echo "$targets" | awk -v r="$codename-security" '
			$1 == r && $2 == "main" &&
			($4 == "" || $4 ~ /debian-archive/) { print $3; exit }')}"
	fi
	: "${mirror:=$(debian_mirror)}"
	: "${security:=${mirror%/}-security}"
	[ "$mirror" ] || die "no Debian mirror is known: set VMCTL_DEBIAN_MIRROR, or install debootstrap"
}

# apt_setup DIR: a private apt state in DIR with its own sources, lists and
# cache, trusting Debian's archive keys only. The host's apt configuration is
# still read (proxies!), but its update hooks are for the host's own system.
apt_setup() {
	apt_dir=$1
	keyring=${VMCTL_DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
	[ -r "$keyring" ] ||
		die "no $keyring: install debian-archive-keyring"
	case $apt_dir$keyring in
	*[\ \"\;{}]*) die "apt cannot take this path: $apt_dir" ;;
	esac
	choose_mirror
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/archives/partial"
	: >"$apt_dir/status"
	cat >"$apt_dir/sources.list" <<-END
		deb [arch=amd64 signed-by=$keyring] $mirror $suite main
		deb [arch=amd64 signed-by=$keyring] $security $suite-security main
	END
	cat >"$apt_dir/apt.conf" <<-END
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear APT::NeverAutoRemove;
		#clear Acquire::IndexTargets::deb::DEP-11;
		#clear Acquire::IndexTargets::deb::DEP-11-icons-small;
		#clear Acquire::IndexTargets::deb::DEP-11-icons;
		#clear Acquire::IndexTargets::deb::DEP-11-icons-hidpi;
		Dir::State "$apt_dir";
		Dir::State::lists "$apt_dir/lists";
		Dir::State::status "$apt_dir/status";
		Dir::State::extended_states "$apt_dir/extended_states";
		Dir::Cache "$apt_dir";
		Dir::Cache::archives "$apt_dir/archives";
		Dir::Log "$apt_dir";
		Dir::Etc::sourcelist "$apt_dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "";
		APT::Get::AllowUnauthenticated "false";
		APT::Install-Recommends "false";
		Acquire::AllowInsecureRepositories "false";
		Acquire::Languages "none";
		Acquire::Retries "3";
	END
}

# apt TOOL ARGUMENT...: apt-get or apt-cache on the private state.
apt() {
	tool=$1
	shift
	"$tool" -qq -c "$apt_dir/apt.conf" "$@"
}

# fetch_set NAME LIST COMMAND: leave a set of packages in $debs. COMMAND, run in the
# directory to fill, gets them; LIST is what the set depends on, so that another
# list makes another set. The digests are written last: a set that has them is
# complete and is used as it is, so a second build needs no network.
fetch_set() {
	set_id=$(echo "$suite $2" | sha256sum | cut -c 1-16)
	debs=$cache/$1-$suite-$set_id
	if [ -z "${VMCTL_BUILD_REFRESH:-}" ] && [ -e "$debs/SHA256SUMS" ]; then
		(cd "$debs" && sha256sum --quiet -c SHA256SUMS) ||
			die "the cache is damaged; remove $debs"
		return
	fi
	apt_setup "$cache/apt-$suite"
	say "fetching packages of $suite from $mirror"
	apt apt-get -o APT::Update::Error-Mode=any update >&2
	rm -rf "$debs.new"
	mkdir "$debs.new"
	(cd "$debs.new" && "$3" && sha256sum ./*.deb >SHA256SUMS)
	rm -rf "$debs"
	mv "$debs.new" "$debs"
}

# deb NAME: the file of a package in $debs.
deb() {
	set -- "$debs/$1"_*.deb
	[ -e "$1" ] || die "package ${1##*/} is not in the cache"
	echo "$1"
}

# kernel_deb: the file of the kernel's package in $debs.
kernel_deb() {
	set -- "$debs"/linux-image-[0-9]*-cloud-amd64_*.deb
	[ -e "$1" ] || die "no kernel is in the cache"
	echo "$1"
}

# module_order MODULES.DEP: read names of kernel modules, print the files of those
# and of all they need, in the order in which to load them.
module_order() {
	awk '
		function base(path) {
			sub(/.*\//, "", path)
			sub(/[.]ko$/, "", path)
			gsub(/-/, "_", path)
			return path
		}
		# A line of modules.dep names all that a module needs, the last
		# one to be loaded first.
		function visit(path,    n, i, list) {
			if (path in done) return
			done[path] = 1
			n = split(needs[path], list, " ")
			for (i = n; i > 0; i--) visit(list[i])
			print path
		}
		NR == FNR {
			path = $1
			sub(/:$/, "", path)
			$1 = ""
			needs[path] = $0
			at[base(path)] = path
			next
		}
		!(base($1) in at) {
			print "no module " $1 | "cat >&2"
			exit 1
		}
		{ visit(at[base($1)]) }' "$1" -
}

# cpio_tree TREE: a directory as an initramfs. It is busybox that packs it, because
# not every host has a cpio; /dev/console comes with the kernel itself.
cpio_tree() {
	find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	(cd "$1" && find . | sort | bin/busybox cpio -o -H newc \
		-R 0:0 --ignore-devno --renumber-inodes 2>/dev/null) | gzip -9n
}

# find_cache: where downloads are kept.
find_cache() {
	cache=${VMCTL_BUILD_CACHE:-$here/../../build/cache}
	mkdir -p "$cache"
	cache=$(cd "$cache" && pwd)
}

# date_from_packages: the same packages give the same time stamps.
date_from_packages() {
	: "${SOURCE_DATE_EPOCH:=$(find "$debs" -name '*.deb' -printf '%T@\n' |
		sort -n | tail -n 1 | cut -d . -f 1)}"
	export SOURCE_DATE_EPOCH
	export E2FSPROGS_FAKE_TIME="$SOURCE_DATE_EPOCH"
}

# publish DISK OUT: the raw disk as a compressed qcow2, whole or not at all. zstd
# unpacks several times faster than zlib, which a first boot notices; QEMU reads it
# since 5.1.
publish() {
	qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd "$1" "$2.tmp.$$"
	mv "$2.tmp.$$" "$2"
	say "$2: $(($(stat -c %s "$2") / 1048576)) MiB"
}

# le32 NUMBER: little-endian bytes, for partition entries.
le32() {
	# shellcheck disable=SC2059 # the format is the data
	printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 & 255)) \
		$(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}

# write_mbr DISK ID BOOTCODE ACTIVE:TYPE:START:SECTORS...: a DOS partition table,
# written by hand because sfdisk is not on every host and this is 512 bytes.
# CHS fields say "use LBA".
write_mbr() {
	disk=$1 id=$2 code=$3
	shift 3
	{
		head -c 440 "$code"
		head -c $((440 - $(head -c 440 "$code" | wc -c))) /dev/zero
		le32 "$id"
		printf '\0\0'
		entries=0
		for entry; do
			IFS=: read -r active type start sectors <<-END
				$entry
			END
			# shellcheck disable=SC2059 # the format is the data
			printf "\\$active\\376\\377\\377\\$type\\376\\377\\377"
			le32 "$start"
			le32 "$sectors"
			entries=$((entries + 1))
		done
		head -c $((64 - 16 * entries)) /dev/zero
		printf '\125\252'
	} | dd of="$disk" conv=notrunc status=none
}
