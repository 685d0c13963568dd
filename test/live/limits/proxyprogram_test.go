package limits

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// Behind SYNPROXY a client has a connection before the program is asked. If none
// listens, as while it starts anew, the client hears so at once, whether it speaks first
// or waits for the program to speak.
func TestProxiedServiceWithoutProgram(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		client := lab.NewNetwork(t).Host("client", "192.0.2.20/24", "2001:db8:20::20")
		site := openSite(t, 80)
		run.Expect(t, 0, "apply", synflood.Proxied(t, true, ""), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, f := range traffic.Families {
			lab.Await(t, "a page of "+f.Server, func() bool { return site.Visit(client, f.Server) == nil })
			for _, speaks := range []bool{true, false} {
				if err := waitsAt(t, client, f.Server, 443, speaks); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("%s, where no program listens, to a client that speaks=%v: %v, want a reset", f.Server, speaks, err)
				}
			}
		}
	})
}

// waitsAt opens a connection to a port and waits for the end of it.
func waitsAt(t *testing.T, client *lab.Host, server string, port int, speaks bool) error {
	t.Helper()
	c, err := client.DialOnce(netip.AddrPort{}, net.JoinHostPort(server, strconv.Itoa(port)))
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(lab.Patience))
	if speaks {
		if _, err := c.Write([]byte("x")); err != nil {
			return err
		}
	}
	_, err = c.Read(make([]byte, 1))
	return err
}
