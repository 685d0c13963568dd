package limits

import (
	"io"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// A connection that this host has ended by a RST leaves an entry of conntrack that
// takes the next SYN from the same port for a part of it. Such a SYN meets the limits
// and bans as any first packet does.
func TestUsedPortMeetsLimits(t *testing.T) {
	const profile = `version = 1
include = ["builtin:server"]
[services.ssh]
ports = ["tcp/22"]
new_per_source = "1/minute burst 3"
`
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		resetAll(t, 22)
		run.Expect(t, 0, "apply", "--auto-approve", "--confirm-within", "0", "--no-guard", testfile.Write(t, "used.toml", profile))
		client := network.Host("client", "192.0.2.30/24", "2001:db8:30::30")
		for server, address := range map[string]string{lab.ServerV4: "192.0.2.30", lab.ServerV6: "2001:db8:30::30"} {
			local, accepted := netip.AddrPortFrom(netip.MustParseAddr(address), 40000), 0
			for range 8 {
				if conn, err := client.DialOnce(local, net.JoinHostPort(server, "22")); err == nil {
					accepted++
					awaitReset(conn)
				}
			}
			if accepted == 0 || accepted > 4 {
				t.Errorf("%s: %d of 8 connections from one port were accepted, of a burst of 3", address, accepted)
			}
		}
	})
}

// resetAll greets at a port and hangs up before it has read all, which is a RST.
func resetAll(t *testing.T, port int) {
	t.Helper()
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write([]byte("hello\r\n"))
			c.Read(make([]byte, 1))
			c.Close()
		}
	}()
}

// awaitReset sends more than is read, and waits until the other side has hung up.
func awaitReset(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(lab.Patience))
	c.Read(make([]byte, 100))
	c.Write(make([]byte, 100))
	io.Copy(io.Discard, c)
}
