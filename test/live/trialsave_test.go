package live

import (
	"os"
	"strings"
	"testing"
)

// What others save in the middle of a trial, rules alone or sets too, does
// not outlive it: a boot puts the old rules in force, whether the distribution's
// loader was there before, or fails, and fixes the files; where the journal has
// gone, the next apply does.
func TestSaveInATrial(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		const kernel = "[kernel]\ndefault_ttl = 99\n[policy]"
		one, other := variant(t, "[policy]", kernel), variant(t, "[policy]", kernel, `"tcp/80"`, `"tcp/8443"`)
		expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
		for _, c := range []struct {
			name  string
			sets  bool // saved too, so that others load what they have saved
			known bool // to the journal
		}{
			{"rules", false, true},
			{"rules and sets", true, true},
			{"rules, and no journal", false, false},
		} {
			t.Run(c.name, func(t *testing.T) {
				tryOut(t, other, "10m")
				saveAll(t, c.sets)
				if !c.known {
					must(t, os.RemoveAll(ourJournal.Folder))
				}
				if c.sets {
					reboot(t)
				} else {
					killAll(t)
					rebooted(t)
				}
				out := expect(t, 0, "restore")
				contains(t, out, "IPv6: the rules of")
				if says := strings.Contains(out, "/etc/iptables/rules.v4 was saved by someone during a trial"); says == c.known {
					t.Errorf("the files are said to hold a trial: %v:\n%s", says, out)
				}
				contains(t, tool(t, "iptables -S HARDENCTL-TRUSTED"), "--dport 80 ")
				expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
				noTrialLeft(t)
				nothingUnderWay(t)
				expect(t, 0, "plan", one, "--detailed-exitcode")
				noTrialSaved(t)
			})
		}
	})
}

// However a trial ends, it is removed from the files into which others have saved
// it: they boot the old rules, by the distribution's loaders alone.
func TestSavedTrialGoesBack(t *testing.T) {
	ways := []struct {
		name string
		ends func(t *testing.T)
	}{
		{"by a person", func(t *testing.T) { expect(t, 0, "revert") }},
		{"by the watchdog", func(t *testing.T) { moveDeadline(t, 0) }},
		{"by the next command", func(t *testing.T) {
			killAll(t)
			moveDeadline(t, 0)
			isOver(t)
			expect(t, 0, "revert")
		}},
	}
	onTrial(t, func(t *testing.T, s *siteOnTrial) {
		for _, way := range ways {
			t.Run(way.name, func(t *testing.T) {
				tryOut(t, s.after, "10m")
				saveAll(t, false)
				way.ends(t)
				ended(t)
				noTrialSaved(t)
				nothingUnderWay(t)
				reboot(t)
				s.isNew(t, false)
				contains(t, tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT\n", "the old monitor")
			})
		}
	})
}

// A machine on which nothing of hardenctl's runs at boot, and that goes down in a
// trial that was saved with its sets, boots the trial, and the kernel
// ends it: no lockout lasts longer than the trial.
func TestSavedTrialEndsInTheKernel(t *testing.T) {
	onTrial(t, func(t *testing.T, s *siteOnTrial) {
		tryOut(t, s.after, "10m")
		saveAll(t, true)
		reboot(t)
		s.isNew(t, true)
		s.becomesOld(t, setDeadline(t, 0))
		contains(t, tool(t, "iptables -S INPUT"), "-P INPUT DROP", "-j HARDENCTL-INPUT")
	})
}

// saveAll is what the distribution's packages do when a user saves the
// firewall.
func saveAll(t *testing.T, sets bool) {
	t.Helper()
	for path, command := range saving(sets) {
		must(t, os.WriteFile(path, []byte(tool(t, command)), 0o644))
	}
}

// noTrialSaved fails the test if the files that the host boots from hold
// anything of a trial.
func noTrialSaved(t *testing.T) {
	t.Helper()
	for path := range saving(true) {
		text, err := os.ReadFile(path)
		must(t, err)
		if strings.Contains(string(text), "HARDENCTL_") || strings.Contains(string(text), "hardenctl_") {
			t.Errorf("%s holds a trial:\n%s", path, text)
		}
	}
}

// saving are the commands that save the firewall, by file.
func saving(sets bool) map[string]string {
	commands := map[string]string{"/etc/iptables/rules.v4": "iptables-save", "/etc/iptables/rules.v6": "ip6tables-save"}
	if sets {
		commands["/etc/iptables/ipsets"] = "ipset save"
	}
	return commands
}
