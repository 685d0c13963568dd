package scan

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// An open port answers the SYNs of all systems that people use, and none that a
// scanner makes, whether they ask for ECN or not, as Apple's and Linux's may.
func TestFingerprint(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "fingerprint = true\ndont_fragment = true\n")
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		traffic.Arrive(t, client)
		for i, s := range slices.Concat(honest, copied, systems(), raw) {
			for _, from := range traffic.Addresses(client) {
				want, wait := uint8(0), 50*time.Millisecond
				if s.answered(from) {
					want, wait = lab.SYN|lab.ACK, lab.Patience
				}
				packet := s.syn(from, i)
				again := withECN(packet)
				again.From = netip.AddrPortFrom(from, packet.From.Port()+1000)
				answers, err := client.Answered(wait, packet, again)
				require.NoError(t, err)
				for i, got := range answers {
					if got&^lab.ECE != want { // ECE agrees to ECN
						t.Errorf("%s from %s, packet %d: the answer has flags %08b, want %08b", s.name, from, i, got, want)
					}
				}
			}
		}
	})
}

// A Linux without path MTU discovery clears "don't fragment" in what it sends
// (ip-sysctl.rst, ip_no_pmtu_disc), and is not a scanner.
func TestLinuxThatMayBeFragmented(t *testing.T) {
	stage.Bare(t, "nft")
	webserver.Watch(t, "fingerprint = true\ndont_fragment = true\n")
	client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
	traffic.Arrive(t, client)
	require.NoError(t, client.Command(context.Background(), "sysctl", "-qw", "net.ipv4.ip_no_pmtu_disc=1").Run())
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		traffic.Reaches(t, client, server, 443, 2)
	}
}

// A SYN in fragments of 8 bytes, so that window and options come in others than the
// flags do, is judged as a whole.
func TestFingerprintOfFragments(t *testing.T) {
	stage.Bare(t, "nft")
	webserver.Watch(t, "fingerprint = true\ndont_fragment = true\n")
	client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
	traffic.Arrive(t, client)
	for maker, want := range map[prober.Maker]prober.State{
		prober.Linux: prober.Open, prober.Masscan: prober.Silent, prober.ZMapWindows: prober.Silent,
	} {
		require.NoError(t, client.Do(func() error {
			p, err := prober.New("eth0", net.HardwareAddr{2, 0, 0, 0, 0, 1})
			if err != nil {
				return err
			}
			defer p.Close()
			sweep := prober.Sweep{To: netip.MustParseAddr(lab.ServerV4), Ports: []uint16{80}, Rounds: 3, Wait: 300 * time.Millisecond}
			sweep.Packet = func(to netip.AddrPort) prober.Packet {
				from := netip.AddrPortFrom(client.V4(), uint16(40000+maker))
				return prober.Packet{From: from, To: to, Flags: prober.SYN, Maker: maker, Fragments: true}
			}
			states, err := p.Do(context.Background(), sweep)
			if err == nil && states[80] != want {
				t.Errorf("in fragments, the SYN of maker %d finds the port %v, want %v", maker, states[80], want)
			}
			return err
		}))
	}
}

// Who is exempt, and who administers, is answered whatever his SYN is like.
func TestTrustedMaySendAnySYN(t *testing.T) {
	stage.Bare(t, "nft")
	webserver.Watch(t, "fingerprint = true\ndont_fragment = true\n")
	network := lab.NewNetwork(t)
	for _, h := range []*lab.Host{
		network.Host("crawler", "66.249.64.5", "2001:4860:4801:10::5"), network.Host("admin", "198.51.100.5", "2001:db8:10::5"),
	} {
		traffic.Arrive(t, h)
		for i, s := range scanners {
			for _, from := range traffic.Addresses(h) {
				answers, err := h.Answered(10*time.Second, s.syn(from, i))
				require.NoError(t, err)
				if answers[0] != lab.SYN|lab.ACK {
					t.Errorf("%s from %s: the answer has flags %08b", s.name, from, answers[0])
				}
			}
		}
	}
}

// networkGear is what Cisco IOS sends: its window, and the segment size alone.
var networkGear = stack{"Cisco IOS", 4128, mss, byMiddlebox}

// A source in a service's from is answered there whatever its SYN is like, and not
// banned for it. At a service for anyone the same SYN is a probe.
func TestStatedSourceMaySendAnySYN(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "fingerprint = true\ndont_fragment = true\n[services.gear]\nports = [\"tcp/5432\"]\nfrom = [\"192.0.2.30\", \"2001:db8:30::/64\"]\n")
		network := lab.NewNetwork(t)
		gear, unlisted := network.Host("gear", "192.0.2.30/24", "2001:db8:30::30"), network.Host("unlisted", "192.0.2.31/24", "2001:db8:31::31")
		for _, h := range []*lab.Host{gear, unlisted} {
			traffic.Arrive(t, h)
			for _, from := range traffic.Addresses(h) {
				for port, want := range map[uint16]uint8{5432: lab.SYN | lab.ACK, 80: 0} {
					packet, wait := networkGear.syn(from, int(port)), lab.Patience
					packet.To = netip.AddrPortFrom(packet.To.Addr(), port)
					if want == 0 || h == unlisted {
						want, wait = 0, 50*time.Millisecond
					}
					answers, err := h.Answered(wait, packet)
					require.NoError(t, err)
					if answers[0] != want {
						t.Errorf("%s from %s, port %d: the answer has flags %08b, want %08b", h.Name(), from, port, answers[0], want)
					}
				}
			}
		}
	})
}

// withECN is a SYN that asks whether ECN may be used.
func withECN(packet lab.Segment) lab.Segment {
	packet.Flags |= lab.ECE | lab.CWR
	return packet
}

// A guess at the system ends without one: there is no open port and no closed
// one to ask.
func TestSystemIsNotGuessed(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		webserver.Watch(t, "fingerprint = true\nscope = \"everything\"\n")
		network := lab.NewNetwork(t)
		for i, server := range []string{lab.ServerV4, lab.ServerV6} {
			report := guess(t, scanner(network, []int{4, 6}[i], 0), server, "22,80,443,1000-1060")
			for _, word := range []string{"<osmatch", `<state state="open"`, `<state state="closed"`, `state="closed" count`} {
				if strings.Contains(report, word) {
					t.Errorf("nmap -O of %s reports %s:\n%s", server, word, report)
				}
			}
			if !strings.Contains(report, `state="filtered"`) {
				t.Errorf("nmap -O of %s reports no filtered port:\n%s", server, report)
			}
		}
	})
}

// Without it, nmap finds an open port. It guesses no system by that alone: pings with a code
// and with options get no answer.
func TestOpenPortWithoutFingerprint(t *testing.T) {
	stage.Bare(t, "nft")
	webserver.Watch(t, "scope = \"hidden\"\n")
	report := guess(t, scanner(lab.NewNetwork(t), 4, 0), lab.ServerV4, "80,443,1000-1002")
	if !strings.Contains(report, `<state state="open"`) {
		t.Errorf("nmap -O reports no open port:\n%s", report)
	}
}

// guess is nmap's report of what a server is, in XML.
func guess(t *testing.T, from *lab.Host, server, ports string) string {
	t.Helper()
	args := []string{"-n", "-Pn", "-O", "--osscan-guess", "--max-retries", "1", "--min-rate", "300", "-p", ports, "-oX", "-"}
	if netip.MustParseAddr(server).Is6() {
		args = append(args, "-6")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	report, err := from.Command(ctx, "nmap", append(args, server)...).Output()
	require.NoError(t, err)
	return string(report)
}
