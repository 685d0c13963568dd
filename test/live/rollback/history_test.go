package rollback

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// A rollback makes the server what an earlier apply made of it, byte for byte,
// and is an apply like any other: it can be rolled back too.
func TestRollback(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		require.Contains(t, run.Expect(t, 0, "history"), "No generations yet")
		require.Contains(t, run.Expect(t, 1, "rollback", "--auto-approve", "--confirm-within", "0", "--no-guard"), "nothing has been applied yet", "`hardenctl apply PROFILE` makes the first")
		require.Contains(t, run.Expect(t, 1, "rollback", "0", "--auto-approve"), "nothing has been applied yet", "\"Uninstall\" in docs/operations.md")
		require.Contains(t, run.Expect(t, 1, "confirm"), "no apply was confirmed on this host so far", "Apply the profile again with --confirm-within 5m")
		require.Contains(t, run.Expect(t, 0, "revert"), "No trial is pending. Nothing was changed. `hardenctl rollback` undoes what was confirmed.")

		folder := filepath.Dir(testfile.Write(t, "a.toml", "version = 1\ninclude = [\"builtin:web\"]\n[sets.bad]\nfiles = [\"bad.txt\"]\n[access]\nblock = [\"@bad\"]\n"))
		require.NoError(t, os.WriteFile(folder+"/bad.txt", []byte("203.0.113.0/25\n2001:db8:bad::/48\n"), 0o644))
		a := folder + "/a.toml"
		run.Expect(t, 0, "apply", a, "--auto-approve", "--confirm-within", "0", "--no-guard")
		first := stage.TakePicture(t)
		run.Expect(t, 0, "apply", a, "--auto-approve", "--confirm-within", "0", "--no-guard") // changes nothing
		run.Expect(t, 0, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
		second := stage.TakePicture(t)

		require.NoError(t, os.Remove(a)) // no longer needed
		require.Contains(t, run.Expect(t, 1, "rollback", "--no-guard"), "no terminal to ask on")
		stage.TakePicture(t).Is(t, second)
		require.Contains(t, run.Expect(t, 0, "rollback", "--auto-approve", "--confirm-within", "0", "--no-guard"), "a.toml on this host", "Applied.", "This is generation 3")
		stage.TakePicture(t).Is(t, first)
		require.Contains(t, run.Expect(t, 0, "rollback", "--auto-approve", "--confirm-within", "0", "--no-guard", "--json"), `"applied": true`, `"generation": 4`)
		stage.TakePicture(t).Is(t, second)
		run.Expect(t, 0, "rollback", "1", "--auto-approve", "--confirm-within", "0", "--no-guard")
		stage.TakePicture(t).Is(t, first)
		if !run.Planned(t, restored(t, 5)).Empty() {
			t.Error("the profile that generation 5 keeps plans changes")
		}
		generationsAre(t, "5 a.toml 1", "4 builtin:database 2", "3 a.toml 1", "2 builtin:database 0", "1 a.toml 0")
		require.Contains(t, run.Expect(t, 1, "rollback", "6", "--auto-approve", "--confirm-within", "0", "--no-guard"), "no generation 6; `hardenctl history` lists them")
	})
}

