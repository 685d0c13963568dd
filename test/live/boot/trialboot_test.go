package boot

import (
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// On a machine with systemd, a timer ends the trial: no process waits. A reboot
// in a trial boots the old state, and clears up; what was confirmed is there
// after the next.
func TestTrialOnAMachine(t *testing.T) {
	const (
		old = "22/4 22/6 80/4 80/6"
		now = old + " 9999/4 9999/6"
	)
	m := newMachine(t)
	m.write(t, "/etc/hardenctl/profile.toml", bootsim.Keeping)
	m.write(t, "/etc/hardenctl/other.toml", bootsim.Keeping+"\n[services.other]\nports = [\"tcp/9999\"]\n")
	m.boot(t)
	m.do(t, 0, "hardenctl apply --auto-approve --no-guard --confirm-within 0")
	m.do(t, 0, "systemctl daemon-reload")
	m.do(t, 0, "systemctl start hardenctl-restore")
	m.lets(t, old, old)
	nothing := func() bool {
		left, err := os.ReadDir(m.disk + stage.Journal.Folder)
		return err == nil && len(left) == 0
	}

	tryInAnotherNamespace(t, m)
	m.lets(t, old, old)

	const apply = "hardenctl apply /etc/hardenctl/other.toml --auto-approve --no-guard --confirm-within "
	m.do(t, 0, apply+"10m")
	// Fault 20: the timer counts on the monotonic clock, which cannot be set.
	timer := m.do(t, 0, "systemctl show hardenctl-trial-*.timer")
	if require.Contains(t, timer, "TimersMonotonic={ OnActiveUSec=", "AccuracyUSec=100ms"); strings.Contains(timer, "TimersCalendar={") {
		t.Errorf("the timer goes by the calendar:\n%s", timer)
	}
	if all := m.do(t, 0, "ps -e -o args"); strings.Contains(all, "at-deadline") {
		t.Errorf("a process waits beside the timer:\n%s", all)
	}
	m.lets(t, now, now)
	m.do(t, 0, "hardenctl revert")
	m.lets(t, old, old)
	require.Contains(t, m.do(t, 0, apply+"30s"), "on trial for 30 s")
	m.await(t, "end of the trial", nothing)
	m.lets(t, old, old)
	m.do(t, 0, "hardenctl plan --detailed-exitcode")

	m.do(t, 0, apply+"10m")
	m.lets(t, now, now)
	m.off()
	m.boot(t)
	m.lets(t, old, old)
	if !nothing() {
		t.Error("the boot has not cleared up after the trial")
	}
	m.do(t, 0, "hardenctl plan --detailed-exitcode")

	m.do(t, 0, apply+"10m")
	require.Contains(t, m.do(t, 0, "hardenctl confirm --same-session"), "Confirmed.")
	m.off()
	m.boot(t)
	m.lets(t, now, now)
	m.do(t, 0, "hardenctl plan /etc/hardenctl/other.toml --detailed-exitcode")
}
