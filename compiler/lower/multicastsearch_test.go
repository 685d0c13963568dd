package lower_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// TestSearch shows how a question to all hosts opens the port that it comes from.
func TestSearch(t *testing.T) {
	const search = "policy.search = true\naccess.exempt = [\"192.0.2.8\", \"2001:db8::8\"]\n"
	run(t, []example{
		{"it is noted", search, ruleset.V4, "SEARCH", `-j SET --add-set hardenctl-asked-v4 src,src --exist`},
		{"trusted sources answer too", search, ruleset.V6, "TRUSTED", `
			-p udp -m udp --dport 32768:65535 -m set --match-set hardenctl-asked-v6 dst,dst -m socket --nowildcard -m limit --limit 100/sec --limit-burst 100 -j ACCEPT
			-j DROP`},
		{"not asked for", ``, ruleset.V4, "SEARCH", ``},
		{"IPv6 is closed", search + `policy.ipv6 = false`, ruleset.V6, "SEARCH", ``},
	})
	for _, r := range lowered(t, search).Tables[0].Chains[2].Rules {
		if r.Target != (ruleset.Jump{Chain: ruleset.ChainPrefix + "SEARCH"}) || len(r.Matches) != 2 {
			t.Errorf("OUTPUT: %+v", r)
		}
	}
	rs := lowered(t, search+`policy.ipv6 = false`)
	if got := set(t, rs, "hardenctl-asked-v4"); !got.Dynamic || got.Timeout.Seconds() != 30 {
		t.Errorf("%+v", got)
	}
	if names(rs)["hardenctl-asked-v6"] {
		t.Error("a family that is closed notes questions")
	}
}

func names(rs *ruleset.Ruleset) map[string]bool {
	all := map[string]bool{}
	for _, s := range rs.Sets {
		all[s.Name] = true
	}
	return all
}
