// Package bench measures what the project promises of its speed. Each
// benchmark runs two programs in turn on the same input and reports the ratio
// of their medians: a ratio holds on a shared machine where seconds do not.
package bench

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

const (
	list    = "../../test/demo/lists/ipsum.txt"
	profile = "../../test/demo/web.toml"
)

// hardenctl is the built program.
func hardenctl(b *testing.B) string {
	path := filepath.Join(b.TempDir(), "hardenctl")
	if out, err := exec.Command("go", "build", "-o", path, "../../cmd/hardenctl").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// race times ours and theirs in turn, as often as the benchmark asks, and
// reports the medians and their ratio. before runs untimed ahead of each.
func race(b *testing.B, target float64, before, ours, theirs func()) {
	var our, their []time.Duration
	clock := func(f func()) time.Duration {
		before()
		start := time.Now()
		f()
		return time.Since(start)
	}
	clock(ours) // the first runs warm caches and load kernel modules
	clock(theirs)
	for b.Loop() {
		our = append(our, clock(ours))
		their = append(their, clock(theirs))
	}
	b.ReportMetric(0, "ns/op") // both together, and so of no use
	b.ReportMetric(milliseconds(median(our)), "ours-ms")
	b.ReportMetric(milliseconds(median(their)), "theirs-ms")
	b.ReportMetric(float64(median(our))/float64(median(their)), "ratio")
	b.ReportMetric(target, "target")
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// run runs a program to its end.
func run(b *testing.B, name string, args ...string) {
	if out, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// pipe runs a program with a file as its standard input.
func pipe(b *testing.B, input, name string, args ...string) {
	f, err := os.Open(input)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdin = f
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func nothing() {}

// BenchmarkCompile compiles a web server's whole profile, with a blocklist of
// 120,430 addresses, against iprange, which only merges the list.
func BenchmarkCompile(b *testing.B) {
	program, out := hardenctl(b), b.TempDir()
	race(b, 1.5, nothing,
		func() { run(b, program, "compile", profile, "-o", out) },
		func() { run(b, "iprange", list) })
}

// BenchmarkFirstApply applies that profile to a bare host, with everything that
// belongs to it (rehearsal, plan, reading back, files), against loading the
// same files with ipset restore and iptables-restore.
func BenchmarkFirstApply(b *testing.B) {
	for _, backend := range lab.Backends {
		b.Run(backend, func(b *testing.B) {
			lab.UseBackend(b, backend)
			program, out := hardenctl(b), b.TempDir()
			run(b, program, "compile", profile, "-o", out)
			race(b, 1.5, func() { bare(b) },
				func() { run(b, program, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard") },
				func() {
					pipe(b, filepath.Join(out, "ipsets"), "ipset", "restore")
					pipe(b, filepath.Join(out, "rules.v4"), "iptables-restore")
					pipe(b, filepath.Join(out, "rules.v6"), "ip6tables-restore")
				})
		})
	}
}

// bare makes the lab a host without a firewall and without files of ours.
func bare(b *testing.B) {
	lab.FlushState(b)
	for _, pattern := range []string{"/etc/iptables/*", "/etc/*/*hardenctl.conf"} {
		files, _ := filepath.Glob(pattern) // the patterns are constants
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkEmptyPlan plans where nothing is to do, on a typical profile and on
// that with the blocklist, against 150 ms.
func BenchmarkEmptyPlan(b *testing.B) {
	program := hardenctl(b)
	for _, p := range []string{"builtin:web", profile} {
		b.Run(filepath.Base(p), func(b *testing.B) {
			bare(b)
			run(b, program, "apply", p, "--auto-approve", "--confirm-within", "0", "--no-guard")
			race(b, 1, nothing,
				func() { run(b, program, "plan", p, "--detailed-exitcode") },
				func() { time.Sleep(150 * time.Millisecond) })
		})
	}
}
