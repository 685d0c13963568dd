package live

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/journal"
)

// dieConfirming confirms a trial in a process that dies when the rules are next.
func dieConfirming(t *testing.T, profile string) {
	t.Helper()
	token, _ := tryOut(t, profile, "2m")
	killAll(t)
	breakNamed(t, "iptables-restore", "kill -KILL $PPID; exit 1")
	as(t, confirming, "confirm", token)
	e, err := ourJournal.Read()
	must(t, err)
	if e.Phase != journal.Confirmed {
		t.Fatalf("the journal says %s", e.Phase)
	}
}

// An apply that was confirmed, died and cannot be finished is half done, and
// every command says so. It is finished once the cause is fixed, or
// given up by revert; either way the next apply is one as any other.
func TestUnfinished(t *testing.T) {
	bare(t, "nft")
	one, other := variant(t), variant(t, `"tcp/80"`, `"tcp/8443"`)
	arguments := func(profile string) []string {
		return []string{"apply", profile, "--auto-approve", "--no-guard", "--confirm-within", "0"}
	}
	expect(t, 0, arguments(one)...)

	t.Run("finished", func(t *testing.T) {
		dieConfirming(t, other)
		t.Run("but not yet", func(t *testing.T) {
			readOnly(t)
			contains(t, expect(t, 4, append(arguments(one), "--json")...), `"reverted": false`, "read-only file system", "hardenctl revert")
		})
		contains(t, expect(t, 0, "revert"), "No trial is pending.")
		expect(t, 0, "plan", other, "--detailed-exitcode")
	})
	t.Run("given up", func(t *testing.T) {
		dieConfirming(t, one)
		must(t, os.WriteFile(filepath.Join(ourJournal.Folder, "bundle/manifest.json"), []byte("{}"), 0o600))
		contains(t, expect(t, 4, arguments(other)...), "was confirmed but is incomplete", "hardenctl revert")
		contains(t, expect(t, 4, "revert"), "it was abandoned", "hardenctl plan")
		contains(t, expect(t, 0, "revert"), "No trial is pending.")
		noTrialLeft(t)
		expect(t, 0, arguments(one)...)
		expect(t, 0, "plan", one, "--detailed-exitcode")
	})
	nothingUnderWay(t)
	noTrialLeft(t)
}

// A confirm that dies after the last file is in place, and before it has cleared
// up, leaves nothing beside the files once it is brought to its end.
func TestUnfinishedAfterTheLastFile(t *testing.T) {
	bare(t, "nft")
	one, other := variant(t), variant(t, `"tcp/80"`, `"tcp/8443"`)
	expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
	t.Run("dies", func(t *testing.T) { dieConfirming(t, other) })
	rest(t)
	for _, beside := range glob(t, "/etc/*/.*.hardenctl-new") {
		path := filepath.Join(filepath.Dir(beside), strings.TrimSuffix(filepath.Base(beside)[1:], ".hardenctl-new"))
		must(t, os.Rename(beside, path))
	}
	if glob(t, "/etc/*/.*.hardenctl-old") == nil {
		t.Fatal("no file has changed")
	}
	contains(t, expect(t, 0, "revert"), "No trial is pending.")
	expect(t, 0, "plan", other, "--detailed-exitcode")
	nothingUnderWay(t)
	noTrialLeft(t)
}
