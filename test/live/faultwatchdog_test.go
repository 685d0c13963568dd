package live

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/watchdog"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// watching is a watchdog whose words can be read.
type watching struct {
	t    *testing.T
	cmd  *exec.Cmd
	said syncBuffer
}

// watchOver puts a profile on trial, until the test moves its deadline, with the program as the
// only watchdog of it. A profile with few sets: those that rules still name take
// a second each to find that out.
func watchOver(t *testing.T, program *exec.Cmd) *watching {
	t.Helper()
	t.Cleanup(func() { as(t, applying, "revert") })
	tryOut(t, write(t, "small.toml", "version = 1\n[kernel]\ndefault_ttl = 111\n[services.ssh]\nports = [\"tcp/22\"]\n"), "10m")
	killAll(t)
	w := &watching{t: t, cmd: program}
	w.cmd.Stdout, w.cmd.Stderr = &w.said, &w.said
	must(t, w.cmd.Start())
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
	nothingUnderWay(w.t)
	noTrialLeft(w.t)
}

// Who holds the lock of xtables when a trial ends, or has ip6tables-restore
// fail, which asks for no lock with the nft backend, keeps the watchdog from its
// work for as long as he does, and no longer.
func TestFault14_LockHeldAtTheDeadline(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		before := look(t)
		w := watchOver(t, exec.Command(binary(t), watchdog.Args...))
		release, says := holdXtables(t), "holding the xtables lock"
		if filepath.Base(t.Name()) == "nft" {
			breakTool("echo not now >&2; exit 4")(t)
			says = "not now"
		}
		moveDeadline(t, 0)
		lab.Await(t, "a try that failed", func() bool { return strings.Contains(w.said.String(), "the watchdog tries again in 1s") })
		contains(t, w.said.String(), says)
		release()
		w.ends()
		look(t).is(t, before)
	})
}

// A journal that cannot be read says neither that the trial is over nor that it
// is not. About every other time that the watchdog reads it the disk fails, also
// when it is about to end the trial: strace counts by thread.
func TestFault06_JournalUnreadableForAMoment(t *testing.T) {
	bare(t, "nft")
	before := look(t)
	at, log := point{path: filepath.Join(ourJournal.Folder, "journal.json"), call: "openat"}, filepath.Join(t.TempDir(), "calls")
	w := watchOver(t, strace(t, append(at.inject("error=EIO:when=1+2"), "-o", log), watchdog.Args...))
	moveDeadline(t, 0)
	w.ends()
	look(t).is(t, before)
	text, err := os.ReadFile(log)
	must(t, err)
	contains(t, string(text), "EIO (Input/output error) (INJECTED)")
}
