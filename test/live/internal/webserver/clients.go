// Package webserver is a web and name server that bans scanners, with its customers,
// crawlers and admins. Most tests that need some profile use its profile.
package webserver

import (
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// Serve opens the services of the profile, and others that must stay hidden.
func Serve(t *testing.T) {
	for _, port := range []int{22, 80, 443, 5432, 8080} {
		lab.Serve(t, "tcp", port)
	}
	for _, port := range []int{53, 123} {
		lab.Serve(t, "udp", port)
	}
}

// Clients are the legitimate clients of the server, and an unlisted host that is not
// among those who may use SSH.
type Clients struct{ Customer, Crawler, Admin, Unlisted *lab.Host }

// Visit has each of them do what it does, over both families.
func (p Clients) Visit(t *testing.T) {
	t.Helper()
	for _, server := range []string{lab.ServerV4, lab.ServerV6} {
		traffic.Reaches(t, p.Customer, server, 443, 30)
		traffic.Reaches(t, p.Crawler, server, 443, 100)
		traffic.Reaches(t, p.Admin, server, 22, 1)
		if !traffic.IsRefused(p.Unlisted, server, 22) {
			t.Errorf("unlisted -> %s port 22: connected, want nothing", server)
		}
	}
}

// Unbanned checks that no visitor has been taken for a scanner, not even
// the unlisted one, which tried one port again and again.
func (p Clients) Unbanned(t *testing.T) {
	t.Helper()
	for _, h := range []*lab.Host{p.Customer, p.Crawler, p.Admin, p.Unlisted} {
		if banset.Banned(t, h.V4()) || banset.Banned(t, h.V6()) {
			t.Errorf("the %s is banned", h.Name())
		}
	}
}

// KeepVisiting visits again and again until stop is called.
func (p Clients) KeepVisiting(t *testing.T) (stop func()) {
	quit, done := make(chan struct{}), make(chan int)
	go func() {
		for rounds := 0; ; rounds++ {
			select {
			case <-quit:
				done <- rounds
				return
			case <-time.After(time.Second):
				p.Visit(t)
			}
		}
	}()
	return func() {
		close(quit)
		if rounds := <-done; rounds < 2 {
			t.Errorf("only %d visits during the scans", rounds)
		}
	}
}

// NewPeople adds the four hosts to a network.
func NewClients(n *lab.Bench) Clients {
	return Clients{
		Customer: n.Host("customer", "192.0.2.20/24", "2001:db8:20::20"),
		Crawler:  n.Host("crawler", "66.249.64.5", "2001:4860:4801:10::5"),
		Admin:    n.Host("admin", "198.51.100.5", "2001:db8:10::5"),
		Unlisted: n.Host("unlisted", "192.0.2.30/24", "2001:db8:30::30"),
	}
}
