package live

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"hardenctl/lab"
)

// stack is the SYN of one system, byte for byte: its window and its options in
// their order. The numbers that vary (segment size, timestamp) do not matter.
type stack struct {
	name    string
	window  uint16
	options []byte
}

// Parts of options. A kind, its length, its value; 1 pads, 0 ends.
var (
	mss        = []byte{2, 4, 5, 0xb4}
	sack       = []byte{4, 2}
	timestamps = []byte{8, 10, 0, 0, 0, 1, 0, 0, 0, 0}
	pad        = []byte{1}
	end        = []byte{0}
	fastOpen   = []byte{34, 2} // asks for a cookie (RFC 7413, section 4.1.1)
	withCookie = []byte{34, 10, 8, 7, 6, 5, 4, 3, 2, 1}

	multipath  = []byte{30, 4, 1, 1}                             // version 1 (RFC 8684, section 3.1)
	multipath0 = []byte{30, 12, 0, 0x81, 8, 7, 6, 5, 4, 3, 2, 1} // version 0, with a key (RFC 6824)
)

func scale(shift byte) []byte { return []byte{3, 3, shift} }

func options(parts ...[]byte) []byte { return slices.Concat(parts...) }

// honest are the SYNs of systems that people use, as p0f and nmap's database of
// systems describe them. The last six ask for Fast Open or Multipath TCP too;
// where in the order each system puts that option is a guess.
var honest = []stack{
	{"Linux 5, 6", 64240, options(mss, sack, timestamps, pad, scale(7))},
	{"Linux 2.6, 3", 14600, options(mss, sack, timestamps, pad, scale(4))},
	{"Linux without timestamps", 64240, options(mss, pad, pad, sack, pad, scale(7))},
	{"Android", 65535, options(mss, sack, timestamps, pad, scale(8))},
	{"Windows 10, 11", 64240, options(mss, pad, scale(8), pad, pad, sack)},
	{"Windows 7", 8192, options(mss, pad, scale(8), pad, pad, sack)},
	{"Windows XP", 65535, options(mss, pad, pad, sack)},
	{"macOS, iOS", 65535, options(mss, pad, scale(6), pad, pad, timestamps, sack, end, end)},
	{"FreeBSD", 65535, options(mss, pad, scale(6), sack, timestamps)},
	{"OpenBSD", 16384, options(mss, pad, pad, sack, pad, scale(3), pad, pad, timestamps)},
	{"NetBSD", 32768, options(mss, pad, scale(3), sack, pad, pad, pad, pad, timestamps)},
	{"Solaris", 64240, options(sack, timestamps, mss, pad, scale(5))},
	{"Linux with Fast Open", 64240, options(mss, sack, timestamps, pad, scale(7), fastOpen, pad, pad)},
	{"Linux with a Fast Open cookie", 64240, options(mss, sack, timestamps, pad, scale(7), withCookie, pad, pad)},
	{"macOS, iOS with Fast Open", 65535, options(mss, pad, scale(6), pad, pad, timestamps, fastOpen, sack)},
	{"Linux with Multipath TCP", 64240, options(mss, sack, timestamps, pad, scale(7), multipath)},
	{"iOS with Multipath TCP", 65535, options(mss, pad, scale(6), multipath, pad, pad, timestamps, sack, end, end)},
	{"iOS with Multipath TCP, version 0", 65535, options(mss, pad, scale(6), multipath0, pad, pad, timestamps, sack, end, end)},
}

// raw are the SYNs of scanners. Those of nmap's -O are its first six.
var raw = []stack{
	{"nmap -sS", 1024, mss},
	{"nmap -sS, another window", 64240, mss},
	{"masscan", 1024, nil},
	{"zmap", 65535, mss},
	{"hping", 512, nil},
	{"Linux with nmap's window", 1024, linuxOptions},
	{"nmap -O, packet 1", 1, options(scale(10), pad, mss, timestamps, sack)},
	{"nmap -O, packet 2", 63, options(mss, scale(0), sack, timestamps, end)},
	{"nmap -O, packet 3", 4, options(timestamps, pad, pad, scale(5), pad, mss)},
	{"nmap -O, packet 4", 4, options(sack, timestamps, scale(10), end)},
	{"nmap -O, packet 4, with Linux's window", 64240, options(sack, timestamps, scale(10), end)},
	{"nmap -O, packet 5", 16, options(mss, sack, timestamps, scale(10), end)},
	{"nmap -O, packet 6", 512, options(mss, sack, timestamps)},
	{"nmap -O, ECN", 3, options(scale(10), pad, mss, sack, pad, pad)},
}

// An open port answers the SYNs of all systems that people use, and none that a
// scanner makes, whether they ask for ECN or not, as Apple's and Linux's may.
func TestFingerprint(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		watch(t, "fingerprint = true\n")
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8::20/64")
		arrive(t, client)
		for i, s := range slices.Concat(honest, raw) {
			want, wait := uint8(lab.SYN|lab.ACK), time.Second
			if i >= len(honest) {
				want, wait = 0, 50*time.Millisecond
			}
			var packets []lab.Segment
			for _, a := range addresses(client) {
				packets = append(packets, s.syn(a, i), withECN(s.syn(a, 1000+i)))
			}
			answers, err := client.Answered(wait, packets...)
			must(t, err)
			for i, got := range answers {
				if got&^lab.ECE != want { // ECE agrees to ECN
					t.Errorf("%s, packet %d: the answer has flags %08b, want %08b", s.name, i, got, want)
				}
			}
		}
	})
}

// syn is the system's SYN to port 443.
func (s stack) syn(from netip.Addr, number int) lab.Segment {
	packet := syn(from, 443)
	packet.From = netip.AddrPortFrom(from, uint16(30000+number))
	packet.Window, packet.Options = s.window, s.options
	for len(packet.Options)%4 != 0 {
		packet.Options = append(slices.Clip(packet.Options), 1)
	}
	return packet
}

// withECN is a SYN that asks whether ECN may be used.
func withECN(packet lab.Segment) lab.Segment {
	packet.Flags |= lab.ECE | lab.CWR
	return packet
}

// A guess at the system ends without one: there is no open port and no closed
// one to ask.
func TestSystemIsNotGuessed(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		watch(t, "fingerprint = true\nscope = \"everything\"\n")
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

// Without it, and with no closed port to ask, nmap still finds an open one and
// guesses by that.
func TestSystemIsGuessedWithoutFingerprint(t *testing.T) {
	bare(t, "nft")
	watch(t, "scope = \"hidden\"\n")
	from, report := scanner(lab.NewNetwork(t), 4, 0), ""
	for range 3 { // nmap measures times, and guesses nothing when a busy machine spoils them
		report = guess(t, from, lab.ServerV4, "80,443,1000-1002")
		if strings.Contains(report, "<osmatch") && strings.Contains(report, `<state state="open"`) {
			return
		}
	}
	t.Errorf("nmap -O reports no open port, or no system:\n%s", report)
}

// guess is nmap's report of what a server is, in XML.
func guess(t *testing.T, from *lab.Host, server, ports string) string {
	t.Helper()
	args := []string{"-n", "-Pn", "-O", "--osscan-guess", "--max-retries", "1", "--min-rate", "300", "-p", ports, "-oX", "-"}
	if netip.MustParseAddr(server).Is6() {
		args = append(args, "-6")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	report, err := from.Command(ctx, "nmap", append(args, server)...).Output()
	must(t, err)
	return string(report)
}
