package live

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

const proven = "scope = \"everything\"\nproven = \"1d\"\nfingerprint = true\ntripwires = [\"tcp/23\"]\n"

// A scan with forged sources harms no known source: not admin and
// exempt sources, who are never banned, and not those who have been here before.
// An unlisted source whose address is forged is banned: that is the price of a ban.
func TestForgedScans(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		watch(t, proven)
		network := lab.NewNetwork(t)
		people := newPeople(network)
		forger := newForger(t, network)
		prove(t, people.customer)
		for _, h := range []*lab.Host{people.customer, people.crawler, people.admin, people.stranger} {
			for _, a := range addresses(h) {
				must(t, forger.Forge(append(syns(a, 23, 1), syns(a, 7000, 50)...)...))
				known := h == people.crawler || h == people.admin
				if is := banned(t, a); is == known {
					t.Errorf("%s, %v: banned is %v", h.Name(), a, is)
				}
			}
		}
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			reaches(t, people.customer, server, 443, 30)
			reaches(t, people.customer, server, 80, 10)
			reaches(t, people.crawler, server, 443, 100)
			reaches(t, people.admin, server, 22, 5)
			if !isRefused(people.stranger, server, 443) {
				t.Errorf("scope everything: the banned stranger reaches %s", server)
			}
		}
	})
}

// newForger is a host that has found its way to the server: while its own
// link-local address is young, it cannot ask for the server's in another's name.
func newForger(t *testing.T, n *lab.Bench) *lab.Host {
	t.Helper()
	h := n.Host("forger", "203.0.113.67", "2001:db8:bad:67::67")
	arrive(t, h)
	return h
}

// To be proven takes a connection: forged segments that look like one, in the
// right order but without the server's number, prove no source.
func TestForgedPacketsProveNoSource(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		watch(t, proven)
		network := lab.NewNetwork(t)
		victim := network.Host("victim", "192.0.2.20/24", "2001:db8:20::20")
		forger := newForger(t, network)
		for i, a := range addresses(victim) {
			open := syn(a, 443)
			ack, fin := open, open
			ack.Flags, ack.Seq, ack.Ack, ack.Options = lab.ACK, 1001, 77777, nil
			fin.Flags, fin.Seq, fin.Ack, fin.Options = lab.FIN|lab.ACK, 1001, 77777, nil
			must(t, forger.Forge(open, ack, fin, fin))
			if member(t, "proven", a) {
				t.Errorf("%v is proven by forged segments", a)
			}
			reaches(t, victim, []string{lab.ServerV4, lab.ServerV6}[i], 443, 1)
			lab.Await(t, "a source that its connection proves", func() bool { return member(t, "proven", a) })
		}
	})
}

// A proven source is not immune: a proven scanner is banned, sees nothing but
// public services, at a low rate, and its probes renew the ban.
func TestProvenScanner(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		watch(t, proven+"ban = \"1h\"\n")
		network := lab.NewNetwork(t)
		scanner := network.Host("scanner", "203.0.113.66", "2001:db8:bad:66::66")
		prove(t, scanner)
		must(t, scanner.Forge(syn(scanner.V4(), 23)))
		ban := entryOf("ban", scanner.V4())
		ban.shortens(t, 600)
		must(t, scanner.Forge(syn(scanner.V4(), 7000)))
		if left := ban.left(t); left <= 600 {
			t.Errorf("the ban of a proven source is not renewed by its probe: it has %d s left", left)
		}
		reaches(t, scanner, lab.ServerV4, 443, 5)
		if !isRefused(scanner, lab.ServerV4, 22) || !isRefused(scanner, lab.ServerV4, 8080) {
			t.Error("a proven and banned source reaches what is not public")
		}
		var flood []lab.Segment
		for i := range 150 {
			s := syn(scanner.V4(), 80)
			s.From = netip.AddrPortFrom(scanner.V4(), uint16(40000+i))
			flood = append(flood, s)
		}
		lab.Await(t, "a limit for a proven and banned source", func() bool {
			must(t, scanner.Forge(flood...))
			return isRefused(scanner, lab.ServerV4, 443)
		})
	})
}

// member asks the kernel whether one of our sets holds a source.
func member(t *testing.T, set string, a netip.Addr) bool {
	t.Helper()
	name, a := sourceSet(set, a)
	out, err := exec.Command("ipset", "test", name, a.String()).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "is NOT in set") {
		t.Fatalf("ipset test %s %v: %v: %s", name, a, err, out)
	}
	return err == nil
}

// forget takes a source out of one of our sets.
func forget(set string, a netip.Addr) error {
	name, a := sourceSet(set, a)
	if out, err := exec.Command("ipset", "del", name, a.String()).CombinedOutput(); err != nil {
		return fmt.Errorf("ipset del %s %v: %w: %s", name, a, err, out)
	}
	return nil
}

// sourceSet names the set of a source's family, and what the set holds of it.
func sourceSet(set string, a netip.Addr) (name string, member netip.Addr) {
	if a.Is6() {
		return "hardenctl-" + set + "-v6", netip.PrefixFrom(a, 64).Masked().Addr()
	}
	return "hardenctl-" + set + "-v4", a
}

// A flood from more forged sources than the sets hold keeps no client out, removes
// no proven or banned source, and lets others be banned soon.
func TestFullSets(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		watch(t, proven)
		network := lab.NewNetwork(t)
		people := newPeople(network)
		scanner := network.Host("scanner", "203.0.113.66", "2001:db8:bad:66::66")
		forger := newForger(t, network)
		prove(t, people.customer)
		must(t, scanner.Forge(syn(scanner.V4(), 23)))
		early := sources(netip.MustParseAddr("203.0.113.100"), 50)
		must(t, forger.Forge(toPort(23, early)...))

		must(t, forger.Forge(crowd(23, 70000)...))   // would fill ban and strike
		must(t, forger.Forge(crowd(7000, 70000)...)) // is banned, or would fill seen
		t.Logf("after 140,000 forged probes the ban set holds %d", header(t, "hardenctl-ban-v4").Entries)
		for _, a := range early {
			if !banned(t, a) {
				t.Errorf("%v, which was banned before the flood, is not any more", a)
			}
		}

		must(t, scanner.Forge(syns(scanner.V4(), 23, 1)...))
		if !banned(t, scanner.V4()) {
			t.Error("the scanner who goes on probing is not banned")
		}
		if !member(t, "proven", people.customer.V4()) {
			t.Error("the customer is not proven any more")
		}
		reaches(t, people.customer, lab.ServerV4, 443, 30)
		reaches(t, people.admin, lab.ServerV4, 22, 5)
		reaches(t, people.crawler, lab.ServerV4, 443, 30)
		newcomer := network.Host("newcomer", "192.0.2.40/24", "2001:db8:40::40")
		arrive(t, newcomer)
		reaches(t, newcomer, lab.ServerV4, 443, 30)
		for _, a := range sources(newcomer.V4(), 3) {
			lab.Await(t, "a ban after the flood", func() bool {
				must(t, newcomer.Forge(syn(a, 23)))
				return banned(t, a)
			})
		}
	})
}

// crowd are SYNs to one port from n sources of 10.0.0.0/8.
func crowd(port, n int) []lab.Segment {
	var all []lab.Segment
	for i := range n {
		all = append(all, syn(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), port))
	}
	return all
}
