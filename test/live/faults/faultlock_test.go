package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"golang.org/x/sys/unix"
)

// One apply at a time: another waits, or says who is at work.
func TestFault15TwoApplies(t *testing.T) {
	stage.Bare(t, "nft")
	release, err := stage.Lock.Take(context.Background(), func(string) {})
	require.NoError(t, err)
	before := stage.TakePicture(t)
	out := run.Expect(t, 6, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--lock-timeout", "1s")
	require.Contains(t, out, "another hardenctl is running (process "+pid()+": ", "): wait for its end, or give a longer --lock-timeout; if it hangs, end it with kill")
	stage.TakePicture(t).Is(t, before)
	run.Expect(t, 0, "plan", "builtin:web") // a plan needs no lock

	whenAskedFor(t, release)
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--lock-timeout", "5m")
	twoAtOnce(t)
}

// whenAskedFor does something as soon as a hardenctl waits for the lock: it has the
// file open, and works on.
func whenAskedFor(t *testing.T, does func()) {
	t.Helper()
	const lock = "/run/hardenctl.lock"
	ended := make(chan struct{})
	t.Cleanup(func() { <-ended })
	go func() {
		defer close(ended)
		lab.Await(t, "a hardenctl that asks for the lock", func() bool {
			for _, pid := range run.Running(t) {
				for _, fd := range testfile.Glob(t, fmt.Sprintf("/proc/%d/fd/*", pid)) {
					if open, _ := os.Readlink(fd); open == lock {
						return true
					}
				}
			}
			return false
		})
		does()
	}()
}

func pid() string { self, _ := os.Readlink("/proc/self"); return self }

// twoAtOnce applies two profiles at once; the host is then what one of them
// says, and no mix.
func twoAtOnce(t *testing.T) {
	t.Helper()
	profiles := []string{"builtin:web", "builtin:database"}
	ended := make(chan struct{})
	for _, p := range profiles {
		cmd := exec.Command(run.Binary(t), "apply", p, "--auto-approve", "--confirm-within", "0", "--no-guard")
		go func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("apply %s: %v: %s", p, err, out)
			}
			ended <- struct{}{}
		}()
	}
	for range profiles {
		<-ended
	}
	same := 0
	for _, p := range profiles {
		if run.Planned(t, p).Empty() {
			same++
		}
	}
	if same != 1 {
		t.Errorf("the host is what %d profiles say", same)
	}
}

// The lock of xtables, which the legacy tools take, may be held by others. The
// wait for it ends while they still do, nothing is changed, and the exit code says that it is
// worth another try. The tools of nft take no lock.
func TestFault14XtablesLock(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		p := promise.New(t, "builtin:database", func() { stage.AddForeign(t) })
		release := holdXtables(t)
		if filepath.Base(t.Name()) == "nft" {
			run.Expect(t, 0, "apply", p.Profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
			stage.TakePicture(t).Is(t, p.Fresh)
			return
		}
		require.Contains(t, run.Expect(t, 6, "apply", p.Profile, "--auto-approve", "--confirm-within", "0", "--no-guard"), "Another app is currently holding the xtables lock")
		p.IsOld(t)
		time.AfterFunc(time.Second, release)
		p.Settles(t)
	})
}

// holdXtables takes the lock of xtables until release, or the end of the test.
func holdXtables(t *testing.T) (release func()) {
	t.Helper()
	f, err := os.OpenFile("/run/xtables.lock", os.O_CREATE|os.O_RDONLY, 0o600)
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	release = sync.OnceFunc(func() { f.Close() })
	t.Cleanup(release)
	return release
}

// A tool that is at work when its hardenctl is killed does the rest of its work,
// and the next apply waits for it. Else the old rules would come after the new.
func TestFault14OrphanIsWaitedFor(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		p := promise.New(t, "builtin:database", func() { promise.Populate(t, "builtin:web") })
		note, wake := filepath.Join(t.TempDir(), "awake"), filepath.Join(t.TempDir(), "wake")
		inject.BreakNamed(t, "iptables-restore", `kill -KILL $PPID; `+inject.UntilThere(wake)+`; "$real" "$@"; touch `+note+`; exit 0`)
		out, code := run.Outcome(t, exec.Command(run.Binary(t), "apply", p.Profile, "--auto-approve", "--confirm-within", "0", "--no-guard"))
		if code != -1 {
			t.Errorf("it was not killed: exit %d: %s", code, out)
		}
		require.Contains(t, run.Expect(t, 6, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--lock-timeout", "1ms"), "which was killed; a tool that it started is still running")
		whenAskedFor(t, func() { require.NoError(t, os.WriteFile(wake, nil, 0o600)) })
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--lock-timeout", "5m")
		if _, err := os.Stat(note); err != nil {
			t.Errorf("the apply has not waited for the tool: %v", err)
		}
		stage.TakePicture(t).Is(t, p.Old)
	})
}
