package lower_test

import (
	"testing"

	"hardenctl/compiler/ruleset"
)

// TestSilence shows what a stealthy host does not say, and that another host's
// OUTPUT is left alone.
func TestSilence(t *testing.T) {
	run(t, []example{
		{"IPv4", `scan.stealth = true`, ruleset.V4, "OUTPUT", `
			-p icmp -m icmp --icmp-type 12 -j DROP
			-p icmp -m icmp --icmp-type 11/1 -j DROP`},
		{"IPv6", `scan.stealth = true`, ruleset.V6, "OUTPUT", `
			-p ipv6-icmp -m icmp6 --icmpv6-type 4 -j DROP
			-p ipv6-icmp -m icmp6 --icmpv6-type 3/1 -j DROP`},
		{"not asked for", `scan.probes = 10`, ruleset.V4, "OUTPUT", ``},
	})
	for _, c := range lowered(t, `scan.stealth = true`).Tables[0].Chains {
		if c.Name == "OUTPUT" && (c.Owned || c.Policy != ruleset.PolicyAccept || len(c.Rules) != 1) {
			t.Errorf("OUTPUT is %+v", c)
		}
	}
}
