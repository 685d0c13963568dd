package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// An attack goes on for as long as the customers of one slice take: long enough
// for it to be under way.
const (
	attackSlice  = 500 * time.Millisecond
	attackRounds = 9
)

// BenchmarkAttacked measures what customers of the profile web get during a
// scan and during a flood from forged sources, against what they get in peace
// right before. 0.9 is to be left. The attacker has the same two processors: a
// flood of the same size that goes to another server, which has no rules, shows
// what his own work costs.
func BenchmarkAttacked(b *testing.B) {
	for _, backend := range lab.Backends {
		b.Run(backend, func(b *testing.B) {
			lab.UseBackend(b, backend)
			s := newStreet(b)
			web, aside := s.server("web"), s.server("aside")
			s.hardened(web, "builtin:web")
			// A fast machine makes more connections in the whole of it than conntrack
			// has room to remember for two minutes each.
			s.on(web, "sysctl", "-q", "-w", "net.netfilter.nf_conntrack_tcp_timeout_time_wait=2")
			attacker := s.Host("attacker", "192.0.2.66/24")
			s.siege(web, map[string]func() *exec.Cmd{
				"scan":        func() *exec.Cmd { return scan(attacker, web) },
				"flood":       func() *exec.Cmd { return s.flood(attacker, web) },
				"flood-aside": func() *exec.Cmd { return s.flood(attacker, aside) },
			})
		})
	}
}

// scan probes every port, at the speed that nmap takes on a fast network.
func scan(from, to *lab.Host) *exec.Cmd {
	return from.Command(context.Background(), "nmap", "-n", "-Pn", "-sS", "-T4", "-p-", "--max-rate", "3000", to.V4().String())
}

// flood sends 3,000 SYNs a second for at most two seconds.
func (s *street) flood(from, to *lab.Host) *exec.Cmd {
	return from.Command(context.Background(), s.load, "flood", to.V4().String(), "2s", "3000")
}

// siege measures each attack right after a slice of peace.
func (s *street) siege(web *lab.Host, attacks map[string]func() *exec.Cmd) {
	customers := func() float64 { return s.race("connect", attackSlice, 1, web)[web.Name()][0].wall }
	ratios := map[string][]float64{}
	customers()
	for range attackRounds {
		for name, attack := range attacks {
			peace := customers()
			ratios[name] = append(ratios[name], s.during(attack(), customers)/peace)
		}
	}
	s.b.ReportMetric(0, "ns/op")
	for name, values := range ratios {
		s.b.ReportMetric(middle(values), name+"-ratio")
	}
}

// during starts an attack, and stops it after f.
func (s *street) during(attack *exec.Cmd, f func() float64) float64 {
	if err := attack.Start(); err != nil {
		s.b.Fatal(err)
	}
	defer attack.Wait()
	defer attack.Process.Kill()
	time.Sleep(100 * time.Millisecond)
	return f()
}

// BenchmarkBlocklist holds a profile with a blocklist of a million entries
// against the same without: 0.95 is to be left.
func BenchmarkBlocklist(b *testing.B) {
	folder := b.TempDir()
	blocklist(b, filepath.Join(folder, "million.txt"))
	profile := filepath.Join(folder, "million.toml")
	write(b, profile, `version = 1
include = ["builtin:web"]
[sets.million]
files = ["million.txt"]
[access]
block = ["@million"]
`)
	for _, backend := range lab.Backends {
		b.Run(backend, func(b *testing.B) {
			lab.UseBackend(b, backend)
			s := newStreet(b)
			web, million := s.server("web"), s.server("million")
			s.hardened(web, "builtin:web")
			s.hardened(million, profile)
			for _, kind := range []string{"connect", "stream"} {
				b.Run(kind, func(b *testing.B) {
					if kind == "stream" {
						s.plainSegments(web, million)
					}
					s.compare(b, kind, web, million)
				})
			}
		})
	}
}

// blocklist writes a million addresses of 11.0.0.0/8 to 74.0.0.0/8, none of
// which is a customer's, the same ones each time.
func blocklist(b *testing.B, path string) {
	random := rand.New(rand.NewPCG(1, 2))
	var list strings.Builder
	for range 1_000_000 {
		n := 11<<24 + random.Uint32N(64<<24)
		fmt.Fprintf(&list, "%d.%d.%d.%d\n", n>>24, n>>16&255, n>>8&255, n&255)
	}
	write(b, path, list.String())
}

func write(b *testing.B, path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}
