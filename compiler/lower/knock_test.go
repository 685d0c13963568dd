package lower_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

const door = `
services.ssh.ports = ["tcp/22"]
services.ssh.knock = "door"
knocks.door.sequence = ["tcp/7000", "udp/8000", "tcp/9000"]
`

// counting counts knocks, since a ban hides services.
const counting = door + "scan.probes = 10\n"

// TestKnock shows a door: the last knock is listened for first, what is wrong
// starts anew. What is sent to the sequence is counted only where a ban hides services.
func TestKnock(t *testing.T) {
	run(t, []example{
		{"the door", door, ruleset.V4, "K-DOOR", `
			-p tcp -m tcp --dport 9000 -m set --match-set hardenctl-2-door-v4 src -j HARDENCTL-3-DOOR
			-p udp -m udp --dport 8000 -m set --match-set hardenctl-1-door-v4 src -j HARDENCTL-2-DOOR
			-p udp -m udp --dport 8000 -m set --match-set hardenctl-2-door-v4 src -j DROP
			-p tcp -m tcp --dport 7000 -j HARDENCTL-1-DOOR
			-p tcp -m tcp --dport 7000 -j DROP
			-m set --match-set hardenctl-1-door-v4 src -j HARDENCTL-0-DOOR
			-p tcp -m tcp --dport 9000 -j DROP
			-p udp -m udp --dport 8000 -j DROP`},
		{"the first knock", door, ruleset.V4, "1-DOOR", `
			-j SET --add-set hardenctl-1-door-v4 src --exist`},
		{"a later one keeps those before", door, ruleset.V6, "2-DOOR", `
			-j SET --add-set hardenctl-2-door-v6 src --exist
			-j HARDENCTL-1-DOOR`},
		{"the last one opens", door, ruleset.V6, "3-DOOR", `
			-j SET --add-set hardenctl-k-door-v6 src --exist
			-j HARDENCTL-0-DOOR
			-j DROP`},
		{"starting anew", door, ruleset.V4, "0-DOOR", `
			-j SET --del-set hardenctl-1-door-v4 src
			-j SET --del-set hardenctl-2-door-v4 src`},
		{"a port twice: what came furthest counts", strings.Replace(door, `"tcp/9000"`, `"tcp/7000", "udp/9000"`, 1), ruleset.V4, "K-DOOR", `
			-p udp -m udp --dport 9000 -m set --match-set hardenctl-3-door-v4 src -j HARDENCTL-4-DOOR
			-p tcp -m tcp --dport 7000 -m set --match-set hardenctl-2-door-v4 src -j HARDENCTL-3-DOOR
			-p tcp -m tcp --dport 7000 -m set --match-set hardenctl-3-door-v4 src -j DROP
			-p udp -m udp --dport 8000 -m set --match-set hardenctl-1-door-v4 src -j HARDENCTL-2-DOOR
			-p udp -m udp --dport 8000 -m set --match-set hardenctl-2-door-v4 src -j DROP
			-p tcp -m tcp --dport 7000 -j HARDENCTL-1-DOOR
			-p tcp -m tcp --dport 7000 -j DROP
			-m set --match-set hardenctl-1-door-v4 src -j HARDENCTL-0-DOOR
			-p tcp -m tcp --dport 7000 -j DROP
			-p udp -m multiport --dports 8000,9000 -j DROP`},
		{"refused as all is, but not logged", door + "log.rate = \"5/minute\"\npolicy.input = \"reject\"", ruleset.V6, "REJECT", `
			-p tcp -j REJECT --reject-with tcp-reset
			-j REJECT --reject-with icmp6-port-unreachable`},
		{"counted, the last", counting, ruleset.V6, "3-DOOR", `
			-j SET --add-set hardenctl-k-door-v6 src --exist
			-j HARDENCTL-0-DOOR
			-j HARDENCTL-PROBE`},
		{"counted, in and out of order", counting, ruleset.V4, "K-DOOR", `
			-p tcp -m tcp --dport 9000 -m set --match-set hardenctl-2-door-v4 src -j HARDENCTL-3-DOOR
			-p udp -m udp --dport 8000 -m set --match-set hardenctl-1-door-v4 src -j HARDENCTL-2-DOOR
			-p udp -m udp --dport 8000 -m set --match-set hardenctl-2-door-v4 src -j HARDENCTL-PROBE
			-p tcp -m tcp --dport 7000 -j HARDENCTL-1-DOOR
			-p tcp -m tcp --dport 7000 -j HARDENCTL-PROBE
			-m set --match-set hardenctl-1-door-v4 src -j HARDENCTL-0-DOOR
			-p tcp -m tcp --dport 9000 -j HARDENCTL-PROBE
			-p udp -m udp --dport 8000 -j HARDENCTL-PROBE`},
		{"counted, but not those who are trusted", counting + `access.exempt = ["192.0.2.7"]`, ruleset.V4, "KNOCKED", `
			-m set --match-set hardenctl-trusted-v4 src -j DROP
			-j HARDENCTL-PROBE`},
		{"not counted where a ban hides no service", counting + "scan.scope = \"hidden\"", ruleset.V4, "3-DOOR", `
			-j SET --add-set hardenctl-k-door-v4 src --exist
			-j HARDENCTL-0-DOOR
			-j DROP`},
		{"counted, and not logged", counting + "log.rate = \"5/minute\"", ruleset.V6, "DROP-SCAN", `
			-p tcp -m multiport --dports 7000,9000 -j DROP
			-p udp -m udp --dport 8000 -j DROP
			-m limit --limit 1000/sec --limit-burst 1000 -m hashlimit --hashlimit-upto 1/min --hashlimit-burst 3 … --hashlimit-htable-expire 180000 --hashlimit-srcmask 64 -m limit --limit 5/min -j LOG --log-prefix "IPTables-Dropped: scan "
			-j DROP`},
		{"no IPv6", door + "policy.ipv6 = false", ruleset.V6, "K-DOOR", ``},
	})
}

