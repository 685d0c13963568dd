package knock

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

var here = netip.MustParseAddr("127.0.0.1")

// door is a listener on a port of this host's own.
func door(t *testing.T, network string) (Port, <-chan string) {
	t.Helper()
	heard := make(chan string, 8)
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		go func() {
			b := make([]byte, 9)
			for n, _, err := c.ReadFrom(b); err == nil; n, _, err = c.ReadFrom(b) {
				heard <- string(b[:n])
			}
		}()
		return Port{"udp", netip.MustParseAddrPort(c.LocalAddr().String()).Port()}, heard
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			c.Close()
			heard <- ""
		}
	}()
	return Port{"tcp", netip.MustParseAddrPort(l.Addr().String()).Port()}, heard
}

// TestSend shows that each knock arrives, empty, and that a delay lies between
// two of them: also where somebody answers at once.
func TestSend(t *testing.T) {
	first, heardFirst := door(t, "udp")
	second, heardSecond := door(t, "tcp")
	third, heardThird := door(t, "udp")
	refused, _ := Port{"tcp", 1}, 0
	began := time.Now()
	if err := Send(context.Background(), here, []Port{first, second, refused, third}, 120*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	for i, heard := range []<-chan string{heardFirst, heardSecond, heardThird} {
		select {
		case text := <-heard:
			if text != "" {
				t.Errorf("knock %d says %q", i+1, text)
			}
		case <-time.After(lab.Patience):
			t.Fatalf("knock %d did not come", i+1)
		}
	}
	if took < 360*time.Millisecond {
		t.Errorf("three delays of 120 ms took %v", took)
	}
}

// TestSendStops holds that an interrupt ends the knocking.
func TestSendStops(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err := Send(ctx, here, []Port{{"udp", 9}, {"udp", 10}}, 24*time.Hour)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestEverywhere holds that one address is enough, and that the error names
// the other.
func TestEverywhere(t *testing.T) {
	nowhere := netip.MustParseAddr("255.255.255.255") // no TCP goes there
	sequence := []Port{{"tcp", 1}, {"udp", 9}}
	reached, err := Everywhere(context.Background(), []netip.Addr{nowhere, here}, sequence, MinDelay)
	if len(reached) != 1 || reached[0] != here || err == nil || !strings.Contains(err.Error(), "knock 1 of 2, tcp/1 at 255.255.255.255") {
		t.Errorf("reached %v, error %v", reached, err)
	}
}

// TestResolve shows that one address of each family is enough.
func TestResolve(t *testing.T) {
	for _, test := range []struct{ network, host, want string }{
		{"ip", "192.0.2.1", "192.0.2.1"}, {"ip", "2001:db8::1", "2001:db8::1"}, {"ip4", "192.0.2.1", "192.0.2.1"},
	} {
		if got, err := Resolve(context.Background(), test.network, test.host); err != nil || len(got) != 1 || got[0].String() != test.want {
			t.Errorf("%s: got %v, %v", test.host, got, err)
		}
	}
	if got, err := Resolve(context.Background(), "ip6", "192.0.2.1"); err == nil {
		t.Errorf("192.0.2.1 has the IPv6 address %v", got)
	}
}
