# SPDX-License-Identifier: Apache-2.0
# `make` builds .output/otel-ebpf; `make help` lists the rest. V=1 shows commands.
# Sanitizer builds have their own directory: make check SAN=address,undefined
VERSION := 0.1.0
SAN     ?=
OUT     ?= .output$(if $(SAN),-san)
CLANG   ?= clang
BPFTOOL ?= $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool)
PROTOC_C ?= protoc-c
PROVE   ?= prove
CFLAGS  ?= -O2 -g
DESTDIR ?=
prefix  ?= /usr/local
ARCH    := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')

ifeq ($(V),1)
Q =
msg =
else
Q = @
msg = @printf '  %-8s %s\n' "$(1)" "$(2)";
endif

WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	    -Wno-unused-parameter
SAN_CF   := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CF    = -std=gnu11 $(WARN) $(CFLAGS) $(SAN_CF) -D_GNU_SOURCE -DOE_VERSION='"$(VERSION)"' \
	    -I. -I$(OUT)
BPF_CF   := -std=gnu11 -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) \
	    -Wall -Werror -Wpadded -Wno-gnu-variable-sized-type-not-at-end \
	    -I. -isystem vmlinux
# -MD, not -MMD: vmlinux.h comes in as a system header
DEPFLAGS  = -MD -MP
LIBS     := -lbpf -lelf -lz -lprotobuf-c -lcurl -lpcap -lyaml -ljansson -lcap -lpthread -lm

# the parts that need no kernel and go into every test; feat.bpf.c has a skeleton of its own
BPF_OBJ  := $(patsubst %.c,$(OUT)/%.o,$(filter-out bpf/feat.bpf.c,$(wildcard bpf/*.bpf.c)))
SKEL     := $(OUT)/otel_ebpf.skel.h
LIB_SRC  := $(wildcard probes/*.c probes/*/*.c userspace/base/*.c exporter/*.c) \
	    $(filter-out userspace/main.c,$(wildcard userspace/*.c))
PB_SRC   := $(OUT)/exporter/proto/otlp.pb-c.c
LIB_OBJ  := $(LIB_SRC:%.c=$(OUT)/%.o) $(PB_SRC:.c=.o)
LIB      := $(OUT)/liboe.a
BIN      := $(OUT)/otel-ebpf
UNIT_BIN := $(patsubst %.c,$(OUT)/%,$(wildcard tests/unit/test_*.c))
APP_BIN  := $(patsubst %.c,$(OUT)/%,$(wildcard tests/apps/*.c))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(OUT)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

all: $(BIN)

help:
	@sed -n 's/^## //p' $(firstword $(MAKEFILE_LIST))

$(OUT)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call msg,BPF,$@)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CF) $(DEPFLAGS) -MT $@ -c $< -o $@
$(OUT)/otel_ebpf.bpf.o: $(BPF_OBJ)
	$(call msg,LINK-BPF,$@)$(BPFTOOL) gen object $@ $^
$(SKEL): $(OUT)/otel_ebpf.bpf.o
	$(call msg,SKEL,$@)$(BPFTOOL) gen skeleton $< name otel_ebpf_bpf > $@

$(OUT)/%.pb-c.c: %.proto
	$(call msg,PROTOC-C,$@)mkdir -p $(@D)
	$(Q)$(PROTOC_C) --c_out=$(OUT) $<
$(OUT)/%.pb-c.o: $(OUT)/%.pb-c.c
	$(call msg,CC,$@)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CF) -Wno-missing-prototypes -c $< -o $@
# order only: the compiler's own dependency files say who really includes them
$(LIB_OBJ): | $(PB_SRC) $(if $(wildcard bpf/*.bpf.c),$(SKEL))

$(OUT)/%.o: %.c
	$(call msg,CC,$@)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CF) $(DEPFLAGS) -c $< -o $@
$(LIB): $(LIB_OBJ)
	$(call msg,AR,$@)rm -f $@; ar rcs $@ $^
$(BIN): $(OUT)/userspace/main.o $(LIB)
	$(call msg,LD,$@)$(CC) $(ALL_CF) $(LDFLAGS) $^ $(LIBS) -o $@
$(OUT)/tests/unit/%: tests/unit/%.c $(LIB)
	$(call msg,TEST,$@)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CF) $(DEPFLAGS) $(LDFLAGS) $< $(LIB) $(LIBS) -o $@
$(OUT)/tests/apps/%: tests/apps/%.c
	$(call msg,APP,$@)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CF) $(DEPFLAGS) $< -lpthread -o $@

.PHONY: all help
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
