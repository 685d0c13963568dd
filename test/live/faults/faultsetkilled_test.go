package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
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
	path := testfile.Write(t, "large.toml", "version = 1\ninclude = [\"builtin:database\"]\n[sets.large]\nfiles = [\"large.txt\"]\n[access]\nblock = [\"@large\"]\n")
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "large.txt"), []byte(list.String()), 0o644))
	return path
}

// A hardenctl that is killed while it fills a set leaves no set half full that a
// packet could meet: one that was there is as it was, in the trial and at the
// confirm, and one that is new is in no rule.
func TestFault13_FillKilled(t *testing.T) {
	one, other := largeProfile(t, 10), largeProfile(t, 11)
	first := func(t *testing.T) {
		fresh := promise.New(t, one, func() { stage.AddForeign(t) })
		fillKilled(fresh, t, "hardenctl-block-v4", false)
		fresh.Settles(t)
	}
	again := func(t *testing.T) {
		repeat := promise.New(t, other, func() { promise.Populate(t, one) })
		fillKilled(repeat, t, "hardenctl_block-v4", false)
		fillKilled(repeat, t, "hardenctl-tmp-", true)
		repeat.Settles(t)
	}
	for i := range suite.NewSlice(t, 2*len(lab.Backends), 1).Numbers() {
		backend := lab.Backends[i%len(lab.Backends)]
		t.Run(fmt.Sprint(backend, i), func(t *testing.T) {
			stage.Bare(t, backend)
			[]func(*testing.T){first, again}[i/len(lab.Backends)](t)
		})
	}
}

// fillKilled kills an apply while it fills a set whose name begins so, and has a
// revert undo what it has left, or complete what was confirmed. What
// it sends to the kernel is held up, so that it is not done before the kill comes.
func fillKilled(p *promise.Promises, t *testing.T, name string, confirmed bool) {
	t.Helper()
	cmd := inject.Strace(t, []string{"--detach-on=execve", "--seccomp-bpf", "-e", "trace=sendto", "-e", "inject=sendto:delay_enter=30000"},
		"apply", p.Profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
	require.NoError(t, cmd.Start())
	lab.Await(t, "a set that is half full", func() bool { return halfFull(t, name) })
	run.KillAll(t)
	cmd.Wait()
	stage.AwaitLock(t)
	if !halfFull(t, name) {
		t.Fatalf("%s was full before the kill came", name)
	}
	p.IsWhole(t)
	want := p.Old
	if confirmed {
		want = p.Fresh
	}
	run.Expect(t, 0, "revert")
	stage.TakePicture(t).Is(t, want)
	p.OthersHaveTheirs(t)
	trials.NothingUnderWay(t)
	trials.NoTrialLeft(t)
}

// halfFull reports whether a set of the large one's size is being filled whose
// name begins so.
func halfFull(t *testing.T, name string) bool {
	t.Helper()
	all, err := kernelset.List()
	require.NoError(t, err)
	return slices.ContainsFunc(all, func(h kernelset.Header) bool {
		return strings.HasPrefix(h.Name, name) && h.Entries > 1000 && h.Entries < manyAddresses
	})
}

// An ipset that is killed while it loads takes the apply back, and at a boot
// leaves a host that is closed.
func TestFault13_IpsetKilled(t *testing.T) {
	one := largeProfile(t, 10)
	stage.OnBackends(t, func(t *testing.T) {
		for _, before := range []string{"", "builtin:database"} {
			t.Run(fmt.Sprintf("apply from %q", before), func(t *testing.T) {
				stage.Wipe(t)
				promise.Populate(t, before)
				killTool(t, "^create hardenctl_trial") // which a rehearsal has not
				p := promise.Unchanged(t)
				require.Contains(t, run.Expect(t, 3, "apply", one, "--auto-approve", "--confirm-within", "0", "--no-guard"), "cannot create sets", "killed")
				p.IsOld(t)
			})
		}
		run.Expect(t, 0, "apply", one, "--auto-approve", "--confirm-within", "0", "--no-guard")
		bootsim.PowerOff(t)
		t.Run("restore", func(t *testing.T) {
			killTool(t, "^add hardenctl-block-v4")
			require.Contains(t, run.Expect(t, 1, "restore"), "/etc/iptables/ipsets cannot be loaded", "IPv4: CLOSED", "IPv6: CLOSED")
		})
		run.Expect(t, 0, "restore")
		run.Expect(t, 0, "plan", one, "--detailed-exitcode")
	})
}

// killTool has ipset kill itself when it has restored half of the lines that it is
// given, where any of them matches a pattern of grep, until the end of the test.
func killTool(t *testing.T, pattern string) {
	t.Helper()
	folder := t.TempDir()
	run.Tool(t, "cp /usr/sbin/ipset "+folder+"/ipset")
	inject.StandIn(t, "/usr/sbin/ipset", fmt.Sprintf(`#!/bin/sh
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
