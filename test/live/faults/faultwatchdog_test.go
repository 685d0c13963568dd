package faults

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/watchdog"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// watching is a watchdog whose words can be read.
type watching struct {
	t    *testing.T
	cmd  *exec.Cmd
	said run.SyncBuffer
}

// watchOver puts a profile on trial, until the test moves its deadline, with the program as the
// only watchdog of it. A profile with few sets: those that rules still name take
// a second each to find that out.
func watchOver(t *testing.T, program *exec.Cmd) *watching {
	t.Helper()
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	trials.TryOut(t, testfile.Write(t, "small.toml", "version = 1\n[kernel]\ndefault_ttl = 111\n[services.ssh]\nports = [\"tcp/22\"]\n"), "10m")
	run.KillAll(t)
	w := &watching{t: t, cmd: program}
	w.cmd.Stdout, w.cmd.Stderr = &w.said, &w.said
	require.NoError(t, w.cmd.Start())
	return w
}

// ends waits until the watchdog has done its work.
func (w *watching) ends() {
	w.t.Helper()
	timer := time.AfterFunc(lab.Patience, func() { w.cmd.Process.Kill() })
	defer timer.Stop()
	if err := w.cmd.Wait(); err != nil {
		w.t.Errorf("the watchdog: %v: %s", err, w.said.String())
	}
	trials.NothingUnderWay(w.t)
	trials.NoTrialLeft(w.t)
}

// Who holds the lock of xtables when a trial ends, or has ip6tables-restore
// fail, which asks for no lock with the nft backend, keeps the watchdog from its
// work for as long as he does, and no longer.
func TestFault14_LockHeldAtTheDeadline(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		before := stage.TakePicture(t)
		w := watchOver(t, exec.Command(run.Binary(t), watchdog.Args...))
		release, says := holdXtables(t), "holding the xtables lock"
		if filepath.Base(t.Name()) == "nft" {
			inject.BreakTool("echo not now >&2; exit 4")(t)
			says = "not now"
		}
		trials.MoveDeadline(t, 0)
		lab.Await(t, "a try that failed", func() bool { return strings.Contains(w.said.String(), "the watchdog tries again in 1s") })
		require.Contains(t, w.said.String(), says)
		release()
		w.ends()
		stage.TakePicture(t).Is(t, before)
	})
}

// A journal that cannot be read says neither that the trial is over nor that it
// is not. About every other time that the watchdog reads it the disk fails, also
// when it is about to end the trial: strace counts by thread.
func TestFault06_JournalUnreadableForAMoment(t *testing.T) {
	stage.Bare(t, "nft")
	before := stage.TakePicture(t)
	at, log := point{path: filepath.Join(stage.Journal.Folder, "journal.json"), call: "openat"}, filepath.Join(t.TempDir(), "calls")
	w := watchOver(t, inject.Strace(t, append(at.inject("error=EIO:when=1+2"), "-o", log), watchdog.Args...))
	trials.MoveDeadline(t, 0)
	w.ends()
	stage.TakePicture(t).Is(t, before)
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(text), "EIO (Input/output error) (INJECTED)")
}
