package lower_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestStrays shows which datagrams are not probes: late answers, what is sent to
// the ports of clients, and where a ban hides no service what a socket waits for, unless
// the profile states the port.
func TestStrays(t *testing.T) {
	const late, client, bound = `
			-p udp -m udp --sport 0:1023 --dport 1024:65535 -j DROP
			`, `-p udp -m udp --dport 32768:65535 -j DROP
			`, `-m socket --nowildcard -j DROP`
	const hidden = "scan.scope = \"hidden\"\n"
	run(t, []example{
		{"a server", `scan.probes = 10`, ruleset.V4, "STRAY", late + client},
		{"one whose services no ban hides", hidden + `scan.probes = 10`, ruleset.V4, "STRAY", late + client + bound},
		{"no source is banned, and lines are counted", `log = {}`, ruleset.V6, "STRAY", late + client + bound},
		{"nothing is counted", `scan.stealth = true`, ruleset.V4, "STRAY", ``},
		{"what is stated for others", `scan = { probes = 10, tripwires = ["udp/50000"] }
			services.tunnel = { ports = ["udp/51820"], from = ["192.0.2.7"] }`, ruleset.V4, "STRAY", late + `
			-p udp -m udp --dport 50000 -j RETURN
			-p udp -m udp --dport 51820 -j RETURN
			` + client},
		{"where refused packets are answered", hidden + "scan.probes = 10\npolicy.input = \"reject\"", ruleset.V4, "STRAY", late + `
			-p udp -m udp --dport 32768:65535 -j HARDENCTL-REJECT
			-m socket --nowildcard -j HARDENCTL-REJECT`},
		{"but not to a banned source", hidden + "scan.probes = 10\npolicy.input = \"reject\"", ruleset.V4, "BANNED-STRAY", late + client + bound},
	})
	published := lowered(t, "scan.probes = 10\npolicy.forward = \"published\"\nservices.web.ports = [\"udp/40000\"]")
	for _, table := range published.Tables {
		if table.Name == "mangle" && table.Family == ruleset.V4 {
			expect(t, &ruleset.Ruleset{Tables: []ruleset.Table{table}}, ruleset.V4, "STRAY", `
				-p udp -m udp --sport 0:1023 -m conntrack --ctorigdstport 1024:65535 -j DROP
				-p udp -m conntrack --ctorigdstport 40000 -j RETURN
				-p udp -m conntrack --ctorigdstport 32768:65535 -j DROP`)
		}
	}
}

// TestOnlyPortsAreProbed holds that a packet of neither TCP nor UDP is counted
// nowhere, renews no ban and takes no knock back.
func TestOnlyPortsAreProbed(t *testing.T) {
	counting := map[ruleset.Target]bool{}
	for _, name := range []string{"COUNT", "RENEW", "BAN", "K-DOOR", "0-DOOR"} {
		counting[ruleset.Jump{Chain: ruleset.ChainPrefix + name}] = true
	}
	text := door + `
scan = { probes = 3, proven = "7d", stealth = true, fingerprint = true }
policy.forward = "published"
access.exempt = ["192.0.2.8"]
log = {}`
	for _, table := range lowered(t, text).Tables {
		for _, c := range table.Chains {
			switch c.Name {
			case "HARDENCTL-INPUT", "HARDENCTL-FORWARD", "HARDENCTL-SORT", "HARDENCTL-BANNED", "HARDENCTL-TRUSTED":
				for _, r := range c.Rules {
					if counting[r.Target] && !ofPorts(r) {
						t.Errorf("%s: %s: %+v counts every protocol", table.Name, c.Name, r)
					}
				}
			}
		}
	}
}

// ofPorts reports whether a rule is for TCP or UDP alone.
func ofPorts(r ruleset.Rule) bool {
	p, ok := firstMatch(r).(ruleset.Proto)
	return ok && !p.Not && (p.Protocol == ruleset.TCP || p.Protocol == ruleset.UDP)
}
