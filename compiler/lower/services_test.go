package lower_test

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// between returns the rules of INPUT between the drop of invalid packets and
// that of other ICMP: the services, and a ban that is among them.
func between(t *testing.T, text string, family ruleset.Family) string {
	t.Helper()
	all := "\n" + strings.Join(chain(lowered(t, text), family, "INPUT"), "\n")
	_, after, found := strings.Cut(all, "--ctstate INVALID -j DROP\n")
	services, _, ends := strings.Cut(after, "-p ip")
	if family == ruleset.V4 {
		services, _, ends = strings.Cut(after, "-p icmp -j DROP")
	}
	if !found || !ends {
		t.Fatalf("this INPUT has no such place:\n%s", all)
	}
	return strings.TrimSuffix(services, "\n")
}

func TestServices(t *testing.T) {
	many := `services.a.ports = ["tcp/1", "tcp/2", "tcp/3", "tcp/4", "tcp/5", "tcp/6", "tcp/7", "tcp/8", "tcp/9", "tcp/10", "tcp/11", "tcp/12", "tcp/13", "tcp/14", "tcp/15"`
	for _, test := range []struct{ name, text, want4, want6 string }{
		{"one port", `services.a.ports = ["tcp/80"]`, "-p tcp -m tcp --dport 80 -j ACCEPT", "-p tcp -m tcp --dport 80 -j ACCEPT"},
		{"a range", `services.a.ports = ["udp/60000-61000"]`, "-p udp -m udp --dport 60000:61000 -j ACCEPT", "-p udp -m udp --dport 60000:61000 -j ACCEPT"},
		{"sorted, TCP first", `services.a.ports = ["udp/53", "tcp/853", "tcp/53"]`,
			"-p tcp -m multiport --dports 53,853 -j ACCEPT\n-p udp -m udp --dport 53 -j ACCEPT",
			"-p tcp -m multiport --dports 53,853 -j ACCEPT\n-p udp -m udp --dport 53 -j ACCEPT"},
		{"15 ports in one match", many + "]",
			"-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 -j ACCEPT",
			"-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 -j ACCEPT"},
		{"16 in two", many + `, "tcp/16"]`,
			"-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 -j ACCEPT\n-p tcp -m tcp --dport 16 -j ACCEPT",
			"-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15 -j ACCEPT\n-p tcp -m tcp --dport 16 -j ACCEPT"},
		{"a range counts two", strings.Replace(many, `"tcp/15"`, `"tcp/20-30"`, 1) + "]",
			"-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14 -j ACCEPT\n-p tcp -m tcp --dport 20:30 -j ACCEPT",
			"-p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14 -j ACCEPT\n-p tcp -m tcp --dport 20:30 -j ACCEPT"},
		{"from one family", `services.a = { ports = ["tcp/22"], from = ["192.0.2.7"] }`,
			"-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-a-v4 src -j ACCEPT", ""},
		{"by name", "services.a = { ports = [\"tcp/22\"], from = [\"192.0.2.7\", \"2001:db8::7\"] }\nservices.b.ports = [\"tcp/80\"]",
			"-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-a-v4 src -j ACCEPT\n-p tcp -m tcp --dport 80 -j ACCEPT",
			"-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-a-v6 src -j ACCEPT\n-p tcp -m tcp --dport 80 -j ACCEPT"},
		{"protocols", `services.a = { protocols = ["vrrp", "ah", "igmp", "sctp", 97], from = ["192.0.2.7", "2001:db8::7"] }`,
			"-p 112 -m set --match-set hardenctl-f-a-v4 src -j ACCEPT\n-p ah -m set --match-set hardenctl-f-a-v4 src -j ACCEPT\n" +
				"-p 2 -m set --match-set hardenctl-f-a-v4 src -j ACCEPT\n-p sctp -m set --match-set hardenctl-f-a-v4 src -j ACCEPT\n" +
				"-p 97 -m set --match-set hardenctl-f-a-v4 src -j ACCEPT",
			"-p 112 -m set --match-set hardenctl-f-a-v6 src -j ACCEPT\n" +
				`-m bpf --bytecode "4,48 0 0 6,21 0 1 51,6 0 0 1,6 0 0 0" -m set --match-set hardenctl-f-a-v6 src -j ACCEPT` + "\n" +
				"-p sctp -m set --match-set hardenctl-f-a-v6 src -j ACCEPT\n-p 97 -m set --match-set hardenctl-f-a-v6 src -j ACCEPT"},
		{"ports of SCTP", `services.a.ports = ["sctp/3868", "tcp/3868"]`,
			"-p tcp -m tcp --dport 3868 -j ACCEPT\n-p sctp -m multiport --dports 3868 -j ACCEPT",
			"-p tcp -m tcp --dport 3868 -j ACCEPT\n-p sctp -m multiport --dports 3868 -j ACCEPT"},
		{"groups", `services.a = { ports = ["udp/5353"], groups = ["mdns", "broadcast"] }`,
			"-d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT\n-p udp -m udp --dport 5353 -m addrtype --dst-type BROADCAST -j ACCEPT",
			"-d ff02::fb/128 -p udp -m udp --dport 5353 -j ACCEPT"},
		{"no IPv6", "policy.ipv6 = false\nservices.a.ports = [\"tcp/80\"]", "-p tcp -m tcp --dport 80 -j ACCEPT", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := between(t, test.text, ruleset.V4); got != test.want4 {
				t.Errorf("IPv4: got\n%s\nwant\n%s", got, test.want4)
			}
			if got := between(t, test.text, ruleset.V6); got != test.want6 {
				t.Errorf("IPv6: got\n%s\nwant\n%s", got, test.want6)
			}
		})
	}
}

