package bootsim

import (
	"strings"
	"sync"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// Homely is a profile whose owner is known.
const Homely = `version = 1
include = ["builtin:web"]
[access]
admin = ["192.0.2.10", "2001:db8::10"]
[kernel]
default_ttl = 77
`

// Keeping is a profile whose bans outlive a reboot.
const Keeping = Homely + "[scan]\nkeep_bans = true\n"

// Visitors are a scenario on which an administrator and an unlisted source live, with SSH and
// a web page to visit, and a port that is hidden.
type Visitors struct{ admin, unlisted *lab.Host }

// open returns the places that are open to a host, such as "ssh4 web6". It
// knocks at all of them at once, since one that is shut says nothing.
func (w Visitors) open(from *lab.Host) string {
	answers := make([]bool, len(places))
	var all sync.WaitGroup
	for i, d := range places {
		all.Add(1)
		go func() {
			defer all.Done()
			answers[i] = traffic.Connects(from, d.address, false)
		}()
	}
	all.Wait()
	var open []string
	for i, d := range places {
		if answers[i] {
			open = append(open, d.name)
		}
	}
	return strings.Join(open, " ")
}

// Are checks which ports are open to which host.
func (w Visitors) Are(t *testing.T, admin, unlisted string) {
	t.Helper()
	theirs := make(chan string)
	go func() { theirs <- w.open(w.unlisted) }()
	if got := w.open(w.admin); got != admin {
		t.Errorf("the administrator reaches %q, want %q", got, admin)
	}
	if got := <-theirs; got != unlisted {
		t.Errorf("an unlisted source reaches %q, want %q", got, unlisted)
	}
}

// NewVisitors makes the network of the visitors, and opens the ports.
func NewVisitors(t *testing.T) Visitors {
	t.Helper()
	network := lab.NewNetwork(t)
	lab.Serve(t, "tcp", 22)
	lab.Serve(t, "tcp", 80)
	lab.Serve(t, "tcp", 5432)
	return Visitors{network.Host("admin", "192.0.2.10/24", "2001:db8::10/64"), network.Host("unlisted", "192.0.2.66/24", "2001:db8::66/64")}
}

// places are what there is to visit.
var places = []struct{ name, address string }{
	{"ssh4", lab.ServerV4 + ":22"}, {"web4", lab.ServerV4 + ":80"},
	{"ssh6", "[" + lab.ServerV6 + "]:22"}, {"web6", "[" + lab.ServerV6 + "]:80"},
	{"hidden4", lab.ServerV4 + ":5432"}, {"hidden6", "[" + lab.ServerV6 + "]:5432"},
}
