package failpoints

import (
	"errors"
	"flag"
	"maps"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// crashes is the length of the tables of crashes. The seed chooses their moments.
var crashes = flag.Int("crashes", 2000, "how many commands TestCrash kills on each backend")

// TestCrashNFT and its twin kill commands at random moments, one after the other,
// on the way between two profiles: applies on trial and at once, confirms,
// reverts, rollbacks, and the restore of a boot. Whatever moment it was, each
// table, set and file is wholly old or wholly new; and after a revert, an apply
// or a boot so is the host, and nothing is under way any more.
func TestCrashNFT(t *testing.T) { crash(t, "nft") }

// TestCrashLegacy is TestCrashNFT on the other backend.
func TestCrashLegacy(t *testing.T) { crash(t, "legacy") }

func crash(t *testing.T, backend string) {
	stage.Bare(t, backend)
	r := newRoad(t, rand.New(rand.NewPCG(*suite.Seed, 0)))
	inTime, slice := 0, suite.NewSlice(t, *crashes, 1)
	for n := range slice.Numbers() {
		d := deeds[n%len(deeds)]
		from := r.to()
		c := r.crash(t, d)
		if c.code < 0 {
			inTime++
		}
		way := r.recover(t, c)
		r.settled(t)
		if t.Failed() {
			t.Fatalf("crash %d: %s on the way to %s, %v after its beginning, exit %d; then %s", n, d.name, from.Profile, c.after, c.code, way)
		}
	}
	t.Logf("%d crashes came while a command was at work", inTime)
	if slice.Done > 2*len(deeds) && inTime < slice.Done/4 {
		t.Errorf("only %d of %d crashes came while a command was at work", inTime, slice.Done)
	}
}

// crashed is a command that was killed, or has ended before.
type crashed struct {
	deed deed
	// after is when it was to be killed, from when it began.
	after time.Duration
	// code is how it has ended; -1 if it was killed.
	code int
	// phase is that of the journal then; empty for none.
	phase journal.Phase
}

// crash readies the host for a deed and kills it at a random moment. Every
// table, set, setting and file is wholly old or wholly new then.
func (r *road) crash(t *testing.T, d deed) crashed {
	t.Helper()
	if d.before != nil {
		d.before(t, r)
	}
	length, known := r.lengths[d.name]
	if !known {
		length = time.Second
	}
	c := crashed{deed: d, after: time.Duration(r.random.Int64N(int64(length)))}
	took, code := r.run(t, d, c.after)
	if c.code = code; code < 0 {
		took = length + length/10
	}
	r.lengths[d.name] = took // what else this machine does changes
	if code > 0 {
		t.Errorf("it exits %d", code)
	}
	run.KillAll(t) // the watchdog of a trial would go on while we look
	stage.AwaitLock(t)
	e, err := stage.Journal.Read()
	if c.phase = e.Phase; err != nil && !errors.Is(err, journal.ErrNone) {
		t.Error(err)
	}
	if d.atBoot {
		r.isClosedOrBooted(t)
	} else {
		r.to().IsWhole(t)
	}
	return c
}

// run begins a deed and kills it some time after it has begun to change
// something, or after its start where that cannot be seen. It returns for how
// long it was at it, and how it has ended.
func (r *road) run(t *testing.T, d deed, limit time.Duration) (took time.Duration, code int) {
	t.Helper()
	cmd := exec.Command(run.Binary(t), d.args(r)...)
	began := time.Now()
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	if d.prepares {
		began = firstChange(t, ended)
	}
	select {
	case <-ended:
	case <-time.After(limit):
		cmd.Process.Kill()
		<-ended
	}
	return time.Since(began), cmd.ProcessState.ExitCode()
}

// firstChange waits for the first file that a command prepares, or for its end,
// and returns when that was.
func firstChange(t *testing.T, ended <-chan struct{}) time.Time {
	t.Helper()
	for {
		select {
		case <-ended:
			return time.Now()
		case <-time.After(100 * time.Microsecond):
			if testfile.Glob(t, "/etc/iptables/.*.hardenctl-new") != nil {
				return time.Now()
			}
		}
	}
}

// recover recovers from a crash in one of three ways, and says which. The
// host is then wholly old or wholly new.
func (r *road) recover(t *testing.T, c crashed) (way string) {
	t.Helper()
	ways := []string{"revert", "revert", "boot", "apply"}
	if c.phase == journal.Trial {
		ways = ways[:3] // a pending trial blocks an apply
	}
	way = ways[r.random.IntN(len(ways))]
	if c.deed.atBoot {
		way = "boot"
	}
	old, fresh := r.to().Old, r.to().Fresh
	switch way {
	case "revert":
		run.Expect(t, 0, "revert")
	case "apply":
		run.Expect(t, 0, r.apply("0")...)
		old = fresh
	case "boot":
		r.boot(t)
		old, fresh = r.booted[r.at], r.booted[1-r.at]
	}
	now := stage.TakePicture(t)
	arrived := maps.Equal(now, fresh)
	if want, known := c.mustArrive(); known && way != "apply" && arrived != want {
		t.Errorf("by the journal (%q) it had to be at the new state: %v", c.phase, want)
	}
	if !arrived {
		now.Is(t, old)
	} else {
		r.at = 1 - r.at
	}
	if way == "boot" {
		r.saves[r.at].load(t) // what others do at a boot
	}
	return way
}

// mustArrive reports whether the host has to come to its new state; known is
// false for a command that was killed before it began, or when it was done.
func (c crashed) mustArrive() (must, known bool) {
	switch {
	case c.phase == journal.Confirmed:
		return true, true
	case c.phase != "" || c.deed.goesBack:
		return false, true
	}
	return true, c.code == 0
}
