package exact

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/netns"
	"github.com/hardenctl/hardenctl/test/live/internal/forwarding"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// site is a server with several interfaces. Behind each is a network in which nobody
// answers: rules see what a test sends, and nothing else.
type site struct {
	links map[string]*link
	raw   map[ruleset.Family]int // sockets by which the server itself sends
}

// link is an interface of the server.
type link struct {
	name   string
	far    int // a socket on the other end of its cable
	at     int // the index of the other end
	mac    net.HardwareAddr
	server map[ruleset.Family]netip.Addr
	beyond map[ruleset.Family]netip.Addr // an address behind it
}

// loopback is the interface by which the server sends to itself.
const loopback = "lo"

// interfaces are those of the server. The first leads to everybody else; the others are
// those that built-in profiles name.
var interfaces = []string{lab.ServerInterface, "lan0", "docker0", "br-0", "docker_gwbridge"}

// published is a second address of the server's first interface.
var published = map[ruleset.Family]netip.Addr{ruleset.V4: netip.MustParseAddr("192.0.2.2"), ruleset.V6: netip.MustParseAddr("2001:db8::2")}

// others are the addresses of everybody else.
var others = map[ruleset.Family]netip.Addr{ruleset.V4: netip.MustParseAddr("198.51.100.1"), ruleset.V6: netip.MustParseAddr("2001:db8:1::1")}

// newSite makes the server and its networks, until the end of the test.
func newSite(t *testing.T) *site {
	t.Helper()
	lab.Require(t)
	s := &site{links: map[string]*link{}, raw: map[ruleset.Family]int{}}
	run.Tool(t, "ip netns add outside")
	t.Cleanup(func() { run.Tool(t, "ip netns delete outside") })
	outside, err := netns.Open("/run/netns/outside")
	must(t, err)
	t.Cleanup(func() { outside.Close() })
	must(t, outside.Do(func() error { return setting("net/ipv6/conf/default/disable_ipv6", "1") }))
	forwarding.Routes(t)
	for _, name := range []string{"net/ipv4/conf/all/rp_filter", "net/ipv4/conf/default/rp_filter", "net/ipv6/conf/default/router_solicitations"} {
		must(t, setting(name, "0"))
	}
	for i, name := range interfaces {
		s.links[name] = newLink(t, outside, i, name)
	}
	for _, step := range []string{
		"-4 route add default dev eth0", "-6 route add default dev eth0", "-4 route add 224.0.0.0/4 dev eth0",
		"address add 192.0.2.2/24 dev eth0", "address add 2001:db8::2/64 dev eth0 nodad",
	} {
		run.Tool(t, "ip "+step)
	}
	for family, domain := range map[ruleset.Family]int{ruleset.V4: unix.AF_INET, ruleset.V6: unix.AF_INET6} {
		s.raw[family], err = unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		must(t, err)
		t.Cleanup(func() { unix.Close(s.raw[family]) })
	}
	must(t, unix.SetsockoptInt(s.raw[ruleset.V4], unix.SOL_SOCKET, unix.SO_BROADCAST, 1))
	return s
}

// newLink makes an interface of the server. It asks for no neighbour: a frame goes out as
// it is.
func newLink(t *testing.T, outside *netns.Space, i int, name string) *link {
	t.Helper()
	far := fmt.Sprint("far", i)
	l := &link{name: name, server: map[ruleset.Family]netip.Addr{}, beyond: map[ruleset.Family]netip.Addr{}}
	v4, v6 := fmt.Sprintf("10.9.%d.", i), fmt.Sprintf("fd00:9:%d::", i)
	if i == 0 {
		v4, v6 = strings.TrimSuffix(lab.ServerV4, "1"), strings.TrimSuffix(lab.ServerV6, "1")
		l.beyond = others
	} else {
		l.beyond[ruleset.V4], l.beyond[ruleset.V6] = netip.MustParseAddr(v4+"2"), netip.MustParseAddr(v6+"2")
	}
	l.server[ruleset.V4], l.server[ruleset.V6] = netip.MustParseAddr(v4+"1"), netip.MustParseAddr(v6+"1")
	for _, step := range []string{
		"link add " + name + " type veth peer name " + far + " netns outside", "-n outside link set " + far + " up",
		"link set " + name + " arp off addrgenmode none up",
		"address add " + v4 + "1/24 broadcast + dev " + name, "address add " + v6 + "1/64 dev " + name + " nodad",
	} {
		run.Tool(t, "ip "+step)
	}
	t.Cleanup(func() { run.Tool(t, "ip link delete "+name) })
	near, err := net.InterfaceByName(name)
	must(t, err)
	l.mac = near.HardwareAddr
	must(t, outside.Do(func() error {
		peer, err := net.InterfaceByName(far)
		if err != nil {
			return err
		}
		l.at = peer.Index
		l.far, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	}))
	t.Cleanup(func() { unix.Close(l.far) })
	return l
}

func setting(path, value string) error { return os.WriteFile("/proc/sys/"+path, []byte(value), 0) }

// deliver has a packet come to the server by an interface, or go out from it where it comes
// in by none or by the loopback.
func (s *site) deliver(p exact.Packet, packet []byte) error {
	if l := s.links[p.In]; l != nil {
		frame := append(append([]byte{}, l.mac...), 2, 0, 0, 0, 0, 1, 8, 0)
		if p.Family == ruleset.V6 {
			frame[12], frame[13] = 0x86, 0xdd
		}
		return unix.Sendto(l.far, append(frame, packet...), 0, &unix.SockaddrLinklayer{Ifindex: l.at})
	}
	to := unix.Sockaddr(&unix.SockaddrInet6{Addr: p.Destination.As16()})
	if p.Family == ruleset.V4 {
		to = &unix.SockaddrInet4{Addr: p.Destination.As4()}
	}
	by := p.Out
	if p.In == loopback || by == loopback {
		by = "" // the route of its own address
	}
	socket := s.raw[p.Family]
	err := unix.SetsockoptString(socket, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, by)
	err = errors.Join(err, unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_MARK, int(p.Values[exact.Mark])))
	if err != nil {
		return err
	}
	// EPERM is the word for what a rule has dropped.
	if err := unix.Sendto(socket, packet, 0, to); !errors.Is(err, unix.EPERM) {
		return err
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
