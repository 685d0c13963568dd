package live

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// prove has a host complete a connection, and waits until the kernel has seen
// the end of it.
func prove(t *testing.T, h *lab.Host) {
	t.Helper()
	arrive(t, h)
	for _, a := range addresses(h) {
		lab.Await(t, "the proof of the source", func() bool { return member(t, "proven", a) })
	}
}

// Forged probes with a customer's address ban the customer, which takes little
// from a customer who is proven. The log says so, in words that fail2ban does
// not count; those of an unlisted source's probes it counts.
func TestForgedLines(t *testing.T) {
	const more = proven + "[log]\n[fail2ban]\nlog = \"/run/kern.log\"\n"
	onBackends(t, func(t *testing.T) {
		watch(t, more)
		network := lab.NewNetwork(t)
		people := newPeople(network)
		forger := newForger(t, network)
		prove(t, people.customer)
		for i, save := range []string{"iptables-save", "ip6tables-save"} {
			customer, stranger := addresses(people.customer)[i], addresses(people.stranger)[i]
			must(t, forger.Forge(append(syns(customer, 7000, 2), syn(customer, 23))...))
			wantLines(t, save, map[string]int{"known": 3})
			must(t, forger.Forge(append(syns(stranger, 7000, 2), syn(stranger, 23))...))
			wantLines(t, save, map[string]int{"known": 3, "scan": 2, "ban": 1})
		}
	})
}

// provenShop is a host with a page of its own and a shop that it publishes.
const provenShop = `version = 1

[policy]
forward = "published"

[services.page]
ports = ["tcp/80"]

[services.shop]
ports = ["tcp/8080"]

[scan]
probes = 10
tripwires = ["tcp/23"]
scope = "everything"
proven = "1d"
stealth = true
`

// A banned source that is proven keeps published ports as it keeps those of the
// host: at a low rate. A connection to a published port proves no source, since
// INPUT, which would see its end, is not on its way.
func TestProvenAtPublishedPort(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		publishes(t, network, 8080, 9090)
		lab.Serve(t, "tcp", 80)
		expect(t, 0, "apply", write(t, "shop.toml", provenShop), "--auto-approve", "--confirm-within", "0", "--no-guard")
		people := newPeople(network)
		forger := newForger(t, network)
		prove(t, people.customer)
		shop := &site{8080}
		onFamilies(t, "banned", func(t *testing.T, f family) {
			customer, stranger := people.customer.V4(), people.stranger.V4()
			if f.v6 {
				customer, stranger = people.customer.V6(), people.stranger.V6()
			}
			must(t, shop.visit(people.stranger, f.server))
			must(t, forger.Forge(syn(customer, 23), syn(stranger, 23)))
			lab.Await(t, "both bans", func() bool { return banned(t, stranger) && banned(t, customer) })
			if member(t, "proven", stranger) {
				t.Error("a connection to a published port proves its source")
			}
			for range 10 {
				must(t, shop.visit(people.customer, f.server))
			}
			if !shop.shuts(people.stranger, f.server) {
				t.Error("a banned stranger reaches a published port")
			}
			if !(&site{9090}).shuts(people.customer, f.server) {
				t.Error("a proven source reaches a port that is not stated")
			}
			lab.Await(t, "an entry of the source at its limit", func() bool {
				must(t, forger.Forge(fromManyPorts(customer, 8080, 150)...))
				return shop.shuts(people.customer, f.server)
			})
		})
	})
}

// fromManyPorts are SYNs from one source to one port.
func fromManyPorts(from netip.Addr, port, n int) []lab.Segment {
	segments := syns(from, port, n)
	for i := range segments {
		segments[i].From = netip.AddrPortFrom(from, uint16(40000+i))
		segments[i].To = netip.AddrPortFrom(segments[i].To.Addr(), uint16(port))
	}
	return segments
}

// A knock of a banned source is heard if the source is proven, and opens the
// door to it; that of an unlisted source is not.
func TestProvenKnocks(t *testing.T) {
	profile := strings.Replace(doors, "stealth = true", "stealth = true\ntripwires = [\"tcp/23\"]\nproven = \"1d\"", 1)
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := newKnockNetwork(t, backend, profile)
			for _, family := range []int{4, 6} {
				knows := func(proves bool) func(knocker, *testing.T) {
					return func(g knocker, t *testing.T) { g.knocksBanned(t, proves) }
				}
				h.knocker(family).comes(t, "proven", knows(true))
				h.knocker(family).comes(t, "stranger", knows(false))
			}
		})
	}
}

// knocksBanned touches a tripwire and knocks. Who comes has made a
// connection; an unlisted source is one that is forgotten again.
func (g knocker) knocksBanned(t *testing.T, proves bool) {
	lab.Await(t, "the proof of the source", func() bool { return member(t, "proven", g.address()) })
	if !proves {
		set, member := "v4", g.address()
		if member.Is6() {
			set, member = "v6", netip.PrefixFrom(member, 64).Masked().Addr()
		}
		tool(t, fmt.Sprintf("ipset del hardenctl-proven-%s %s", set, member))
	}
	g.sends(t, "tcp/23")
	g.sends(t, "tcp/7000", "tcp/1", "udp/8000", "tcp/6000") // a wrong port between
	g.reachesOnly(t)
	g.sends(t, front...)
	want := []int{22}
	if !proves {
		want = nil
	}
	g.reachesOnly(t, want...)
	if !banned(t, g.address()) {
		t.Error("the knocker is not banned")
	}
}
