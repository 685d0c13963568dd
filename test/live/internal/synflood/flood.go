// Package synflood sends SYN floods to a site behind SYNPROXY, and visits it meanwhile.
package synflood

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/traffic"
)

// Proxied is builtin:web with or without SYNPROXY in front of its pages.
func Proxied(t *testing.T, on bool, more string) string {
	t.Helper()
	return testfile.Write(t, "proxied.toml", fmt.Sprintf(`version = 1
include = ["builtin:web"]
[services.http]
synproxy = %t
[services.https]
synproxy = %t
%s`, on, on, more))
}

// Flood is a bounded flood of first packets as Linux sends them, each from a source of its own that
// no other flood has used; of IPv6, from a /64 of its own. The answers go to the
// host that forged them.
type Flood struct {
	From    *lab.Host
	To      netip.AddrPort
	Packets int
}

// forge returns the next source: of 10.0.0.0/8, or of 3fff::/20.
func (f Flood) forge() netip.Addr {
	forged++
	high, middle, low := byte(forged>>16), byte(forged>>8), byte(forged)
	if f.To.Addr().Is4() {
		return netip.AddrFrom4([4]byte{10, high, middle, low})
	}
	return netip.AddrFrom16([16]byte{0x3f, 0xff, 5: high, 6: middle, 7: low, 15: 1})
}

// Run sends the flood, a batch at a time.
func (f Flood) Run() error {
	for sent := 0; sent < f.Packets; sent += floodBatch {
		batch := make([]lab.Segment, floodBatch)
		for i := range batch {
			batch[i] = traffic.SYN(f.forge(), int(f.To.Port()))
		}
		if err := f.From.Forge(batch...); err != nil {
			return err
		}
		time.Sleep(floodPause)
	}
	return nil
}

// forged counts the sources that have been used.
var forged uint32

const (
	floodBatch = 500
	floodPause = 40 * time.Millisecond
)

// Tracked is how many connections conntrack has.
func Tracked(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
	require.NoError(t, err)
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	return n
}
