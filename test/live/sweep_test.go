package live

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// swept is a server with two doors that a scan knocks at in order, at one
// counting up, at the other counting down; only what it sends in between keeps
// them shut. No source is banned, and there is time enough.
const swept = `version = 1

[services.ssh]
ports = ["tcp/22"]
knock = "rising"

[services.database]
ports = ["tcp/5432", "tcp/8080"]
knock = "falling"

[knocks.rising]
sequence = ["tcp/6000", "tcp/6900", "udp/8000"]
step = "1m"
open = "10m"

[knocks.falling]
sequence = ["tcp/9000", "tcp/3000", "udp/2000"]
step = "1m"
open = "10m"
`

// A scan of all ports opens no door, whatever its order.
func TestSweep(t *testing.T) {
	sweep := filepath.Join(t.TempDir(), "sweep")
	tool(t, "go build -o "+sweep+" ./testdata/sweep")
	type cell struct {
		order  string
		family int
	}
	cells := []cell{{"up", 4}, {"down", 6}, {"random", 4}, {"up", 6}, {"down", 4}, {"random", 6}}
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := newKnockNetwork(t, backend, swept)
			for i := range newSlice(t, len(cells), len(lab.Backends)).numbers() {
				c := cells[i]
				t.Run(fmt.Sprintf("%s/v%d", c.order, c.family), func(t *testing.T) { h.knocker(c.family).sweeps(t, sweep, c.order) })
			}
		})
	}
}

func (g knocker) sweeps(t *testing.T, program, order string) {
	family := 4
	if g.address().Is6() {
		family = 6
	}
	came := func() int { return packets(t, family, "HARDENCTL-INPUT", "HARDENCTL-K-RISING") }
	before := came()
	g.runs(t, program, g.server, order)
	if n := came() - before; n < 131000 {
		t.Errorf("only %d packets, of two for each port, came to the doors", n)
	}
	g.reachesOnly(t)
	g.sends(t, "tcp/6000", "tcp/6900", "udp/8000", "tcp/9000", "tcp/3000", "udp/2000")
	g.reachesOnly(t, 22, 5432, 8080)
}
