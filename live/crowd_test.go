package live

import (
	"net/netip"
	"testing"

	"hardenctl/lab"
)

// Who scans when forged sources have filled what probes are counted in is banned
// at the eleventh port, as always. A full set has some buckets without an entry,
// one in fifty, which take nobody: eight scanners come, and five are enough.
func TestBansAfterForgedCrowd(t *testing.T) {
	bare(t, lab.Backends[0])
	watch(t, "")
	forger := newForger(t, lab.NewNetwork(t))
	for _, family := range []struct {
		tool, set      string
		crowd, scanner netip.Addr // the first of each
	}{
		{"iptables", "hardenctl-scan-v4", netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("203.0.113.100")},
		{"ip6tables", "hardenctl-scan-v6", netip.MustParseAddr("fd00:a::"), netip.MustParseAddr("2001:db8:bad:100::")},
	} {
		// A rule of the test's own: hardenctl's lets in 1,000 a second.
		const forged, crowd = 7999, 75_000
		tool(t, family.tool+" -t raw -A PREROUTING -p tcp --dport 7999 -j SET --add-set "+family.set+" src")
		tool(t, family.tool+" -t raw -A PREROUTING -p tcp --dport 7999 -j DROP")
		var probes []lab.Segment
		for _, a := range sources(family.crowd, crowd) {
			probes = append(probes, syn(a, forged))
		}
		must(t, forger.Forge(probes...))
		if n := header(t, family.set).Entries; n < 65536 {
			t.Fatalf("%s holds only %d", family.set, n)
		}
		early, banned := 0, 0
		for _, a := range sources(family.scanner, 8) {
			must(t, forger.Forge(syns(a, 7000, 10)...))
			early += ones(member(t, "ban", a))
			must(t, forger.Forge(syn(a, 7010)))
			banned += ones(member(t, "ban", a))
		}
		if early > 0 || banned < 5 {
			t.Errorf("%s: of 8 scanners %d are banned after ten ports, and %d after eleven", family.set, early, banned)
		}
	}
}

func ones(is bool) int {
	if is {
		return 1
	}
	return 0
}

// sources are n sources from the first on: addresses of IPv4, /64s of IPv6.
func sources(first netip.Addr, n int) []netip.Addr {
	var all []netip.Addr
	for b := first.AsSlice(); len(all) < n; {
		a, _ := netip.AddrFromSlice(b)
		all = append(all, a)
		for i := min(len(b), 8) - 1; ; i-- {
			if b[i]++; b[i] != 0 {
				break
			}
		}
	}
	return all
}
