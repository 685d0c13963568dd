package banset

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// UnbanByHand runs the commands of docs/operations.md for an address.
func UnbanByHand(t *testing.T, a netip.Addr) {
	t.Helper()
	script := pages.Script(t, "docs/operations.md", "## Lifting a ban")
	const example = "address=203.0.113.66 family=v4\n"
	require.Contains(t, script, example)
	family, source := "v4", a
	if a.Is6() {
		family, source = "v6", netip.PrefixFrom(a, 64).Masked().Addr()
	}
	own := fmt.Sprintf("address=%v family=%s\nhardenctl() { %s \"$@\"; }\n", source, family, run.Binary(t))
	run.WithInput(t, strings.Replace(script, example, own, 1), "sh", "-e")
}
