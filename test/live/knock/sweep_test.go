package knock

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/knocking"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
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
	run.Tool(t, "go build -o "+sweep+" ../testdata/sweep")
	type cell struct {
		order  string
		family int
	}
	cells := []cell{{"up", 4}, {"down", 6}, {"random", 4}, {"up", 6}, {"down", 4}, {"random", 6}}
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			h := knocking.NewNetwork(t, backend, swept)
			for i := range suite.NewSlice(t, len(cells), len(lab.Backends)).Numbers() {
				c := cells[i]
				t.Run(fmt.Sprintf("%s/v%d", c.order, c.family), func(t *testing.T) { sweeps(h.Knocker(c.family), t, sweep, c.order) })
			}
		})
	}
}

func sweeps(g knocking.Knocker, t *testing.T, program, order string) {
	family := 4
	if g.Address().Is6() {
		family = 6
	}
	came := func() int { return traffic.Packets(t, family, "HARDENCTL-INPUT", "HARDENCTL-K-RISING") }
	before := came()
	g.Runs(t, program, g.Server, order)
	if n := came() - before; n < 131000 {
		t.Errorf("only %d packets, of two for each port, came to the doors", n)
	}
	g.ReachesOnly(t)
	g.Sends(t, "tcp/6000", "tcp/6900", "udp/8000", "tcp/9000", "tcp/3000", "udp/2000")
	g.ReachesOnly(t, 22, 5432, 8080)
}
