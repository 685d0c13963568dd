package meaning

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// golden is what a golden bundle makes of a host, and its manifest.
func golden(t testing.TB, name string) (state.State, bundle.Manifest) {
	t.Helper()
	b, err := bundle.ReadFolder(os.DirFS(filepath.Join("..", "..", "..", "golden", name)))
	if err != nil {
		t.Fatal(err)
	}
	s := state.State{Tables: map[state.TableID]tablefile.Table{}, Sets: map[string]state.Set{}}
	for family, file := range map[ruleset.Family]string{ruleset.V4: bundle.RulesV4, ruleset.V6: bundle.RulesV6} {
		add(t, s, family, string(b.File(file)))
	}
	members := map[string][]netip.Prefix{}
	for line := range setfile.Lines(string(b.File(bundle.Sets))) {
		if line.Command == setfile.Add {
			p, err := netset.ParsePrefix(line.Entry().Element)
			if err != nil {
				t.Fatal(err)
			}
			members[line.Set] = append(members[line.Set], p)
		}
	}
	dynamic := map[string]bool{}
	for _, e := range b.Manifest.Sets {
		dynamic[e.Name] = e.Dynamic
	}
	for _, d := range setfile.Sets(b.File(bundle.Sets)) {
		family := ruleset.V4
		if word, _ := d.Value("family"); word == "inet6" {
			family = ruleset.V6
		}
		_, forgets := d.Value("timeout")
		s.Sets[d.Name] = state.Set{
			Header:  state.Header{Type: ruleset.SetType(d.Type), Family: family, HasTimeout: forgets},
			Members: netset.Of(members[d.Name]...), Dynamic: dynamic[d.Name],
		}
	}
	return s, b.Manifest
}

// add adds the tables of a text to a state.
func add(t testing.TB, s state.State, family ruleset.Family, text string) {
	t.Helper()
	save, err := tablefile.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range save.Tables {
		s.Tables[state.TableID{Family: family, Name: table.Name}] = table
	}
}

// bare is a host with these rules of others in INPUT.
func bare(t testing.TB, rules ...string) state.State {
	t.Helper()
	s := state.State{Tables: map[state.TableID]tablefile.Table{}}
	add(t, s, ruleset.V4, "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"+strings.Join(rules, "\n")+"\nCOMMIT\n")
	return s
}

// The beginning of a plan says who loses access and who gains it, by the rules of others as
// by ours, with the lines on both sides.
func TestMeaning(t *testing.T) {
	web, manifest := golden(t, "web")
	for _, c := range []struct {
		name string
		have state.State
		want []string
	}{
		{"a host without rules", bare(t), []string{
			"IPv4 and IPv6, to this host: no longer accepted",
			"  every port of tcp but 22, 80, 443 from everyone",
			"    before:  ACCEPT, the policy of INPUT (table filter)",
			"builtin:base:",
		}},
		{"a rule of others", bare(t, "-A INPUT -i lo -j ACCEPT", "-A INPUT -p icmp -j ACCEPT", "-A INPUT -s 203.0.113.5/32 -p tcp -m tcp --dport 9100 -j ACCEPT", "-A INPUT -j DROP"), []string{
			"IPv4, to this host: no longer accepted\n", "\n  tcp/9100 from 203.0.113.5\n    example: tcp 203.0.113.5:40000 -> 198.51.100.1:9100 syn new\n" +
				"    before:  ACCEPT, rule 3 of INPUT (table filter): -s 203.0.113.5/32 -p tcp -m tcp --dport 9100 -j ACCEPT\n    after:   DROP, rule ",
			"IPv4, to this host: newly accepted\n", "\n  tcp/22, tcp/80, tcp/443 from everyone\n",
			"services.https",
		}},
		{"the same", web, []string{"No packet is decided differently, nor added to other sets."}},
	} {
		m := Of(c.have, web, manifest)
		text := strings.Join(m.Lines(false), "\n")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", c.name, want, text)
			}
		}
	}
}

