package lower_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// closed returns what the lowering of a text has for a boot at which the rules
// cannot be loaded.
func closed(t *testing.T, text string) *ruleset.Ruleset {
	t.Helper()
	rs := lowered(t, text)
	rs.Tables = rs.Fallback
	return rs
}

// Admin addresses reach admin services, by their prefixes: no set is needed.
func TestClosedTables(t *testing.T) {
	rs := closed(t, `

[policy]
dhcp = true
[access]
admin = ["192.0.2.0/24", "198.51.100.7", "2001:db8:10::/48"]
[services.ssh]
ports = ["tcp/22", "udp/60000-61000"]
admin = true
[services.https]
ports = ["tcp/443"]
`)
	expect(t, rs, ruleset.V4, "INPUT", `
		-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		-d 224.0.0.0/4 -p igmp -j ACCEPT
		-s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
		-s 192.0.2.0/24 -p udp -m udp --dport 60000:61000 -j ACCEPT
		-s 198.51.100.7/32 -p tcp -m tcp --dport 22 -j ACCEPT
		-s 198.51.100.7/32 -p udp -m udp --dport 60000:61000 -j ACCEPT
		-j DROP`)
	expect(t, rs, ruleset.V6, "INPUT", `
		-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		-p ipv6-icmp -j HARDENCTL-NEIGHBOUR
		-s fe80::/10 -p udp -m udp --sport 547 --dport 546 -j ACCEPT
		-s 2001:db8:10::/48 -p tcp -m tcp --dport 22 -j ACCEPT
		-s 2001:db8:10::/48 -p udp -m udp --dport 60000:61000 -j ACCEPT
		-j DROP`)
	for _, table := range rs.Tables {
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				if used := setsOf(r); len(used) > 0 {
					t.Errorf("%s needs the sets %v", c.Name, used)
				}
			}
		}
	}
}

// Where no admin address is known, the admin services are open to the sources that they
// state. A door that opens to a knock stays shut, and so does IPv6 where it is.
func TestClosedWithoutAdmin(t *testing.T) {
	const services = `

[services.ssh]
ports = ["tcp/22"]
admin = true
[services.console]
ports = ["tcp/8006"]
admin = true
from = ["192.0.2.0/24"]
`
	expect(t, closed(t, services), ruleset.V4, "INPUT", `
		-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		-d 224.0.0.0/4 -p igmp -j ACCEPT
		-s 192.0.2.0/24 -p tcp -m tcp --dport 8006 -j ACCEPT
		-p tcp -m tcp --dport 22 -j ACCEPT
		-j DROP`)
	expect(t, closed(t, services+"[policy]\nipv6 = false\n"), ruleset.V6, "INPUT", `
		-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		-p ipv6-icmp -j HARDENCTL-NEIGHBOUR
		-j DROP`)
	expect(t, closed(t, services+"knock = \"door\"\n[knocks.door]\nsequence = [\"tcp/7101\", \"udp/8202\", \"tcp/9303\"]\n"), ruleset.V4, "INPUT", `
		-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		-d 224.0.0.0/4 -p igmp -j ACCEPT
		-s 192.0.2.0/24 -p tcp -m tcp --dport 8006 -j ACCEPT
		-p tcp -m tcp --dport 22 -j ACCEPT
		-j DROP`)
}

// What the profile filters of forwarding is closed too, and no more than that.
func TestClosedForward(t *testing.T) {
	for text, want := range map[string]string{
		"forward = \"drop\"\n":                           "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-j DROP",
		"forward = \"published\"\n":                      "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n-m conntrack ! --ctstate DNAT -j RETURN\n-j DROP",
		"forward = \"published\"\ninside = [\"eth1\"]\n": "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n-i eth1 -j RETURN\n-j DROP",
	} {
		expect(t, closed(t, "[policy]\n"+text), ruleset.V4, "FORWARD", want)
	}
	if rules := chain(closed(t, ""), ruleset.V4, "FORWARD"); len(rules) > 0 {
		t.Errorf("FORWARD is left alone, and yet: %q", rules)
	}
}
