package trial

import (
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// What others save in the middle of a trial, rules alone or sets too, does
// not outlive it: a boot puts the old rules in force, whether the distribution's
// loader was there before, or fails, and fixes the files; where the journal has
// gone, the next apply does.
func TestSaveInATrial(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		const kernel = "[kernel]\ndefault_ttl = 99\n[policy]"
		one, other := webserver.Variant(t, "[policy]", kernel), webserver.Variant(t, "[policy]", kernel, `"tcp/80"`, `"tcp/8443"`)
		run.Expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
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
				trials.TryOut(t, other, "10m")
				saveAll(t, c.sets)
				if !c.known {
					require.NoError(t, os.RemoveAll(stage.Journal.Folder))
				}
				if c.sets {
					bootsim.Reboot(t)
				} else {
					run.KillAll(t)
					bootsim.LoseState(t)
				}
				out := run.Expect(t, 0, "restore")
				require.Contains(t, out, "IPv6: the rules of")
				if says := strings.Contains(out, "/etc/iptables/rules.v4 was saved by someone during a trial"); says == c.known {
					t.Errorf("the files are said to hold a trial: %v:\n%s", says, out)
				}
				require.Contains(t, run.Tool(t, "iptables -S HARDENCTL-TRUSTED"), "--dport 80 ")
				run.Expect(t, 0, "apply", one, "--auto-approve", "--no-guard", "--confirm-within", "0")
				trials.NoTrialLeft(t)
				trials.NothingUnderWay(t)
				run.Expect(t, 0, "plan", one, "--detailed-exitcode")
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
		{"by a person", func(t *testing.T) { run.Expect(t, 0, "revert") }},
		{"by the watchdog", func(t *testing.T) { trials.MoveDeadline(t, 0) }},
		{"by the next command", func(t *testing.T) {
			run.KillAll(t)
			trials.MoveDeadline(t, 0)
			isOver(t)
			run.Expect(t, 0, "revert")
		}},
	}
	trials.OnTrial(t, func(t *testing.T, s *trials.Site) {
		for _, way := range ways {
			t.Run(way.name, func(t *testing.T) {
				trials.TryOut(t, s.After, "10m")
				saveAll(t, false)
				way.ends(t)
				trials.Ended(t)
				noTrialSaved(t)
				trials.NothingUnderWay(t)
				bootsim.Reboot(t)
				s.IsNew(t, false)
				require.Contains(t, run.Tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT\n", "the old monitor")
			})
		}
	})
}

// A machine on which nothing of hardenctl's runs at boot, and that goes down in a
// trial that was saved with its sets, boots the trial, and the kernel
// ends it: no lockout lasts longer than the trial.
func TestSavedTrialEndsInTheKernel(t *testing.T) {
	trials.OnTrial(t, func(t *testing.T, s *trials.Site) {
		trials.TryOut(t, s.After, "10m")
		saveAll(t, true)
		bootsim.Reboot(t)
		s.IsNew(t, true)
		s.BecomesOld(t, trials.SetDeadline(t, 0))
		require.Contains(t, run.Tool(t, "iptables -S INPUT"), "-P INPUT DROP", "-j HARDENCTL-INPUT")
	})
}

// saveAll is what the distribution's packages do when a user saves the
// firewall.
func saveAll(t *testing.T, sets bool) {
	t.Helper()
	for path, command := range saving(sets) {
		require.NoError(t, os.WriteFile(path, []byte(run.Tool(t, command)), 0o644))
	}
}

// noTrialSaved fails the test if the files that the host boots from hold
// anything of a trial.
func noTrialSaved(t *testing.T) {
	t.Helper()
	for path := range saving(true) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
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
