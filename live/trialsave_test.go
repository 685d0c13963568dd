package live

import (
	"os"
	"strings"
	"testing"
)

// What somebody saves in the middle of a trial, rules alone or sets too, does
// not outlive it: a boot puts the old rules in force, whether the distribution's
// loader was there before, or fails, and the next apply mends the files.
func TestSaveInATrial(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		const kernel = "[kernel]\ndefault_ttl = 99\n[policy]"
		one, other := variant(t, "[policy]", kernel), variant(t, "[policy]", kernel, `"tcp/80"`, `"tcp/8443"`)
		expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
		for _, c := range []struct {
			name  string
			save  map[string]string
			works bool // whether others load what they have saved
		}{
			{"rules", saving(false), false},
			{"rules and sets", saving(true), true},
		} {
			t.Run(c.name, func(t *testing.T) {
				tryOut(t, other, "2m")
				for path, command := range c.save {
					must(t, os.WriteFile(path, []byte(tool(t, command)), 0o644))
				}
				if c.works {
					reboot(t)
				} else {
					killAll(t)
					rebooted(t)
				}
				contains(t, expect(t, 0, "restore"), "/etc/iptables/rules.v4 was saved by somebody in the middle of a trial", "IPv6: the rules of")
				noTrialLeft(t)
				nothingUnderWay(t)
				contains(t, tool(t, "iptables -S HARDENCTL-TRUSTED"), "--dport 80 ")
				expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
				expect(t, 0, "plan", one, "--detailed-exitcode")
				if out := expect(t, 0, "restore"); strings.Contains(out, "in the middle of a trial") {
					t.Errorf("the files hold a trial:\n%s", out)
				}
			})
		}
	})
}

// saving are the commands that save the firewall, by file.
func saving(sets bool) map[string]string {
	commands := map[string]string{"/etc/iptables/rules.v4": "iptables-save", "/etc/iptables/rules.v6": "ip6tables-save"}
	if sets {
		commands["/etc/iptables/ipsets"] = "ipset save"
	}
	return commands
}