// What cannot be worked out is said; it is not an error.
func TestUnknown(t *testing.T) {
	web, manifest := golden(t, "web")
	have := bare(t, "-A INPUT --dport 22 -j ACCEPT")
	if text := strings.Join(Of(have, web, manifest).Lines(false), "\n"); !strings.HasPrefix(text, "The meaning of this change is not worked out: the rules of this host: IPv4: table filter, rule 1 of chain INPUT: ") {
		t.Errorf("%s", text)
	}
}

// Programs lose clients by the ports and the address at which they wait.
func TestListeners(t *testing.T) {
	web, manifest := golden(t, "web")
	any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	m := Of(bare(t), web, manifest)
	listeners := []Listener{
		{"tcp", 80, any6, "nginx"}, {"tcp", 9100, any6, "exporter"}, {"tcp", 9100, any6, "exporter"}, {"udp", 514, any4, "rsyslogd"}, {"tcp", 5432, netip.MustParseAddr("2001:db8::1"), ""},
	}
	if concerned := (Stakes{}).Concerns(m); !m.Closes() || concerned(listeners[0]) || !concerned(listeners[1]) {
		t.Error("what is closed is not told")
	}
	m.AddListeners(listeners)
	want := []string{
		"tcp/5432: not reachable any more from everyone, over IPv6",
		"tcp/9100 (exporter): not reachable any more from everyone",
		"udp/514 (rsyslogd): not reachable any more from everyone, over IPv4",
	}
	if got := m.LostClients(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// Become puts our hooks before the rules of others, states our policies, and gives the
// kernel's back where a profile no longer states one.
func TestBecome(t *testing.T) {
	have := state.State{Tables: map[state.TableID]tablefile.Table{}, Sets: map[string]state.Set{"cdn": {}, "hardenctl-office-v4": {Entries: 1}}}
	add(t, have, ruleset.V4, "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n:HARDENCTL-OLD - [0:0]\n:MINE - [0:0]\n"+
		"-A INPUT -j MINE\n-A INPUT -j HARDENCTL-OLD\n-A FORWARD -j HARDENCTL-OLD\n-A MINE -j ACCEPT\n-A HARDENCTL-OLD -j DROP\nCOMMIT\n")
	want := state.State{Tables: map[state.TableID]tablefile.Table{}, Sets: map[string]state.Set{"hardenctl-office-v4": {Entries: 2}}}
	add(t, want, ruleset.V4, "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:HARDENCTL-NEW - [0:0]\n-A INPUT -j HARDENCTL-NEW\n-A HARDENCTL-NEW -j ACCEPT\nCOMMIT\n"+
		"*mangle\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")
	after := Become(have, want, bundle.Manifest{Policies: []bundle.PolicyEntry{{Family: 4, Table: "filter", Chain: "INPUT"}}})
	text := string(tablefile.Render([]tablefile.Table{after.Tables[state.TableID{Family: 4, Name: "filter"}]}, false))
	if rendered := "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n:MINE - [0:0]\n:HARDENCTL-NEW - [0:0]\n" +
		"-A INPUT -j HARDENCTL-NEW\n-A INPUT -j MINE\n-A MINE -j ACCEPT\n-A HARDENCTL-NEW -j ACCEPT\nCOMMIT\n"; text != rendered {
		t.Errorf("got\n%swant\n%s", text, rendered)
	}
	if len(after.Tables) != 2 || len(after.Sets) != 2 || after.Sets["hardenctl-office-v4"].Entries != 2 {
		t.Errorf("%+v", after)
	}
}

// BenchmarkFirst is what a first plan takes longer by its meaning, BenchmarkChange one from
// a profile to another.
func BenchmarkFirst(b *testing.B) {
	for _, name := range []string{"server", "web", "docker-host", "bastion", "gateway"} {
		b.Run(name, func(b *testing.B) {
			want, manifest := golden(b, name)
			have := bare(b)
			for b.Loop() {
				if m := Of(have, want, manifest); m.Unknown != "" {
					b.Fatal(m.Unknown)
				}
			}
		})
	}
}

// BenchmarkChange is the plan of another profile.
func BenchmarkChange(b *testing.B) {
	have, _ := golden(b, "server")
	want, manifest := golden(b, "web")
	for b.Loop() {
		if m := Of(have, want, manifest); m.Unknown != "" {
			b.Fatal(m.Unknown)
		}
	}
}
