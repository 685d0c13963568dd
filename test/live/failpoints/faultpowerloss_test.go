package failpoints

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// A loss of power at any call of a command that changes files, which leaves on
// the disk what was synced and no more: every file of the host is wholly old or
// new, and after the command all that is new is on the disk. After each loss in
// a confirm, the boot loads what there is: the host is wholly old, or wholly new.
func TestFault18_ConfirmLosesPower(t *testing.T) {
	powerLosses(t, func(profile string) []string {
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--no-guard", "--confirm-within", "10m")
		run.KillAll(t)
		return []string{"confirm", "--same-session"}
	}, true)
}

// So it is with an apply that confirms itself, and a rollback.
func TestFault18_RollbackLosesPower(t *testing.T) {
	powerLosses(t, func(profile string) []string {
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--no-guard", "--confirm-within", "0")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
		return []string{"rollback", "--auto-approve", "--no-guard", "--confirm-within", "0"}
	}, false)
}

// And so with the boot that completes a confirm.
func TestFault18_RestoreLosesPower(t *testing.T) {
	powerLosses(t, func(profile string) []string {
		t.Run("dies", func(t *testing.T) { trials.DieConfirming(t, profile) })
		stage.AwaitLock(t)
		bootsim.PowerOff(t)
		return []string{"restore"}
	}, false)
}

// powerLosses runs a command, which ready prepares, that brings a host from
// builtin:web to builtin:database.
func powerLosses(t *testing.T, ready func(profile string) (command []string), boots bool) {
	stage.Bare(t, "nft")
	const profile = "builtin:database"
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard", "--confirm-within", "0")
	old := bootFiles(t)
	command := ready(profile)
	before, log := readDisk(t, lostFolders...), filepath.Join(t.TempDir(), "calls")
	if out, code := run.Outcome(t, exec.Command("strace", append(append(append([]string{}, tracedChanges...), "-o", log, run.Binary(t)), command...)...)); code != 0 {
		t.Fatalf("exit %d: %s", code, out)
	}
	fresh := bootFiles(t)
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	calls := readChanges(t, string(text))
	var losses []loss // of each that is like none before
	for n := range len(calls) + 1 {
		if n > 0 {
			before.do(calls[n-1])
		}
		for _, allNames := range []bool{false, true} {
			l := loss{n, before.left(allNames)}
			l.isWhole(t, old, fresh)
			if !slices.ContainsFunc(losses, func(m loss) bool { return maps.Equal(l.files, m.files) }) {
				losses = append(losses, l)
			}
		}
	}
	t.Logf("%d calls, %d different losses", len(calls), len(losses))
	for path, text := range fresh {
		if before.left(false)[path] != text {
			t.Errorf("%s is not on the disk when the command has ended", path)
		}
	}
	if boots {
		bootEach(t, losses, old, fresh)
	}
}

// The folders that are lost, and laid anew.
var lostFolders = []string{"/etc/iptables", "/etc/sysctl.d", "/etc/modprobe.d", "/etc/modules-load.d", "/etc/hardenctl", "/var/lib/hardenctl"}

// loss is what a loss of power after so many calls leaves on the disk.
type loss struct {
	calls int
	files stage.Picture
}

// bootFiles are the files of a bundle that there are.
func bootFiles(t *testing.T) stage.Picture {
	t.Helper()
	p := stage.Picture{}
	for _, path := range bundle.Paths(bundle.Debian) {
		if text, err := os.ReadFile(path); err == nil {
			p[path] = string(text)
		}
	}
	return p
}

// isWhole checks that each file of a bundle is wholly old or new, and is there if
// it was and is to be.
func (l loss) isWhole(t *testing.T, old, fresh stage.Picture) {
	t.Helper()
	for _, path := range bundle.Paths(bundle.Debian) {
		text, there := l.files[path]
		was, had := old[path]
		is, has := fresh[path]
		if (text != was || there != had) && (text != is || there != has) {
			t.Fatalf("after %d calls %s is neither old nor new, but %d bytes:\n%.300s", l.calls, path, len(text), text)
		}
	}
}

// bootEach boots after each loss, the first of which has lost nothing and the last
// the whole command, and wants what those boots make of the host.
func bootEach(t *testing.T, losses []loss, old, fresh stage.Picture) {
	t.Helper()
	booted := func(l loss) stage.Picture {
		lay(t, l.files, lostFolders...)
		bootsim.PowerOff(t)
		run.Expect(t, 0, "restore")
		now := stage.TakePicture(t)
		// A name beside a file may be back that had gone: the folder is not synced
		// once more for it, and the next apply removes it.
		maps.DeleteFunc(now, func(path, _ string) bool { return stage.Leftover(path) })
		return now
	}
	asOld, asFresh := booted(losses[0]), booted(losses[len(losses)-1])
	agrees(asOld, t, old)
	agrees(asFresh, t, fresh)
	seen := map[bool]int{}
	slice := suite.NewSlice(t, len(losses), 1)
	for i := range slice.Numbers() {
		now := booted(losses[i])
		isFresh := maps.Equal(now, asFresh)
		if seen[isFresh]++; !isFresh {
			now.Is(t, asOld)
		}
		if _, err := stage.Journal.Read(); err != journal.ErrNone {
			t.Errorf("the journal: %v", err)
		}
		if t.Failed() {
			t.Fatalf("a loss after %d calls", losses[i].calls)
		}
	}
	t.Logf("%d boots in the old state, %d in the new", seen[false], seen[true])
	if slice.Done == len(losses) && (seen[false] == 0 || seen[true] == 0) {
		t.Error("none of one kind")
	}
}

// agrees checks what two pictures both have.
func agrees(p stage.Picture, t *testing.T, want stage.Picture) {
	t.Helper()
	for path, text := range want {
		if now, there := p[path]; there && now != text {
			t.Errorf("%s is\n%s\nwant\n%s", path, now, text)
		}
	}
}
