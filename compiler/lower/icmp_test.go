package lower_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestEcho shows that the limit is each source's own, and who goes round it.
func TestEcho(t *testing.T) {
	const echo = "icmp.echo_per_source = \"1/second burst 5\"\n"
	run(t, []example{
		{"alone", echo, ruleset.V4, "ECHO", `
			-m bpf --bytecode "4,48 0 0 0,37 0 1 69,6 0 0 1,6 0 0 0" -j DROP
			-p icmp -m icmp --icmp-type 8/0 -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 5 … --hashlimit-htable-expire 5000 -j ACCEPT
			-j DROP`},
		{"trusted, blocked, banned", echo + "scan.probes = 10\naccess = { admin = [\"192.0.2.7\"], block = [\"203.0.113.0/24\"] }", ruleset.V4, "ECHO", `
			-m set --match-set hardenctl-trusted-v4 src -j ACCEPT
			-m set --match-set hardenctl-block-v4 src -j DROP
			-m bpf --bytecode "4,48 0 0 0,37 0 1 69,6 0 0 1,6 0 0 0" -j DROP
			-p icmp -m icmp --icmp-type 8/0 -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 5 … --hashlimit-htable-expire 5000 -j ACCEPT
			-j DROP`},
		{"IPv6", echo, ruleset.V6, "ECHO", `
			-p ipv6-icmp -m icmp6 --icmpv6-type 128/0 -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 5 … --hashlimit-htable-expire 5000 --hashlimit-srcmask 64 -j ACCEPT
			-j DROP`},
		{"of some without a limit", "icmp.echo_from = [\"192.0.2.9\"]\naccess.block = [\"203.0.113.0/24\"]", ruleset.V4, "ECHO", `
			-m set --match-set hardenctl-block-v4 src -j DROP
			-m set --match-set hardenctl-echo-v4 src -j ACCEPT
			-j DROP`},
		{"of some, and of none in this family", `icmp.echo_from = ["192.0.2.9"]`, ruleset.V6, "ECHO", `
			-j DROP`},
		{"never answered", ``, ruleset.V4, "ECHO", ``},
		{"disabled again", echo + "icmp.echo_replies = false", ruleset.V4, "ECHO", ``},
	})
}

// TestNeighbours shows the ICMPv6 that stays open whatever the profile says.
func TestNeighbours(t *testing.T) {
	const want = `
		-p ipv6-icmp -m icmp6 --icmpv6-type 133 -m hl --hl-eq 255 -j ACCEPT
		-p ipv6-icmp -m icmp6 --icmpv6-type 134 -m hl --hl-eq 255 -j ACCEPT
		-p ipv6-icmp -m icmp6 --icmpv6-type 135 -m hl --hl-eq 255 -j ACCEPT
		-p ipv6-icmp -m icmp6 --icmpv6-type 136 -m hl --hl-eq 255 -j ACCEPT
		-s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 130 -j ACCEPT
		-s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 131 -j ACCEPT
		-s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 132 -j ACCEPT
		-s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 143 -j ACCEPT`
	run(t, []example{
		{"open", ``, ruleset.V6, "NEIGHBOUR", want},
		{"closed", `policy.ipv6 = false`, ruleset.V6, "NEIGHBOUR", want},
		{"IPv4", ``, ruleset.V4, "NEIGHBOUR", ``},
	})
}