// TestClosed shows all that is left of IPv6 when the profile turns it off:
// nothing is open, and the host can still talk to others itself.
func TestClosed(t *testing.T) {
	expect(t, lowered(t, `
		policy.ipv6 = false
		access.admin = ["2001:db8::/32"]
		access.block = ["2001:db8:bad::/48"]
		services.a = { ports = ["tcp/80", "udp/443"], admin = true }
		icmp.echo_per_source = "1/second"
		udp.packets_per_source = "50/second"`), ruleset.V6, "INPUT", `
		-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-p ipv6-icmp -j HARDENCTL-NEIGHBOUR
		-m set --match-set hardenctl-block-v6 src -j DROP
		-m conntrack --ctstate INVALID -j DROP
		-p ipv6-icmp -j DROP
		-m addrtype --dst-type MULTICAST -j DROP
		-j DROP`)
}

// TestTrusted shows what trusted sources reach: what every source reaches, without
// limits, what they are listed for, and for admin sources what is marked admin.
func TestTrusted(t *testing.T) {
	const services = `
		services.web = { ports = ["tcp/80"], new_per_source = "5/second", connections_per_source = 5 }
		services.ssh = { ports = ["tcp/22"], admin = true, from = ["192.0.2.7"] }
		services.db = { ports = ["tcp/5432"], from = ["192.0.2.7"] }
		`
	run(t, []example{
		{"exempt", services + `access.exempt = ["198.51.100.0/24"]`, ruleset.V4, "TRUSTED", `
			-p tcp -m tcp --dport 5432 -m set --match-set hardenctl-f-db-v4 src -j ACCEPT
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j ACCEPT
			-p tcp -m tcp --dport 80 -j ACCEPT
			-j DROP`},
		{"admin", services + `access.admin = ["198.51.100.0/24"]`, ruleset.V4, "TRUSTED", `
			-p tcp -m tcp --dport 5432 -m set --match-set hardenctl-f-db-v4 src -j ACCEPT
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-admin-v4 src -j ACCEPT
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j ACCEPT
			-p tcp -m tcp --dport 80 -j ACCEPT
			-j DROP`},
		{"an admin service keeps its limits for the exempt", `
			services.ssh = { ports = ["tcp/22"], admin = true, connections_per_source = 5 }
			access.admin = ["198.51.100.0/24"]
			access.exempt = ["203.0.113.0/24"]`, ruleset.V4, "TRUSTED", `
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-admin-v4 src -j ACCEPT
			-p tcp -m tcp --dport 22 -j HARDENCTL-S-SSH
			-j DROP`},
		{"none of this family", services + `access.admin = ["198.51.100.0/24"]`, ruleset.V6, "TRUSTED", ``},
	})
}

