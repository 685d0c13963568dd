package plan

import (
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// Each interface of a zone that the host lacks has a note; one that begins as a name with
// a "+" is enough.
func TestMissing(t *testing.T) {
	zones := []bundle.ZoneEntry{{Name: "lan", Interfaces: []string{"lan0", "br-+"}}, {Name: "vpn", Interfaces: []string{"wg0", "tailscale+"}}}
	want := []string{
		"zones.lan: no interface that begins with br- yet. Nothing comes from there until it exists; the rules need no change then",
		"zones.vpn: no interface wg0 yet. Nothing comes from there until it exists; the rules need no change then",
	}
	if got := Missing(zones, []string{"lo", "lan0", "wg00", "tailscale0"}); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
