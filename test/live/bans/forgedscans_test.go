package bans

import (
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A scan with forged sources harms no known source: not admin and
// exempt sources, who are never banned, and not those who have been here before.
// An unlisted source whose address is forged is banned: that is the price of a ban.
func TestForgedScans(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, banset.Proven)
		network := lab.NewNetwork(t)
		clients := webserver.NewClients(network)
		forger := traffic.NewForger(t, network)
		prove(t, clients.Customer)
		for _, h := range []*lab.Host{clients.Customer, clients.Crawler, clients.Admin, clients.Unlisted} {
			for _, a := range traffic.Addresses(h) {
				require.NoError(t, forger.Forge(append(traffic.SYNs(a, 23, 1), traffic.SYNs(a, 7000, 50)...)...))
				known := h == clients.Crawler || h == clients.Admin
				if is := banset.Banned(t, a); is == known {
					t.Errorf("%s, %v: banned is %v", h.Name(), a, is)
				}
			}
		}
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			traffic.Reaches(t, clients.Customer, server, 443, 30)
			traffic.Reaches(t, clients.Customer, server, 80, 10)
			traffic.Reaches(t, clients.Crawler, server, 443, 100)
			traffic.Reaches(t, clients.Admin, server, 22, 5)
			if !traffic.IsRefused(clients.Unlisted, server, 443) {
				t.Errorf("scope everything: the banned unlisted source reaches %s", server)
			}
		}
	})
}

// To be proven takes a connection: forged segments that look like one, in the
// right order but without the server's number, prove no source.
func TestForgedPacketsProveNoSource(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, banset.Proven)
		network := lab.NewNetwork(t)
		victim := network.Host("victim", "192.0.2.20/24", "2001:db8:20::20")
		forger := traffic.NewForger(t, network)
		for i, a := range traffic.Addresses(victim) {
			open := traffic.SYN(a, 443)
			ack, fin := open, open
			ack.Flags, ack.Seq, ack.Ack, ack.Options = lab.ACK, 1001, 77777, nil
			fin.Flags, fin.Seq, fin.Ack, fin.Options = lab.FIN|lab.ACK, 1001, 77777, nil
			require.NoError(t, forger.Forge(open, ack, fin, fin))
			if banset.Member(t, "proven", a) {
				t.Errorf("%v is proven by forged segments", a)
			}
			traffic.Reaches(t, victim, []string{lab.ServerV4, lab.ServerV6}[i], 443, 1)
			lab.Await(t, "a source that its connection proves", func() bool { return banset.Member(t, "proven", a) })
		}
	})
}

// A proven source is not immune: a proven scanner is banned, sees nothing but
// public services, at a low rate, and its probes renew the ban.
func TestProvenScanner(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, banset.Proven+"ban = \"1h\"\n")
		network := lab.NewNetwork(t)
		scanner := network.Host("scanner", "203.0.113.66", "2001:db8:bad:66::66")
		prove(t, scanner)
		require.NoError(t, scanner.Forge(traffic.SYN(scanner.V4(), 23)))
		ban := banset.EntryOf("ban", scanner.V4())
		ban.Shortens(t, 600)
		require.NoError(t, scanner.Forge(traffic.SYN(scanner.V4(), 7000)))
		if left := ban.Left(t); left <= 600 {
			t.Errorf("the ban of a proven source is not renewed by its probe: it has %d s left", left)
		}
		traffic.Reaches(t, scanner, lab.ServerV4, 443, 5)
		if !traffic.IsRefused(scanner, lab.ServerV4, 22) || !traffic.IsRefused(scanner, lab.ServerV4, 8080) {
			t.Error("a proven and banned source reaches what is not public")
		}
		var flood []lab.Segment
		for i := range 150 {
			s := traffic.SYN(scanner.V4(), 80)
			s.From = netip.AddrPortFrom(scanner.V4(), uint16(40000+i))
			flood = append(flood, s)
		}
		lab.Await(t, "a limit for a proven and banned source", func() bool {
			require.NoError(t, scanner.Forge(flood...))
			return traffic.IsRefused(scanner, lab.ServerV4, 443)
		})
	})
}

// A flood from more forged sources than the sets hold keeps no client out, removes
// no proven or banned source, and lets others be banned soon.
func TestFullSets(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, banset.Proven)
		network := lab.NewNetwork(t)
		clients := webserver.NewClients(network)
		scanner := network.Host("scanner", "203.0.113.66", "2001:db8:bad:66::66")
		forger := traffic.NewForger(t, network)
		prove(t, clients.Customer)
		require.NoError(t, scanner.Forge(traffic.SYN(scanner.V4(), 23)))
		early := traffic.Sources(netip.MustParseAddr("203.0.113.100"), 50)
		require.NoError(t, forger.Forge(traffic.ToPort(23, early)...))

		require.NoError(t, forger.Forge(traffic.Crowd(23, 70000)...))   // would fill ban and strike
		require.NoError(t, forger.Forge(traffic.Crowd(7000, 70000)...)) // is banned, or would fill seen
		t.Logf("after 140,000 forged probes the ban set holds %d", banset.Header(t, "hardenctl-ban-v4").Entries)
		for _, a := range early {
			if !banset.Banned(t, a) {
				t.Errorf("%v, which was banned before the flood, is not any more", a)
			}
		}

		require.NoError(t, scanner.Forge(traffic.SYNs(scanner.V4(), 23, 1)...))
		if !banset.Banned(t, scanner.V4()) {
			t.Error("the scanner who goes on probing is not banned")
		}
		if !banset.Member(t, "proven", clients.Customer.V4()) {
			t.Error("the customer is not proven any more")
		}
		traffic.Reaches(t, clients.Customer, lab.ServerV4, 443, 30)
		traffic.Reaches(t, clients.Admin, lab.ServerV4, 22, 5)
		traffic.Reaches(t, clients.Crawler, lab.ServerV4, 443, 30)
		newcomer := network.Host("newcomer", "192.0.2.40/24", "2001:db8:40::40")
		traffic.Arrive(t, newcomer)
		traffic.Reaches(t, newcomer, lab.ServerV4, 443, 30)
		for _, a := range traffic.Sources(newcomer.V4(), 3) {
			lab.Await(t, "a ban after the flood", func() bool {
				require.NoError(t, newcomer.Forge(traffic.SYN(a, 23)))
				return banset.Banned(t, a)
			})
		}
	})
}
