package bans

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// engines are the means of counting, each of which holds what a profile says.
var engines = []string{"sets", "hashlimit", "recent"}

// onEngines runs a test on a bare server with each engine.
func onEngines(t *testing.T, backends []string, test func(t *testing.T, engine string)) {
	t.Helper()
	for _, backend := range backends {
		for _, engine := range engines {
			t.Run(backend+"/"+engine, func(t *testing.T) {
				stage.Bare(t, backend)
				test(t, "engine = \""+engine+"\"\n")
			})
		}
	}
}

// Ten ports are free, however often each is tried; the eleventh bans. In IPv6 it
// is the /64 that counts.
func TestEleventhProbeBans(t *testing.T) {
	onEngines(t, lab.Backends, func(t *testing.T, engine string) {
		webserver.Watch(t, engine)
		scanner := lab.NewNetwork(t).Host("scanner", "203.0.113.5", "2001:db8:bad::5")
		traffic.Arrive(t, scanner)
		neighbour := netip.MustParseAddr("2001:db8:bad::6")
		for _, a := range traffic.Addresses(scanner) {
			b := a
			if a.Is6() {
				b = neighbour
			}
			require.NoError(t, scanner.Forge(append(traffic.SYNs(a, 7000, 5), traffic.SYNs(b, 7005, 5)...)...))
			require.NoError(t, scanner.Forge(append(traffic.SYNs(a, 7000, 5), traffic.SYNs(b, 7005, 5)...)...))
			if banset.Banned(t, a) {
				t.Errorf("%v is banned after ten ports", a)
			}
			require.NoError(t, scanner.Forge(traffic.SYN(b, 7010)))
			if !banset.Banned(t, a) || !banset.Banned(t, b) {
				t.Errorf("%v is not banned after the eleventh port", a)
			}
		}
	})
}

// A scanner is not forgotten while others probe: xt_recent by itself remembers a
// hundred sources, and hashlimit what its table holds.
func TestOthersDoNotHideScanner(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "window = \"1h\"\n")
		scanner := lab.NewNetwork(t).Host("scanner", "203.0.113.5", "2001:db8:bad::5")
		traffic.Arrive(t, scanner)
		require.NoError(t, scanner.Forge(traffic.SYNs(scanner.V4(), 7000, 10)...))
		others := netip.MustParseAddr("198.18.0.1")
		for range 2000 {
			require.NoError(t, scanner.Forge(traffic.SYN(others, 7000)))
			others = others.Next()
		}
		require.NoError(t, scanner.Forge(traffic.SYN(scanner.V4(), 7010)))
		if !banset.Banned(t, scanner.V4()) {
			t.Error("the scanner is forgotten after 2000 others")
		}
	})
}

// One probe to a tripwire bans, by TCP and by UDP, with ordinary flags and others.
func TestTripwireBans(t *testing.T) {
	touches := map[string]func(h *lab.Host) error{
		"SYN": func(h *lab.Host) error { return h.Forge(traffic.SYN(h.V4(), 23), traffic.SYN(h.V6(), 23)) },
		"XMAS": func(h *lab.Host) error {
			return h.Forge(flagged(traffic.SYN(h.V4(), 23)), flagged(traffic.SYN(h.V6(), 23)))
		},
		"UDP": func(h *lab.Host) error {
			for _, server := range []string{lab.ServerV4, lab.ServerV6} {
				c, err := h.Dial("udp", netip.AddrPortFrom(netip.MustParseAddr(server), 69).String(), lab.Patience)
				if err != nil {
					return err
				}
				c.Write([]byte("x"))
				c.Close()
			}
			return nil
		},
	}
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, `tripwires = ["tcp/23", "udp/69"]`)
		network := lab.NewNetwork(t)
		number := 0
		for name, touch := range touches {
			number++
			h := network.Host(name, netip.AddrFrom4([4]byte{203, 0, 113, byte(number)}).String(),
				netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0xb, 0xad, 0, byte(number), 15: 5}).String())
			traffic.Arrive(t, h)
			require.NoError(t, touch(h))
			for _, a := range traffic.Addresses(h) {
				if !banset.Banned(t, a) {
					t.Errorf("%s: %v touched a tripwire and is not banned", name, a)
				}
			}
		}
	})
}

