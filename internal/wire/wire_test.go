package wire_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hardenctl/hardenctl/internal/netns"
	"github.com/hardenctl/hardenctl/internal/wire"
)

// network is two namespaces with a cable between them.
type network struct{ near, far *netns.Space }

// Both ends of a cable.
var (
	nearEnd = map[int]netip.Prefix{4: netip.MustParsePrefix("192.0.2.1/32"), 6: netip.MustParsePrefix("2001:db8::1/128")}
	farEnd  = map[int]netip.Prefix{4: netip.MustParsePrefix("198.51.100.7/32"), 6: netip.MustParsePrefix("2001:db8:1::7/128")}
)

func lay(t *testing.T) network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes network namespaces")
	}
	n := network{space(t), space(t)}
	hardware := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	must(t, wire.Cable(wire.End{Space: n.near, Name: "wan0", Hardware: hardware}, wire.End{Space: n.far, Name: "lan0", Hardware: hardware}))
	for _, family := range []int{4, 6} {
		must(t, n.near.Do(func() error { return settle("wan0", nearEnd[family], farEnd[family]) }))
		must(t, n.far.Do(func() error { return settle("lan0", farEnd[family], nearEnd[family]) }))
	}
	return n
}

func settle(link string, own, other netip.Prefix) error {
	_, err := wire.UpWithoutARP(link)
	return errors.Join(err, wire.Address(link, own), wire.Address(link, own), wire.Route{To: other, Link: link, From: own.Addr()}.Set())
}

func space(t *testing.T) *netns.Space {
	t.Helper()
	s, err := netns.New()
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// What is sent to a port at the other end of a cable comes back, over both
// protocols and families, as soon as all is laid. A datagram is sent once: the first
// packet is not lost.
func TestCable(t *testing.T) {
	n := lay(t)
	var datagrams atomic.Int64
	for _, protocol := range []string{"udp", "tcp"} {
		must(t, n.near.Do(func() error {
			l, err := wire.Listen(protocol, ":2222", wire.Echo, func() { datagrams.Add(1) })
			if err == nil {
				t.Cleanup(func() { l.Close() })
			}
			return err
		}))
		for _, family := range []int{4, 6} {
			must(t, n.far.Do(func() error { return ask(protocol, netip.AddrPortFrom(nearEnd[family].Addr(), 2222)) }))
		}
	}
	if datagrams.Load() != 2 {
		t.Errorf("%d datagrams", datagrams.Load())
	}
}

// stall is longer than a busy machine keeps an answer.
const stall = 20 * time.Second

// ask sends a word and wants it back.
func ask(protocol string, to netip.AddrPort) error {
	c, err := net.DialTimeout(protocol, to.String(), stall)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(stall))
	word := make([]byte, 4)
	_, err = c.Write([]byte("word"))
	if err == nil {
		_, err = c.Read(word)
	}
	if err == nil && string(word) != "word" {
		err = errors.New("got " + string(word))
	}
	return err
}

// An interface that goes takes the other end with it; errors name the interface.
func TestRemove(t *testing.T) {
	n := lay(t)
	must(t, n.near.Do(func() error { return wire.Remove("wan0") }))
	for name, f := range map[string]func() error{
		"up":      func() error { return wire.Up("lan0") },
		"address": func() error { return wire.Address("lan0", farEnd[4]) },
		"route":   func() error { return wire.Route{To: nearEnd[4], Link: "lan0"}.Set() },
		"plug":    func() error { return wire.Plug("lan0", "lo") },
	} {
		if err := n.far.Do(f); err == nil || !strings.HasPrefix(err.Error(), "lan0: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, wire.Cable(wire.End{Space: n.near, Name: "wan0"}, wire.End{Space: n.far, Name: "lan0"}))
	if err := wire.Cable(wire.End{Space: n.near, Name: "wan0"}, wire.End{Space: n.far, Name: "lan1"}); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a second cable: %v", err)
	}
	if _, err := wire.Listen("sctp", ":1", wire.Echo, func() {}); err == nil {
		t.Error("a port of SCTP was opened")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
