package trial

import (
	"testing"

	"hardenctl/compiler/ruleset"
)

// What somebody saves in the middle of a trial is the old firewall again when
// the trial has been taken out of it.
func TestEndRules(t *testing.T) {
	have := tables(t, ":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j HARDENCTL-INPUT", "-A INPUT -j DOCKER-USER", "-A HARDENCTL-INPUT -j DROP")
	want := tables(t, ":INPUT DROP [0:0]", ":HARDENCTL-INPUT - [0:0]", "-A INPUT -j HARDENCTL-INPUT", "-A HARDENCTL-INPUT -j ACCEPT")
	old := `*filter
:INPUT DROP [0:0]
:HARDENCTL-INPUT - [0:0]
[0:0] -A INPUT -j HARDENCTL-INPUT
[0:0] -A INPUT -j DOCKER-USER
[0:0] -A HARDENCTL-INPUT -j DROP
COMMIT
`
	if got := string(EndRules(ruleset.V4, []byte(text(Between(have, want, nil))))); got != old {
		t.Errorf("got\n%swant\n%s", got, old)
	}
	for _, same := range []string{old, "# HARDENCTL_\n*filter\nno save\n"} {
		if got := string(EndRules(ruleset.V4, []byte(same))); got != same {
			t.Errorf("got\n%swant\n%s", got, same)
		}
	}
}

func TestEndSets(t *testing.T) {
	const others = "create cdn hash:net family inet\nadd cdn 192.0.2.0/24\n"
	on := "create hardenctl-ban-v4 hash:ip\ncreate hardenctl_trial_v4 hash:net\nadd hardenctl_trial_v4 0.0.0.0/1 timeout 9\n" + others
	if got := string(EndSets([]byte(on))); got != "create hardenctl-ban-v4 hash:ip\n"+others {
		t.Errorf("got\n%s", got)
	}
	if got := string(EndSets([]byte(others))); got != others {
		t.Errorf("got\n%s", got)
	}
}
