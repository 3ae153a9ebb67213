# vmctl: one plain makefile. Out of tree in $(B); `make V=1` shows commands.
VERSION := 0.1.0
SOVERSION := 0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
B ?= build

CC ?= cc
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config

ifeq ($(V),1)
Q :=
say :=
else
Q := @
say = @printf '  %-7s %s\n'
endif

# The user's CFLAGS and LDFLAGS are left alone; these are the project's.
VM_CFLAGS := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wundef -Wvla -Wno-unused-parameter \
	-Wno-missing-field-initializers -fvisibility=hidden -fPIC \
	-ffile-prefix-map=$(CURDIR)=. -MMD -MP \
	-Ilib/include -Ilib -I. -I$(B)/gen \
	-DVMCTL_VERSION='"$(VERSION)"' -DVMCTL_MODULE_DIR='"$(LIBDIR)/vmctl"' \
	-DVMCTL_MANDIR='"$(MANDIR)"'
VM_LDFLAGS := -Wl,--as-needed -Wl,-z,relro -Wl,-z,now

SAN :=
ifneq ($(SANITIZE),)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
endif

pkg = $(shell $(PKG_CONFIG) $(1) $(2) 2>/dev/null)

# --- what is built from what ------------------------------------------------
MODULES := libvirt ssh crypto iso
BASE_SRC := $(wildcard lib/base/*.c)
LIB_SRC := $(wildcard lib/*.c lib/state/*.c lib/driver/*.c lib/image/*.c lib/key/*.c \
	lib/network/*.c lib/instance/*.c lib/snapshot/*.c lib/host/*.c)
CLI_SRC := $(wildcard cli/*.c cli/*/*.c)
MODULE_SRC := $(foreach m,$(MODULES),$(wildcard lib/driver/$(m)/*.c))

LIBS_base := $(call pkg,--libs,jansson)
LIBS_lib := $(call pkg,--libs,sqlite3 jansson)
LIBS_libvirt := $(call pkg,--libs,libvirt libvirt-qemu)
LIBS_ssh := $(call pkg,--libs,libssh)
LIBS_crypto := $(call pkg,--libs,libcrypto)
LIBS_iso := $(call pkg,--libs,libarchive)

obj = $(patsubst %.c,$(B)/%.o,$(1))
BASE_OBJ := $(call obj,$(BASE_SRC))
LIB_OBJ := $(call obj,$(LIB_SRC)) $(B)/gen/schema.o
CLI_OBJ := $(call obj,$(CLI_SRC))

LIBNAME := libvmctl.so.$(VERSION)
SONAME := libvmctl.so.$(SOVERSION)

all: $(B)/vmctl $(foreach m,$(MODULES),$(B)/modules/$(m).so) $(B)/libvmctl.a

$(B)/%.o: %.c
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(VM_CFLAGS) $(SAN) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# schema.sql becomes a C string.
$(B)/gen/schema.c: lib/state/schema.sql
	@mkdir -p $(@D)
	$(Q){ echo 'extern const char state_schema[];'; echo 'const char state_schema[] ='; \
	  sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; echo ';'; } > $@.tmp && mv $@.tmp $@
$(B)/gen/schema.o: $(B)/gen/schema.c
	$(Q)$(CC) $(VM_CFLAGS) $(SAN) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/libbase.a: $(BASE_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Everything with all symbols, for the unit tests.
$(B)/libvmctl.a: $(BASE_OBJ) $(LIB_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/$(LIBNAME): $(LIB_OBJ) $(B)/libbase.a lib/libvmctl.map
	$(say) LD $@
	$(Q)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script,lib/libvmctl.map $(SAN) \
		$(VM_LDFLAGS) $(LDFLAGS) -o $@ $(LIB_OBJ) $(B)/libbase.a $(LIBS_lib) -ldl
	$(Q)ln -sf $(LIBNAME) $(B)/$(SONAME) && ln -sf $(SONAME) $(B)/libvmctl.so

define module_rule
$(B)/modules/$(1).so: $(call obj,$(wildcard lib/driver/$(1)/*.c)) $(B)/libbase.a
	$$(say) LD $$@
	@mkdir -p $$(@D)
	$$(Q)$$(CC) -shared $$(SAN) $$(VM_LDFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $(B)/libbase.a $$(LIBS_$(1))
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$(m))))

$(B)/vmctl: $(CLI_OBJ) $(B)/$(LIBNAME) $(B)/libbase.a
	$(say) LD $@
	$(Q)$(CC) $(SAN) $(VM_LDFLAGS) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN' -o $@ $(CLI_OBJ) $(B)/libbase.a -L$(B) -lvmctl $(LIBS_base)

clean:
	rm -rf $(B)

-include $(patsubst %.o,%.d,$(BASE_OBJ) $(LIB_OBJ) $(CLI_OBJ) $(call obj,$(MODULE_SRC)))
.PHONY: all clean
.DELETE_ON_ERROR:
