package bans

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// Of eight scanners, most are banned at the eleventh port or none is, after a
// flood of SYNs from as many forged sources: those who had tried ten ports
// before it, and those who come after it. The flood goes through hardenctl's own
// rules. A table of hashlimit that is full counts no new port (TestPitfalls), and
// lists of recent forget: this is why sets are the default.
func TestEnginesAfterFlood(t *testing.T) {
	cases := []struct {
		engine      string
		crowd       int
		early, late bool
	}{
		{"sets", 270_000, true, true}, // 1,000 of them in a second are taken in
		{"hashlimit", 20_000, true, true},
		{"recent", 9_000, false, true}, // which remembers 8,192 sources, or 100
	}
	for i := range suite.NewSlice(t, len(cases), 1).Numbers() {
		c := cases[i]
		t.Run(fmt.Sprint(c.engine, " ", c.crowd), func(t *testing.T) {
			stage.Bare(t, lab.Backends[0])
			webserver.Watch(t, "window = \"1h\"\nengine = \""+c.engine+"\"\n") // a slow machine floods for a minute
			forger := traffic.NewForger(t, lab.NewNetwork(t))
			early, late := traffic.Sources(netip.MustParseAddr("203.0.113.100"), 8), traffic.Sources(netip.MustParseAddr("203.0.113.150"), 8)
			tries(t, forger, early, 7000, 10)
			crowds(t, forger, c.crowd)
			time.Sleep(2 * time.Second) // until sets take in sources again
			areBanned(t, "who came before", c.early, tries(t, forger, early, 7010, 1))
			areBanned(t, "who came after", c.late, tries(t, forger, late, 7000, 11))
		})
	}
}

// areBanned checks how many of eight scanners are banned: most, or none.
func areBanned(t *testing.T, who string, most bool, banned int) {
	t.Helper()
	if most && banned < 5 || !most && banned > 0 {
		t.Errorf("of 8 scanners %s, %d are banned; want most: %v", who, banned, most)
	}
}

// tries sends SYNs to n ports from each source and returns how many of those
// are banned then.
func tries(t *testing.T, forger *lab.Host, from []netip.Addr, first, n int) (banned int) {
	t.Helper()
	for _, a := range from {
		require.NoError(t, forger.Forge(traffic.SYNs(a, first, n)...))
		banned += ones(banset.Member(t, "ban", a))
	}
	return banned
}

// crowds sends one SYN from each of as many sources.
func crowds(t *testing.T, forger *lab.Host, crowd int) {
	t.Helper()
	var packets []lab.Segment
	for _, a := range traffic.Sources(netip.MustParseAddr("10.0.0.0"), crowd) {
		packets = append(packets, traffic.SYN(a, 7999))
	}
	require.NoError(t, forger.Forge(packets...))
}
