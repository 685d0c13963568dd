package lower_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

const trusting = `
[zones.vpn]
interfaces = ["wg0", "tailscale+"]
trust = "all"
[zones.lan]
interfaces = ["lan0"]
trust = ["10.8.0.0/24", "fd08::/64"]
[policy]
forward = "published"
[access]
admin = ["192.0.2.1"]
block = ["198.51.100.0/24"]
[icmp]
echo_per_source = "1/second"
[udp]
packets_per_source = "100/second"
[scan]
probes = 3
window = "60s"
ban = "1h"
proven = "1d"
stealth = true
[services.ssh]
ports = ["tcp/22"]
admin = true
zones = ["vpn", "lan"]
[services.web]
ports = ["tcp/80"]
synproxy = true
[services.dns]
ports = ["udp/53"]
`

// What is trusted of a zone is accepted before the first rule that counts, and passes
// everything that is before INPUT; a service has no rule for an interface whose every packet
// is trusted.
func TestTrust(t *testing.T) {
	rs := lowered(t, trusting)
	list := "-m set --match-set hardenctl-t-lan-v4 src"
	for _, c := range []struct {
		table, chain string
		before       string // the rule that the first of them follows
		want         []string
	}{
		{"filter", "INPUT", "-i lo -j ACCEPT", []string{"-i lan0 " + list + " -j ACCEPT", "-i wg0 -j ACCEPT", "-i tailscale+ -j ACCEPT"}},
		{"raw", "UNTRACKED", "-i lo -j RETURN", []string{"-i lan0 " + list + " -j RETURN", "-i wg0 -j RETURN", "-i tailscale+ -j RETURN"}},
		{"mangle", "EARLY", "-i lo -j RETURN", []string{"-i lan0 " + list + " -j RETURN", "-i wg0 -j RETURN", "-i tailscale+ -j RETURN"}},
		{"mangle", "FORWARD", "-m conntrack ! --ctstate DNAT -j RETURN", []string{
			"-i lan0 " + list + " -m conntrack --ctstate DNAT -j RETURN", "-i wg0 -m conntrack --ctstate DNAT -j RETURN", "-i tailscale+ -m conntrack --ctstate DNAT -j RETURN"}},
		{"filter", "UNSERVED", "-o lo -j RETURN", []string{
			"-o lan0 -m set --match-set hardenctl-t-lan-v4 dst -j RETURN", "-o wg0 -j RETURN", "-o tailscale+ -j RETURN"}},
	} {
		rules := chain(in(rs, c.table), ruleset.V4, c.chain)
		at := slices.Index(rules, c.before) + 1
		if at == 0 || len(rules) < at+3 || !slices.Equal(rules[at:at+3], c.want) {
			t.Errorf("%s %s: %q do not follow %q in\n%s", c.table, c.chain, c.want, c.before, strings.Join(rules, "\n"))
		}
	}
	for _, rule := range chain(in(rs, "filter"), ruleset.V4, "INPUT") {
		if strings.Contains(rule, "--dport 22") && !strings.HasPrefix(rule, "-i lan0 ") {
			t.Errorf("a rule of a service for an interface that is trusted: %s", rule)
		}
	}
}

// The fallback rules trust too, by the addresses themselves; a family that the profile closes
// trusts nothing.
func TestTrustInFallback(t *testing.T) {
	rules := chain(in(closed(t, trusting), "filter"), ruleset.V6, "INPUT")
	for _, want := range []string{"-i wg0 -j ACCEPT", "-i tailscale+ -j ACCEPT", "-s fd08::/64 -i lan0 -j ACCEPT"} {
		if !slices.Contains(rules, want) {
			t.Errorf("%q is not in\n%s", want, strings.Join(rules, "\n"))
		}
	}
	without := strings.Replace(trusting, "[policy]\n", "[policy]\nipv6 = false\n", 1)
	for _, rs := range []*ruleset.Ruleset{lowered(t, without), closed(t, without)} {
		for _, rule := range chain(in(rs, "filter"), ruleset.V6, "INPUT") {
			if strings.Contains(rule, "wg0") || strings.Contains(rule, "lan0") {
				t.Errorf("IPv6 is closed, and not by %s", rule)
			}
		}
	}
}

// Admins of a service in a trusted zone stay hidden from conntrack by each of its interfaces,
// as the answers to them do.
func TestTrustOfUntrackedAdmins(t *testing.T) {
	text := strings.Replace(trusting, "[access]\n", "[access]\nadmin_untracked = true\n", 1)
	for _, table := range in(lowered(t, text), "raw").Tables {
		for _, c := range table.Chains {
			var rules []string
			for _, r := range c.Rules {
				rules = append(rules, emit.Rule(table.Family, r))
			}
			direction := map[string]string{"PREROUTING": "-i ", "OUTPUT": "-o "}[c.Name]
			for _, name := range []string{"wg0", "tailscale+", "lan0"} {
				if direction != "" && table.Family == ruleset.V4 && !strings.Contains(strings.Join(rules, "\n"), direction+name+" ") {
					t.Errorf("%s is not in %s %q", name, c.Name, rules)
				}
			}
		}
	}
}
