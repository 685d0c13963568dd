package failpoints

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// The table of failpoints: every command that changes the host, on a host that
// hardenctl has never seen and on one with another profile, on both backends, is
// damaged at every call to disk, every message to the kernel and every tool that
// it starts, in three ways. A run without faults finds the points; there is no list.
//
// All of it takes hours: make failpoints. make test-long runs a slice.

// mostAlike is how many of the calls alike of one run are points: the first, the
// last and those between, evenly. A bundle has dozens of files.
const mostAlike = 3

// slot is a column of the table.
type slot struct {
	backend string
	repeat  bool // the host has another profile
}

// String names the slot, as a subtest.
func (s slot) String() string {
	if s.repeat {
		return s.backend + "/repeat"
	}
	return s.backend + "/first"
}

// cell is a cell of the table.
type cell struct {
	slot
	failpoint
	what damage
}

func TestFailpointsApplyNFT(t *testing.T) { failpoints(t, applyAct, "nft") }

func TestFailpointsApplyLegacy(t *testing.T) { failpoints(t, applyAct, "legacy") }

func TestFailpointsTrialNFT(t *testing.T) { failpoints(t, trialAct, "nft") }

func TestFailpointsTrialLegacy(t *testing.T) { failpoints(t, trialAct, "legacy") }

func TestFailpointsConfirmNFT(t *testing.T) { failpoints(t, confirmAct, "nft") }

func TestFailpointsConfirmLegacy(t *testing.T) { failpoints(t, confirmAct, "legacy") }

func TestFailpointsRevertNFT(t *testing.T) { failpoints(t, revertAct, "nft") }

func TestFailpointsRevertLegacy(t *testing.T) { failpoints(t, revertAct, "legacy") }

func TestFailpointsRollbackNFT(t *testing.T) { failpoints(t, rollbackAct, "nft") }

func TestFailpointsRollbackLegacy(t *testing.T) { failpoints(t, rollbackAct, "legacy") }

func TestFailpointsRestoreNFT(t *testing.T) { failpoints(t, restoreAct, "nft") }

func TestFailpointsRestoreLegacy(t *testing.T) { failpoints(t, restoreAct, "legacy") }

// failpoints damages a command, on a bare host and on one with another profile.
func failpoints(t *testing.T, a act, backend string) {
	f := newField(t)
	for _, repeat := range []bool{false, true} {
		s := slot{backend, repeat}
		t.Run(s.String(), func(t *testing.T) {
			c := f.record(t, a, s)
			c.strike(t, c.cells(kills, fails, hangs), 2)
		})
	}
}

// TestFault09_EachToolHangsNFT and its twin have each tool that an apply starts
// hang, with each of the arguments that it is started with. It is killed at its
// time limit, and what was done is undone. TestFault09ToolHangs shows that the
// limit is the one that it says.
func TestFault09_EachToolHangsNFT(t *testing.T) { eachToolHangs(t, slot{"nft", false}) }

// TestFault09_EachToolHangsLegacy is TestFault09_EachToolHangsNFT on the other
// backend, and on a host with another profile.
func TestFault09_EachToolHangsLegacy(t *testing.T) { eachToolHangs(t, slot{"legacy", true}) }

func eachToolHangs(t *testing.T, s slot) {
	c := newField(t).record(t, applyAct, s)
	hung := map[string]bool{}
	cells := slices.DeleteFunc(c.cells(hangs), func(c cell) bool {
		again := c.Call != execCall || hung[c.About] && c.About != "iptables --version" // go-iptables' own
		hung[c.About] = hung[c.About] || c.Call == execCall
		return again
	})
	c.strike(t, cells, 1)
	if least := []string{"iptables", "iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore", "ipset"}; !startsAll(hung, least) {
		t.Errorf("of %q there are only %v", least, hung)
	}
}

// TestFault09_ConntrackDoesNotAnswer has the kernel answer nothing to the message by
// which an apply tells conntrack of an open connection. The apply ends, and what was
// done is undone.
func TestFault09_ConntrackDoesNotAnswer(t *testing.T) {
	const newConnection = "message 0x100" // IPCTNL_MSG_CT_NEW
	c := newField(t).record(t, applyAct, slot{"nft", true})
	at := slices.IndexFunc(c.points, func(p failpoint) bool { return p.About == newConnection })
	if at < 0 {
		t.Fatalf("%s is none of the %d points", newConnection, len(c.points))
	}
	c.befall(t, cell{c.slot, c.points[at], hangs})
}

// startsAll reports whether each of the tools begins a command line.
func startsAll(lines map[string]bool, tools []string) bool {
	return !slices.ContainsFunc(tools, func(tool string) bool {
		for line := range lines {
			if strings.HasPrefix(line, tool+" ") {
				return false
			}
		}
		return true
	})
}

