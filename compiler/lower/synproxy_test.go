package lower_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bootfile"
	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

const proxied = `
	services.web = { ports = ["tcp/80"], synproxy = true, new_per_source = "50/second burst 200", connections_per_source = 20 }
	services.db = { ports = ["tcp/5432"], synproxy = true, from = ["192.0.2.7"] }
	services.ssh = { ports = ["tcp/22"], admin = true }
	access.admin = ["198.51.100.0/24"]
	scan = { probes = 10, stealth = true, scope = "hidden" }`

// in returns one table of a ruleset, alone.
func in(rs *ruleset.Ruleset, name string) *ruleset.Ruleset {
	var alone ruleset.Ruleset
	for _, table := range rs.Tables {
		if table.Name == name {
			alone.Tables = append(alone.Tables, table)
		}
	}
	return &alone
}

// TestSynProxy shows the four steps of a proxied connection: not tracked, a
// cookie, the cookie back, and a SYN to the service, which the limits count.
func TestSynProxy(t *testing.T) {
	rs := lowered(t, proxied)
	expect(t, in(rs, "raw"), ruleset.V4, "UNTRACKED", `
		-i lo -j RETURN
		-m addrtype ! --dst-type LOCAL -j RETURN
		-p tcp -m tcp --dport 5432 -j CT --notrack
		-p tcp -m tcp --dport 80 -j CT --notrack`)
	expect(t, in(rs, "filter"), ruleset.V4, "INPUT", `
		-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-d 224.0.0.0/4 -p igmp -j ACCEPT
		-m set --match-set hardenctl-trusted-v4 src -j HARDENCTL-TRUSTED
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -m conntrack --ctstate INVALID -j HARDENCTL-COOKIES
		-p tcp -j HARDENCTL-STEALTH
		-m conntrack --ctstate INVALID -j DROP
		-p tcp -m tcp --dport 5432 -m conntrack --ctstate UNTRACKED -m set --match-set hardenctl-f-db-v4 src -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
		-p tcp -m tcp --dport 5432 -m set --match-set hardenctl-f-db-v4 src -j ACCEPT
		-p tcp -m tcp --dport 22 -j ACCEPT
		-p tcp -m tcp --dport 80 -m conntrack --ctstate UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
		-p tcp -m tcp --dport 80 -j HARDENCTL-S-WEB
		-m set --match-set hardenctl-ban-v4 src -j HARDENCTL-BANNED
		-p icmp -j DROP
		-j HARDENCTL-PROBE`)
	expect(t, in(rs, "filter"), ruleset.V4, "COOKIES", `
		-p tcp -m tcp --dport 5432 -m set --match-set hardenctl-f-db-v4 src -j HARDENCTL-GUESS
		-p tcp -m tcp --dport 80 -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460`)
	expect(t, in(rs, "filter"), ruleset.V4, "GUESS", `
		-m set --match-set hardenctl-guess-v4 src --packets-gt 10000 -j DROP
		-m set ! --match-set hardenctl-guess-v4 src ! --update-counters -m limit --limit 1000/sec --limit-burst 1000 -j SET --add-set hardenctl-guess-v4 src --exist
		-p tcp -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460`)
	expect(t, in(rs, "filter"), ruleset.V4, "PROXIED", `
		-j SET --del-set hardenctl-guess-v4 src
		-p tcp -m tcp --dport 5432 -j ACCEPT
		-p tcp -m tcp --dport 80 -m set --match-set hardenctl-trusted-v4 src -j ACCEPT
		-p tcp -m tcp --dport 80 -j HARDENCTL-S-WEB`)
	expect(t, in(rs, "filter"), ruleset.V4, "TRUSTED", `
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -m conntrack --ctstate INVALID -j HARDENCTL-TRUSTED-COOKIES
		-p tcp -m tcp --dport 5432 -m conntrack --ctstate UNTRACKED -m set --match-set hardenctl-f-db-v4 src -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
		-p tcp -m tcp --dport 5432 -m set --match-set hardenctl-f-db-v4 src -j ACCEPT
		-p tcp -m tcp --dport 22 -m set --match-set hardenctl-admin-v4 src -j ACCEPT
		-p tcp -m tcp --dport 22 -j ACCEPT
		-p tcp -m tcp --dport 80 -m conntrack --ctstate UNTRACKED -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
		-p tcp -m tcp --dport 80 -j ACCEPT
		-j DROP`)
	expect(t, in(rs, "filter"), ruleset.V4, "TRUSTED-COOKIES", `
		-p tcp -m tcp --dport 5432 -m set --match-set hardenctl-f-db-v4 src -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460
		-p tcp -m tcp --dport 80 -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460`)
	expect(t, in(rs, "mangle"), ruleset.V4, "HANDSHAKE", `-p tcp -j TCPOPTSTRIP --strip-options 8`)
	expect(t, in(rs, "raw"), ruleset.V4, "ANSWERS", `-p tcp -j CT --notrack`)
	expect(t, in(rs, "raw"), ruleset.V6, "UNTRACKED", `
		-i lo -j RETURN
		-m addrtype ! --dst-type LOCAL -j RETURN
		-p tcp -m tcp --dport 80 -j CT --notrack`)
	expect(t, in(rs, "filter"), ruleset.V6, "PROXIED", `-p tcp -m tcp --dport 80 -j HARDENCTL-S-WEB`)
}

