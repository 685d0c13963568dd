package coexistence

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

const byHand = `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s OFFICE -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s BAD -p tcp -j DROP
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
-A INPUT PINGS -j ACCEPT
COMMIT
`

// A profile that import has written from the rules of a host lets in who got in before, and
// no others. The rules of before are gone then, as they are on a host that is moved.
func TestImportOfLiveRules(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		office := network.Host("office", "192.0.2.31/24", "2001:db8::31/64")
		bad, other := network.Host("bad", "192.0.2.66/24", "2001:db8::66/64"), network.Host("other", "192.0.2.90/24", "2001:db8::90/64")
		for _, port := range []int{22, 80, 443, 9100} {
			lab.Serve(t, "tcp", port)
		}
		run.WithInput(t, strings.NewReplacer("OFFICE", "192.0.2.31", "BAD", "192.0.2.66", "PINGS", "-p icmp -m limit --limit 5/sec").Replace(byHand), "iptables-restore")
		run.WithInput(t, strings.NewReplacer("OFFICE", "2001:db8::31", "BAD", "2001:db8::66", "PINGS", "-p ipv6-icmp").Replace(byHand), "ip6tables-restore")
		check := func(when string) {
			t.Helper()
			for _, server := range []string{lab.ServerV4, lab.ServerV6} {
				for _, c := range []struct {
					from  *lab.Host
					port  int
					lands bool
				}{{office, 22, true}, {office, 443, true}, {office, 9100, false}, {other, 22, false}, {other, 80, true}, {bad, 80, false}, {bad, 22, false}} {
					if traffic.Connects(c.from, net.JoinHostPort(server, strconv.Itoa(c.port)), c.lands) != c.lands {
						t.Errorf("%s: %s to port %d of %s: reaches it: %v", when, c.from.Name(), c.port, server, !c.lands)
					}
				}
			}
		}
		check("before")

		profile := filepath.Join(t.TempDir(), "moved.toml")
		require.Contains(t, run.Expect(t, 0, "import", "--live", "-o", profile), "Not carried over:\n", "a limit: state new_per_source", "icmp -m limit --limit 5/sec -j ACCEPT")
		for _, tool := range []string{"iptables", "ip6tables"} {
			run.Tool(t, tool+" -F INPUT")
		}
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--no-guard", "--confirm-within", "0")
		check("after")
		require.Contains(t, run.AsNobody(t, 1, "import", "--live"), "--live: the firewall can only be read and changed as root")
	})
}
