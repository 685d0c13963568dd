package host_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
)

// meaning is what a plan of a bundle begins with.
func (b *bench) meaning(of *bundle.Bundle) string {
	b.t.Helper()
	r, err := b.host.Read(context.Background(), of)
	b.must(err)
	return strings.Join(slices.Concat(r.Plan.Meaning.Lines(false), r.Plan.Meaning.LostClients()), "\n")
}

// says compares what a plan begins with.
func (b *bench) says(when string, of *bundle.Bundle, wants ...string) {
	b.t.Helper()
	got := b.meaning(of)
	for _, want := range wants {
		if !strings.Contains(got, want) {
			b.t.Errorf("%s: no %q in\n%s", when, want, got)
		}
	}
}

const same = "No packet is decided differently, nor added to other sets."

// A plan begins with what it changes for packets: compared are the rules of others as those
// of an earlier profile, and in a trial what is on trial.
func TestPlanBeginsWithMeaning(t *testing.T) {
	b := newBench(t, meaning.Listener{Protocol: "tcp", Port: 9100, Address: netip.IPv6Unspecified(), Program: "exporter"})
	b.must(b.Plane().Rules.Load(context.Background(), ruleset.V4, []byte(`*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -s 203.0.113.5/32 -p tcp -m tcp --dport 9100 -j ACCEPT
COMMIT
`), true))
	b.says("a first plan", site("web.toml", 443, "192.0.2.0/24"),
		"IPv4, to this host: newly accepted\n  tcp/443 from everyone but @blocked\n", "  tcp/9100 from 203.0.113.5\n",
		"before:  ACCEPT, rule 2 of INPUT (table filter): -s 203.0.113.5/32 -p tcp -m tcp --dport 9100 -j ACCEPT\n", "after:   DROP, rule 4 of HARDENCTL-INPUT (table filter)",
		"tcp/9100 (exporter): not reachable any more from 203.0.113.5, over IPv4", "tcp/9100 (exporter): not reachable any more from everyone, over IPv6")

	b.comes(host.OnTrial, b.apply(site("web.toml", 443, "192.0.2.0/24"), time.Minute))
	b.says("the same on trial", site("web.toml", 443, "192.0.2.0/24"), same)
	b.comes(host.Confirmed, b.confirm())
	b.says("another port", site("web.toml", 8443, "192.0.2.0/24"), "newly accepted\n  tcp/8443 from everyone", "no longer accepted\n  tcp/443 from everyone")
	b.says("a network more", site("web.toml", 443, "192.0.2.0/24", "198.51.100.0/24"), "IPv4, to this host: no longer accepted\n  tcp/443 from 198.51.100.0/24\n    example: tcp 198.51.100.7:40000 ->")
	b.comes(host.OnTrial, b.apply(site("web.toml", 8443, "192.0.2.0/24"), time.Minute))
	b.says("another one on trial", site("web.toml", 443, "192.0.2.0/24"), "newly accepted\n  tcp/443 from everyone", "no longer accepted\n  tcp/8443 from everyone")
	b.says("what is on trial", site("web.toml", 8443, "192.0.2.0/24"), same)
}
