package live

import "testing"

// A trial does not begin with sets that hold something else than the profile
// says, whether they are as many entries or fewer.
func TestTrialReadsSetsBack(t *testing.T) {
	onTrial(t, func(t *testing.T, s *siteOnTrial) {
		before := look(t)
		for _, c := range []struct{ name, meddle, says string }{
			{"another entry", "ipset del hardenctl_office-v4 198.51.100.64/28; ipset add hardenctl_office-v4 203.0.113.0/28",
				"set hardenctl-office-v4: its entries are not those that hardenctl added"},
			{"one too few", "ipset del hardenctl_office-v6 2001:db8:11::/48", "set hardenctl-office-v6: it holds 0 entries, expected 1"},
		} {
			t.Run(c.name, func(t *testing.T) {
				breakTool(c.meddle)(t)
				contains(t, expectAs(t, applying, 3, "apply", s.after, "--auto-approve", "--no-guard", "--confirm-within", "10m"), c.says, "the change was undone")
				look(t).is(t, before)
				nothingUnderWay(t)
			})
		}
	})
}
