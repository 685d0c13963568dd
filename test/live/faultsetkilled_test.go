package live

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// manyAddresses are as many as a set is not filled with at once: hardenctl sends
// them to the kernel in some seventeen messages.
const manyAddresses = 30_000

// largeProfile writes a profile with a large set of addresses of a network of
// which no two make one.
func largeProfile(t *testing.T, network int) string {
	t.Helper()
	var list strings.Builder
	for i := range manyAddresses {
		fmt.Fprintf(&list, "%d.%d.%d.%d\n", network, i>>15, i>>7&255, i<<1&255)
	}
	path := write(t, "large.toml", "version = 1\ninclude = [\"builtin:database\"]\n[sets.large]\nfiles = [\"large.txt\"]\n[access]\nblock = [\"@large\"]\n")
	must(t, os.WriteFile(filepath.Join(filepath.Dir(path), "large.txt"), []byte(list.String()), 0o644))
	return path
}

// A hardenctl that is killed while it fills a set leaves no set half full that a
// packet could meet: one that was there is as it was, in the trial and at the
// confirm, and one that is new is in no rule.
func TestFault13_FillKilled(t *testing.T) {
	one, other := largeProfile(t, 10), largeProfile(t, 11)
	first := func(t *testing.T) {
		fresh := promise(t, one, func() { addForeign(t) })
		fresh.fillKilled(t, "hardenctl-block-v4", false)
		fresh.settles(t)
	}
	again := func(t *testing.T) {
		repeat := promise(t, other, func() { inhabitAfter(t, one) })
		repeat.fillKilled(t, "hardenctl_block-v4", false)
		repeat.fillKilled(t, "hardenctl-tmp-", true)
		repeat.settles(t)
	}
	for i := range newSlice(t, 2*len(lab.Backends), 1).numbers() {
		backend := lab.Backends[i%len(lab.Backends)]
		t.Run(fmt.Sprint(backend, i), func(t *testing.T) {
			bare(t, backend)
			[]func(*testing.T){first, again}[i/len(lab.Backends)](t)
		})
	}
}

// fillKilled kills an apply while it fills a set whose name begins so, and has a
// revert undo what it has left, or bring to its end what was confirmed. What
// it sends to the kernel is held up, so that it is not done before the kill comes.
func (p *promises) fillKilled(t *testing.T, name string, confirmed bool) {
	t.Helper()
	cmd := strace(t, []string{"--detach-on=execve", "--seccomp-bpf", "-e", "trace=sendto", "-e", "inject=sendto:delay_enter=30000"},
		"apply", p.profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
	must(t, cmd.Start())
	lab.Await(t, "a set that is half full", func() bool { return halfFull(t, name) })
	killAll(t)
	cmd.Wait()
	rest(t)
	if !halfFull(t, name) {
		t.Fatalf("%s was full before the kill came", name)
	}
	p.isWhole(t)
	want := p.old
	if confirmed {
		want = p.fresh
	}
	expect(t, 0, "revert")
	look(t).is(t, want)
	p.othersHaveTheirs(t)
	nothingUnderWay(t)
	noTrialLeft(t)
}

// halfFull reports whether a set of the large one's size is being filled whose
// name begins so.
func halfFull(t *testing.T, name string) bool {
	t.Helper()
	all, err := kernelset.List()
	must(t, err)
	return slices.ContainsFunc(all, func(h kernelset.Header) bool {
		return strings.HasPrefix(h.Name, name) && h.Entries > 1000 && h.Entries < manyAddresses
	})
}

// An ipset that is killed while it loads takes the apply back, and at a boot
// leaves a host that is closed.
func TestFault13_IpsetKilled(t *testing.T) {
	one := largeProfile(t, 10)
	onBackends(t, func(t *testing.T) {
		for _, before := range []string{"", "builtin:database"} {
			t.Run(fmt.Sprintf("apply from %q", before), func(t *testing.T) {
				wipe(t)
				inhabitAfter(t, before)
				killTool(t, "^create hardenctl_trial") // which a rehearsal has not
				p := asItIs(t)
				contains(t, expect(t, 3, "apply", one, "--auto-approve", "--confirm-within", "0", "--no-guard"), "cannot create sets", "killed")
				p.isOld(t)
			})
		}
		expect(t, 0, "apply", one, "--auto-approve", "--confirm-within", "0", "--no-guard")
		powerOff(t)
		t.Run("restore", func(t *testing.T) {
			killTool(t, "^add hardenctl-block-v4")
			contains(t, expect(t, 1, "restore"), "/etc/iptables/ipsets cannot be loaded", "IPv4: CLOSED", "IPv6: CLOSED")
		})
		expect(t, 0, "restore")
		expect(t, 0, "plan", one, "--detailed-exitcode")
	})
}

// killTool has ipset kill itself when it has restored half of the lines that it is
// given, where any of them matches a pattern of grep, until the end of the test.
func killTool(t *testing.T, pattern string) {
	t.Helper()
	folder := t.TempDir()
	tool(t, "cp /usr/sbin/ipset "+folder+"/ipset")
	stand(t, "/usr/sbin/ipset", fmt.Sprintf(`#!/bin/sh
case "$*" in
*restore*)
	lines=$(mktemp %[1]s/lines.XXXX)
	cat >$lines
	if grep -q '%[2]s' $lines; then
		head -n $(($(wc -l <$lines)/2)) $lines | %[1]s/ipset "$@"
		kill -KILL $$
	fi
	exec %[1]s/ipset "$@" <$lines ;;
esac
exec %[1]s/ipset "$@"
`, folder, pattern))
}
