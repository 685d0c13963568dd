package lower_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestSilence shows what a stealthy host does not say, and that another host's
// OUTPUT is left alone.
func TestSilence(t *testing.T) {
	run(t, []example{
		{"IPv4", `scan.stealth = true`, ruleset.V4, "OUTPUT", `
			-p icmp -m icmp --icmp-type 12 -j DROP
			-p icmp -m icmp --icmp-type 11/1 -j DROP
			-p icmp -m icmp --icmp-type 3/3 -j HARDENCTL-UNSERVED
			-p icmp -m icmp --icmp-type 3/1 -m conntrack --ctstate DNAT -j HARDENCTL-UNSERVED`},
		{"IPv6", `scan.stealth = true`, ruleset.V6, "OUTPUT", `
			-p ipv6-icmp -m icmp6 --icmpv6-type 4 -j DROP
			-p ipv6-icmp -m icmp6 --icmpv6-type 3/1 -j DROP
			-p ipv6-icmp -m icmp6 --icmpv6-type 1/4 -j HARDENCTL-UNSERVED
			-p ipv6-icmp -m icmp6 --icmpv6-type 1/3 -m conntrack --ctstate DNAT -j HARDENCTL-UNSERVED`},
		{"where no program listens", "scan.stealth = true\npolicy = { forward = \"published\", inside = [\"lan0\"] }\naccess.admin = [\"192.0.2.7\"]", ruleset.V4, "UNSERVED", `
			-o lo -j RETURN
			-o lan0 -j RETURN
			-m set --match-set hardenctl-trusted-v4 dst -j RETURN
			-p tcp -m conntrack --ctdir REPLY -m conntrack --ctstatus CONFIRMED -m conntrack ! --ctstatus ASSURED -j DROP
			! -p tcp -m conntrack --ctdir REPLY -m conntrack --ctstatus CONFIRMED -m conntrack ! --ctstatus SEEN_REPLY -j DROP`},
		{"a stated protocol", "scan.stealth = true\nservices.a.protocols = [\"gre\"]", ruleset.V4, "OUTPUT", `
			-p icmp -m icmp --icmp-type 12 -j DROP
			-p icmp -m icmp --icmp-type 11/1 -j DROP
			-p icmp -m icmp --icmp-type 3/3 -j HARDENCTL-UNSERVED
			-p icmp -m icmp --icmp-type 3/1 -m conntrack --ctstate DNAT -j HARDENCTL-UNSERVED
			-p icmp -m icmp --icmp-type 3/2 -j HARDENCTL-UNSERVED`},
		{"a port of UDP-Lite", "scan.stealth = true\nservices.a.ports = [\"udplite/9\"]", ruleset.V6, "UNSERVED", `
			-o lo -j RETURN
			! -p tcp -m conntrack --ctstate INVALID -j DROP
			-p tcp -m conntrack --ctdir REPLY -m conntrack --ctstatus CONFIRMED -m conntrack ! --ctstatus ASSURED -j DROP
			! -p tcp -m conntrack --ctdir REPLY -m conntrack --ctstatus CONFIRMED -m conntrack ! --ctstatus SEEN_REPLY -j DROP`},
		{"behind the proxy", "scan.stealth = true\nservices.web = { ports = [\"tcp/80\", \"udp/443\"], synproxy = true }", ruleset.V6, "UNSERVED", `
			-o lo -j RETURN
			-p tcp -m tcp --sport 80 -j RETURN
			-p tcp -m conntrack --ctdir REPLY -m conntrack --ctstatus CONFIRMED -m conntrack ! --ctstatus ASSURED -j DROP
			! -p tcp -m conntrack --ctdir REPLY -m conntrack --ctstatus CONFIRMED -m conntrack ! --ctstatus SEEN_REPLY -j DROP`},
		{"a host that answers", "scan.stealth = true\npolicy.input = \"reject\"", ruleset.V4, "UNSERVED", ``},
		{"not asked for", `scan.probes = 10`, ruleset.V4, "OUTPUT", ``},
	})
	for _, c := range lowered(t, `scan.stealth = true`).Tables[0].Chains {
		if c.Name == "OUTPUT" && (c.Owned || c.Policy != ruleset.PolicyAccept || len(c.Rules) != 2) {
			t.Errorf("OUTPUT is %+v", c)
		}
	}
}
