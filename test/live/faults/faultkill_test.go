package faults

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
)

// point is a moment of the change of a file or a setting: before a system call
// about a path.
type point struct{ name, of, path, call string }

// inject are options of strace that have something happen at the point.
func (p point) inject(what string) []string {
	return []string{"-P", p.path, "-e", "trace=" + p.call, "-e", "inject=" + p.call + ":" + what}
}

// killing kills the apply at the point.
func (p point) killing() []string { return p.inject("signal=KILL") }

// failing lets the call fail, each time that it comes.
func (p point) failing() []string { return p.inject("error=EIO") }

// points are moments at which the apply changes a file or a setting.
func points(p *promise.Promises) []point {
	const folder, ttl = "/etc/iptables", "/proc/sys/net/ipv4/ip_default_ttl"
	paths := bundle.Paths(bundle.Debian)
	all := []point{
		{"writing", ttl, ttl, "write"},
		{"syncing the folder of", paths[bundle.RulesV4], folder, "fsync"},
	}
	for _, file := range []string{bundle.RulesV4, bundle.Sysctl} {
		path := paths[file]
		beside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".hardenctl-")
		all = append(all,
			point{"keeping", path, path, "linkat"},
			point{"syncing", path, beside + "new", "fsync"},
			point{"renaming to", path, path, "renameat"},
			point{"clearing up", path, beside + "old", "unlinkat"})
	}
	return slices.DeleteFunc(all, func(at point) bool { return p.Old[at.of] == p.Fresh[at.of] })
}

// TestFault01KilledNFT and its twin kill an apply at each of its steps. Every
// table and file is then wholly old or new, others have what they had, and the
// next apply does the rest and clears up.
func TestFault01KilledNFT(t *testing.T) { killed(t, "nft") }

// TestFault01KilledLegacy is TestFault01KilledNFT on the other backend.
func TestFault01KilledLegacy(t *testing.T) { killed(t, "legacy") }

func killed(t *testing.T, backend string) {
	stage.Bare(t, backend)
	for _, before := range []string{"", "builtin:bastion"} {
		arrange := func() { promise.Populate(t, before) }
		p := promise.New(t, "builtin:database", arrange)
		steps := killings(p)
		for i := range suite.NewSlice(t, len(steps), 2).Numbers() {
			t.Run(fmt.Sprintf("%s/from %q", steps[i].name, before), func(t *testing.T) {
				stage.Wipe(t)
				arrange()
				killedBy(p, t, steps[i].command(t))
			})
		}
	}
}

// killing is an apply that is killed at a step.
type killing struct {
	name    string
	command func(t *testing.T) *exec.Cmd
}

// killings are those at the points, and before and after each tool that loads
// rules.
func killings(p *promise.Promises) []killing {
	args := []string{"apply", p.Profile, "--auto-approve", "--confirm-within", "0", "--no-guard"}
	var all []killing
	for _, at := range points(p) {
		all = append(all, killing{at.name + " " + at.of, func(t *testing.T) *exec.Cmd { return inject.Strace(t, at.killing(), args...) }})
	}
	for _, tool := range []string{"iptables-restore", "ip6tables-restore"} {
		by := func(script string) func(t *testing.T) *exec.Cmd {
			return func(t *testing.T) *exec.Cmd {
				inject.BreakNamed(t, tool, script)
				return exec.Command(run.Binary(t), args...)
			}
		}
		all = append(all, killing{"before " + tool, by("kill -KILL $PPID")}, killing{"after " + tool, by(`"$real" "$@"; kill -KILL $PPID; exit 0`)})
	}
	return all
}

// killedBy runs an apply that gets killed, and checks the promises.
func killedBy(p *promise.Promises, t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, _ := cmd.CombinedOutput()
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Errorf("it was not killed: %v\n…%s", cmd.ProcessState, out[max(0, len(out)-500):])
	}
	stage.AwaitLock(t)
	p.IsWhole(t)
	p.Settles(t)
}
