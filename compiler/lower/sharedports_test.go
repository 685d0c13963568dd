package lower_test

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// groups are three services that state one port, for groups with limits of their
// own. Their names are in another order than they are stated in.
const groups = `udp = { packets_per_source = "100/second" }
services.all = { ports = ["tcp/443", "udp/1-9"], new_per_source = "5/minute" }
services.office = { ports = ["tcp/443", "udp/5"], from = ["192.0.2.0/24"] }
services.agency = { ports = ["tcp/443"], from = ["192.0.0.0/16", "2001:db8::/32"], new_per_source = "50/minute" }`

// TestOnePortForSeveralGroups holds that a source is asked for in the order in
// which the groups are stated, everyone last, and that what is said of a port
// alone is said once.
func TestOnePortForSeveralGroups(t *testing.T) {
	want := `-p tcp -m tcp --dport 443 -m set --match-set hardenctl-f-office-v4 src -j ACCEPT
-p udp -m udp --dport 5 -m set --match-set hardenctl-f-office-v4 src -j ACCEPT
-p tcp -m tcp --dport 443 -m set --match-set hardenctl-f-agency-v4 src -j HARDENCTL-S-AGENCY
-p tcp -m tcp --dport 443 -j HARDENCTL-S-ALL
-p udp -m udp --dport 1:9 -j HARDENCTL-S-ALL`
	if got := between(t, groups, ruleset.V4); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := between(t, groups, ruleset.V6); strings.Contains(got, "office") || !strings.Contains(got, "hardenctl-f-agency-v6 src -j HARDENCTL-S-AGENCY\n-p tcp -m tcp --dport 443 -j HARDENCTL-S-ALL") {
		t.Errorf("IPv6: got\n%s", got)
	}
	var counted []string
	for _, rule := range chain(lowered(t, groups), ruleset.V4, "INPUT") {
		if strings.Contains(rule, "HARDENCTL-UDP") {
			counted = append(counted, rule)
		}
	}
	if got := strings.Join(counted, "\n"); got != "-p udp -m udp --dport 5 -m conntrack --ctdir ORIGINAL -j HARDENCTL-UDP\n-p udp -m multiport --dports 1:4,6:9 -m conntrack --ctdir ORIGINAL -j HARDENCTL-UDP" {
		t.Errorf("packets are counted by\n%s", got)
	}
}

// TestOneProxiedPort holds that SYNPROXY hands a connection on to the limits of the
// group that its client is in.
func TestOneProxiedPort(t *testing.T) {
	rs := lowered(t, `access.admin = ["198.51.100.1"]
services.all = { ports = ["tcp/443"], synproxy = true, new_per_source = "5/minute", admin = true }
services.office = { ports = ["tcp/443"], synproxy = true, from = ["192.0.2.0/24"], new_per_source = "50/minute" }`)
	want := `-j SET --del-set hardenctl-guess-v4 src
-p tcp -m tcp --dport 443 -m set --match-set hardenctl-trusted-v4 src -m set --match-set hardenctl-f-office-v4 src -j ACCEPT
-p tcp -m tcp --dport 443 -m set --match-set hardenctl-f-office-v4 src -j HARDENCTL-S-OFFICE
-p tcp -m tcp --dport 443 -m set --match-set hardenctl-admin-v4 src -j ACCEPT
-p tcp -m tcp --dport 443 -j HARDENCTL-S-ALL`
	if got := strings.Join(chain(rs, ruleset.V4, "PROXIED"), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := chain(rs, ruleset.V4, "COOKIES"); strings.Count(strings.Join(got, "\n"), "SYNPROXY") != 1 {
		t.Errorf("cookies are taken by\n%s", strings.Join(got, "\n"))
	}
}
