package exact

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// golden reads the rules of a golden bundle.
func golden(t testing.TB, name string, family ruleset.Family) *Firewall {
	t.Helper()
	file := "rules.v4"
	if family == ruleset.V6 {
		file = "rules.v6"
	}
	folder := filepath.Join("..", "..", "golden", name)
	rules, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	sets, err := os.ReadFile(filepath.Join(folder, "ipsets"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(family, rules, sets)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// bundles are the golden bundles.
func bundles(t testing.TB) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "golden", "*", "rules.v4"))
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	return names
}

// BenchmarkWalk is the walk of every packet through each hook of both families.
func BenchmarkWalk(b *testing.B) {
	for _, name := range bundles(b) {
		b.Run(name+"/input4", func(b *testing.B) {
			v4 := golden(b, name, ruleset.V4)
			nodes, steps := 0, 0
			for b.Loop() {
				w := NewWorld(v4.Family, v4)
				r := w.Walk(v4, Input, w.Possible())
				nodes, steps = w.g.Size(), len(r.Decisions)
			}
			b.ReportMetric(float64(nodes), "nodes")
			b.ReportMetric(float64(steps), "decisions")
		})
		b.Run(name, func(b *testing.B) {
			v4, v6 := golden(b, name, ruleset.V4), golden(b, name, ruleset.V6)
			nodes := 0
			for b.Loop() {
				nodes = 0
				for _, f := range []*Firewall{v4, v6} {
					w := NewWorld(f.Family, f)
					for _, hook := range []Hook{Input, Forward, Output} {
						w.Walk(f, hook, w.Possible())
					}
					nodes += w.g.Size()
				}
			}
			b.ReportMetric(float64(nodes), "nodes")
		})
	}
}

// BenchmarkExplain is one packet through the rules of one family.
func BenchmarkExplain(b *testing.B) {
	p, err := ParsePacket("tcp 192.0.2.7:40000 -> :22 syn")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Explain(golden(b, "web", ruleset.V4), Input, p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompare compares two profiles in both families.
func BenchmarkCompare(b *testing.B) {
	for b.Loop() {
		for _, family := range ruleset.Families {
			Compare(golden(b, "server", family), golden(b, "web", family))
		}
	}
}

// BenchmarkSame compares a profile with what means the same.
func BenchmarkSame(b *testing.B) {
	for b.Loop() {
		for _, family := range ruleset.Families {
			before, after := golden(b, "web", family), golden(b, "web", family)
			w := NewWorld(family, before, after)
			for _, hook := range []Hook{Input, Forward, Output} {
				w.compareAt(before, after, hook)
			}
		}
	}
}

// BenchmarkReach lists what reaches a host of both families.
func BenchmarkReach(b *testing.B) {
	for b.Loop() {
		for _, family := range ruleset.Families {
			Reach(golden(b, "web", family), netip.Addr{}, "", 0)
		}
	}
}

// BenchmarkCluster asks of the dump of a large cluster, of some 5,600 rules, what reaches the
// node, and what one rule changes. B/op is all memory that was taken, and not given back; the
// graph of so many nodes is most of it.
func BenchmarkCluster(b *testing.B) {
	before, after := readCluster(b, 420, "", ""), readCluster(b, 420, "--dport 1030 -j ACCEPT", "--dport 1030 -j DROP")
	for name, ask := range map[string]func(w *World){
		"reach":   func(w *World) { w.reach(before, w.asked(netip.Addr{}, "", 0)) },
		"compare": func(w *World) { w.compare(before, after) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			nodes := 0
			for b.Loop() {
				w := NewWorld(before.Family, before, after)
				ask(w)
				nodes = w.g.Size()
			}
			b.ReportMetric(float64(nodes), "nodes")
		})
	}
}
