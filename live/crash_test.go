package live

import (
	"flag"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"
)

// The crashes of TestCrash: make crash N=2000 asks for more of them, and
// SEED=… for those of an earlier run.
var (
	crashes = flag.Int("crashes", 30, "how many applies TestCrash kills on each backend")
	seed    = flag.Uint64("seed", 0, "the seed of TestCrash's moments; 0 takes one by the clock")
)

// TestCrashNFT and its twin kill applies at random moments, one after the other,
// on the way from one profile to another. Whatever moment it was, the next apply
// of that profile does the rest.
func TestCrashNFT(t *testing.T) { crash(t, "nft") }

// TestCrashLegacy is TestCrashNFT on the other backend.
func TestCrashLegacy(t *testing.T) { crash(t, "legacy") }

func crash(t *testing.T, backend string) {
	bare(t, backend)
	start := *seed
	if start == 0 {
		start = uint64(time.Now().UnixNano())
	}
	t.Logf("%d crashes; SEED=%d", *crashes, start)
	random := rand.New(rand.NewPCG(start, 0))
	there := promise(t, "builtin:database", func() { inhabitAfter(t, "builtin:web") })
	back := &promises{"builtin:web", there.fresh, there.old, there.theirs, there.written}
	length, inTime := there.changes(t, time.Minute), 0
	for n := range *crashes {
		p := []*promises{back, there}[n%2]
		after := time.Duration(random.Int64N(int64(length)))
		if took := p.changes(t, after); took >= after {
			inTime++
			length += length / 10
		} else {
			length = took // what else this machine does changes
		}
		rest(t)
		p.isWhole(t)
		p.settles(t)
		if t.Failed() {
			t.Fatalf("crash %d, on the way to %s, %v after its first change", n, p.profile, after)
		}
	}
	t.Logf("%d crashes came while an apply changed something", inTime)
	if inTime < *crashes/4 {
		t.Errorf("only %d of %d crashes came while an apply changed something", inTime, *crashes)
	}
}

// changes runs an apply and kills it some time after it has begun to change
// something. It returns for how long it was at it.
func (p *promises) changes(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	cmd := exec.Command(binary(t), "apply", p.profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	began := firstChange(t, ended)
	select {
	case <-ended:
	case <-time.After(limit):
		cmd.Process.Kill()
		<-ended
	}
	took := time.Since(began)
	if code := cmd.ProcessState.ExitCode(); code > 0 {
		t.Errorf("apply exits %d", code)
	}
	return took
}

// firstChange waits for the first file that an apply prepares, or for its end,
// and returns when that was.
func firstChange(t *testing.T, ended <-chan struct{}) time.Time {
	t.Helper()
	for {
		select {
		case <-ended:
			return time.Now()
		case <-time.After(100 * time.Microsecond):
			if glob(t, "/etc/iptables/.*.hardenctl-new") != nil {
				return time.Now()
			}
		}
	}
}
