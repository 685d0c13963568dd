package bench

import (
	"testing"

	"hardenctl/lab"
)

// all is a street with every firewall that ours is held against.
func all(b *testing.B, backend string) (s *street, conntrack *lab.Host, others []*lab.Host) {
	lab.UseBackend(b, backend)
	unpack(b)
	s = newStreet(b)
	conntrack = s.server("conntrack")
	none, ufw, firewalld, web := s.server("none"), s.server("ufw"), s.server("firewalld"), s.server("web")
	s.conntrack(conntrack)
	s.ufw(ufw)
	s.firewalld(firewalld, backend)
	s.hardened(web, "builtin:web")
	return s, conntrack, []*lab.Host{none, ufw, firewalld, web}
}

// BenchmarkConnections makes a connection for each request, from many sources.
// What stands apart by the clock and not by processor time is done by the
// kernel's own workers: connlimit tidies its lists there.
// Ours is to reach 0.97 of conntrack alone, and no less than ufw and firewalld.
func BenchmarkConnections(b *testing.B) {
	for _, backend := range lab.Backends {
		b.Run(backend, func(b *testing.B) {
			s, conntrack, others := all(b, backend)
			s.compare(b, "connect", conntrack, others...)
		})
	}
}

// BenchmarkStream fills one connection, each packet of which passes the rules.
// Ours is to reach 0.95 of conntrack alone, and no less than ufw and firewalld.
func BenchmarkStream(b *testing.B) {
	for _, backend := range lab.Backends {
		b.Run(backend, func(b *testing.B) {
			s, conntrack, others := all(b, backend)
			s.plainSegments(append(others, conntrack)...)
			s.compare(b, "stream", conntrack, others...)
		})
	}
}
