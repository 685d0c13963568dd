package live

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/lab"
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
func (p *promises) points() []point {
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
	return slices.DeleteFunc(all, func(at point) bool { return p.old[at.of] == p.fresh[at.of] })
}

// TestFault01KilledNFT and its twin kill an apply at each of its steps. Every
// table and file is then wholly old or new, others have what they had, and the
// next apply does the rest and clears up.
func TestFault01KilledNFT(t *testing.T) { killed(t, "nft") }

// TestFault01KilledLegacy is TestFault01KilledNFT on the other backend.
func TestFault01KilledLegacy(t *testing.T) { killed(t, "legacy") }

func killed(t *testing.T, backend string) {
	bare(t, backend)
	for _, before := range []string{"", "builtin:bastion"} {
		arrange := func() { inhabitAfter(t, before) }
		p := promise(t, "builtin:database", arrange)
		steps := p.killings()
		for i := range newSlice(t, len(steps), 2).numbers() {
			t.Run(fmt.Sprintf("%s/from %q", steps[i].name, before), func(t *testing.T) {
				wipe(t)
				arrange()
				p.killedBy(t, steps[i].command(t))
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
func (p *promises) killings() []killing {
	args := []string{"apply", p.profile, "--auto-approve", "--confirm-within", "0", "--no-guard"}
	var all []killing
	for _, at := range p.points() {
		all = append(all, killing{at.name + " " + at.of, func(t *testing.T) *exec.Cmd { return strace(t, at.killing(), args...) }})
	}
	for _, tool := range []string{"iptables-restore", "ip6tables-restore"} {
		by := func(script string) func(t *testing.T) *exec.Cmd {
			return func(t *testing.T) *exec.Cmd {
				breakNamed(t, tool, script)
				return exec.Command(binary(t), args...)
			}
		}
		all = append(all, killing{"before " + tool, by("kill -KILL $PPID")}, killing{"after " + tool, by(`"$real" "$@"; kill -KILL $PPID; exit 0`)})
	}
	return all
}

// inhabitAfter puts on a bare server what others have, and then a profile.
func inhabitAfter(t *testing.T, before string) {
	t.Helper()
	addForeign(t)
	if before != "" {
		expect(t, 0, "apply", before, "--auto-approve", "--confirm-within", "0", "--no-guard")
		tool(t, "ipset add hardenctl-ban-v4 203.0.113.9")
	}
}

// killedBy runs an apply that gets killed, and checks the promises.
func (p *promises) killedBy(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, _ := cmd.CombinedOutput()
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Errorf("it was not killed: %v\n…%s", cmd.ProcessState, out[max(0, len(out)-500):])
	}
	rest(t)
	p.isWhole(t)
	p.settles(t)
}

// rest waits for the tool that a killed hardenctl has left at work: it holds the
// lock. Until the legacy tools are done, they have rules without counters.
func rest(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), lab.Patience)
	defer cancel()
	release, err := ourLock.Take(ctx, func(string) {})
	must(t, err)
	release()
}

// strace runs hardenctl under strace. As soon as hardenctl is killed, so is
// strace, by itself.
func strace(t *testing.T, options []string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatalf("%v: install the package strace", err)
	}
	log := filepath.Join(t.TempDir(), "strace")
	t.Cleanup(func() {
		if text, err := os.ReadFile(log); err == nil && t.Failed() {
			t.Logf("strace says …%s", text[max(0, len(text)-2000):])
		}
	})
	line := append([]string{"-f", "--quiet=all", "-o", log}, options...)
	return exec.Command("strace", append(append(line, binary(t)), args...)...)
}
