package lower_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestErrorsBeforeForward shows which errors of the kernel stay in: all about what
// no rule has let through where the profile says what this host forwards, and those
// about published ports where it does not.
func TestErrorsBeforeForward(t *testing.T) {
	run(t, []example{
		{"IPv4", `policy.forward = "drop"`, ruleset.V4, "OUTPUT", `
			-p icmp -m icmp --icmp-type 11/0 -j HARDENCTL-UNSENT
			-p icmp -m icmp --icmp-type 3/4 -j HARDENCTL-UNSENT
			-p icmp -m icmp --icmp-type 3/0 -j HARDENCTL-UNSENT
			-p icmp -m icmp --icmp-type 3/1 -j HARDENCTL-UNSENT
			-p icmp -m icmp --icmp-type 3/5 -j HARDENCTL-UNSENT`},
		{"IPv6", `policy.forward = "drop"`, ruleset.V6, "OUTPUT", `
			-p ipv6-icmp -m icmp6 --icmpv6-type 3/0 -j HARDENCTL-UNSENT
			-p ipv6-icmp -m icmp6 --icmpv6-type 2 -j HARDENCTL-UNSENT
			-p ipv6-icmp -m icmp6 --icmpv6-type 1/0 -j HARDENCTL-UNSENT
			-p ipv6-icmp -m icmp6 --icmpv6-type 1/2 -j HARDENCTL-UNSENT
			-p ipv6-icmp -m icmp6 --icmpv6-type 1/3 -j HARDENCTL-UNSENT`},
		{"nothing forwarded", `policy.forward = "drop"`, ruleset.V4, "UNSENT", `
			-o lo -j RETURN
			-m conntrack ! --ctstatus CONFIRMED -j DROP
			-m conntrack --ctstate INVALID -j DROP`},
		{"an inside", "policy.forward = \"published\"\npolicy.inside = [\"lan0\"]", ruleset.V6, "UNSENT", `
			-o lo -j RETURN
			-o lan0 -j RETURN
			-m conntrack ! --ctstatus CONFIRMED -j DROP
			-m conntrack --ctstate INVALID -j DROP`},
		{"perhaps a router", `policy.forward = "published"`, ruleset.V4, "UNSENT", `
			-o lo -j RETURN
			-m conntrack --ctstate DNAT -m conntrack ! --ctstatus CONFIRMED -j DROP`},
		{"left alone", `scan.probes = 10`, ruleset.V4, "UNSENT", ``},
	})
}

// TestEarlyProbes shows which first packets are counted before FORWARD. Those of
// trusted sources are not, nor those to what is stated, to a knock's ports or to
// where answers are sent.
func TestEarlyProbes(t *testing.T) {
	rs := mangle(t, publishedEverything)
	expect(t, rs, ruleset.V4, "FIRST", `
		-m bpf --bytecode "4,48 0 0 8,37 1 0 1,6 0 0 1,6 0 0 0" -m addrtype --dst-type LOCAL -j HARDENCTL-EARLY
		-m bpf --bytecode "4,40 0 0 2,37 0 1 1280,6 0 0 1,6 0 0 0" -m addrtype --dst-type LOCAL -j HARDENCTL-EARLY`)
	expect(t, rs, ruleset.V4, "EARLY", `
		-i lo -j RETURN
		-m set --match-set hardenctl-trusted-v4 src -j RETURN
		-m set --match-set hardenctl-block-v4 src -j HARDENCTL-DROP-BLOCK
		-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-abcdefghijklmnop-v4 src -j RETURN
		-p tcp -m tcp --dport 443 -j RETURN
		-p udp -m udp --dport 443 -j RETURN
		-p udp -m udp --dport 53 -m set --match-set hardenctl-crawlers-crawler-v4 src -j RETURN
		-p tcp -m tcp --dport 2222 -m set --match-set hardenctl-k-cbcdefghijklmnop-v4 src -j RETURN
		-p tcp -m multiport --dports 1001,1003,1005,1007 -j RETURN
		-p udp -m multiport --dports 1002,1004,1006,1008 -j RETURN
		-p udp -m udp --sport 0:1023 --dport 1024:65535 -j RETURN
		-p udp -m udp --dport 32768:65535 -j RETURN
		-p tcp -m set --match-set hardenctl-1-cbcdefghijklmnop-v4 src -j HARDENCTL-0-CBCDEFGHIJKLMNOP
		-p udp -m set --match-set hardenctl-1-cbcdefghijklmnop-v4 src -j HARDENCTL-0-CBCDEFGHIJKLMNOP
		-j HARDENCTL-PROBE`)
	expect(t, mangle(t, `policy = { forward = "published", input = "reject" }`+"\nscan.probes = 10"), ruleset.V4, "EARLY", ``)
}
