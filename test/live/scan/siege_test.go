package scan

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// public is what the profile shows to everyone.
var public = map[string][]string{"tcp": {"tcp/80", "tcp/443"}, "udp": {"udp/53"}}

// The ports that are scanned: those of the profile, those of the hidden
// services, and enough others that a ban falls early in the scan.
const (
	tcpPorts = "1-180,443,993,995,3306,3389,5432,6379,8000-8010,8080,8443,9200"
	udpPorts = "53,67-69,123,135,137,138,161,162,445,500,514,520,631,1434,1900,4500,5353,49152"
)

// attack is one way to scan, and what it may learn.
type attack struct {
	scan, protocol string
	// silent is the state of a port that gives no answer to this scan.
	silent string
	// sees says that the scan can tell an open port: it sends what a customer
	// sends. The others must find nothing at all.
	sees bool
	// bans says that the packets are probes. A stray ACK is none, since the
	// customers of a server that was restarted send them too: it is dropped.
	bans bool
}

var attacks = []attack{
	{"-sS", "tcp", "filtered", true, true},
	{"-sT", "tcp", "filtered", true, true},
	{"-sF", "tcp", "open|filtered", false, true},
	{"-sN", "tcp", "open|filtered", false, true},
	{"-sX", "tcp", "open|filtered", false, true},
	{"-sA", "tcp", "filtered", false, false},
	{"-sU", "udp", "open|filtered", true, true},
}

// Nothing but the services of the profile is seen by a scanner, who ends up
// banned, and no other client notices.
func TestAttack(t *testing.T) {
	for _, backend := range lab.Backends {
		for _, scope := range []string{"hidden", "everything"} {
			t.Run(backend+"/"+scope, func(t *testing.T) { siege(t, backend, scope) })
		}
	}
}

// siege runs every attack at once, each from a host of its own, while the
// customers keep coming.
func siege(t *testing.T, backend, scope string) {
	lab.UseBackend(t, backend)
	lab.FlushState(t)
	t.Cleanup(func() { lab.FlushState(t) })
	webserver.Serve(t)
	path := testfile.Write(t, "profile.toml", fmt.Sprintf(webserver.Profile, scope))
	run.Hardenctl(t, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
	run.Hardenctl(t, "plan", path, "--detailed-exitcode") // exits 2 if anything is left to do
	webserver.LoadedBy(t, backend)

	network := lab.NewNetwork(t)
	clients := webserver.NewClients(network)
	clients.Visit(t)
	stop := clients.KeepVisiting(t)
	t.Run("scans", func(t *testing.T) {
		for i, a := range attacks {
			for _, family := range []int{4, 6} {
				from := scanner(network, family, i)
				t.Run(fmt.Sprintf("%s/v%d", a.scan, family), func(t *testing.T) {
					t.Parallel()
					a.run(t, from, family, scope)
				})
			}
		}
	})
	stop()
	clients.Visit(t)
	clients.Unbanned(t)
}

// scanner is a new host: in IPv6, of a /64 of its own.
func scanner(n *lab.Bench, family, number int) *lab.Host {
	name := fmt.Sprintf("scanner%d-%d", number, family)
	if family == 6 {
		return n.Host(name, fmt.Sprintf("2001:db8:bad:%d::66", number+1))
	}
	return n.Host(name, fmt.Sprintf("203.0.113.%d", number+1))
}

func (a attack) run(t *testing.T, from *lab.Host, family int, scope string) {
	scan := lab.Nmap(t, from, a.arguments(family)...)
	a.judge(t, scan, scope)
	address, server := from.V4(), lab.ServerV4
	if family == 6 {
		address, server = from.V6(), lab.ServerV6
	}
	if banset.Banned(t, address) != a.bans {
		t.Errorf("%v banned: %v, want %v", address, !a.bans, a.bans)
	}
	if a.bans {
		err := traffic.Connect(from, server, 80)
		if reached := err == nil; reached != (scope == "hidden") {
			t.Errorf("scope %q: the banned scanner connects to port 80: %v (%v)", scope, reached, err)
		}
		if !traffic.IsRefused(from, server, 8080) {
			t.Error("the banned scanner connects to port 8080")
		}
	}
}

// arguments states a least rate: nmap takes the silence after a ban for
// congestion and would send five packets a second.
func (a attack) arguments(family int) []string {
	ports, target := tcpPorts, lab.ServerV4
	if a.protocol == "udp" {
		ports = udpPorts
	}
	args := []string{a.scan, "-T4", "--min-rate", "100", "--max-retries", "1", "--host-timeout", "240s", "-p", ports}
	if family == 6 {
		args, target = append(args, "-6"), lab.ServerV6
	}
	return append(args, target)
}

// judge compares what a scan learned with what the profile shows. With scope
// "everything" the ban may fall before an open port has been tried.
func (a attack) judge(t *testing.T, scan lab.Scan, scope string) {
	open := scan.Open()
	silent := scan.In(a.silent)
	if len(open)+len(silent) != len(scan) || len(scan) < 20 {
		t.Errorf("states %v, want only open and %s", scan.States(), a.silent)
	}
	switch want := public[a.protocol]; {
	case !a.sees && len(open) > 0:
		t.Errorf("open: %v, want none", open)
	case a.sees && scope == "hidden" && !slices.Equal(open, want):
		t.Errorf("open: %v, want %v", open, want)
	case slices.ContainsFunc(open, func(p string) bool { return !slices.Contains(want, p) }):
		t.Errorf("open: %v, want some of %v", open, want)
	}
}
