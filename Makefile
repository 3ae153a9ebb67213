# SPDX-License-Identifier: LGPL-2.1-or-later
# vmctl: one plain makefile. Out of tree in $(B); `make help` lists the targets,
# `make V=1` shows the commands.
VERSION := 0.1.0
SOVERSION := $(firstword $(subst ., ,$(VERSION)))

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR ?= $(DATADIR)/zsh/site-functions
FISHCOMPDIR ?= $(DATADIR)/fish/vendor_completions.d
MODULEDIR = $(LIBDIR)/vmctl
B ?= build$(if $(SANITIZE),-asan)

CC ?= cc
CXX ?= c++
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
INSTALL ?= install

ifeq ($(V),1)
Q :=
say := @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# The user's CPPFLAGS, CFLAGS and LDFLAGS are left alone; these are the project's.
VM_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wundef -Wvla -Wno-unused-parameter \
	-Wno-missing-field-initializers -fvisibility=hidden -fPIC \
	-ffile-prefix-map=$(CURDIR)=. -Ilib/include -Ilib -I. -I$(B)/gen \
	-DVMCTL_VERSION='"$(VERSION)"' -DVMCTL_MODULE_DIR='"$(MODULEDIR)"' \
	-DVMCTL_MANDIR='"$(MANDIR)"' -DVMCTL_DATADIR='"$(DATADIR)/vmctl"'
VM_LDFLAGS := -Wl,--as-needed -Wl,-z,relro -Wl,-z,now
SO_LDFLAGS := -shared $(if $(SANITIZE),,-Wl,-z,defs)
HIDE_BASE := -Wl,--exclude-libs,libbase.a
ifneq ($(SANITIZE),)
# Undefined behaviour traps, and ASan reports where (handle_sigill). The messages of UBSan
# need tables that are relocated at every start: a third of the time of a short command.
# ASan's own are, but not in a program at a fixed address that has the library in itself.
SAN_PROGRAM := -no-pie
SAN := -fsanitize=address,undefined -fsanitize-undefined-trap-on-error -fno-omit-frame-pointer
# ASan looks for the XDR functions that it stands before when the program starts. libvirt,
# loaded later, brings them: without this its first message jumps to address 0.
SAN_LIBS := -Wl,--push-state,--no-as-needed -l:libtirpc.so.3 -Wl,--pop-state
endif

# --- what is needed ----------------------------------------------------------
# These goals compile nothing, or run make again once `deps` has installed what
# is missing; all others need the libraries now.
LATER := deps demo check check-% clean dist help images/% bench uninstall
PKGS := jansson sqlite3 libvirt libvirt-qemu libxml-2.0 libssh libcrypto libarchive libcurl yaml-0.1 readline
ifneq ($(filter-out $(LATER),$(or $(MAKECMDGOALS),all)),)
ifeq ($(shell $(PKG_CONFIG) --exists $(PKGS) 2>/dev/null && echo yes),)
$(error missing: $(or $(strip $(foreach p,$(PKGS),$(shell $(PKG_CONFIG) --exists $(p) 2>/dev/null \
	|| echo $(p)))),$(PKG_CONFIG)); run `make deps` to install what the build needs)
endif
BUILDS := yes
endif
pkg = $(if $(BUILDS),$(shell $(PKG_CONFIG) $(1) $(2)))
VM_CFLAGS += $(call pkg,--cflags,$(PKGS))

