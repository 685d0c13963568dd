package faults

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A day, and some minutes, so that the time of day is another.
const aDay = 24*time.Hour + 7*time.Minute

// The clock of the wall jumps a day in a trial, either way. The journal and the
// guard in the kernel count on, every command says by the clock as it is then
// until when the trial lasts, and it can be confirmed.
func TestFault20_ClockJumpsInATrial(t *testing.T) {
	stage.Bare(t, "nft")
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	c := newClock(t)
	now := time.Duration(0)
	for i, jump := range []time.Duration{aDay, -2 * aDay} {
		profile := webserver.Variant(t, `"tcp/80"`, fmt.Sprintf(`"tcp/808%d"`, i))
		out, _ := run.Outcome(t, c.command(run.Binary(t), "apply", profile, "--auto-approve", "--no-guard", "--json", "--confirm-within", "10m"))
		var o struct {
			Trial struct {
				Token    string
				Deadline time.Time
			}
		}
		require.NoError(t, json.Unmarshal([]byte(out), &o))
		if left := time.Until(o.Trial.Deadline.Add(-now)); left > 10*time.Minute || left < 8*time.Minute {
			t.Errorf("the deadline is in %v by that clock", left)
		}
		now += jump
		c.jump(t, now)
		e, err := stage.Journal.Read()
		require.NoError(t, err)
		out, _ = run.Outcome(t, c.command(run.Binary(t), "plan", profile))
		saysUntil(t, out, e.Until().Add(now))
		out, code := run.Outcome(t, c.command(run.Binary(t), "apply", "builtin:web", "--auto-approve", "--no-guard", "--lock-timeout", "0"))
		if saysUntil(t, out, e.Until().Add(now)); code != 6 {
			t.Errorf("another apply exits %d", code)
		}
		trials.GuardHolds(t)
		if out, code := run.Outcome(t, c.command(run.Binary(t), "confirm", o.Trial.Token, "--same-session")); code != 0 {
			t.Errorf("confirm exits %d: %s", code, out)
		}
		run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
	}
}

var untilWords = regexp.MustCompile(`on trial until (\d\d:\d\d:\d\d)`)

// saysUntil looks for the time of a trial's end. The zone of the command may be
// another: zones differ by quarters of an hour.
func saysUntil(t *testing.T, out string, want time.Time) {
	t.Helper()
	said := untilWords.FindStringSubmatch(out)
	if said == nil {
		t.Fatalf("nothing is on trial: …%s", out[max(0, len(out)-500):])
	}
	got, err := time.Parse(time.TimeOnly, said[1])
	require.NoError(t, err)
	const quarter = 15 * 60
	second := func(at time.Time) int { return (at.Hour()*60+at.Minute())*60 + at.Second() }
	if off := (second(got) - second(want) + 24*60*60) % quarter; min(off, quarter-off) > 5 {
		t.Errorf("the trial ends at %s, it says, and at %s", said[1], want)
	}
}

// The clock jumps while an apply counts down on a terminal, and the watchdog
// waits: seconds are counted on, and the trial ends at its deadline, not before.
// Where the traced apply is too slow to count at all, it gets twice the time.
func TestFault20_ClockJumpsInACountdown(t *testing.T) {
	stage.Bare(t, "nft")
	before := stage.TakePicture(t)
	t.Cleanup(func() { run.As(t, run.Applying, "revert") })
	within := 20 * time.Second
	for !countsOn(t, within) {
		stage.TakePicture(t).Is(t, before)
		within *= 2
	}
	stage.TakePicture(t).Is(t, before)
	trials.NothingUnderWay(t)
}

// countsOn begins a trial and moves the clock a day ahead once it counts down,
// then a day back. It reports whether there was time to see that.
func countsOn(t *testing.T, within time.Duration) bool {
	c := newClock(t)
	cmd := c.command("script", "-qec", "exec "+run.Binary(t)+" apply builtin:web --auto-approve --no-guard --confirm-within "+within.String(), "/dev/null")
	var out run.SyncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	var deadline time.Time
	lab.Await(t, "the trial", func() bool {
		e, err := stage.Journal.Read()
		deadline = time.Now().Add(e.Left())
		return err == nil && e.Pending()
	})
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	for _, jump := range []time.Duration{0, aDay, -aDay} {
		c.jump(t, jump)
		seen := len(seconds(out.String()))
		lab.Await(t, "more seconds, or the end", func() bool {
			select {
			case <-ended:
				return true
			default:
				return len(seconds(out.String())) > seen
			}
		})
	}
	counted := len(seconds(out.String())) >= 3
	<-ended
	if early := time.Until(deadline); early > time.Second {
		t.Errorf("it has ended %v before its time", early)
	}
	if code := cmd.ProcessState.ExitCode(); code != 3 {
		t.Errorf("exit %d", code)
	}
	require.Contains(t, out.String(), "it was not confirmed in time; the change was undone, the host is as before")
	all := seconds(out.String())
	if len(all) > 0 && slices.Max(all) > int(within.Seconds()) || !slices.IsSortedFunc(all, func(a, b int) int { return b - a }) {
		t.Errorf("it counts %v", all)
	}
	return counted
}

// seconds are those that a countdown has said.
func seconds(said string) (all []int) {
	parts := strings.Split(said, " s left to confirm")
	for _, part := range parts[:len(parts)-1] {
		digits := part[strings.LastIndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })+1:]
		if n, err := strconv.Atoi(digits); err == nil {
			all = append(all, n)
		}
	}
	return all
}
