package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// What the environment tells a process that is to die: what it does, and before
// which step, counted from 0. It says each step on standard output.
const (
	killWork = "HARDENCTL_TEST_WORK"
	killStep = "HARDENCTL_TEST_STEP"
)

// confirmed is the step after which an apply is confirmed, and goes on.
const confirmed = "confirmed"

// TestToBeKilled is the process that dies. By itself it does nothing.
func TestToBeKilled(t *testing.T) {
	work, folder, _ := strings.Cut(os.Getenv(killWork), " ")
	if work == "" {
		return
	}
	last, err := strconv.Atoi(os.Getenv(killStep))
	require.NoError(t, err)
	n := 0
	die := func(step string) {
		if n++; n > last {
			require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
		}
		fmt.Printf("step %s\n", step)
	}
	ctx := context.Background()
	held, err := host.Under("/").Open(ctx, host.Wait{Limit: lab.Patience, Progress: die})
	require.NoError(t, err)
	defer held.Close()
	if work == "recover" {
		require.NoError(t, held.Recover(ctx))
		return
	}
	b, err := bundle.ReadFolder(os.DirFS(folder))
	require.NoError(t, err)
	target := host.Target{Bundle: b}
	r, err := held.Plan(ctx, target)
	require.NoError(t, err)
	require.NoError(t, held.Apply(ctx, r, target, 0).Err)
}

// kill does some work in a process that dies before a step, and returns the
// steps that it has begun; done says that it lived to the end.
func kill(t *testing.T, work string, step int) (begun []string, done bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestToBeKilled$")
	cmd.Env = append(os.Environ(), killWork+"="+work, fmt.Sprintf("%s=%d", killStep, step))
	out, err := cmd.Output()
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "step "); ok {
			begun = append(begun, name)
		}
	}
	killed := err != nil && cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	if err != nil && !killed {
		t.Fatalf("%s, before step %d: %v\n%s", work, step, err, out)
	}
	return begun, !killed
}

// An apply that is killed at any step is wholly undone by the next command, or,
// once it was confirmed, wholly done. So it is if that command is killed too, at
// any step, and others see nothing of it.
func TestFault01_TrialKilledAtAnyStep(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		before := webserver.Variant(t, `[policy]`, "[kernel]\ndefault_ttl = 99\n[policy]")
		after := t.TempDir()
		run.Hardenctl(t, "compile", webserver.Variant(t, `[policy]`, "[kernel]\ndefault_ttl = 111\n[policy]",
			"198.51.100.0/28", "198.51.100.64/28", "2001:db8:10::/48", "2001:db8:11::/48", `ban = "1h"`, `ban = "30m"`), "-o", after)
		run.Expect(t, 0, "apply", before, "--auto-approve", "--no-guard", "--confirm-within", "0")
		was, others := stage.TakePicture(t), trials.ForeignObjects(t)
		begun, done := kill(t, "apply "+after, 1000)
		if !done || !slices.Contains(begun, confirmed) {
			t.Fatalf("an apply in peace: %v, ended %v", begun, done)
		}
		is := stage.TakePicture(t)
		for step := range suite.NewSlice(t, len(begun), 2).Numbers() {
			run.Expect(t, 0, "apply", before, "--auto-approve", "--no-guard", "--confirm-within", "0")
			died, _ := kill(t, "apply "+after, step)
			if step > 0 && begun[step-1] == confirmed { // the kernel does not revert any more
				require.Contains(t, run.Tool(t, "ipset save hardenctl_trial_v4")+run.Tool(t, "ipset save hardenctl_trial_v6"),
					"0.0.0.0/1 timeout 0\n", "128.0.0.0/1 timeout 0\n", " ::/1 timeout 0\n", "8000::/1 timeout 0\n")
			}
			if step%3 == strings.Index("nft, legacy", filepath.Base(t.Name()))%3 { // other ones on each backend
				for again, done := 0, false; !done; again++ {
					_, done = kill(t, "recover", again)
				}
			}
			run.Expect(t, 0, "revert")
			want := was
			if slices.Contains(died, confirmed) {
				want = is
			}
			t.Run(fmt.Sprintf("%d %s", step, begun[step]), func(t *testing.T) {
				stage.TakePicture(t).Is(t, want)
				trials.NothingUnderWay(t)
				trials.NoTrialLeft(t)
				if now := trials.ForeignObjects(t); now != others {
					t.Errorf("others had\n%s\nand have\n%s", others, now)
				}
			})
		}
	})
}
