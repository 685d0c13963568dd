package live

import (
	"net"
	"os/exec"
	"sync"
	"testing"

	"hardenctl/lab"
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
// connlimit does not see, among them; others meanwhile have theirs. What was
// not counted is counted by nobody later: a source that waits until it is
// forgotten holds an eighth more.
func TestCallersAreHeldAtTheLimit(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		network := lab.NewNetwork(t)
		lab.Serve(t, "tcp", 443)
		customer := network.Host("customer", "192.0.2.20/24", "2001:db8:20::20")
		attacker := network.Host("attacker", "192.0.2.66/24", "2001:db8:66::66")
		expect(t, 0, "apply", write(t, "large.toml", large), "--auto-approve")
		var both sync.WaitGroup
		for _, way := range []struct{ server, set, source string }{
			{lab.ServerV4, "hardenctl-callers-v4", "192.0.2.66"},
			{lab.ServerV6, "hardenctl-callers-v6", "2001:db8:66::"},
		} {
			both.Add(1)
			go func() {
				defer both.Done()
				// The first makes the source known: of two at once, one may go uncounted.
				if err := connect(attacker, way.server, 443); err != nil {
					t.Errorf("%s: the attacker's first connection: %v", way.server, err)
				}
				first := held(attacker, "tcp", way.server, 420)
				defer hangUp(first)
				if n := len(first); n != 399 {
					t.Errorf("%s: the attacker holds %d connections of 400, one of which it has ended", way.server, n)
				}
				if got := atOnce(customer, "tcp", way.server, 30); got != 30 {
					t.Errorf("%s: the customer has %d of 30 connections", way.server, got)
				}
				if out, err := exec.Command("ipset", "del", way.set, way.source).CombinedOutput(); err != nil {
					t.Errorf("ipset del %s %s: %v: %s", way.set, way.source, err, out)
				}
				more := held(attacker, "tcp", way.server, 70)
				defer hangUp(more)
				if n := len(more); n < 50 || n > 55 {
					t.Errorf("%s: a day later the attacker holds %d more, want 50", way.server, n)
				}
			}()
		}
		both.Wait()
	})
}

func hangUp(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}
