package lower_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestJailScope shows where jailed sources are refused: like the
// banned, behind the trusted, and before or behind the services. An
// answer to their echo requests would say that the host is there.
func TestJailScope(t *testing.T) {
	const text = "services.web.ports = [\"tcp/80\"]\nservices.ssh = { ports = [\"tcp/22\"], from = [\"192.0.2.7\"] }\naccess.exempt = [\"192.0.2.8\"]\nlog = {}\n"
	const begin = `
			-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			-i lo -j ACCEPT
			! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			-d 224.0.0.0/4 -p igmp -j ACCEPT
			-m set --match-set hardenctl-trusted-v4 src -j HARDENCTL-TRUSTED
			`
	const services = `-m conntrack --ctstate INVALID -j DROP
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j ACCEPT
			-p tcp -m tcp --dport 80 -j ACCEPT
			`
	const end = `-p icmp -j DROP
			-m addrtype --dst-type BROADCAST,MULTICAST -j DROP
			-p tcp -j HARDENCTL-DROP-SCAN
			-p udp -j HARDENCTL-STRAY
			-p udp -j HARDENCTL-DROP-SCAN
			-j HARDENCTL-DROP-OTHER`
	const jailed = `-m set --match-set hardenctl-jail-v4 src -j DROP
			`
	run(t, []example{
		{"everything", text + `fail2ban = {}`, ruleset.V4, "INPUT", begin + jailed + services + end},
		{"hidden", text + `fail2ban.scope = "hidden"`, ruleset.V4, "INPUT", begin + services + jailed + end},
		{"bans are hidden, and lines with them", text + "fail2ban = {}\nscan.scope = \"hidden\"", ruleset.V4, "INPUT",
			begin + jailed + services + strings.ReplaceAll(jailed, "jail", "lines") + end},
		{"disabled", text + `fail2ban.enabled = false`, ruleset.V4, "INPUT", begin + services + end},
		{"echo", "log = {}\nfail2ban = {}\nicmp.echo_per_source = \"1/second\"", ruleset.V6, "ECHO", `
			-m set --match-set hardenctl-jail-v6 src -j DROP
			-p ipv6-icmp -m icmp6 --icmpv6-type 128/0 -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 5 … --hashlimit-htable-expire 5000 --hashlimit-srcmask 64 -j ACCEPT
			-j DROP`},
	})
}

// TestJailSparesProven shows that fail2ban does not count the lines of proven
// sources, where its jail would take more from them than a ban.
func TestJailSparesProven(t *testing.T) {
	const text = "services.web.ports = [\"tcp/80\"]\nlog = { rate = \"5/minute burst 10\", lines_per_source = \"1/minute burst 3\" }\n"
	const scan = "scan = { probes = 10, scope = \"everything\", proven = \"1d\" }\n"
	const share = `-m limit --limit 1000/sec --limit-burst 1000 -m hashlimit --hashlimit-upto 1/min --hashlimit-burst 3 … --hashlimit-htable-expire 180000 -m limit --limit 5/min --limit-burst 10 `
	var told []string
	for _, reason := range []string{"scan", "ban"} {
		told = append(told, `
			-m set --match-set hardenctl-proven-v4 src `+share+`-j LOG --log-prefix "IPTables-Dropped: known "
			-m set ! --match-set hardenctl-proven-v4 src `+share+`-j LOG --log-prefix "IPTables-Dropped: `+reason+` "
			-j DROP`)
	}
	const alike = share + "-j LOG --log-prefix \"IPTables-Dropped: scan \"\n-j DROP"
	run(t, []example{
		{"a probe", text + scan + "fail2ban = {}", ruleset.V4, "DROP-SCAN", told[0]},
		{"a ban", text + scan + "fail2ban = {}", ruleset.V4, "DROP-BAN", told[1]},
		{"no fail2ban", text + scan, ruleset.V4, "DROP-SCAN", alike},
		{"a jail that leaves the services", text + scan + `fail2ban.scope = "hidden"`, ruleset.V4, "DROP-SCAN", alike},
		{"no source is proven", text + "scan = { probes = 10, scope = \"everything\" }\nfail2ban = {}", ruleset.V4, "DROP-SCAN", alike},
	})
}

// TestJailSets holds that fail2ban has sets of its own, in which an IPv6 source
// is its /64, and that entries go by themselves.
func TestJailSets(t *testing.T) {
	var got []string
	for _, s := range lowered(t, `fail2ban.ban = "2h"`).Sets {
		got = append(got, emit.Create(s))
		if !s.Dynamic {
			t.Errorf("the members of %s are planned", s.Name)
		}
	}
	want := []string{
		"create hardenctl-jail-v4 hash:ip family inet hashsize 16384 maxelem 65536 timeout 7200",
		"create hardenctl-jail-v6 hash:ip family inet6 hashsize 16384 maxelem 65536 netmask 64 timeout 7200",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestJail shows what fail2ban is told.
func TestJail(t *testing.T) {
	got := lowered(t, "access.exempt = [\"192.0.2.8\"]\nlog.prefix = \"fw: \"\nfail2ban = { retries = 5, window = \"1h\", ban = \"1d\", log = \"/var/log/kern.log\" }").Jail
	if got == nil {
		t.Fatal("no jail")
	}
	want := &ruleset.Jail{
		Prefix: "fw: ", Reasons: []string{"scan", "ban"}, File: "/var/log/kern.log",
		Retries: 5, Window: time.Hour, Ban: 24 * time.Hour,
		SetV4: "hardenctl-jail-v4", SetV6: "hardenctl-jail-v6",
		LinesV4: "hardenctl-jail-v4", LinesV6: "hardenctl-jail-v6",
		Trusted: []string{"hardenctl-trusted-v4"}, Origin: got.Origin,
	}
	if !reflect.DeepEqual(got, want) || got.Origin.Part != "fail2ban" || got.Origin.Line != 4 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if lowered(t, `fail2ban.enabled = false`).Jail != nil {
		t.Error("a jail that the profile does not state")
	}
}
