package live

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// watchful is a web and name server whose admins and crawlers are known. What it
// does about scans comes behind it.
const watchful = `version = 1
description = "A web and name server, watched"

[policy]
input = "drop"

[sets.office]
addresses = ["198.51.100.0/28", "2001:db8:10::/48"]

[sets.crawlers]
addresses = ["66.249.64.0/27", "2001:4860:4801:10::/64"]

[access]
admin = ["@office"]
exempt = ["@crawlers"]

[services.http]
ports = ["tcp/80"]

[services.https]
ports = ["tcp/443"]
new_per_source = "50/second burst 200"

[services.dns]
ports = ["udp/53"]

[services.ssh]
ports = ["tcp/22"]
admin = true
from = ["@office"]

[icmp]
echo_per_source = "1/second burst 5"

[udp]
new_per_source = "5/minute burst 10"
`

// profile is the server under attack; %s is the scope of its bans.
const profile = watchful + `
[scan]
probes = 10
window = "60s"
ban = "1h"
scope = "%s"
stealth = true
`

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
	serve(t)
	path := write(t, "profile.toml", fmt.Sprintf(profile, scope))
	hardenctl(t, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
	hardenctl(t, "plan", path, "--detailed-exitcode") // exits 2 if anything is left to do
	loadedBy(t, backend)

	network := lab.NewNetwork(t)
	people := newPeople(network)
	people.visit(t)
	stop := people.keepVisiting(t)
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
	people.visit(t)
	people.unbanned(t)
}

// loadedBy checks that the rules are in this backend and in no other, so that
// the siege is of what it says.
func loadedBy(t *testing.T, backend string) {
	t.Helper()
	for _, b := range lab.Backends {
		out, err := exec.Command("iptables-" + b + "-save").Output()
		if err != nil {
			t.Fatal(err)
		}
		if ours := strings.Contains(string(out), "-j HARDENCTL-"); ours != (b == backend) {
			t.Fatalf("backend %s: our rules in %s: %v", backend, b, ours)
		}
	}
}

// serve opens the services of the profile, and others that must stay hidden.
func serve(t *testing.T) {
	for _, port := range []int{22, 80, 443, 5432, 8080} {
		lab.Serve(t, "tcp", port)
	}
	for _, port := range []int{53, 123} {
		lab.Serve(t, "udp", port)
	}
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
	if banned(t, address) != a.bans {
		t.Errorf("%v banned: %v, want %v", address, !a.bans, a.bans)
	}
	if a.bans {
		err := connect(from, server, 80)
		if reached := err == nil; reached != (scope == "hidden") {
			t.Errorf("scope %q: the banned scanner connects to port 80: %v (%v)", scope, reached, err)
		}
		if !isRefused(from, server, 8080) {
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

// banned asks the kernel for an address; of IPv6, for its whole /64.
func banned(t *testing.T, a netip.Addr) bool {
	t.Helper()
	set, member := "hardenctl-ban-v4", a
	if a.Is6() {
		set, member = "hardenctl-ban-v6", netip.PrefixFrom(a, 64).Masked().Addr()
	}
	out, err := exec.Command("ipset", "test", set, member.String()).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "is NOT in set") {
		t.Fatalf("ipset test %s %v: %v: %s", set, member, err, out)
	}
	return err == nil
}

// people are the legitimate clients of the server, and an unlisted host that is not
// among those who may use SSH.
type people struct{ customer, crawler, admin, stranger *lab.Host }

func newPeople(n *lab.Bench) people {
	return people{
		customer: n.Host("customer", "192.0.2.20/24", "2001:db8:20::20"),
		crawler:  n.Host("crawler", "66.249.64.5", "2001:4860:4801:10::5"),
		admin:    n.Host("admin", "198.51.100.5", "2001:db8:10::5"),
		stranger: n.Host("stranger", "192.0.2.30/24", "2001:db8:30::30"),
	}
}

// visit has each of them do what it does, over both families.
func (p people) visit(t *testing.T) {
	t.Helper()
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		reaches(t, p.customer, server, 443, 30)
		reaches(t, p.crawler, server, 443, 100)
		reaches(t, p.admin, server, 22, 1)
		if !isRefused(p.stranger, server, 22) {
			t.Errorf("stranger -> %s port 22: connected, want nothing", server)
		}
	}
}

// unbanned checks that no visitor has been taken for a scanner, not even
// the unlisted one, which tried one port again and again.
func (p people) unbanned(t *testing.T) {
	t.Helper()
	for _, h := range []*lab.Host{p.customer, p.crawler, p.admin, p.stranger} {
		if banned(t, h.V4()) || banned(t, h.V6()) {
			t.Errorf("the %s is banned", h.Name())
		}
	}
}

// keepVisiting visits again and again until stop is called.
func (p people) keepVisiting(t *testing.T) (stop func()) {
	quit, done := make(chan struct{}), make(chan int)
	go func() {
		for rounds := 0; ; rounds++ {
			select {
			case <-quit:
				done <- rounds
				return
			case <-time.After(time.Second):
				p.visit(t)
			}
		}
	}()
	return func() {
		close(quit)
		if rounds := <-done; rounds < 2 {
			t.Errorf("only %d visits during the scans", rounds)
		}
	}
}
