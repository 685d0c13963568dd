# The two commands: `make demo` and `make test`, both as root on Debian. They
# install what they need and touch nothing else of the machine: everything live
# happens in throwaway namespaces.

GO ?= go
TOOLS = iptables ipset nmap iproute2
TEST_TOOLS = $(TOOLS) masscan zmap iprange ansible-core cloud-init bsdutils util-linux fail2ban python3-systemd systemd-journal-remote libdevmapper1.02.1 iputils-ping ethtool strace \
	nftables dbus python3-firewall python3-nftables systemd-container openssh-client libwrap0 traceroute mtr-tiny
BENCH_TOOLS = $(TEST_TOOLS) procps
# What the Debian that the tests boot has.
TREE = systemd systemd-sysv dbus iptables ipset iptables-persistent ipset-persistent kmod iproute2 procps
# What the Debians of other generations have, in which the tests run.
GENERATION = iptables ipset iproute2 nftables procps iputils-ping strace openssh-server openssh-client

.PHONY: build live-command install uninstall check demo test test-long matrix crash failpoints race lint bench picture golden reference clean

# Where the program is built, and what --version says; by default that of the build.
BIN ?= bin
VERSION ?=

# Without C libraries: as a static binary it ignores LD_PRELOAD and the like.
build:
	CGO_ENABLED=0 $(GO) build -ldflags '-X main.version=$(VERSION)' -o $(BIN)/hardenctl ./cmd/hardenctl

$(BIN)/hardenctl:
	$(MAKE) build