// TestKnockLogsNothing holds that no way of a knock leads to the log.
func TestKnockLogsNothing(t *testing.T) {
	for _, ending := range []string{"drop", "reject"} {
		rs := lowered(t, door+"log.rate = \"5/minute\"\npolicy.input = \""+ending+"\"")
		for _, name := range []string{"K-DOOR", "0-DOOR", "1-DOOR", "2-DOOR", "3-DOOR"} {
			for _, line := range chain(rs, ruleset.V4, name) {
				if strings.Contains(line, "LOG") || strings.Contains(line, "-DROP-") || strings.Contains(line, "-REJECT-") {
					t.Errorf("%s: chain %s: %s", ending, name, line)
				}
			}
		}
	}
}

// TestKnockServices shows by which ways a service with a knock is reached.
func TestKnockServices(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"by a knock only", door, "-p tcp -m tcp --dport 22 -m set --match-set hardenctl-k-door-v4 src -j ACCEPT"},
		{"listed, or by a knock", door + `services.ssh.from = ["192.0.2.7"]`,
			"-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j ACCEPT\n-p tcp -m tcp --dport 22 -m set --match-set hardenctl-k-door-v4 src -j ACCEPT"},
		{"under one limit", door + "services.ssh.from = [\"192.0.2.7\"]\nservices.ssh.connections_per_source = 5",
			"-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j HARDENCTL-S-SSH\n-p tcp -m tcp --dport 22 -m set --match-set hardenctl-k-door-v4 src -j HARDENCTL-S-SSH"},
		{"listed in the other family", door + `services.ssh.from = ["2001:db8::7"]`,
			"-p tcp -m tcp --dport 22 -m set --match-set hardenctl-k-door-v4 src -j ACCEPT"},
		{"before a ban that hides what is not public", door + "scan = { probes = 1, scope = \"hidden\" }\nservices.web.ports = [\"tcp/80\"]",
			"-p tcp -m tcp --dport 22 -m set --match-set hardenctl-k-door-v4 src -j ACCEPT\n-p tcp -m tcp --dport 80 -j ACCEPT\n-m set --match-set hardenctl-ban-v4 src -j HARDENCTL-BANNED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := between(t, test.text, ruleset.V4); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestKnockTrusted shows that trusted sources knock like others, and that admin
// sources need no knock for what is marked admin.
func TestKnockTrusted(t *testing.T) {
	run(t, []example{
		{"exempt", door + `access.exempt = ["192.0.2.7"]`, ruleset.V4, "TRUSTED", `
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-k-door-v4 src -j ACCEPT
			-m addrtype --dst-type BROADCAST,MULTICAST -j DROP
			-p tcp -j HARDENCTL-K-DOOR
			-p udp -j HARDENCTL-K-DOOR
			-j DROP`},
		{"admin", door + "services.ssh.admin = true\naccess.admin = [\"192.0.2.7\"]", ruleset.V4, "TRUSTED", `
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-admin-v4 src -j ACCEPT
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-k-door-v4 src -j ACCEPT
			-m addrtype --dst-type BROADCAST,MULTICAST -j DROP
			-p tcp -j HARDENCTL-K-DOOR
			-p udp -j HARDENCTL-K-DOOR
			-j DROP`},
	})
}

// TestKnockSets holds what the sets of a door remember, and for how long: whole
// addresses, also of IPv6.
func TestKnockSets(t *testing.T) {
	seconds := map[string]float64{"1-door": 3, "2-door": 3, "k-door": 60}
	found := 0
	for _, s := range lowered(t, door+"knocks.door.step = \"3s\"\nknocks.door.open = \"1m\"").Sets {
		name := strings.TrimPrefix(s.Name[:len(s.Name)-len("-v4")], ruleset.SetPrefix)
		if seconds[name] == 0 {
			continue
		}
		found++
		if s.Timeout.Seconds() != seconds[name] || s.Netmask != 0 || !s.Dynamic || s.ForceAdd != (name != "k-door") {
			t.Errorf("%+v", s)
		}
	}
	if found != 6 {
		t.Errorf("found %d sets, want three for each family", found)
	}
	closed := lowered(t, door+"policy.ipv6 = false").Sets
	if slices.ContainsFunc(closed, func(s ruleset.Set) bool { return strings.HasSuffix(s.Name, "-door-v6") }) {
		t.Error("a family that is closed has sets for knocks")
	}
}

// TestKnockBanned shows that knocks renew a ban as other packets do where it hides
// services, and that a proven source is heard, with what it sends in between.
func TestKnockBanned(t *testing.T) {
	run(t, []example{
		{"no source is proven", door + `scan.probes = 3`, ruleset.V4, "BANNED", `
			-m addrtype --dst-type BROADCAST,MULTICAST -j DROP
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-k-door-v4 src -j DROP
			-p udp -j HARDENCTL-STRAY
			-p tcp -j HARDENCTL-RENEW
			-p udp -j HARDENCTL-RENEW
			-j DROP`},
		{"a ban that hides no service", door + `scan = { probes = 3, scope = "hidden" }`, ruleset.V4, "BANNED", `
			-m addrtype --dst-type BROADCAST,MULTICAST -j DROP
			-p tcp -m multiport --dports 7000,9000 -j DROP
			-p udp -m udp --dport 8000 -j DROP
			-p udp -j HARDENCTL-STRAY
			-p tcp -j HARDENCTL-RENEW
			-p udp -j HARDENCTL-RENEW
			-j DROP`},
		{"proven", door + `scan = { probes = 3, proven = "7d" }`, ruleset.V4, "BANNED", `
			-m addrtype --dst-type BROADCAST,MULTICAST -j DROP
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-k-door-v4 src -m set --match-set hardenctl-proven-v4 src -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 50 … --hashlimit-htable-expire 10000 -j RETURN
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-k-door-v4 src -j DROP
			-p tcp -m multiport --dports 7000,9000 -m set --match-set hardenctl-proven-v4 src -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 50 … --hashlimit-htable-expire 10000 -j RETURN
			-p udp -m udp --dport 8000 -m set --match-set hardenctl-proven-v4 src -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 50 … --hashlimit-htable-expire 10000 -j RETURN
			-p tcp -m set --match-set hardenctl-1-door-v4 src -j HARDENCTL-0-DOOR
			-p udp -m set --match-set hardenctl-1-door-v4 src -j HARDENCTL-0-DOOR
			-p udp -j HARDENCTL-STRAY
			-p tcp -j HARDENCTL-RENEW
			-p udp -j HARDENCTL-RENEW
			-j DROP`},
	})
}
