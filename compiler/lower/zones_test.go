package lower_test

import (
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
