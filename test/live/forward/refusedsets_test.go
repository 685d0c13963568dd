package forward

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/forwarding"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// inSets are the addresses of one host, by the set that is to hold them.
var inSets = map[string][2]string{
	"":      {"10.20.0.5", "fd12:3456:789a:5::5"},
	"ban":   {"10.20.0.6", "fd12:3456:789a:6::6"},
	"jail":  {"10.20.0.7", "fd12:3456:789a:7::7"},
	"lines": {"10.20.0.8", "fd12:3456:789a:8::8"},
	"block": {"10.20.0.9", "fd12:3456:789a:9::9"},
}

const withMembers = `version = 1
include = ["builtin:%s"]
[access]
block = ["10.20.0.9", "fd12:3456:789a:9::/64"]
[services.members]
ports = ["tcp/8080-8081"]
from = ["10.20.0.0/16", "fd12:3456:789a::/48"]
[fail2ban]
log = "journal"
%s`

// TestRefusedSets puts a source into each set that refuses its members, under
// every built-in profile, and has it try a service that is stated for it: one of
// this host's, and, where published ports are filtered, one of those. A ban and
// counted lines, which can be forged, leave it the services where the profile
// says so. A jail of others never does.
func TestRefusedSets(t *testing.T) {
	for i, b := range webserver.Builtins {
		t.Run(b.Name, func(t *testing.T) {
			stage.Bare(t, lab.Backends[i%len(lab.Backends)])
			lab.Serve(t, "tcp", 8081)
			ports := []int{8081}
			if b.Published {
				forwarding.AddInside(t)
				forwarding.ForwardPorts(t)
				forwards(t) // as Docker does
				ports = append(ports, 8080)
			}
			path := testfile.Write(t, "members.toml", fmt.Sprintf(withMembers, b.Name, b.More))
			run.Expect(t, 0, "apply", path, "--auto-approve", "--confirm-within", "0", "--no-guard")
			m := newSetMember(t, lab.NewNetwork(t))
			may := map[string]bool{"": true, "ban": b.Hidden, "jail": false, "block": false}
			if b.Hidden {
				may["lines"] = true
			}
			for set := range may {
				m.join(t, set)
			}
			m.tries(t, ports, may)
		})
	}
}

// forwards has the server send on what is for others, until the end of the test.
func forwards(t *testing.T) {
	t.Helper()
	for _, path := range forwarding.Settings {
		require.NoError(t, os.WriteFile(path, []byte("1"), 0))
	}
}

// setMember is a host with an address in each set.
type setMember struct{ *lab.Host }

func newSetMember(t *testing.T, n *lab.Bench) setMember {
	t.Helper()
	var all []string
	for _, pair := range inSets {
		all = append(all, pair[0], pair[1])
	}
	m := setMember{n.Host("member", all...)}
	for family := range traffic.Families {
		lab.Await(t, "a way to the server", func() bool { return m.connects("", family, 8081) })
	}
	return m
}

// join puts its address into a set that packets or fail2ban fill.
func (m setMember) join(t *testing.T, set string) {
	t.Helper()
	if set == "" || set == "block" {
		return
	}
	for i, address := range inSets[set] {
		run.Tool(t, fmt.Sprintf("ipset add hardenctl-%s-v%d %s", set, []int{4, 6}[i], address))
	}
}

// tries connects from its addresses to each of the ports at once. may says which
// of them get an answer.
func (m setMember) tries(t *testing.T, ports []int, may map[string]bool) {
	t.Helper()
	var all sync.WaitGroup
	for set, want := range may {
		for family := range traffic.Families {
			for _, port := range ports {
				all.Add(1)
				go func() {
					defer all.Done()
					if is := m.connects(set, family, port); is != want {
						t.Errorf("%s in %q reaches port %d: %v, want %v", inSets[set][family], set, port, is, want)
					}
				}()
			}
		}
	}
	all.Wait()
}

// connects opens a connection from the member of a set, and is greeted.
func (m setMember) connects(set string, family, port int) bool {
	from := netip.AddrPortFrom(netip.MustParseAddr(inSets[set][family]), 0)
	conn, err := m.DialOnce(from, net.JoinHostPort(traffic.Families[family].Server, fmt.Sprint(port)))
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(lab.Patience))
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && strings.TrimSpace(line) != ""
}
