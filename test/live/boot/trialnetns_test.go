package boot

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// tryInAnotherNamespace applies by `ip netns exec`: a timer of systemd
// would end the trial in the machine's own network namespace, and write the
// settings of the other one there. A process ends it where it is, and no other program
// does so meanwhile.
func tryInAnotherNamespace(t *testing.T, m *machine) {
	t.Helper()
	const ttl = "cat /proc/sys/net/ipv4/ip_default_ttl"
	is := func(where, command, want string) {
		t.Helper()
		if got := strings.TrimSpace(m.do(t, 0, where+command)); got != want {
			t.Errorf("%s%s: %q, want %q", where, command, got, want)
		}
	}
	const there = "ip netns exec other "
	m.do(t, 0, "ip netns add other")
	require.Contains(t, m.do(t, 0, there+"hardenctl apply /etc/hardenctl/other.toml --auto-approve --no-guard --confirm-within 10m"),
		"this is not the network namespace of process 1", "on trial for 600 s")
	is(there, ttl, "77")
	if timers := m.do(t, 0, "systemctl list-timers --all --no-pager"); strings.Contains(timers, "hardenctl-trial-") {
		t.Errorf("a timer would look for the trial elsewhere:\n%s", timers)
	}
	require.Contains(t, m.do(t, 0, "hardenctl plan"), "under way in another network namespace")
	for command, code := range map[string]int{"apply --auto-approve --no-guard --lock-timeout 0": 6, "confirm --same-session": 1, "revert": 1} {
		require.Contains(t, m.do(t, code, "hardenctl "+command), "is under way in another network namespace, net:[")
	}
	endTrialOn(t, m, there)
	m.await(t, "end of the trial elsewhere", func() bool {
		left, err := os.ReadDir(m.disk + stage.Journal.Folder)
		return err == nil && len(left) == 0
	})
	is(there, ttl, "64")

	// The process is killed: the kernel ends the trial, and the rest is left to the next
	// command that runs there.
	m.do(t, 0, there+"hardenctl apply /etc/hardenctl/other.toml --auto-approve --no-guard --confirm-within 2m")
	m.do(t, 0, "kill -KILL "+strings.TrimSpace(m.do(t, 0, "pgrep -f at-deadline")))
	require.Contains(t, m.do(t, 1, "hardenctl revert"), "is under way in another network namespace, net:[")
	m.do(t, 0, there+"hardenctl revert")
	is(there, ttl, "64")
	is("", ttl, "77")
	if left := m.do(t, 0, there+"iptables-save"); strings.Contains(left, "HARDENCTL") {
		t.Errorf("the trial has left\n%s", left)
	}
	m.do(t, 0, "hardenctl plan --detailed-exitcode")
	m.do(t, 0, "ip netns delete other")
}

// endTrialOn has the time of the trial on a machine be over, in its journal and in
// the kernel.
func endTrialOn(t *testing.T, m *machine, where string) {
	t.Helper()
	for set, members := range trials.Halves {
		for _, half := range members {
			m.do(t, 0, fmt.Sprintf("%sipset -exist add %s %s timeout 1", where, set, half))
		}
	}
	place := stage.Journal.Folder + "/journal.json"
	var e journal.Entry
	require.NoError(t, json.Unmarshal([]byte(m.read(t, place)), &e))
	e.Deadline = journal.Now()
	text, err := json.Marshal(e)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(m.disk+place+"-new", text, 0o600))
	require.NoError(t, os.Rename(m.disk+place+"-new", m.disk+place))
}