// cells are those of a column, in some ways: its points, of which too many alike
// are removed.
func (c *column) cells(ways ...damage) []cell {
	last := map[failpoint]int{}
	for _, p := range c.points {
		last[p.any()] = max(last[p.any()], p.Nth)
	}
	var cells []cell
	for _, p := range c.points {
		if n := last[p.any()]; n <= mostAlike || p.Nth == 1 || p.Nth == n || p.Nth == (n+1)/2 {
			for _, what := range ways {
				cells = append(cells, cell{c.slot, p, what})
			}
		}
	}
	return cells
}

// any is the point without its number.
func (p failpoint) any() failpoint { p.Nth = 0; return p }

// oldFailprofile and newFailprofile are those of the table: services, sets, the time of a
// ban and a setting are others.
const oldFailprofile = `version = 1
[policy]
input = "drop"
[access]
admin = ["192.0.2.10", "2001:db8::10"]
[services.ssh]
ports = ["tcp/2022"]
admin = true
from = ["203.0.113.0/24"]
[services.web]
ports = ["tcp/80"]
[scan]
probes = 10
window = "1h"
ban = "1h"
[kernel]
default_ttl = 99
`

var newFailprofile = strings.NewReplacer(`"tcp/80"`, `"tcp/8443"`, `admin = [`, `admin = ["198.51.100.7", `, `"1h"`, `"30m"`, "99", "111").Replace(oldFailprofile)

// act is a command that is damaged.
type act struct {
	name string
	// arrange puts the host that is the command's to change.
	arrange func(t *testing.T, f *field, repeat bool)
	// begin makes ready for one run.
	begin func(t *testing.T, f *field, repeat bool)
	login string
	args  func(f *field) []string
	// fixes are the arguments of the command that clears up.
	mends []string
	// trial says that the command leaves a trial.
	trial bool
}

var (
	unguarded = []string{"--auto-approve", "--no-guard", "--confirm-within"}

	applyAct = act{name: "apply", arrange: arrangeOld, begin: beginNothing, login: run.Applying, mends: []string{"revert"},
		args: func(f *field) []string { return slices.Concat([]string{"apply", f.fresh}, unguarded, []string{"0"}) }}
	trialAct = act{name: "trial", arrange: arrangeOld, begin: beginNothing, login: run.Applying, mends: []string{"revert"}, trial: true,
		args: func(f *field) []string { return slices.Concat([]string{"apply", f.fresh}, unguarded, []string{"10m"}) }}
	confirmAct = act{name: "confirm", arrange: arrangeOld, begin: beginTrial, login: run.Confirming, mends: []string{"revert"},
		args: func(f *field) []string { return []string{"confirm"} }}
	revertAct = act{name: "revert", arrange: arrangeOld, begin: beginTrial, login: run.Confirming, mends: []string{"revert"},
		args: func(f *field) []string { return []string{"revert"} }}
	rollbackAct = act{name: "rollback", arrange: arrangeGenerations, begin: beginNothing, login: run.Applying, mends: []string{"revert"},
		args: func(f *field) []string { return slices.Concat([]string{"rollback", "1"}, unguarded, []string{"0"}) }}
	restoreAct = act{name: "restore", arrange: arrangeApplied, begin: beginBoot, login: run.Applying, mends: []string{"restore"},
		args: func(f *field) []string { return []string{"restore"} }}
)

// arrangeOld makes the host others', or one with the old profile too.
func arrangeOld(t *testing.T, f *field, repeat bool) {
	stage.AddForeign(t)
	if repeat {
		run.Expect(t, 0, slices.Concat([]string{"apply", f.old}, unguarded, []string{"0"})...)
		run.Tool(t, "ipset add hardenctl-ban-v4 203.0.113.9")
	}
}

// beginTrial puts the new profile on trial, with no process to end it.
func beginTrial(t *testing.T, f *field, _ bool) {
	trials.TryOut(t, f.fresh, "10m")
	run.KillAll(t)
}

// arrangeGenerations makes a host that has had the new profile and then the old
// one; the first time all of it was removed by hand since.
func arrangeGenerations(t *testing.T, f *field, repeat bool) {
	stage.AddForeign(t)
	for _, profile := range []string{f.fresh, f.old} {
		run.Expect(t, 0, slices.Concat([]string{"apply", profile}, unguarded, []string{"0"})...)
	}
	if !repeat {
		require.NoError(t, os.Rename("/var/lib/hardenctl", "/var/lib/kept"))
		stage.Wipe(t)
		require.NoError(t, os.Rename("/var/lib/kept", "/var/lib/hardenctl"))
		stage.AddForeign(t)
	}
}

// arrangeApplied makes a host with the old profile.
func arrangeApplied(t *testing.T, f *field, _ bool) { arrangeOld(t, f, true) }

// beginBoot has the host boot the first time: it has nothing but its files.
func beginBoot(t *testing.T, _ *field, repeat bool) {
	if repeat {
		return
	}
	lab.FlushState(t)
	for path, value := range stage.Settings(t) {
		if first := stage.AtFirst[path]; value != first {
			require.NoError(t, os.WriteFile(path, []byte(first), 0))
		}
	}
}

func beginNothing(*testing.T, *field, bool) {}
