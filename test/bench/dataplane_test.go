package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
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
// What is apart by the clock and not by processor time is done by the
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

// BenchmarkEarlier is what the rules of this version cost in peace, beside those of an
// earlier one: HARDENCTL_EARLIER names its program, built with CGO_ENABLED=0. No ratio
// is to be under 0.97.
func BenchmarkEarlier(b *testing.B) {
	// The profiles server and docker-host state no site by themselves.
	const site = `version = 1
include = ["builtin:%s"]
[services.http]
ports = ["tcp/80"]
[services.https]
ports = ["tcp/443"]
`
	program := os.Getenv("HARDENCTL_EARLIER")
	if program == "" {
		b.Skip("HARDENCTL_EARLIER names no program")
	}
	for _, backend := range lab.Backends {
		for _, profile := range []string{"web", "server", "docker-host"} {
			b.Run(backend+"/"+profile, func(b *testing.B) {
				lab.UseBackend(b, backend)
				s := newStreet(b)
				earlier, now := s.server("earlier"), s.server("now")
				text := filepath.Join(b.TempDir(), "site.toml")
				write(b, text, fmt.Sprintf(site, profile))
				s.hardenedBy(program, earlier, text)
				s.hardened(now, text)
				for _, kind := range []string{"connect", "stream"} {
					b.Run(kind, func(b *testing.B) {
						if kind == "stream" {
							s.plainSegments(earlier, now)
						}
						s.compare(b, kind, earlier, now)
					})
				}
			})
		}
	}
}

// BenchmarkUntrackedAdmin is what admin_untracked costs everyone else: the profile web with
// it beside the same profile without, in one run.
func BenchmarkUntrackedAdmin(b *testing.B) {
	const text = `version = 1
include = ["builtin:web"]
[access]
admin = ["198.51.100.7", "2001:db8:a::7"]
admin_untracked = %t
`
	switched(b, text, "tracked", "untracked", "stream")
}

// switched compares the profile in which a setting is false with the one in which it is
// true: new connections, and the stream of a kind.
func switched(b *testing.B, text, without, with, stream string) {
	for _, backend := range lab.Backends {
		b.Run(backend, func(b *testing.B) {
			lab.UseBackend(b, backend)
			s := newStreet(b)
			off, on := s.server(without), s.server(with)
			for h, is := range map[*lab.Host]bool{off: false, on: true} {
				profile := filepath.Join(b.TempDir(), "web.toml")
				write(b, profile, fmt.Sprintf(text, is))
				s.hardened(h, profile)
			}
			for _, kind := range []string{"connect", stream} {
				b.Run(kind, func(b *testing.B) {
					if kind == stream {
						s.plainSegments(off, on)
					}
					s.compare(b, kind, off, on)
				})
			}
		})
	}
}

// BenchmarkSynProxy is what SYNPROXY costs: the profile web with it beside the same
// profile without, in one run. A connection begins one round trip later, and every
// packet of it has its sequence numbers translated.
func BenchmarkSynProxy(b *testing.B) {
	const text = `version = 1
include = ["builtin:web"]
[services.http]
ports = ["tcp/80", "tcp/8080"]
synproxy = %t
`
	switched(b, text, "web", "synproxy", "download")
}