func TestLimitsOfServices(t *testing.T) {
	run(t, []example{
		{"connections, then a rate", `services.a = { ports = ["tcp/80"], new_per_source = "50/second burst 200", connections_per_source = 20 }`, ruleset.V4, "S-A", `
			-p tcp -m connlimit --connlimit-above 20 --connlimit-mask 32 --connlimit-saddr -j DROP
			-m set --match-set hardenctl-callers-v4 src --packets-gt 25 -m hashlimit --hashlimit-above 50/sec --hashlimit-burst 175 … --hashlimit-htable-expire 4000 -j DROP
			-p tcp -m set ! --match-set hardenctl-callers-v4 src ! --update-counters -m limit --limit 1000/sec --limit-burst 1000 -j SET --add-set hardenctl-callers-v4 src --exist
			-j ACCEPT`},
		{"an IPv6 source is a /64", `services.a = { ports = ["tcp/80"], new_per_source = "50/second burst 200", connections_per_source = 20 }`, ruleset.V6, "S-A", `
			-p tcp -m connlimit --connlimit-above 20 --connlimit-mask 64 --connlimit-saddr -j DROP
			-m set --match-set hardenctl-callers-v6 src --packets-gt 25 -m hashlimit --hashlimit-above 50/sec --hashlimit-burst 175 … --hashlimit-htable-expire 4000 --hashlimit-srcmask 64 -j DROP
			-p tcp -m set ! --match-set hardenctl-callers-v6 src ! --update-counters -m limit --limit 1000/sec --limit-burst 1000 -j SET --add-set hardenctl-callers-v6 src --exist
			-j ACCEPT`},
		{"a quota looks, then records", `services.a = { ports = ["tcp/22"], new_per_source = "10 in 60s" }`, ruleset.V4, "S-A", `
			-m recent --rcheck --seconds 60 --reap --hitcount 10 --name hardenctl-s-a-v4 --mask 255.255.255.255 --rsource -j DROP
			-m recent --set --name hardenctl-s-a-v4 --mask 255.255.255.255 --rsource
			-j ACCEPT`},
		{"a quota of /64s", `services.a = { ports = ["tcp/22"], new_per_source = "255 in 1d" }`, ruleset.V6, "S-A", `
			-m recent --rcheck --seconds 86400 --reap --hitcount 255 --name hardenctl-s-a-v6 --mask ffff:ffff:ffff:ffff:: --rsource -j DROP
			-m recent --set --name hardenctl-s-a-v6 --mask ffff:ffff:ffff:ffff:: --rsource
			-j ACCEPT`},
		{"connections of UDP are none", `services.a = { ports = ["udp/53"], connections_per_source = 20 }`, ruleset.V4, "S-A", ``},
		{"refused by reject", "policy.input = \"reject\"\nservices.a = { ports = [\"tcp/80\"], connections_per_source = 20 }", ruleset.V4, "S-A", `
			-p tcp -m connlimit --connlimit-above 20 --connlimit-mask 32 --connlimit-saddr -j DROP
			-j ACCEPT`},
		{"refused through the log", "log.rate = \"5/minute\"\nservices.a = { ports = [\"tcp/80\"], connections_per_source = 20 }", ruleset.V4, "S-A", `
			-p tcp -m connlimit --connlimit-above 20 --connlimit-mask 32 --connlimit-saddr -j HARDENCTL-DROP-LIMIT
			-j ACCEPT`},
		{"UDP's common limit", "udp.new_per_source = \"5/second burst 10\"\nservices.a.ports = [\"tcp/443\", \"udp/443\"]", ruleset.V4, "S-A", `
			-p udp -m conntrack --ctstate NEW --ctstatus CONFIRMED -j ACCEPT
			-p udp -m set --match-set hardenctl-callers-v4 src --packets-gt 1 -m hashlimit --hashlimit-above 5/sec --hashlimit-burst 9 … --hashlimit-htable-expire 2000 -j DROP
			-p udp -m set ! --match-set hardenctl-callers-v4 src ! --update-counters -m limit --limit 1000/sec --limit-burst 1000 -j SET --add-set hardenctl-callers-v4 src --exist
			-j ACCEPT`},
		{"UDP's common quota", "udp.new_per_source = \"5 in 60s\"\nservices.a.ports = [\"udp/443\"]", ruleset.V4, "S-A", `
			-p udp -m conntrack --ctstate NEW --ctstatus CONFIRMED -j ACCEPT
			-p udp -m recent --rcheck --seconds 60 --reap --hitcount 5 --name hardenctl-udp-v4 --mask 255.255.255.255 --rsource -j DROP
			-p udp -m recent --set --name hardenctl-udp-v4 --mask 255.255.255.255 --rsource
			-j ACCEPT`},
		{"a limit of its own instead", "udp.new_per_source = \"5/second\"\nservices.a = { ports = [\"udp/443\"], new_per_source = \"7/minute\" }", ruleset.V4, "S-A", `
			-p udp -m conntrack --ctstate NEW --ctstatus CONFIRMED -j ACCEPT
			-m set --match-set hardenctl-callers-v4 src --packets-gt 1 -m hashlimit --hashlimit-above 7/min --hashlimit-burst 4 … --hashlimit-htable-expire 42000 -j DROP
			-p udp -m set ! --match-set hardenctl-callers-v4 src ! --update-counters -m limit --limit 1000/sec --limit-burst 1000 -j SET --add-set hardenctl-callers-v4 src --exist
			-j ACCEPT`},
		{"TCP has none of it", "udp.new_per_source = \"5/second\"\nservices.a.ports = [\"tcp/443\"]", ruleset.V4, "S-A", ``},
	})
}

