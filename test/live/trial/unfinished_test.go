package trial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// An apply that was confirmed, died and cannot be completed is incomplete, and
// every command says so. It is finished once the cause is fixed, or
// given up by revert; either way the next apply is one as any other.
func TestUnfinished(t *testing.T) {
	stage.Bare(t, "nft")
	one, other := webserver.Variant(t), webserver.Variant(t, `"tcp/80"`, `"tcp/8443"`)
	arguments := func(profile string) []string {
		return []string{"apply", profile, "--auto-approve", "--no-guard", "--confirm-within", "0"}
	}
	run.Expect(t, 0, arguments(one)...)

	t.Run("finished", func(t *testing.T) {
		trials.DieConfirming(t, other)
		t.Run("but not yet", func(t *testing.T) {
			inject.ReadOnly(t)
			require.Contains(t, run.Expect(t, 4, append(arguments(one), "--json")...), `"reverted": false`, "read-only file system", "hardenctl revert")
		})
		require.Contains(t, run.Expect(t, 0, "revert"), "No trial is pending.")
		run.Expect(t, 0, "plan", other, "--detailed-exitcode")
	})
	t.Run("given up", func(t *testing.T) {
		trials.DieConfirming(t, one)
		require.NoError(t, os.WriteFile(filepath.Join(stage.Journal.Folder, "bundle/manifest.json"), []byte("{}"), 0o600))
		require.Contains(t, run.Expect(t, 4, arguments(other)...), "was confirmed but is incomplete", "hardenctl revert")
		require.Contains(t, run.Expect(t, 4, "revert"), "it was abandoned", "hardenctl plan")
		require.Contains(t, run.Expect(t, 0, "revert"), "No trial is pending.")
		trials.NoTrialLeft(t)
		run.Expect(t, 0, arguments(one)...)
		run.Expect(t, 0, "plan", one, "--detailed-exitcode")
	})
	trials.NothingUnderWay(t)
	trials.NoTrialLeft(t)
}

// A confirm that dies after the last file is in place, and before it has cleared
// up, leaves nothing beside the files once it is brought to its end.
func TestUnfinishedAfterTheLastFile(t *testing.T) {
	stage.Bare(t, "nft")
	one, other := webserver.Variant(t), webserver.Variant(t, `"tcp/80"`, `"tcp/8443"`)
	run.Expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
	t.Run("dies", func(t *testing.T) { trials.DieConfirming(t, other) })
	stage.AwaitLock(t)
	for _, beside := range testfile.Glob(t, "/etc/*/.*.hardenctl-new") {
		path := filepath.Join(filepath.Dir(beside), strings.TrimSuffix(filepath.Base(beside)[1:], ".hardenctl-new"))
		require.NoError(t, os.Rename(beside, path))
	}
	if testfile.Glob(t, "/etc/*/.*.hardenctl-old") == nil {
		t.Fatal("no file has changed")
	}
	require.Contains(t, run.Expect(t, 0, "revert"), "No trial is pending.")
	run.Expect(t, 0, "plan", other, "--detailed-exitcode")
	trials.NothingUnderWay(t)
	trials.NoTrialLeft(t)
}
