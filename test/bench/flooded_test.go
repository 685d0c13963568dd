package bench

import (
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// fill is how long each flood goes to each server before anything is measured, so
// that sets and tables hold what they can.
const fill = 2 * time.Second

// floodRounds is odd, and half of the rounds of others: there are two families.
const floodRounds = 41

// BenchmarkFlooded sends floods from millions of forged sources to every server, and
// reports how many packets each takes beside one without rules: 0.8 is to be reached.
// A server that drops all but one port without conntrack shows what the packets cost
// by themselves; two with conntrack, what that costs. Both families.
func BenchmarkFlooded(b *testing.B) {
	for _, backend := range lab.Backends {
		b.Run(backend, func(b *testing.B) {
			lab.UseBackend(b, backend)
			unpack(b)
			s := newStreet(b)
			none := s.server("none")
			others := []*lab.Host{s.server("drop"), s.server("conntrack"), s.server("ufw"), s.server("firewalld")}
			s.fed(others[0], "*filter\n-A INPUT -p tcp --dport 80 -j ACCEPT\n-A INPUT -j DROP\nCOMMIT\n", "iptables-restore")
			s.fed(others[0], "*filter\n-A INPUT -p tcp --dport 80 -j ACCEPT\n-A INPUT -p icmpv6 -j ACCEPT\n-A INPUT -j DROP\nCOMMIT\n", "ip6tables-restore")
			s.conntrack(others[1])
			s.ufw(others[2])
			s.firewalld(others[3], backend)
			for _, profile := range []string{"web", "server", "docker-host"} {
				h := s.server(profile)
				s.hardened(h, "builtin:"+profile)
				others = append(others, h)
			}
			all := append(others, none)
			kinds := []string{"syn-open", "syn-closed", "null", "udp", "syn-open6", "syn-closed6", "null6", "udp6"}
			for _, kind := range kinds {
				s.race(kind, fill, 1, all...)
			}
			for _, kind := range kinds {
				b.Run(kind, func(b *testing.B) { s.compareIn(b, floodRounds, kind, none, others...) })
			}
		})
	}
}
