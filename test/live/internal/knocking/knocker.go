// Package knocking is a server whose services open by knocks, with visitors who knock
// right and wrong.
package knocking

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// Knocker is a host that knocks, in one family.
type Knocker struct {
	*lab.Host
	Server string
}

// Address is the knocker's own.
func (g Knocker) Address() netip.Addr {
	if g.Server == lab.ServerV6 {
		return g.V6()
	}
	return g.V4()
}

// Entry is the knocker in a set of a door.
func (g Knocker) Entry(set string) banset.Entry {
	if g.Server == lab.ServerV6 {
		return banset.Entry{Set: "hardenctl-" + set + "-v6", Member: g.V6().String()}
	}
	return banset.Entry{Set: "hardenctl-" + set + "-v4", Member: g.V4().String()}
}

// Sends sends a packet to each port, from ports of the knocker that it chooses
// itself, and as fast as they come to be: a SYN, or a datagram.
func (g Knocker) Sends(t *testing.T, ports ...string) {
	t.Helper()
	for _, port := range ports {
		network, number, _ := strings.Cut(port, "/")
		address := net.JoinHostPort(g.Server, number)
		if network == "tcp" {
			accepted, err := g.Knock(address, 50*time.Millisecond)
			if err != nil || accepted {
				t.Errorf("%s is answered, or was not sent: %v", port, err)
			}
			continue
		}
		c, err := g.Dial(network, address, lab.Patience)
		require.NoError(t, err)
		c.Write([]byte("x"))
		c.Close()
	}
}

// ReachesOnly checks which of the ports the knocker can connect to.
func (g Knocker) ReachesOnly(t *testing.T, want ...int) {
	t.Helper()
	ports := []int{22, 5432, 8080}
	errs := make([]error, len(ports))
	var tries sync.WaitGroup
	for i, port := range ports {
		tries.Add(1)
		go func() { defer tries.Done(); errs[i] = traffic.Connect(g.Host, g.Server, port) }()
	}
	tries.Wait()
	var got []int
	for i, err := range errs {
		if err == nil {
			got = append(got, ports[i])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("reaches %v, want %v", got, want)
	}
}

// Comes has a knocker do something while others do something else.
func (g Knocker) Comes(t *testing.T, name string, does func(Knocker, *testing.T)) {
	family := 4
	if g.Address().Is6() {
		family = 6
	}
	t.Run(fmt.Sprintf("%s/v%d", name, family), func(t *testing.T) {
		t.Parallel()
		traffic.Connect(g.Host, g.Server, 80) // so that no knock waits for the neighbour's answer
		does(g, t)
	})
}

// LeavesTheDoorOpen holds that an open door closes, that a connection through
// it stays, and that the last knock alone opens it no more.
func (g Knocker) LeavesTheDoorOpen(t *testing.T) {
	address := net.JoinHostPort(g.Server, "2222")
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	defer l.Close()
	go traffic.Echo(l)
	g.Sends(t, Front...)
	c, err := g.DialOnce(netip.AddrPort{}, address)
	require.NoError(t, err)
	defer c.Close()
	isOpen(t, c)
	door := g.Entry("k-front-door")
	door.Shortens(t, 60)
	g.Sends(t, Front[2])
	if left := door.Left(t); left > 60 {
		t.Errorf("the last knock alone keeps the door open for %d s", left)
	}
	door.RunsOut(t)
	g.ReachesOnly(t)
	isOpen(t, c)
}

// Runs runs a program on the knocker and returns what it says.
func (g Knocker) Runs(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := g.Command(context.Background(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return string(out)
}

// isOpen checks that the server still answers on a connection.
func isOpen(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetDeadline(time.Now().Add(lab.Patience))
	answer := make([]byte, 1)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Error("the connection that was open is gone:", err)
	}
	if _, err := io.ReadFull(c, answer); err != nil {
		t.Error("the connection that was open is gone:", err)
	}
}
