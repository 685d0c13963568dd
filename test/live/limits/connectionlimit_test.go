package limits

import (
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// large is a profile whose service takes many connections of each source, so
// that the first of them are not counted: 50, and 350 more at once.
const large = `version = 1
include = ["builtin:base"]
[services.web]
ports = ["tcp/443"]
connections_per_source = 400
`

// Who opens many connections holds no more than the limit, the first ones, which
// connlimit does not see, among them; others meanwhile have theirs. Who is
// forgotten, as after a day, holds an eighth more.
func TestConnectionLimitOfASource(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		lab.Serve(t, "tcp", 443)
		customer := network.Host("customer", "192.0.2.20/24", "2001:db8:20::20")
		attacker := network.Host("attacker", "192.0.2.66/24", "2001:db8:66::66")
		run.Expect(t, 0, "apply", testfile.Write(t, "large.toml", large), "--auto-approve", "--confirm-within", "0", "--no-guard")
		var both sync.WaitGroup
		for _, a := range traffic.Addresses(attacker) {
			both.Add(1)
			go func() { defer both.Done(); exceedsLimit(t, attacker, customer, a) }()
		}
		both.Wait()
	})
}

// exceedsLimit has the attacker open more than the limit, and be forgotten.
func exceedsLimit(t *testing.T, attacker, customer *lab.Host, a netip.Addr) {
	server := lab.ServerV4
	if a.Is6() {
		server = lab.ServerV6
	}
	// The first makes the source known: of two at once, one may go uncounted.
	if err := traffic.Connect(attacker, server, 443); err != nil {
		t.Errorf("%v: the first connection: %v", a, err)
	}
	first := held(attacker, "tcp", server, 420, firstWord)
	defer hangUp(first)
	if n := len(first); n < 390 || n > 399 {
		t.Errorf("%v holds %d connections of 400, one of which it has ended", a, n)
	}
	if got := atOnce(customer, "tcp", server, 30); got != 30 {
		t.Errorf("%s: the customer has %d of 30 connections", server, got)
	}
	if err := banset.Forget("callers", a); err != nil {
		t.Error(err)
	}
	more := held(attacker, "tcp", server, 70, firstWord)
	defer hangUp(more)
	if n := len(more); n < 45 || n > 55 {
		t.Errorf("%v holds %d more when it is forgotten, want 50", a, n)
	}
}

func hangUp(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}
