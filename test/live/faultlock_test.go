package live

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// One apply at a time: another waits, or says who is at work.
func TestFault15TwoApplies(t *testing.T) {
	bare(t, "nft")
	release, err := ourLock.Take(context.Background(), func(string) {})
	must(t, err)
	before := look(t)
	out := expect(t, 6, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--lock-timeout", "1s")
	contains(t, out, "another hardenctl is running (process "+pid()+": ", "): wait for its end, or give a longer --lock-timeout; if it hangs, end it with kill")
	look(t).is(t, before)
	expect(t, 0, "plan", "builtin:web") // a plan needs no lock

	whenAskedFor(t, release)
	expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--lock-timeout", "5m")
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
			for _, pid := range running(t) {
				for _, fd := range glob(t, fmt.Sprintf("/proc/%d/fd/*", pid)) {
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
		cmd := exec.Command(binary(t), "apply", p, "--auto-approve", "--confirm-within", "0", "--no-guard")
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
		if planned(t, p).Empty() {
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
	onBackends(t, func(t *testing.T) {
		addForeign(t)
		p := promise(t, "builtin:database", func() { addForeign(t) })
		release := holdXtables(t)
		if filepath.Base(t.Name()) == "nft" {
			expect(t, 0, "apply", p.profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
			look(t).is(t, p.fresh)
			return
		}
		contains(t, expect(t, 6, "apply", p.profile, "--auto-approve", "--confirm-within", "0", "--no-guard"), "Another app is currently holding the xtables lock")
		p.isOld(t)
		time.AfterFunc(time.Second, release)
		p.settles(t)
	})
}

// holdXtables takes the lock of xtables until release, or the end of the test.
func holdXtables(t *testing.T) (release func()) {
	t.Helper()
	f, err := os.OpenFile("/run/xtables.lock", os.O_CREATE|os.O_RDONLY, 0o600)
	must(t, err)
	must(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	release = sync.OnceFunc(func() { f.Close() })
	t.Cleanup(release)
	return release
}

// A tool that is at work when its hardenctl is killed does the rest of its work,
// and the next apply waits for it. Else the old rules would come after the new.
func TestFault14OrphanIsWaitedFor(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		p := promise(t, "builtin:database", func() { inhabitAfter(t, "builtin:web") })
		note, wake := filepath.Join(t.TempDir(), "awake"), filepath.Join(t.TempDir(), "wake")
		breakNamed(t, "iptables-restore", `kill -KILL $PPID; `+untilThere(wake)+`; "$real" "$@"; touch `+note+`; exit 0`)
		out, code := outcome(t, exec.Command(binary(t), "apply", p.profile, "--auto-approve", "--confirm-within", "0", "--no-guard"))
		if code != -1 {
			t.Errorf("it was not killed: exit %d: %s", code, out)
		}
		contains(t, expect(t, 6, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--lock-timeout", "1ms"), "which was killed; a tool that it started is still running")
		whenAskedFor(t, func() { must(t, os.WriteFile(wake, nil, 0o600)) })
		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard", "--lock-timeout", "5m")
		if _, err := os.Stat(note); err != nil {
			t.Errorf("the apply has not waited for the tool: %v", err)
		}
		look(t).is(t, p.old)
	})
}