// TestCookiesOfTheBanned shows that a ban which hides everything is asked where a
// cookie comes back too, but of who is proven, and that an admin's is taken.
func TestCookiesOfTheBanned(t *testing.T) {
	rs := lowered(t, `
		services.web = { ports = ["tcp/80"], synproxy = true }
		services.panel = { ports = ["tcp/9090"], synproxy = true, admin = true, from = ["192.0.2.7"] }
		access.admin = ["198.51.100.0/24"]
		scan = { probes = 10, scope = "everything", proven = "1d" }`)
	const cookie = `-j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460`
	expect(t, in(rs, "filter"), ruleset.V4, "COOKIES", `
		-p tcp -m tcp --dport 9090 -m set --match-set hardenctl-f-panel-v4 src -j HARDENCTL-GUESS
		-p tcp -m tcp --dport 80 -j HARDENCTL-COOKIE`)
	expect(t, in(rs, "filter"), ruleset.V4, "COOKIE", `
		-m set --match-set hardenctl-ban-v4 src -m set ! --match-set hardenctl-proven-v4 src -j DROP
		-p tcp `+cookie)
	expect(t, in(rs, "filter"), ruleset.V4, "TRUSTED-COOKIES", `
		-p tcp -m tcp --dport 9090 -m set --match-set hardenctl-admin-v4 src `+cookie+`
		-p tcp -m tcp --dport 9090 -m set --match-set hardenctl-f-panel-v4 src `+cookie+`
		-p tcp -m tcp --dport 80 `+cookie)
}

// TestSynProxyPublished shows what is other where ports may be published: the
// inside is not hidden, and the limits ask for the port that the client asked
// for, since nat has put the container's in its place.
func TestSynProxyPublished(t *testing.T) {
	rs := lowered(t, "policy = { forward = \"published\", inside = [\"docker0\", \"br-+\"] }\n"+proxied)
	expect(t, in(rs, "raw"), ruleset.V4, "UNTRACKED", `
		-i lo -j RETURN
		-i docker0 -j RETURN
		-i br-+ -j RETURN
		-m addrtype ! --dst-type LOCAL -j RETURN
		-p tcp -m tcp --dport 5432 -j CT --notrack
		-p tcp -m tcp --dport 80 -j CT --notrack`)
	expect(t, in(rs, "filter"), ruleset.V4, "PROXIED", `
		-j SET --del-set hardenctl-guess-v4 src
		-p tcp -m conntrack --ctorigdstport 5432 -j ACCEPT
		-p tcp -m conntrack --ctorigdstport 80 -m set --match-set hardenctl-trusted-v4 src -j ACCEPT
		-p tcp -m conntrack --ctorigdstport 80 -j HARDENCTL-S-WEB`)
}

