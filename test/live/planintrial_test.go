package live

import (
	"reflect"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// A plan in a trial compares with what is on trial: of the profile that is on
// trial there is nothing to do, and of another it says what it says after the
// confirm. It says until when the trial lasts, and whose it is.
func TestPlanInATrial(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		addForeign(t)
		t.Cleanup(func() { as(t, applying, "revert") })
		before := variant(t, `[policy]`, "[kernel]\ndefault_ttl = 99\n[policy]\nforward = \"drop\"")
		after := variant(t, `[policy]`, "[kernel]\ndefault_ttl = 111\n[policy]", `"tcp/80"`, `"tcp/8443"`, `ban = "1h"`, `ban = "30m"`)
		expect(t, 0, "apply", before, "--auto-approve", "--no-guard", "--confirm-within", "0")
		others := []string{before, "builtin:mail"}
		tryOut(t, after, "5m")

		tried := planned(t, after)
		if !tried.Empty() || tried.OnTrial == nil || tried.OnTrial.Profile != "variant.toml" || tried.OnTrial.By != "root from 192.0.2.7" || tried.OnTrial.Seconds > 300 {
			t.Errorf("%+v, on trial %+v", tried.Changes, tried.OnTrial)
		}
		contains(t, expect(t, 0, "plan", after, "--detailed-exitcode"), "No changes: the host is as the profile says, on trial until ",
			"an apply of variant.toml by root from 192.0.2.7 is on trial until ")
		contains(t, expect(t, 0, "history"), "an apply of variant.toml by root from 192.0.2.7 is on trial until ", "it becomes a generation when you confirm it")
		contains(t, expect(t, 0, "history", "--json"), `"on_trial": {`, `"profile": "variant.toml"`, `"by": "root from 192.0.2.7"`)
		var during []*plan.Plan
		for _, profile := range others {
			during = append(during, planned(t, profile))
		}
		tool(t, "iptables -A HARDENCTL_INPUT -j ACCEPT")
		if steps := planned(t, after).Changes; len(steps) != 1 || steps[0].Object != "filter HARDENCTL-INPUT" || steps[0].Action != plan.Remove {
			t.Errorf("somebody has added a rule in the trial, and the plan says %+v", steps)
		}
		tool(t, "iptables -D HARDENCTL_INPUT -j ACCEPT")

		expectAs(t, confirming, 0, "confirm")
		for i, profile := range others {
			now := planned(t, profile)
			if now.OnTrial != nil || !reflect.DeepEqual(now.Changes, during[i].Changes) || !reflect.DeepEqual(now.Untouched, during[i].Untouched) {
				t.Errorf("%s: after the confirm\n%+v\n%+v\nin the trial\n%+v\n%+v", profile, now.Changes, now.Untouched, during[i].Changes, during[i].Untouched)
			}
			if now.Empty() {
				t.Errorf("%s: no changes", profile)
			}
		}
	})
}
