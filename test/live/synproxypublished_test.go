package live

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// shielded is a host that publishes a shop, a limited counter and an office's
// store, and asks for the proxy before each. Nothing states port 9090, which is
// published too.
const shielded = `version = 1

[policy]
forward = "published"

[access]
exempt = ["66.249.64.5", "2001:4860:4801:10::/64"]
block = ["192.0.2.40", "2001:db8:40::/64"]

[services.shop]
ports = ["tcp/8080"]
synproxy = true

[services.limited]
ports = ["tcp/8081"]
new_per_source = "3/hour burst 3"
synproxy = true

[services.store]
ports = ["tcp/8082"]
from = ["192.0.2.30", "2001:db8:30::/64"]
synproxy = true

[scan]
probes = 10
window = "1h"
scope = "hidden"
stealth = true
`

// A published port behind the proxy has what every service has: sources, limits
// and blocks. The pages come from the container, which sees its clients' own
// addresses, and they come in a flood of forged SYNs too, which leaves nothing
// behind.
func TestSynProxyPublished(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		publishes(t, network, 8080, 8081, 8082, 9090)
		expect(t, 0, "apply", write(t, "shielded.toml", shielded), "--auto-approve", "--confirm-within", "0", "--no-guard")
		visitors := map[string]*lab.Host{
			"customer": network.Host("customer", "192.0.2.20/24", "2001:db8:20::7"),
			"partner":  network.Host("partner", "192.0.2.30/24", "2001:db8:30::7"),
			"blocked":  network.Host("blocked", "192.0.2.40/24", "2001:db8:40::7"),
			"crawler":  network.Host("crawler", "66.249.64.5", "2001:4860:4801:10::5"),
		}
		attacker := newAttacker(t, network)
		onFamilies(t, "visits", func(t *testing.T, f family) {
			for _, v := range shieldedVisits {
				for page := range v.pages {
					at, who := &site{v.port}, visitors[v.who]
					if !v.loads && !at.shuts(who, f.server) {
						t.Errorf("%s -> port %d, page %d: it loads", v.who, v.port, page+1)
					}
					if !v.loads {
						continue
					}
					if err := at.visit(who, f.server); err != nil {
						t.Errorf("%s -> port %d, page %d: %v", v.who, v.port, page+1, err)
					}
				}
			}
		})
		for _, f := range families {
			(&site{8080}).isCalmIn(t, flood{attacker, netip.AddrPortFrom(netip.MustParseAddr(f.server), 8080), 10_000}, visitors["customer"])
		}
	})
}

// shieldedVisits are the pages that a client asks for, and whether they come.
var shieldedVisits = []struct {
	who         string
	port, pages int
	loads       bool
}{
	{"customer", 8080, 20, true},
	{"customer", 8081, 3, true},
	{"customer", 8081, 1, false}, // the fourth in an hour
	{"crawler", 8081, 6, true},
	{"partner", 8082, 3, true},
	{"customer", 8082, 1, false},
	{"blocked", 8080, 1, false},
	{"customer", 9090, 1, false},
}

// publishes adds a host that is to be a container with a site on port 80, and
// sends these ports of the server on to it as Docker does: by DNAT for what
// arrives, and for what the server itself sends to its own addresses.
func publishes(t *testing.T, network *lab.Bench, ports ...int) {
	t.Helper()
	routes(t)
	container := network.Host("container", "10.9.0.2", "fd00:9::2")
	must(t, container.Do(func() error {
		l, err := net.Listen("tcp", ":80")
		if err != nil {
			return err
		}
		server := &http.Server{Handler: http.HandlerFunc(servePage)}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
		return nil
	}))
	for _, f := range []struct{ tool, loopback, to string }{
		{"iptables", "127.0.0.0/8", "10.9.0.2:80"}, {"ip6tables", "::1", "[fd00:9::2]:80"},
	} {
		nat := f.tool + " -w -t nat "
		tool(t, nat+"-N DOCKER")
		tool(t, nat+"-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER")
		tool(t, nat+"-A OUTPUT ! -d "+f.loopback+" -m addrtype --dst-type LOCAL -j DOCKER")
		for _, port := range ports {
			tool(t, fmt.Sprintf("%s-A DOCKER -p tcp --dport %d -j DNAT --to-destination %s", nat, port, f.to))
		}
	}
}

// routes has the server forward packets until the end of the test.
func routes(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"} {
		old, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path, []byte("1"), 0))
		t.Cleanup(func() { must(t, os.WriteFile(path, old, 0)) })
	}
}
