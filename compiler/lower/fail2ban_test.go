package lower_test

import (
	"reflect"
	"testing"
	"time"

	"hardenctl/compiler/emit"
	"hardenctl/compiler/ruleset"
)

// TestJailScope shows where those stand whom fail2ban has jailed: like the
// banned, behind the trusted, and before or behind the services. An
// answer to their echo requests would say that the host is there.
func TestJailScope(t *testing.T) {
	const text = "services.web.ports = [\"tcp/80\"]\nservices.ssh = { ports = [\"tcp/22\"], from = [\"192.0.2.7\"] }\naccess.exempt = [\"192.0.2.8\"]\nlog = {}\n"
	const begin = `
			-p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			-i lo -j ACCEPT
			! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
			-m set --match-set hardenctl-trusted-v4 src -j HARDENCTL-TRUSTED
			`
	const services = `-p tcp -m set --match-set hardenctl-open-v4 src,src -m socket -j HARDENCTL-OPEN
			-m conntrack --ctstate INVALID -j DROP
			-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-ssh-v4 src -j ACCEPT
			-p tcp -m tcp --dport 80 -j ACCEPT
			`
	const end = `-p icmp -j DROP
			-m addrtype --dst-type BROADCAST,MULTICAST -j DROP
			-j HARDENCTL-DROP-SCAN`
	const jailed = `-m set --match-set hardenctl-jail-v4 src -j DROP
			`
	run(t, []example{
		{"everything", text + `fail2ban = {}`, ruleset.V4, "INPUT", begin + jailed + services + end},
		{"hidden", text + `fail2ban.scope = "hidden"`, ruleset.V4, "INPUT", begin + services + jailed + end},
		{"disabled", text + `fail2ban.enabled = false`, ruleset.V4, "INPUT", begin + services + end},
		{"echo", "log = {}\nfail2ban = {}\nicmp.echo_per_source = \"1/second\"", ruleset.V6, "ECHO", `
			-m set --match-set hardenctl-jail-v6 src -j DROP
			-m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 5 … --hashlimit-htable-expire 5000 --hashlimit-srcmask 64 -j ACCEPT
			-j DROP`},
	})
}

// TestJailSets holds that fail2ban has sets of its own, in which an IPv6 source
// is its /64, and that entries go by themselves.
func TestJailSets(t *testing.T) {
	var got []string
	for _, s := range withoutOpen(lowered(t, `fail2ban.ban = "2h"`)) {
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
	got := lowered(t, "log.prefix = \"fw: \"\nfail2ban = { retries = 5, window = \"1h\", ban = \"1d\", log = \"/var/log/kern.log\" }").Jail
	if got == nil {
		t.Fatal("no jail")
	}
	want := &ruleset.Jail{
		Prefix: "fw: ", Reasons: []string{"scan", "ban"}, File: "/var/log/kern.log",
		Retries: 5, Window: time.Hour, Ban: 24 * time.Hour,
		SetV4: "hardenctl-jail-v4", SetV6: "hardenctl-jail-v6", Origin: got.Origin,
	}
	if !reflect.DeepEqual(got, want) || got.Origin.Part != "fail2ban" || got.Origin.Line != 3 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if lowered(t, `fail2ban.enabled = false`).Jail != nil {
		t.Error("a jail that nobody asked for")
	}
}
