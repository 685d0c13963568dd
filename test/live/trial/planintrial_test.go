package trial

import (
	"reflect"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// A plan in a trial compares with what is on trial: of the profile that is on
// trial there is nothing to do, and of another it says what it says after the
// confirm. It says until when the trial lasts, and whose it is.
func TestPlanInATrial(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		t.Cleanup(func() { run.As(t, run.Applying, "revert") })
		before := webserver.Variant(t, `[policy]`, "[kernel]\ndefault_ttl = 99\n[policy]\nforward = \"drop\"")
		after := webserver.Variant(t, `[policy]`, "[kernel]\ndefault_ttl = 111\n[policy]", `"tcp/80"`, `"tcp/8443"`, `ban = "1h"`, `ban = "30m"`)
		run.Expect(t, 0, "apply", before, "--auto-approve", "--no-guard", "--confirm-within", "0")
		others := []string{before, "builtin:mail"}
		trials.TryOut(t, after, "5m")

		tried := run.Planned(t, after)
		if !tried.Empty() || tried.OnTrial == nil || tried.OnTrial.Profile != "variant.toml" || tried.OnTrial.By != "root from 192.0.2.7" || tried.OnTrial.Seconds > 300 {
			t.Errorf("%+v, on trial %+v", tried.Changes, tried.OnTrial)
		}
		require.Contains(t, run.Expect(t, 0, "plan", after, "--detailed-exitcode"), "No changes: the host is as the profile says, on trial until ",
			"an apply of variant.toml by root from 192.0.2.7 is on trial until ")
		require.Contains(t, run.Expect(t, 0, "history"), "an apply of variant.toml by root from 192.0.2.7 is on trial until ", "it becomes a generation when you confirm it")
		require.Contains(t, run.Expect(t, 0, "history", "--json"), `"on_trial": {`, `"profile": "variant.toml"`, `"by": "root from 192.0.2.7"`)
		var during []*plan.Plan
		for _, profile := range others {
			during = append(during, run.Planned(t, profile))
		}
		run.Tool(t, "iptables -A HARDENCTL_INPUT -j ACCEPT")
		if steps := run.Planned(t, after).Changes; len(steps) != 1 || steps[0].Object != "filter HARDENCTL-INPUT" || steps[0].Action != plan.Remove {
			t.Errorf("somebody has added a rule in the trial, and the plan says %+v", steps)
		}
		run.Tool(t, "iptables -D HARDENCTL_INPUT -j ACCEPT")

		run.ExpectAs(t, run.Confirming, 0, "confirm")
		for i, profile := range others {
			now := run.Planned(t, profile)
			if now.OnTrial != nil || !reflect.DeepEqual(now.Changes, during[i].Changes) || !reflect.DeepEqual(now.Untouched, during[i].Untouched) {
				t.Errorf("%s: after the confirm\n%+v\n%+v\nin the trial\n%+v\n%+v", profile, now.Changes, now.Untouched, during[i].Changes, during[i].Untouched)
			}
			if now.Empty() {
				t.Errorf("%s: no changes", profile)
			}
		}
	})
}