# --- what is built from what -------------------------------------------------
# Everything in lib/base goes into libbase.a, which the modules and the command
# link; what a module needs alone stands in lib/driver/MODULE/, or beside the one
# file of the command that loads it.
MODULES := libvirt ssh crypto iso http yaml readline
BASE_SRC := $(wildcard lib/base/*.c)
LIB_SRC := $(filter-out $(BASE_SRC),$(wildcard lib/*.c lib/*/*.c))
CLI_SRC := $(wildcard cli/*.c cli/*/*.c)
module_src = $(wildcard lib/driver/$(1)/*.c cli/shell/$(1)/*.c)
MODULE_SRC := $(foreach m,$(MODULES),$(call module_src,$(m)))
UNIT_SRC := $(wildcard tests/unit/test-*.c)
UNIT_HELP_SRC := $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))
FAKE_SRC := $(wildcard tests/fakes/*.c)

LIBS_base := $(call pkg,--libs,jansson)
LIBS_lib := $(call pkg,--libs,sqlite3 jansson)
LIBS_libvirt := $(call pkg,--libs,libvirt libvirt-qemu libxml-2.0 jansson)
LIBS_ssh := $(call pkg,--libs,libssh jansson)
LIBS_crypto := $(call pkg,--libs,libcrypto jansson)
LIBS_iso := $(call pkg,--libs,libarchive jansson)
LIBS_http := $(call pkg,--libs,libcurl jansson)
LIBS_yaml := $(call pkg,--libs,yaml-0.1 jansson)
LIBS_readline := $(call pkg,--libs,readline jansson)
LIBS_cli := $(call pkg,--libs,jansson) -ldl
LIBS_unit = $(call pkg,--libs,cmocka) $(LIBS_lib) -ldl $(SAN_LIBS)

# The agent for guests: static, and with musl ten times smaller than with glibc. It
# is for machines of this host's architecture. With the sanitizers it is for the tests.
AGENT := $(B)/modules/agent/vmctl-agent-$(shell uname -m)
AGENT_SRC := $(wildcard images/agent/*.c)
AGENT_CC ?= $(if $(SANITIZE),$(CC),$(or $(shell command -v musl-gcc),$(CC)))
AGENT_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Os -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-unused-parameter -Wno-missing-field-initializers -ffile-prefix-map=$(CURDIR)=. -Ilib \
	-DVMCTL_VERSION='"$(VERSION)"' -ffunction-sections -Wl,--gc-sections $(if $(SANITIZE),-g $(SAN),-static -s)

obj = $(patsubst %.c,$(B)/%.o,$(1))
BASE_OBJ := $(call obj,$(BASE_SRC))
LIB_OBJ := $(call obj,$(LIB_SRC)) $(B)/gen/schema.o
CLI_OBJ := $(call obj,$(CLI_SRC))
ALL_SRC := $(BASE_SRC) $(LIB_SRC) $(CLI_SRC) $(MODULE_SRC) $(UNIT_SRC) $(UNIT_HELP_SRC) $(FAKE_SRC)

LIBNAME := libvmctl.so.$(VERSION)
SONAME := libvmctl.so.$(SOVERSION)
HEADERS := $(wildcard lib/include/vmctl/*.h)
MODULE_SO := $(MODULES:%=$(B)/modules/%.so)
MAN_SECTIONS := 1 3 5 7
$(foreach s,$(MAN_SECTIONS),$(eval MAN$(s) := $(patsubst man/%.in,$(B)/man/man$(s)/%,$(wildcard man/*.$(s).in))))
MAN := $(foreach s,$(MAN_SECTIONS),$(MAN$(s)))
# The pages as plain text, for `vmctl help` where there is no man. mandoc alone makes them:
# groff shortens what is long in a page's first line, and `help` would show what this host has.
FORMAT := $(if $(shell command -v mandoc),mandoc -Tascii -O width=78)
ALL_TEXT := $(foreach m,$(MAN),$(B)/help/$(basename $(notdir $(m))).txt)
TEXT := $(if $(FORMAT),$(ALL_TEXT))
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(UNIT_SRC))
FAKES := $(patsubst tests/fakes/%.c,$(B)/tests/fakes/%.so,$(FAKE_SRC))

# The newest node of the version script belongs to this version.
MAP_NODE := $(shell sed -n 's/^VMCTL_\([0-9.]*\) {.*/\1/p' lib/libvmctl.map | tail -n 1)
ifeq ($(filter $(MAP_NODE),$(SOVERSION) $(basename $(VERSION)) $(VERSION)),)
$(error lib/libvmctl.map ends with VMCTL_$(MAP_NODE), but VERSION is $(VERSION))
endif

# A change of flags compiles everything anew; a file that came or went links anew. What
# was made without a program that is installed now, or with another one, is made again.
FLAGS := $(strip $(CC) $(VM_CFLAGS) $(SAN) $(CPPFLAGS) $(CFLAGS))
LINKS := $(strip $(ALL_SRC) $(SO_LDFLAGS) $(HIDE_BASE) $(VM_LDFLAGS) $(LDFLAGS) $(SAN_PROGRAM) $(SAN_LIBS) $(VERSION))
AGENT_FLAGS := $(strip $(AGENT_CC) $(AGENT_CFLAGS))
ifdef BUILDS
$(shell mkdir -p $(B)/gen)
differ = $(subst x$(1),,x$(2))$(subst x$(2),,x$(1))
$(foreach v,FLAGS LINKS AGENT_FLAGS FORMAT,$(if $(call differ,$(strip $(file <$(B)/gen/$(v))),$($(v))),$(file >$(B)/gen/$(v),$($(v)))))
endif

all: $(B)/vmctl $(MODULE_SO) $(AGENT) $(AGENT).gz $(B)/libvmctl.pc $(MAN) $(TEXT)
tests-build: all $(UNIT) $(FAKES)

COMPILE = $(CC) $(VM_CFLAGS) $(SAN) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
LINK = $(CC) $(SAN) $(CFLAGS) $(VM_LDFLAGS) $(LDFLAGS) -o $@

$(B)/%.o: %.c $(B)/gen/FLAGS
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(COMPILE)

$(B)/gen/schema.c: lib/state/schema.sql
	$(say) GEN $@
	@mkdir -p $(@D)
	$(Q){ echo 'extern const char state_schema[];'; echo 'const char state_schema[] ='; \
	  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; echo ';'; } >$@.tmp && mv $@.tmp $@
$(B)/gen/schema.o: $(B)/gen/schema.c $(B)/gen/FLAGS
	$(Q)$(COMPILE)

# The completion scripts are embedded.
$(B)/cli/other/completion.o: $(wildcard completions/*)

$(B)/gen/FLAGS $(B)/gen/LINKS $(B)/gen/AGENT_FLAGS $(B)/gen/FORMAT: ;

ARCHIVE = $(Q)rm -f $@ && $(AR) rcsD $@ $(filter %.o,$^)
$(B)/libbase.a: $(BASE_OBJ) $(B)/gen/LINKS
	$(say) AR $@
	$(ARCHIVE)
# The library with all its symbols, and the command without main, for the unit tests.
$(B)/libvmctl.a: $(BASE_OBJ) $(LIB_OBJ) $(B)/gen/LINKS
	$(say) AR $@
	$(ARCHIVE)
$(B)/libcli.a: $(filter-out %/main.o,$(CLI_OBJ)) $(B)/gen/LINKS
	$(say) AR $@
	$(ARCHIVE)

$(B)/$(LIBNAME): $(LIB_OBJ) $(B)/libbase.a lib/libvmctl.map $(B)/gen/LINKS
	$(say) LD $@
	$(Q)$(LINK) $(SO_LDFLAGS) -Wl,-soname,$(SONAME) -Wl,--version-script,lib/libvmctl.map \
		$(LIB_OBJ) $(B)/libbase.a $(LIBS_lib) -ldl
	$(Q)ln -sf $(LIBNAME) $(B)/$(SONAME) && ln -sf $(SONAME) $(B)/libvmctl.so

define module_rule
$(B)/modules/$(1).so: $(call obj,$(call module_src,$(1))) $(B)/libbase.a $(B)/gen/LINKS
	$$(say) LD $$@
	@mkdir -p $$(@D)
	$$(Q)$$(LINK) $(SO_LDFLAGS) $$(filter %.o,$$^) $(B)/libbase.a $$(HIDE_BASE) $$(LIBS_$(1))
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$(m))))

$(AGENT): $(AGENT_SRC) images/agent/agent.h lib/driver/agent-protocol.h $(B)/gen/AGENT_FLAGS
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(AGENT_CC) $(AGENT_CFLAGS) -o $@.tmp $(AGENT_SRC) && mv $@.tmp $@
$(AGENT).gz: $(AGENT)
	$(Q)gzip -9nc $< >$@.tmp && mv $@.tmp $@

# The uninstalled command finds the library beside itself. The installed one is
# linked again: it finds it relative to its own folder, so that a tree that was
# moved works, or through the system's path when it is there.
RPATH = -Wl,-rpath,'$$ORIGIN/$(shell realpath -m --relative-to=$(BINDIR) $(LIBDIR))'
LIBRARY := $(if $(SANITIZE),$(B)/libvmctl.a $(LIBS_lib),$(B)/libbase.a $(HIDE_BASE) -L$(B) -lvmctl)
COMMAND = $(SAN_PROGRAM) $(CLI_OBJ) $(LIBRARY) $(LIBS_cli) $(SAN_LIBS)
$(B)/vmctl: $(CLI_OBJ) $(B)/$(LIBNAME) $(B)/libbase.a $(if $(SANITIZE),$(B)/libvmctl.a) $(B)/gen/LINKS
	$(say) LD $@
	$(Q)$(LINK) -Wl,-rpath,'$$ORIGIN' $(COMMAND)
$(B)/install/vmctl: $(B)/vmctl
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(LINK) $(if $(filter-out /lib /usr/lib /usr/lib/%-linux-gnu,$(LIBDIR)),$(RPATH)) $(COMMAND)

$(B)/libvmctl.pc: lib/libvmctl.pc.in $(B)/gen/FLAGS $(B)/gen/LINKS
	$(say) GEN $@
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' $< >$@.tmp && mv $@.tmp $@

# A page's text is its own; synopsis, options and exit statuses come from the command.
define man_rule
$(B)/man/man$(1)/%: $(2)/%.in $(B)/vmctl
	$$(say) MAN $$@
	@mkdir -p $$(@D)
	$$(Q)$(B)/vmctl __describe man $$< >$$@.tmp && mv $$@.tmp $$@
$(B)/help/%.txt: $(B)/man/man$(1)/%.$(1) $(B)/gen/FORMAT
	@mkdir -p $$(@D)
	$$(Q)$$(FORMAT) $$< | sed "s/.$$$$(printf '\b')//g" >$$@.tmp && test -s $$@.tmp && mv $$@.tmp $$@
endef
$(foreach s,$(MAN_SECTIONS),$(eval $(call man_rule,$(s),$(if $(filter 3,$(s)),$(B)/gen,man))))
# That of the library has the public headers in it.
$(B)/gen/%.3.in: man/%.3.in scripts/api-page examples/instances.c $(HEADERS)
	@mkdir -p $(@D)
	$(Q)scripts/api-page $< examples/instances.c $(HEADERS) >$@.tmp && mv $@.tmp $@

# --- tests -------------------------------------------------------------------
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(call obj,$(UNIT_HELP_SRC)) $(B)/libcli.a $(B)/libvmctl.a
	$(say) LD $@
	$(Q)$(LINK) $(SAN_PROGRAM) $(filter %.o,$^) $(B)/libcli.a $(B)/libvmctl.a $(LIBS_unit)
# Code of a module is compiled into the test of it.
$(B)/tests/unit/test-document: LIBS_unit += $(call pkg,--libs,libxml-2.0)
$(B)/tests/fakes/%.so: $(B)/tests/fakes/%.o $(B)/libbase.a
	$(say) LD $@
	$(Q)$(LINK) $(SO_LDFLAGS) $(filter %.o,$^) $(B)/libbase.a $(LIBS_base)
.SECONDARY: $(B)/gen/libvmctl.3.in $(call obj,$(UNIT_SRC) $(UNIT_HELP_SRC) $(FAKE_SRC))

# `deps` may install the very packages that a running make looked for at its
# start, so what builds comes after it in a make of its own; and one at a time,
# should two be started at once. J: jobs.
J ?= $(shell nproc)
THEN = @mkdir -p $(B) && flock $(B)/.lock $(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(J))
MINI = $(B)/images/mini.qcow2
deps:
	@scripts/deps build run test images

demo:
	@scripts/deps build run images
	$(THEN) all $(MINI) >&2
	@B=$(B) scripts/demo

# What finds most faults in least time: what needs no machine, with the sanitizers, and
# the life of a machine. `check-rest` is what `check-all` adds.
GUESTS := e2e/life
CHECK := lint asan-unit asan-cli $(GUESTS) e2e/zz-leftovers
CHECK_REST := unit cli e2e $(GUESTS:%=-%) system system-e2e asan-e2e
check: KINDS = $(CHECK)
check-rest: KINDS = $(CHECK_REST)
check-all: KINDS = $(CHECK) $(CHECK_REST)
check check-rest check-all: deps
	$(THEN) tests-build $(MINI)
	$(THEN) SANITIZE=1 B=$(B)-asan tests-build
	@B=$(B) tests/run $(KINDS)
# `make check-cli T=key` runs one file; T may be a pattern.
TESTS = $(foreach k,$(1),$(if $(T),$(T:%=$(k)/%),$(k)))
# valgrind is not a part of `check-all` either: the unit tests take minutes in it, and the
# sanitizers see most of what it does.
check-unit check-lint check-cli check-valgrind: check-%: deps
	$(THEN) tests-build
	@B=$(B) tests/run $(call TESTS,$*)
check-e2e: deps
	$(THEN) tests-build $(MINI)
	@B=$(B) tests/run $(call TESTS,e2e)
check-system: deps
	$(THEN) tests-build $(MINI)
	@B=$(B) tests/run $(call TESTS,system system-e2e)
# Not a part of `check-all`: the image alone takes a quarter of an hour to make.
check-debian: deps
	$(THEN) tests-build $(B)/images/debian.qcow2
	@B=$(B) tests/run $(call TESTS,debian)
check-asan: deps
	$(THEN) all $(MINI)
	$(THEN) SANITIZE=1 B=$(B)-asan tests-build
	@B=$(B) tests/run $(call TESTS,asan)
# Both commands of the README, on a system that has nothing: as root, and as a user with sudo.
check-fresh:
	@scripts/deps fresh
	scripts/fresh $(SUITE) -- sh -c 'make demo && make check'
	scripts/fresh $(SUITE) --user -- sh -c 'make demo && make check'
bench: deps
	$(THEN) all $(MINI)
	@B=$(B) tests/run bench

# --- images ------------------------------------------------------------------
images/mini images/debian: deps
	$(THEN) all $(B)/$@.qcow2
	B=$(B) ./run vmctl image import --metadata $@/image.json $(B)/$@.qcow2
define image_rule
$(B)/images/$(1).qcow2: $(shell find images/$(1) -type f 2>/dev/null) images/lib.sh $(AGENT)
	$$(say) IMAGE $$@
	@mkdir -p $$(@D)
	$$(Q)VMCTL_BUILD_CACHE=$$(abspath $(B))/cache VMCTL_AGENT=$$(abspath $(AGENT)) images/$(1)/build $$@
endef
$(foreach i,mini debian,$(eval $(call image_rule,$(i))))

# --- installation ------------------------------------------------------------
D := $(DESTDIR)
install: all $(B)/install/vmctl
	$(INSTALL) -d $(D)$(BINDIR) $(D)$(MODULEDIR)/agent $(D)$(LIBDIR)/pkgconfig $(D)$(INCLUDEDIR)/vmctl \
		$(D)$(DATADIR)/vmctl/help $(MAN_SECTIONS:%=$(D)$(MANDIR)/man%) $(D)$(BASHCOMPDIR) $(D)$(ZSHCOMPDIR) $(D)$(FISHCOMPDIR)
	$(INSTALL) -m 755 $(B)/install/vmctl $(D)$(BINDIR)/vmctl
	$(INSTALL) -m 644 $(B)/$(LIBNAME) $(D)$(LIBDIR)/$(LIBNAME)
	ln -sf $(LIBNAME) $(D)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(D)$(LIBDIR)/libvmctl.so
	$(INSTALL) -m 644 $(MODULE_SO) $(D)$(MODULEDIR)/
	$(INSTALL) -m 755 $(AGENT) $(D)$(MODULEDIR)/agent/
	$(INSTALL) -m 644 $(AGENT).gz $(D)$(MODULEDIR)/agent/
	$(INSTALL) -m 644 $(HEADERS) $(D)$(INCLUDEDIR)/vmctl/
	$(INSTALL) -m 644 images/catalogue.json $(D)$(DATADIR)/vmctl/
	$(INSTALL) -m 644 $(B)/libvmctl.pc $(D)$(LIBDIR)/pkgconfig/
	$(foreach s,$(MAN_SECTIONS),$(if $(MAN$(s)),$(INSTALL) -m 644 $(MAN$(s)) $(D)$(MANDIR)/man$(s)/ &&)) :
	$(if $(TEXT),$(INSTALL) -m 644 $(TEXT) $(D)$(DATADIR)/vmctl/help/)
	$(INSTALL) -m 644 completions/vmctl.bash $(D)$(BASHCOMPDIR)/vmctl
	$(INSTALL) -m 644 completions/vmctl.zsh $(D)$(ZSHCOMPDIR)/_vmctl
	$(INSTALL) -m 644 completions/vmctl.fish $(D)$(FISHCOMPDIR)/vmctl.fish

uninstall:
	rm -f $(D)$(BINDIR)/vmctl $(addprefix $(D)$(LIBDIR)/,$(LIBNAME) $(SONAME) libvmctl.so pkgconfig/libvmctl.pc) \
		$(MAN:$(B)/man/%=$(D)$(MANDIR)/%) $(D)$(BASHCOMPDIR)/vmctl \
		$(D)$(ZSHCOMPDIR)/_vmctl $(D)$(FISHCOMPDIR)/vmctl.fish
	rm -f $(MODULES:%=$(D)$(MODULEDIR)/%.so) $(addprefix $(D)$(MODULEDIR)/agent/,$(notdir $(AGENT) $(AGENT).gz)) $(HEADERS:lib/include/%=$(D)$(INCLUDEDIR)/%) \
		$(D)$(DATADIR)/vmctl/catalogue.json $(ALL_TEXT:$(B)/%=$(D)$(DATADIR)/vmctl/%)
	-rmdir $(D)$(DATADIR)/vmctl/help $(D)$(DATADIR)/vmctl $(D)$(MODULEDIR)/agent $(D)$(MODULEDIR) $(D)$(INCLUDEDIR)/vmctl

dist:
	@mkdir -p $(B)
	git archive --format=tar --prefix=vmctl-$(VERSION)/ HEAD | gzip -9n >$(B)/vmctl-$(VERSION).tar.gz.tmp
	mv $(B)/vmctl-$(VERSION).tar.gz.tmp $(B)/vmctl-$(VERSION).tar.gz

clean:
	rm -rf $(B) $(if $(SANITIZE),,$(B)-asan)

help:
	@sed -n 's/^#help //p' Makefile
#help make demo          install what is missing, build, and run a VM from creation to deletion
#help make check         install what is missing, build, and run the tests
#help make check-all     these and the rest: everything with machines, the build without sanitizers
#help make               build (into build/; B=DIR for elsewhere, V=1 to see the commands)
#help make deps          only install the missing packages
#help make check-rest    what check-all adds to check
#help make check-lint | check-unit | check-cli | check-e2e | check-system | check-asan [T=FILE]
#help make check-valgrind  the unit tests in valgrind; not in check-all, as it takes minutes
#help make check-debian  what only the full Debian image has; not in check-all, as it takes half an hour
#help make check-fresh SUITE=bookworm|trixie  both commands on a Debian that has nothing; as root
#help make bench         times, side by side with the tools they are held against
#help make images/mini   build and import the mini image; images/debian a full one
#help make install       PREFIX=/usr/local LIBDIR=… DESTDIR=…; uninstall takes the same
#help make dist | clean

-include $(patsubst %.c,$(B)/%.d,$(ALL_SRC)) $(B)/gen/schema.d
.PHONY: all tests-build deps demo check check-rest check-all check-unit check-lint check-cli check-e2e check-system check-debian \
	check-asan check-valgrind check-fresh bench images/mini images/debian install uninstall dist clean help
.DELETE_ON_ERROR:
