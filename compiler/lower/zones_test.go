package lower_test

import (
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A service in a zone has a rule for each interface, for admins and in the fallback rules
// too, and what comes by another interface meets none of them.
func TestZones(t *testing.T) {
	const text = `
[zones.vpn]
interfaces = ["wg0", "tailscale+"]
[access]
admin = ["10.8.0.2"]
[services.ssh]
ports = ["tcp/22"]
admin = true
zones = ["vpn"]
[services.dns]
ports = ["udp/53"]
from = ["10.8.0.0/24"]
zones = ["vpn"]
`
	rs := lowered(t, text)
	expect(t, rs, ruleset.V4, "INPUT", `
		-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-d 224.0.0.0/4 -p igmp -j ACCEPT
		-m set --match-set hardenctl-trusted-v4 src -j HARDENCTL-TRUSTED
		-m conntrack --ctstate INVALID -j DROP
		-i wg0 -p udp -m udp --dport 53 -m set --match-set hardenctl-f-dns-v4 src -j ACCEPT
		-i tailscale+ -p udp -m udp --dport 53 -m set --match-set hardenctl-f-dns-v4 src -j ACCEPT
		-i wg0 -p tcp -m tcp --dport 22 -j ACCEPT
		-i tailscale+ -p tcp -m tcp --dport 22 -j ACCEPT
		-p icmp -j DROP
		-m addrtype --dst-type BROADCAST,MULTICAST -j DROP
		-j DROP`)
	expect(t, rs, ruleset.V4, "TRUSTED", `
		-i wg0 -p udp -m udp --dport 53 -m set --match-set hardenctl-f-dns-v4 src -j ACCEPT
		-i tailscale+ -p udp -m udp --dport 53 -m set --match-set hardenctl-f-dns-v4 src -j ACCEPT
		-i wg0 -p tcp -m tcp --dport 22 -m set --match-set hardenctl-admin-v4 src -j ACCEPT
		-i tailscale+ -p tcp -m tcp --dport 22 -m set --match-set hardenctl-admin-v4 src -j ACCEPT
		-i wg0 -p tcp -m tcp --dport 22 -j ACCEPT
		-i tailscale+ -p tcp -m tcp --dport 22 -j ACCEPT
		-j DROP`)
	expect(t, closed(t, text), ruleset.V4, "INPUT", `
		-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		-d 224.0.0.0/4 -p igmp -j ACCEPT
		-s 10.8.0.2/32 -i wg0 -p tcp -m tcp --dport 22 -j ACCEPT
		-s 10.8.0.2/32 -i tailscale+ -p tcp -m tcp --dport 22 -j ACCEPT
		-j DROP`)
}

// A set of a zone is a kernel set of its own, matched with the zone's interfaces, beside what
// counts by every interface.
func TestSetOfZone(t *testing.T) {
	const text = `
[zones.vpn]
interfaces = ["wg0", "tailscale+"]
[sets.office]
addresses = ["10.8.0.0/24"]
zone = "vpn"
[sets.more]
addresses = ["10.9.0.0/24"]
zone = "vpn"
[services.ssh]
ports = ["tcp/22"]
admin = true
from = ["@office", "192.0.2.7"]
[services.web]
ports = ["tcp/80"]
from = ["@more", "@office"]
`
	rs := lowered(t, text)
	for _, want := range []string{
		"-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j ACCEPT",
		"-i wg0 -p tcp -m tcp --dport 22 -m set --match-set hardenctl-office-v4 src -j ACCEPT",
		"-i tailscale+ -p tcp -m tcp --dport 22 -m set --match-set hardenctl-office-v4 src -j ACCEPT",
		"-i wg0 -p tcp -m tcp --dport 80 -m set --match-set hardenctl-f-web.vpn-v4 src -j ACCEPT",
		"-i tailscale+ -p tcp -m tcp --dport 80 -m set --match-set hardenctl-f-web.vpn-v4 src -j ACCEPT",
	} {
		if !slices.Contains(chain(rs, ruleset.V4, "INPUT"), want) {
			t.Errorf("%q is not in %q", want, chain(rs, ruleset.V4, "INPUT"))
		}
	}
	for _, s := range rs.Sets {
		if s.Name == "hardenctl-f-ssh-v4" && len(s.Members) != 1 {
			t.Errorf("%v is in the set for every interface", s.Members)
		}
	}
	expect(t, closed(t, text), ruleset.V4, "INPUT", `
		-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		-d 224.0.0.0/4 -p igmp -j ACCEPT
		-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT
		-s 10.8.0.0/24 -i wg0 -p tcp -m tcp --dport 22 -j ACCEPT
		-s 10.8.0.0/24 -i tailscale+ -p tcp -m tcp --dport 22 -j ACCEPT
		-j DROP`)
}