// flagged makes of a segment what nmap's -sX sends.
func flagged(s lab.Segment) lab.Segment {
	s.Flags = lab.FIN | lab.PSH | lab.URG
	return s
}

// Who never has too many probes in the first window has them in the slow one. It
// is the same kernel code behind both backends, and waiting is dear.
func TestSlowScanBans(t *testing.T) {
	const slow = "window = \"2s\"\nslow = { probes = 14, window = \"1h\" }\n"
	onEngines(t, lab.Backends[:1], func(t *testing.T, engine string) {
		webserver.Watch(t, slow+engine)
		scanner := lab.NewNetwork(t).Host("scanner", "203.0.113.5", "2001:db8:bad::5")
		traffic.Arrive(t, scanner)
		for i, ports := range []int{7, 7, 1} {
			for _, a := range traffic.Addresses(scanner) {
				require.NoError(t, scanner.Forge(traffic.SYNs(a, 7000+100*i, ports)...))
				if is := banset.Banned(t, a); is != (i == 2) {
					t.Errorf("%v after %d slow probes: banned is %v", a, 7*min(i+1, 2)+i/2, is)
				}
			}
			if i < 2 {
				time.Sleep(2500 * time.Millisecond) // the window of 2 s is over; a longer wait does no harm
			}
		}
	})
}

// A ban goes on while its source probes, ends though its source tries a public
// service again and again, and is longer the second time.
func TestBanRenewsAndGrows(t *testing.T) {
	const numbers = "ban = \"10m\"\nban_repeat = \"1h\"\nscope = \"everything\"\n"
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, numbers)
		scanner := lab.NewNetwork(t).Host("scanner", "203.0.113.5", "2001:db8:bad::5")
		traffic.Arrive(t, scanner)
		for _, a := range traffic.Addresses(scanner) {
			ban := banset.EntryOf("ban", a)
			require.NoError(t, scanner.Forge(traffic.SYNs(a, 7000, 11)...))
			ban.Shortens(t, 60)
			require.NoError(t, scanner.Forge(traffic.SYN(a, 7100)))
			if left := ban.Left(t); left <= 60 || left > 600 {
				t.Errorf("%v probes on: its ban has %d s left, want 600", a, left)
			}
			ban.Shortens(t, 60)
			require.NoError(t, scanner.Forge(slices.Repeat([]lab.Segment{traffic.SYN(a, 80)}, 10)...))
			if left := ban.Left(t); left > 60 {
				t.Errorf("%v tries port 80: its ban has %d s left, want 60", a, left)
			}
			ban.RunsOut(t)
			require.NoError(t, scanner.Forge(traffic.SYNs(a, 8000, 11)...))
			require.NoError(t, scanner.Forge(traffic.SYN(a, 8100))) // a renewal keeps it long
			if left := ban.Left(t); left < 3000 {
				t.Errorf("%v: the second ban has %d s left, want an hour", a, left)
			}
		}
	})
}

// A ban touches new connections only.
func TestBanSparesOpenConnections(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		lab.Serve(t, "tcp", 80)
		run.Expect(t, 0, "apply", testfile.Write(t, "watched.toml", webserver.Watched+"tripwires = [\"tcp/23\"]\n"), "--auto-approve", "--confirm-within", "0", "--no-guard")
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		traffic.Arrive(t, client)
		var streams []*traffic.Stream
		for i, a := range traffic.Addresses(client) {
			streams = append(streams, traffic.OpenStream(t, client, []string{lab.ServerV4, lab.ServerV6}[i]))
			require.NoError(t, client.Forge(traffic.SYN(a, 23)))
			if !banset.Banned(t, a) {
				t.Fatalf("%v is not banned", a)
			}
		}
		for _, s := range streams {
			s.GoesOn(t)
			s.End(t)
		}
		if !traffic.IsRefused(client, lab.ServerV4, 443) {
			t.Error("a banned source opens a connection")
		}
	})
}