# Installs what `make` has built, so that root needs no Go. DESTDIR is put before every
# path, for a package. The unit is not enabled: the first apply does that.
PREFIX ?= /usr/local
MANUALS = $(notdir $(wildcard deploy/man/*.8))
UNIT = $(PREFIX)/lib/systemd/system/hardenctl-restore.service
BASH_COMPLETION = $(PREFIX)/share/bash-completion/completions/hardenctl
ZSH_COMPLETION = $(PREFIX)/share/zsh/site-functions/_hardenctl
FISH_COMPLETION = $(PREFIX)/share/fish/vendor_completions.d/hardenctl.fish

install: | $(BIN)/hardenctl
	install -D -m 0755 $(BIN)/hardenctl $(DESTDIR)$(PREFIX)/sbin/hardenctl
	install -d $(DESTDIR)$(PREFIX)/share/man/man8 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 0644 $(MANUALS:%=deploy/man/%) $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 0644 deploy/man/hardenctl.toml.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -d $(dir $(DESTDIR)$(BASH_COMPLETION) $(DESTDIR)$(ZSH_COMPLETION) $(DESTDIR)$(FISH_COMPLETION) $(DESTDIR)$(UNIT))
	$(BIN)/hardenctl completion bash >$(DESTDIR)$(BASH_COMPLETION)
	$(BIN)/hardenctl completion zsh >$(DESTDIR)$(ZSH_COMPLETION)
	$(BIN)/hardenctl completion fish >$(DESTDIR)$(FISH_COMPLETION)
	sed 's|/usr/local/sbin|$(PREFIX)/sbin|' deploy/systemd/hardenctl-restore.service >$(DESTDIR)$(UNIT)
	chmod 0644 $(DESTDIR)$(BASH_COMPLETION) $(DESTDIR)$(ZSH_COMPLETION) $(DESTDIR)$(FISH_COMPLETION) $(DESTDIR)$(UNIT)

# Removes what install has installed, and nothing else: `hardenctl rollback 0` before it
# restores the state of the host before hardenctl.
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/hardenctl $(MANUALS:%=$(DESTDIR)$(PREFIX)/share/man/man8/%) \
		$(DESTDIR)$(PREFIX)/share/man/man5/hardenctl.toml.5 \
		$(DESTDIR)$(BASH_COMPLETION) $(DESTDIR)$(ZSH_COMPLETION) $(DESTDIR)$(FISH_COMPLETION) $(DESTDIR)$(UNIT)

# What needs no root and no firewall tools, for each change. Tests that need root skip
# themselves here, and packages whose tests run in a lab are left out: make test has them.
WITHOUT_A_LAB = $(GO) list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | grep -v internal/lab | cut -d' ' -f1
check:
	test -z "$$(gofmt -l .)"
	$(GO) vet ./...
	$(GO) test $$($(WITHOUT_A_LAB))

demo: build
	test/scripts/setup $(TOOLS)
	$(GO) build -o bin/demo ./test/demo
	bin/demo $(CURDIR)/bin/hardenctl $(CURDIR)/test/demo

# The backends of iptables on which a test of both runs: nft alone, and in CI legacy too for
# one test in three. SEED says for which: three commits in a row have all.
BACKENDS ?= $(if $(CI),nft legacy/3,nft)
SEED ?= $(or $(shell git rev-list --count HEAD 2>/dev/null),0)

# The command for the live tests, and its twin that waits but seconds: built once for the
# packages of test/live, each of which would build its own.
LIVE_COMMAND = $(CURDIR)/bin/live/hardenctl
live-command:
	$(MAKE) build BIN=bin/live
	CGO_ENABLED=0 $(GO) build -tags impatient -o $(LIVE_COMMAND)-impatient ./cmd/hardenctl

test test-long matrix crash failpoints: export HARDENCTL_LIVE_COMMAND = $(LIVE_COMMAND)

# The time limits are for a machine that is four times slower than two quiet cores. One
# package more than processors (-p): the last tests of a package leave labs to the next.
# vet is part of lint.
test: live-command bin/docker bin/firewalls bin/rivals bin/sshd bin/rsyslog bin/tree
	test/scripts/setup $(TEST_TOOLS)
	@echo "tests of both backends of iptables run on: $(BACKENDS) (for both: make test BACKENDS='nft legacy')"
	HARDENCTL_TEST_BACKENDS='$(BACKENDS)' HARDENCTL_TEST_TURN=$(SEED) $(GO) test -p $(shell expr `nproc` + 1) -count=1 -vet=off -timeout 60m ./...

# The tables that take hours as a whole: failpoints, crashes, losses of power, series
# of applies, and the tools of other generations. Each runs for its part of LONG,
# and says how far it came; SEED says where it begins, and moves with each commit.
# All packages that have such tables run at once (-p), and share the labs.
# Of the other generations of tools one has its turn.
LONG ?= 6m
test-long: live-command bin/docker bin/firewalls bin/rivals bin/sshd bin/rsyslog bin/tree
	test/scripts/setup $(TEST_TOOLS)
	$(GO) test -p 8 -count=1 -timeout 60m ./test/live/... -long=$(LONG) -seed=$(SEED)
	$(MAKE) matrix SHORT=1 GENERATIONS=$(word $(shell expr $(SEED) % $(words $(GENERATIONS)) + 1),$(GENERATIONS))

# The real Docker, for the tests: unpacked, not installed.
bin/docker:
	test/scripts/unpack $@ docker.io containerd runc

# What hardenctl refuses to work beside, and what it is compared with: unpacked,
# since ufw removes iptables-persistent, and firewalld would take over this machine.
bin/firewalls:
	test/scripts/unpack $@ ufw firewalld

# More that it refuses to work beside, whose units the tests enable.
bin/rivals:
	test/scripts/unpack $@ ferm shorewall shorewall-core firehol firehol-common

# A Debian that boots, for the tests.
bin/tree:
	test/scripts/setup debootstrap
	test/scripts/tree $@ $(TREE)

# The real sshd, which would listen on this machine if it were installed.
bin/sshd:
	test/scripts/unpack $@ openssh-server

# The real rsyslog, which would read this machine's kernel log if it ran.
bin/rsyslog:
	test/scripts/unpack $@ rsyslog libestr0 libfastjson4 liblognorm5

# The tests that depend on what iptables and ipset print, take and refuse, with the
# tools of three generations of Debian, less this machine's, which make test tests.
# SHORT=1 runs those that depend on it most.
GENERATIONS ?= $(filter-out $(shell . /etc/os-release && echo $$VERSION_CODENAME), bullseye bookworm trixie)
SHORT ?=
matrix: export CGO_ENABLED = 0
matrix: live-command $(GENERATIONS:%=bin/generations/%)
	for g in $(GENERATIONS); do \
		within="$(CURDIR)/test/scripts/within $(CURDIR)/bin/generations/$$g"; \
		$(GO) test -count=1 -exec "$$within" ./internal/host/... && \
		$(GO) test -count=1 -timeout 60m $(if $(SHORT),-short) -exec "$$within" ./test/live/... || exit; \
	done

bin/generations/%:
	test/scripts/setup debootstrap
	SUITE=$* test/scripts/tree $@ $(GENERATION)

# Kills N applies, confirms, reverts, rollbacks and restores at random moments on
# each backend; SEED= repeats a run.
N ?= 2000
crash: live-command
	test/scripts/setup $(TEST_TOOLS)
	$(GO) -C test/live/failpoints test -count=1 -timeout 0 -run '^TestCrash' -all -crashes=$(N) -seed=$(SEED)

# Damages every command at every call to disk, message to the kernel and tool, in
# every way. Takes hours; make test-long does a slice of it.
failpoints: live-command
	test/scripts/setup $(TEST_TOOLS)
	$(GO) -C test/live/failpoints test -count=1 -timeout 0 -run '^TestFailpoints|^TestFault09_' -all

# The packages in which goroutines meet.
# -short: one in eight of the mistakes that check must find.
race:
	$(GO) test -short -count=1 -timeout 60m -race ./compiler/... ./internal/host/... ./internal/cli/... ./cmd/... ./internal/lab/... ./internal/verify/...

lint:
	test -z "$$(gofmt -l .)"
	$(GO) vet ./...
	$(GO) mod verify
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...

bench: bin/firewalls
	test/scripts/setup $(BENCH_TOOLS)
	$(GO) test -run '^$$' -bench . -timeout 40m ./test/bench
	$(GO) test -run '^$$' -bench . -benchmem ./compiler/exact

# Draws the picture of the docs anew from an attack on the demo's web server. docs/verify.md has the
# text of the same attack: print that anew too.
picture: build
	test/scripts/setup $(TOOLS) masscan zmap
	bin/hardenctl verify test/demo/web.toml --json >bin/report.json
	$(GO) run ./docs/picture <bin/report.json >docs/what-an-attacker-sees.svg

# Rewrites the golden bundles; read the diff before you commit it.
golden:
	$(GO) test ./golden -update

# Rewrites the tables of the docs that come from the code: the keys of a profile, the files
# of a bundle, the exit codes, and the tests of each fault.
reference:
	$(GO) test ./compiler/profile ./compiler/bundle ./internal/cli/exitcode ./internal/house -run '^(TestReference|TestFilesOfPage|TestPage|TestEachFaultIsTested)$$' -update
	$(GO) test ./cmd/hardenctl -run '^TestManPages$$' -update

clean:
	rm -rf bin
