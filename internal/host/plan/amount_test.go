package plan

import (
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/netset"
)

// All addresses of IPv4 are more than an int holds on a machine of 32 bits.
func TestAmount(t *testing.T) {
	for want, prefixes := range map[string][]string{
		"1 address":            {"192.0.2.1/32"},
		"2147483648 addresses": {"128.0.0.0/1"},
		"3221225472 addresses": {"0.0.0.0/1", "128.0.0.0/2"},
		"all of IPv4":          {"0.0.0.0/1", "128.0.0.0/1"},
		"4294967297 addresses": {"0.0.0.0/0", "2001:db8::1/128"},
		"all of IPv6":          {"::/0"},
		"1 network":            {"2001:db8::/32"},
	} {
		var all []netip.Prefix
		for _, p := range prefixes {
			all = append(all, netip.MustParsePrefix(p))
		}
		if got := amount(netset.Of(all...)); got != want {
			t.Errorf("%v: got %s, want %s", prefixes, got, want)
		}
	}
}