// generationsAre compares the history with lines of number, profile and origin.
func generationsAre(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, g := range run.History(t) {
		got = append(got, strings.Join([]string{strings.TrimPrefix(g.String(), "generation "), g.Profile, strconv.Itoa(g.From)}, " "))
		if g.Who.User != "root" || g.When.IsZero() || g.Changes.Add == 0 || g.Command[0] != "hardenctl" {
			t.Errorf("%+v", g)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("history is %q, want %q", got, want)
	}
}

// restored returns the profile that a generation keeps, with all that it needs.
func restored(t *testing.T, number int) string {
	t.Helper()
	return filepath.Join(stage.Generations.Folder, strconv.Itoa(number), "sources/profile/a.toml")
}

// An apply that fails makes no generation, and leaves nothing where they are.
func TestNoGeneration(t *testing.T) {
	stage.Bare(t, "nft")
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	t.Run("broken", func(t *testing.T) {
		inject.BreakTool("echo not today >&2; exit 1")(t)
		run.Expect(t, 3, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
	})
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard") // changes nothing
	generationsAre(t, "1 builtin:web 0")
	if left := testfile.Glob(t, stage.Generations.Folder+"/.*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A disk that has no room for a generation refuses the apply before anything is
// changed.
func TestNoRoomForGeneration(t *testing.T) {
	stage.Bare(t, "nft")
	require.NoError(t, os.MkdirAll(stage.Generations.Folder, 0o700))
	folder := filepath.Dir(stage.Generations.Folder)
	require.NoError(t, os.Chmod(folder, 0o700))
	require.NoError(t, syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=16k,mode=0700"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	before := stage.TakePicture(t)
	require.Contains(t, run.Expect(t, 1, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"), "keeping a generation", "no space left on device; make room in /var/lib/hardenctl/generations. Nothing was changed")
	stage.TakePicture(t).Is(t, before)
}

// A generation that is not as it was written is not restored: the message
// names the file, and the host stays as it is.
func TestBrokenGeneration(t *testing.T) {
	stage.Bare(t, "nft")
	for _, profile := range []string{"builtin:web", "builtin:database"} {
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
	}
	before := stage.TakePicture(t)
	for _, name := range []string{"bundle/rules.v4", "bundle/manifest.json", "sources/builtin/profiles/web.toml", "generation.json"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(stage.Generations.Folder, "1", name)
			whole, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, whole[:len(whole)-9], 0o600))
			require.Contains(t, run.Expect(t, 1, "rollback", "--auto-approve", "--confirm-within", "0", "--no-guard"), "cannot restore generation 1", filepath.Base(path), "`hardenctl history` lists the others")
			stage.TakePicture(t).Is(t, before)
			run.Expect(t, 0, "history") // is shown all the same
			require.NoError(t, os.WriteFile(path, whole, 0o600))
		})
	}
	run.Expect(t, 0, "rollback", "--auto-approve", "--confirm-within", "0", "--no-guard")
}

// The history tells who it was, and only root can read it.
func TestHistory(t *testing.T) {
	stage.Bare(t, "nft")
	t.Setenv("SUDO_USER", "alice")
	t.Setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--lock-timeout", "5s")
	require.Contains(t, run.Expect(t, 0, "history"), "WHO", "alice from 192.0.2.7", "builtin:web", "hardenctl apply builtin:web --auto-approve --confirm-within 0 --no-guard --lock-timeout 5s")
	require.Contains(t, run.AsNobody(t, 1, "history"), "only root can read the generations")
}

// A list that lost more than it may since the last apply is an error with its
// place, and changes nothing; to return to a smaller one is not a loss of a feed.
func TestMaximumShrink(t *testing.T) {
	stage.Bare(t, "nft")
	path := testfile.Write(t, "a.toml", "version = 1\ninclude = [\"builtin:web\"]\n[sets.bad]\nfiles = [\"bad.txt\"]\nmaximum_shrink = \"50%\"\n[access]\nblock = [\"@bad\"]\n")
	hold := func(entries int) {
		t.Helper()
		var text strings.Builder
		for i := range entries {
			text.WriteString("203.0.113." + strconv.Itoa(2*i) + "\n")
		}
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "bad.txt"), []byte(text.String()), 0o644))
	}
	hold(20)
	run.Expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
	hold(100)
	run.Expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
	before := stage.TakePicture(t)
	hold(49)
	for _, args := range [][]string{{"plan", path}, {"apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard"}} {
		require.Contains(t, run.Expect(t, 1, args...), "a.toml:5:", "sets.bad: the set has 49 entries; it had 100 in generation 2, and may lose at most 50%")
		require.Contains(t, run.Expect(t, 1, append(args, "--json")...), `"maximum-shrink"`)
	}
	stage.TakePicture(t).Is(t, before)
	run.Expect(t, 0, "check", path) // asks no host
	run.Expect(t, 0, "rollback", "--auto-approve", "--confirm-within", "0", "--no-guard")
	hold(10)
	run.Expect(t, 0, append([]string{"apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard"}, trials.AfterRollback()...)...)
}
