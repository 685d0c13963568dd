package limits

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// protocols are those of the profile below that are stated, and two that are not.
var protocols = []struct {
	number int
	stated bool
}{{112, true}, {50, true}, {51, true}, {47, true}, {41, true}, {4, true}, {89, true}, {97, true}, {103, false}, {46, false}}

const tunnels = `version = 1
include = ["builtin:web"]
[services.tunnels]
protocols = ["vrrp", "esp", "ah", "gre", "ipv6", "ipip", "ospf", 97]
from = ["192.0.2.31", "2001:db8::31"]
[services.diameter]
ports = ["sctp/3868", "udplite/3868"]
`

// Protocols that a service states arrive from the sources that it states; others do not,
// nor those of other sources, and no source is banned for them.
func TestProtocols(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		peer, stranger := network.Host("peer", "192.0.2.31/24", "2001:db8::31/64"), network.Host("stranger", "192.0.2.32/24", "2001:db8::32/64")
		profile := testfile.Write(t, "tunnels.toml", tunnels)
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--no-guard", "--confirm-within", "0")
		run.Expect(t, 0, "plan", profile, "--detailed-exitcode") // names and numbers are one protocol
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			for _, p := range protocols {
				for from, is := range map[*lab.Host]bool{peer: p.stated, stranger: false} {
					if got := arrives(t, from, server, p.number, nil); got != is {
						t.Errorf("protocol %d from %s to %s: arrives: %v", p.number, from.Name(), server, got)
					}
				}
			}
			for port, is := range map[uint16]bool{3868: true, 3869: false} {
				own, to := stranger.V4(), netip.MustParseAddr(server)
				if to.Is6() {
					own = stranger.V6()
				}
				for number, segment := range map[int][]byte{sctpProtocol: sctpInit(port), udpLiteProtocol: udpLite(port, own, to)} {
					if got := arrives(t, stranger, server, number, segment); got != is {
						t.Errorf("protocol %d to port %d of %s: arrives: %v", number, port, server, got)
					}
				}
			}
		}
		if got := arrives(t, stranger, "224.0.0.1", 2, []byte{0x11, 0x64, 0xee, 0x9b, 0, 0, 0, 0}); !got {
			t.Error("a query of IGMP does not arrive")
		}
	})
}

// arrives reports whether a packet gets through INPUT.
func arrives(t *testing.T, from *lab.Host, to string, number int, payload []byte) bool {
	t.Helper()
	address := netip.MustParseAddr(to)
	network, own := fmt.Sprintf("ip4:%d", number), from.V4()
	if address.Is6() {
		network, own = fmt.Sprintf("ip6:%d", number), from.V6()
	}
	l, err := net.ListenPacket(network, "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if payload == nil {
		payload = make([]byte, 32)
		if number == ahProtocol { // what follows is ESP, and the header is 24 bytes long
			payload[0], payload[1] = 50, 4
		}
	}
	sends(t, from, number, address, payload)
	return heard(l, own)
}

// sends sends one packet of a protocol, and waits until it has been decided.
func sends(t *testing.T, from *lab.Host, number int, to netip.Addr, payload []byte) {
	t.Helper()
	network, own := fmt.Sprintf("ip4:%d", number), from.V4()
	if to.Is6() {
		network, own = fmt.Sprintf("ip6:%d", number), from.V6()
	}
	if err := from.Do(func() error {
		c, err := net.ListenPacket(network, own.String())
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.WriteTo(payload, &net.IPAddr{IP: to.AsSlice()})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	lab.Drain()
}

// heard reports whether a packet of a source has come.
func heard(l net.PacketConn, from netip.Addr) bool {
	l.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // a deadline that is over reads nothing
	buffer := make([]byte, 1500)
	for {
		_, sender, err := l.ReadFrom(buffer)
		if err != nil {
			return false
		}
		if sender.String() == from.String() {
			return true
		}
	}
}

// sctpInit is the first packet of an association (RFC 9260, section 3.3.2).
func sctpInit(port uint16) []byte {
	b := make([]byte, 32)
	b[0], b[1], b[2], b[3] = 0x9c, 0x40, byte(port>>8), byte(port)
	b[12], b[15] = 1, 20 // an INIT chunk of 20 bytes
	b[19], b[23], b[25], b[27], b[31] = 1, 255, 1, 1, 1
	binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// udpLite is a datagram of UDP-Lite (RFC 3828), its checksum over all of it.
func udpLite(port uint16, from, to netip.Addr) []byte {
	b := []byte{0x9c, 0x40, byte(port >> 8), byte(port), 0, 0, 0, 0, 'x', 0}
	var sum uint32
	for _, part := range [][]byte{from.AsSlice(), to.AsSlice(), {0, udpLiteProtocol, 0, byte(len(b))}, b} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(b[6:], ^uint16(sum))
	return b
}

const (
	sctpProtocol    = 132
	udpLiteProtocol = 136
	ahProtocol      = 51
)

// Sources of echo_from are answered, as admins are; others are not.
func TestEchoFrom(t *testing.T) {
	stage.Bare(t, lab.Backends[0])
	network := lab.NewNetwork(t)
	monitor, admin, other := network.Host("monitor", "192.0.2.31/24", "2001:db8::31/64"), network.Host("admin", "192.0.2.33/24", "2001:db8::33/64"), network.Host("other", "192.0.2.32/24", "2001:db8::32/64")
	for rate, most := range map[string]int{"": 0, "echo_per_source = \"1/day burst 1\"\n": 1} {
		text := "version = 1\ninclude = [\"builtin:server\"]\n[access]\nadmin = [\"192.0.2.33\", \"2001:db8::33\"]\n" +
			"[icmp]\necho_from = [\"192.0.2.31\", \"2001:db8::31\"]\n"
		if rate == "" {
			text = strings.Replace(text, "[icmp]\n", "[icmp]\nremove = [\"echo_per_source\"]\n", 1)
		}
		run.Expect(t, 0, "apply", testfile.Write(t, "echo.toml", text+rate), "--auto-approve", "--no-guard", "--confirm-within", "0")
		for _, server := range []string{lab.ServerV4, lab.ServerV6} {
			for from, want := range map[*lab.Host]int{monitor: 3, admin: 3, other: most} {
				if got := traffic.Echoes(t, from, server, 3, "0.2"); got != want {
					t.Errorf("%q: %s pings %s: %d answers of 3, want %d", rate, from.Name(), server, got, want)
				}
			}
		}
	}
}
