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
	    $(CODECS) -I. -I$(OUT)
BPF_CF   := -std=gnu11 -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) \
	    -Wall -Werror -Wpadded -Wno-gnu-variable-sized-type-not-at-end \
	    -I. -isystem vmlinux
# -MD, not -MMD: vmlinux.h comes in as a system header
DEPFLAGS  = -MD -MP
LIBS     := -lbpf -lelf -lz -lcapstone -lprotobuf-c -lcurl -lpcap -lyaml -lcap -lpthread -lm
# codecs of Kafka's record batches, where they are: $(call codec,NAME,header,library)
codec     = $(if $(shell printf '\043include <stddef.h>\n\043include <$(2)>\n' | $(CC) -E - 2>/dev/null | head -c 1),\
	    $(eval CODECS += -DHAVE_$(1))$(eval LIBS += $(3)))
$(call codec,LZ4,lz4frame.h,-llz4)$(call codec,SNAPPY,snappy-c.h,-lsnappy)$(call codec,ZSTD,zstd.h,-lzstd)
# only the tests read JSON back, and have another HTTP/2 to compare with
TEST_LIBS := $(LIBS) -ljansson -lnghttp2

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
APP_BIN  := $(patsubst %.c,$(OUT)/%,$(wildcard tests/apps/*.c tests/bench/*.c)) $(OUT)/tests/unit/sites
FUZZ_OBJ := $(LIB_SRC:%.c=$(OUT)/fuzz/lib/%.o) $(OUT)/fuzz/lib/otlp.pb-c.o
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
	$(Q)$(CC) $(ALL_CF) $(DEPFLAGS) $(LDFLAGS) $< $(LIB) $(TEST_LIBS) -o $@
$(OUT)/tests/apps/%: tests/apps/%.c
	$(call msg,APP,$@)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CF) $(DEPFLAGS) $< -lpthread $(LDLIBS) -o $@
$(OUT)/tests/bench/%: tests/bench/%.c
	$(call msg,APP,$@)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CF) $(DEPFLAGS) $< $(LDLIBS) -o $@
$(OUT)/tests/bench/sslbench: LDLIBS = -lssl -lcrypto -lpthread
$(OUT)/tests/bench/classic_probe: LDLIBS = -lelf
$(OUT)/tests/apps/tlsdl: LDLIBS = -ldl

FUZZ_CF   = -std=gnu11 -g -O1 -fsanitize=$(1),address,undefined -fno-sanitize-recover=undefined \
	    -D_GNU_SOURCE -DOE_VERSION='"$(VERSION)"' $(CODECS) -I. -I$(OUT) $(DEPFLAGS)
$(OUT)/fuzz/lib/%.o: %.c | $(PB_SRC) $(SKEL)
	$(call msg,FUZZ-CC,$@)mkdir -p $(@D)
	$(Q)$(CLANG) $(call FUZZ_CF,fuzzer-no-link) -c $< -o $@
$(OUT)/fuzz/lib/otlp.pb-c.o: $(PB_SRC)
	$(call msg,FUZZ-CC,$@)mkdir -p $(@D)
	$(Q)$(CLANG) $(call FUZZ_CF,fuzzer-no-link) -c $< -o $@
$(OUT)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJ)
	$(call msg,FUZZ,$@)mkdir -p $(@D)
	$(Q)$(CLANG) $(call FUZZ_CF,fuzzer) $< $(FUZZ_OBJ) $(TEST_LIBS) -o $@

## make                 build $(OUT)/otel-ebpf (needs the packages of `make deps`)
## make demo            (root) everything from nothing: install, build, watch a sample service
## make test            (root) everything from nothing: install, build, run all tests of this machine
## make deps            (root) install what is missing through apt
deps:
	$(Q)packaging/deps.sh build test
demo:
	$(Q)packaging/deps.sh build demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/tools/demo.sh $(BIN)

# a python with the official OTLP definitions; where it cannot be had the test that needs it says so
SINK_PYTHON = OTLP_SINK_PYTHON=$$(OUT=.output tests/tools/venv.sh 2>/dev/null)
## make check           unit tests, style, includes; no root, seconds; SAN=address,undefined
check: $(UNIT_BIN) $(BIN)
	$(Q)tests/tools/check_includes
	$(Q)tests/tools/check_style
	$(Q)OUT=$(OUT) $(SINK_PYTHON) $(PROVE) $(UNIT_BIN)
# two files at a time where that disturbs nothing (tests/tools/prove_rules.yml), one by one otherwise
PROVE_ALL = HARNESS_RULESFILE=tests/tools/prove_rules.yml $(PROVE) -j2 --timer -e tests/tools/prove_exec
## make check-e2e       (root) the daemon against real servers and clients
check-e2e: $(BIN) $(APP_BIN)
	$(Q)OUT=$(OUT) $(PROVE_ALL) $(wildcard tests/e2e/*.bats)
## make fuzz            every fuzz target for FUZZ_SECONDS (60); -jN: N at a time
FUZZ_SECONDS ?= 60
fuzz: $(FUZZ_BIN:%=%.run)
# all are built before the first runs
$(FUZZ_BIN:%=%.run): %.run: $(FUZZ_BIN)
	$(Q)tests/tools/run_fuzz.sh $* $(FUZZ_SECONDS)
## make bench           (root) the budgets of docs/benchmarks.md, measured here
bench: $(BIN) $(APP_BIN)
	$(Q)OUT=$(OUT) tests/bench/bench.sh

# the whole of it, once; the last lines are prove's own
JOBS = -j$(shell nproc)
test:
	$(Q)packaging/deps.sh build test
	$(Q)$(MAKE) --no-print-directory $(JOBS) check SAN=address,undefined
	$(Q)$(MAKE) --no-print-directory $(JOBS) fuzz FUZZ_SECONDS=20
	$(Q)$(MAKE) --no-print-directory $(JOBS) all test-bins
	$(Q)tests/tools/check_includes
	$(Q)tests/tools/check_style
	$(Q)OUT=$(OUT) $(SINK_PYTHON) $(PROVE_ALL) $(UNIT_BIN) $(wildcard tests/replay/*.bats) \
	    $(wildcard tests/bpf/*.bats) $(wildcard tests/e2e/*.bats)
test-bins: $(UNIT_BIN) $(APP_BIN) $(BIN)

## make install         DESTDIR and prefix (/usr/local) as usual
install: $(BIN)
	install -D -m 0755 $(BIN) $(DESTDIR)$(prefix)/sbin/otel-ebpf
	install -D -m 0644 packaging/otel-ebpf.1 $(DESTDIR)$(prefix)/share/man/man1/otel-ebpf.1
	install -D -m 0644 packaging/completions/otel-ebpf.bash \
	    $(DESTDIR)$(prefix)/share/bash-completion/completions/otel-ebpf
	install -D -m 0644 packaging/otel-ebpf.yaml $(DESTDIR)$(prefix)/share/doc/otel-ebpf/otel-ebpf.yaml
## make format          clang-format on everything that is ours
format:
	clang-format -i $(shell git ls-files '*.c' '*.h' | grep -v '^vmlinux/')
clean:
	rm -rf .output .output-san

.PHONY: all help deps demo check check-e2e fuzz $(FUZZ_BIN:%=%.run) bench test test-bins install format clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