// TestUDPPackets shows the limit that an open flow cannot go round. Trusted
// sources pass it, and answers to this host's own questions never meet it.
func TestUDPPackets(t *testing.T) {
	const text = "udp.packets_per_source = \"50/second burst 100\"\nservices.a.ports = [\"udp/443\"]\n"
	run(t, []example{
		{"for all", text, ruleset.V4, "UDP", `
			-m set --match-set hardenctl-callers-v4 src --packets-gt 12 -m hashlimit --hashlimit-above 50/sec --hashlimit-burst 88 … --hashlimit-htable-expire 2000 -j DROP
			-m set ! --match-set hardenctl-callers-v4 src ! --update-counters -m limit --limit 1000/sec --limit-burst 1000 -j SET --add-set hardenctl-callers-v4 src --exist`},
		{"not for trusted", text + `access.exempt = ["192.0.2.7"]`, ruleset.V4, "UDP", `
			-m set --match-set hardenctl-trusted-v4 src -j RETURN
			-m set --match-set hardenctl-callers-v4 src --packets-gt 12 -m hashlimit --hashlimit-above 50/sec --hashlimit-burst 88 … --hashlimit-htable-expire 2000 -j DROP
			-m set ! --match-set hardenctl-callers-v4 src ! --update-counters -m limit --limit 1000/sec --limit-burst 1000 -j SET --add-set hardenctl-callers-v4 src --exist`},
		{"no service", `udp.packets_per_source = "50/second"`, ruleset.V4, "UDP", ``},
	})
}

// TestListsOfRecent holds that no two parts of a profile count in one list of
// xt_recent, whatever services are called: a customer of a service "scan" must
// not look like a scanner.
func TestListsOfRecent(t *testing.T) {
	rs := lowered(t, `
		scan = { probes = 10, engine = "recent" }
		udp.new_per_source = "5 in 60s"
		services.dns.ports = ["udp/53"]
		services.scan = { ports = ["tcp/1"], new_per_source = "5 in 60s" }
		services.udp = { ports = ["tcp/2"], new_per_source = "5 in 60s" }`)
	parts := map[string]string{} // by list
	for _, table := range rs.Tables {
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				for _, m := range r.Matches {
					recent, ok := m.(ruleset.Recent)
					if !ok {
						continue
					}
					if part, used := parts[recent.Name]; used && part != r.Origin.Part {
						t.Errorf("%s and %s both count in %s", part, r.Origin.Part, recent.Name)
					}
					parts[recent.Name] = r.Origin.Part
				}
			}
		}
	}
	if len(parts) != 10 {
		t.Errorf("four parts of two families, and a rush, count in %d lists", len(parts))
	}
}