// TestSynProxyHooks shows what a packet pays that has nothing to do with the
// proxy: one look each in raw, mangle and OUTPUT, and none in policies.
func TestSynProxyHooks(t *testing.T) {
	var hooks []string
	for _, table := range lowered(t, proxied).Tables {
		for _, c := range table.Chains {
			if table.Family != ruleset.V4 || !c.BuiltIn() || c.Owned {
				continue
			}
			if c.Policy != ruleset.PolicyAccept {
				t.Errorf("%s %s: policy %s", table.Name, c.Name, c.Policy)
			}
			for _, r := range c.Rules {
				r.Comment = ""
				hooks = append(hooks, table.Name+" "+c.Name+" "+emit.Rule(table.Family, r))
			}
		}
	}
	want := []string{
		"filter OUTPUT -p icmp -j HARDENCTL-OUTPUT",
		"filter OUTPUT -p tcp -m tcp --tcp-flags RST RST -j HARDENCTL-UNSERVED",
		"filter OUTPUT -o lo -p tcp -m conntrack --ctstate NEW -m addrtype ! --src-type LOCAL -j HARDENCTL-PROXIED",
		"raw PREROUTING -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j HARDENCTL-UNTRACKED",
		"raw OUTPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN,ACK -m owner ! --socket-exists -j HARDENCTL-ANSWERS",
		"mangle OUTPUT -o lo -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -m addrtype ! --src-type LOCAL -j HARDENCTL-HANDSHAKE",
	}
	if !slices.Equal(hooks, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(hooks, "\n"), strings.Join(want, "\n"))
	}
}

// TestNoSynProxy shows that nothing is left of it where no service asks, or
// none that has TCP ports, or IPv6 is closed.
func TestNoSynProxy(t *testing.T) {
	for _, text := range []string{
		`services.a.ports = ["tcp/80"]`,
		`services.a = { ports = ["tcp/80"], synproxy = false }`,
		`services.a = { ports = ["udp/80"], synproxy = true }`,
	} {
		rs := lowered(t, text)
		if len(rs.Tables) != 2 || len(rs.Settings) != 0 || len(rs.Modules) != 0 || len(rs.Sets) != 0 {
			t.Errorf("%s: %d tables, %d settings, %d modules, %d sets", text, len(rs.Tables), len(rs.Settings), len(rs.Modules), len(rs.Sets))
		}
		expect(t, rs, ruleset.V4, "PROXIED", ``)
		expect(t, rs, ruleset.V4, "COOKIES", ``)
	}
	closed := lowered(t, "policy.ipv6 = false\nservices.a = { ports = [\"tcp/80\"], synproxy = true }")
	for _, table := range closed.Tables {
		if table.Family == ruleset.V6 && table.Name != "filter" {
			t.Errorf("closed IPv6 has table %s", table.Name)
		}
	}
}

// TestSynProxySettings shows the settings that SYNPROXY leans on, and the
// module without which the first of them does not exist.
func TestSynProxySettings(t *testing.T) {
	rs := lowered(t, `services.a = { ports = ["tcp/80"], synproxy = true }`)
	const want = `# services.a
net.netfilter.nf_conntrack_tcp_loose = 0
net.ipv4.tcp_timestamps = 1
net.ipv4.tcp_rmem = 4096 131072 6291456
`
	if got := string(bootfile.Files(emit.Settings(rs))[0].Text); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := string(emit.ModulesLoad(rs.Modules)); got != "nf_conntrack\n" {
		t.Errorf("modules: %s", got)
	}
}
