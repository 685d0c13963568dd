package live

import (
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hardenctl/lab"
)

// The table of failpoints: every command that changes the host, on a host that
// hardenctl has never seen and on one with another profile, on both backends, is
// damaged at every call to disk, every message to the kernel and every tool that
// it starts, in three ways. A run in peace finds the points; nobody lists them.
//
// All of it takes hours: make failpoints. Without the flag a share is run, which
// the seed chooses. Each call about each thing is damaged in each way in an apply
// that confirms itself, once: on one of the backends, on one of the hosts, for one
// of the families, at one of the times that the call is made. A call to disk that
// hangs is one in elsewhere of them only: once that process is killed, the host is
// as if it had been killed there at once. Of another command, all points are
// damaged that are not an apply's too, and one in elsewhere of the others; and each
// command in each way on each backend and host at least once. Nothing is known
// here of what is not run.
var (
	allFailpoints = flag.Bool("failpoints", false, "damage every command at every failpoint in every way, which takes hours")
	failpointSeed = flag.Uint64("failpoint-seed", 4, "chooses the share of the table of failpoints that is run without -failpoints")
)

const elsewhere = 8

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

var (
	firstSlots  = []slot{{"nft", false}, {"legacy", false}}
	repeatSlots = []slot{{"nft", true}, {"legacy", true}}
	slots       = slices.Concat(firstSlots, repeatSlots)
)

// cell is a cell of the table.
type cell struct {
	slot
	failpoint
	what damage
}

func TestFailpointsFirstApplyKilled(t *testing.T) { failpointsIn(t, firstSlots, applyAct, kills) }
func TestFailpointsFirstApplyFails(t *testing.T)  { failpointsIn(t, firstSlots, applyAct, fails) }
func TestFailpointsApplyKilled(t *testing.T)      { failpointsIn(t, repeatSlots, applyAct, kills) }
func TestFailpointsApplyFails(t *testing.T)       { failpointsIn(t, repeatSlots, applyAct, fails) }
func TestFailpointsApplyHangs(t *testing.T)       { failpoints(t, applyAct, hangs) }
func TestFailpointsTrialKilled(t *testing.T)      { failpoints(t, trialAct, kills) }
func TestFailpointsTrialFails(t *testing.T)       { failpoints(t, trialAct, fails) }
func TestFailpointsTrialHangs(t *testing.T)       { failpoints(t, trialAct, hangs) }
func TestFailpointsConfirmKilled(t *testing.T)    { failpoints(t, confirmAct, kills) }
func TestFailpointsConfirmFails(t *testing.T)     { failpoints(t, confirmAct, fails) }
func TestFailpointsConfirmHangs(t *testing.T)     { failpoints(t, confirmAct, hangs) }
func TestFailpointsRollbackKilled(t *testing.T)   { failpoints(t, rollbackAct, kills) }
func TestFailpointsRollbackFails(t *testing.T)    { failpoints(t, rollbackAct, fails) }
func TestFailpointsRollbackHangs(t *testing.T)    { failpoints(t, rollbackAct, hangs) }
func TestFailpointsRevert(t *testing.T)           { failpoints(t, revertAct, kills, fails, hangs) }
func TestFailpointsRestore(t *testing.T)          { failpoints(t, restoreAct, kills, fails, hangs) }

// TestFault09_EachToolHangsNFT and its twin have each tool that an apply starts
// hang, with each of the arguments that it is started with. It is killed at its
// time limit, and what was done goes back. TestFault09ToolHangs shows that the
// limit is the one that it says.
func TestFault09_EachToolHangsNFT(t *testing.T) { eachToolHangs(t, firstSlots[0]) }

// TestFault09_EachToolHangsLegacy is TestFault09_EachToolHangsNFT on the other
// backend, and on a host with another profile.
func TestFault09_EachToolHangsLegacy(t *testing.T) { eachToolHangs(t, repeatSlots[1]) }

func eachToolHangs(t *testing.T, s slot) {
	c := newField(t).record(t, applyAct, s)
	hung := map[string]bool{}
	c.strike(t, slices.DeleteFunc(c.cells(hangs), func(c cell) bool {
		again := c.Call != execCall || hung[c.About] && c.About != "iptables --version" // go-iptables' own
		hung[c.About] = hung[c.About] || c.Call == execCall
		return again
	}))
	if least := []string{"iptables", "iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore", "ipset"}; !startsAll(hung, least) {
		t.Errorf("of %q only %v hung", least, hung)
	}
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

// failpoints damages a command in some ways.
func failpoints(t *testing.T, a act, ways ...damage) { failpointsIn(t, slots, a, ways...) }

// failpointsIn is failpoints in some of the columns, of which the share is the same.
func failpointsIn(t *testing.T, columnsOf []slot, a act, ways ...damage) {
	f := newField(t)
	columns := map[slot]*column{}
	var all []cell
	for _, s := range slots {
		columns[s] = f.record(t, a, s)
	}
	var chosen []cell
	for _, what := range ways {
		cells := []cell{}
		for _, s := range slots {
			cells = append(cells, columns[s].cells(what)...)
		}
		all = append(all, cells...)
		if !*allFailpoints {
			cells = f.share(t, a, cells)
		}
		chosen = append(chosen, cells...)
	}
	t.Logf("%d of %d cells of the table, chosen by seed %d", len(chosen), len(all), *failpointSeed)
	for _, s := range columnsOf {
		t.Run(s.String(), func(t *testing.T) {
			columns[s].strike(t, slices.DeleteFunc(slices.Clone(chosen), func(c cell) bool { return c.slot != s }))
		})
	}
}

// cells are those of a column: its points, of which too many alike are let go.
func (c *column) cells(what damage) []cell {
	last := map[failpoint]int{}
	for _, p := range c.points {
		last[p.any()] = max(last[p.any()], p.Nth)
	}
	var cells []cell
	for _, p := range c.points {
		if n := last[p.any()]; n <= mostAlike || p.Nth == 1 || p.Nth == n || p.Nth == (n+1)/2 {
			cells = append(cells, cell{c.slot, p, what})
		}
	}
	return cells
}

// any is the point without its number.
func (p failpoint) any() failpoint { p.Nth = 0; return p }

// ofFamily matches what tells the families apart in names of tools, sets and
// files, and ofTurn the number in the name of a set that is being filled.
var ofFamily, ofTurn = regexp.MustCompile(`\bip6tables|v[46]\b`), regexp.MustCompile(`-tmp-\d+`)

// kind is the point for any family, without its number.
func (p failpoint) kind() failpoint {
	about := ofTurn.ReplaceAllString(p.About, "-tmp-N")
	about = ofFamily.ReplaceAllStringFunc(about, func(found string) string { return strings.TrimRight(strings.Replace(found, "ip6", "ip", 1), "46") })
	return failpoint{Call: p.Call, About: about}
}

// share chooses cells by the seed.
func (f *field) share(t *testing.T, a act, all []cell) []cell {
	t.Helper()
	known := map[failpoint]bool{}
	what := all[0].what
	if a.name != applyAct.name {
		for _, s := range []slot{firstSlots[0], repeatSlots[0]} {
			for _, p := range f.record(t, applyAct, s).points {
				known[p.kind()] = true
			}
		}
	}
	alike := map[failpoint][]cell{}
	var order []failpoint
	for _, c := range all {
		if alike[c.kind()] == nil {
			order = append(order, c.kind())
		}
		alike[c.kind()] = append(alike[c.kind()], c)
	}
	var chosen []cell
	for _, p := range order {
		n := drawn(a.name, p, what)
		seldom := known[p] || what == hangs && p.Call != execCall && p.Call != netlinkCall
		if seldom && n/1000%elsewhere != 0 {
			continue
		}
		chosen = append(chosen, alike[p][n%uint64(len(alike[p]))])
	}
	for _, s := range slots {
		ofSlot := func(c cell) bool { return c.slot == s }
		if !slices.ContainsFunc(chosen, ofSlot) {
			rest := slices.DeleteFunc(slices.Clone(all), func(c cell) bool { return !ofSlot(c) })
			chosen = append(chosen, rest[drawn(a.name, s, what)%uint64(len(rest))])
		}
	}
	return chosen
}

// drawn is a number that the seed gives to a point.
func drawn(of ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, *failpointSeed, of)
	return h.Sum64() >> 8
}

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
	// mends are the arguments of the command that clears up.
	mends []string
	// trial says that the command leaves a trial.
	trial bool
}

var (
	unguarded = []string{"--auto-approve", "--no-guard", "--confirm-within"}

	applyAct = act{name: "apply", arrange: arrangeOld, begin: beginNothing, login: applying, mends: []string{"revert"},
		args: func(f *field) []string { return slices.Concat([]string{"apply", f.fresh}, unguarded, []string{"0"}) }}
	trialAct = act{name: "trial", arrange: arrangeOld, begin: beginNothing, login: applying, mends: []string{"revert"}, trial: true,
		args: func(f *field) []string { return slices.Concat([]string{"apply", f.fresh}, unguarded, []string{"3s"}) }}
	confirmAct = act{name: "confirm", arrange: arrangeOld, begin: beginTrial, login: confirming, mends: []string{"revert"},
		args: func(f *field) []string { return []string{"confirm"} }}
	revertAct = act{name: "revert", arrange: arrangeOld, begin: beginTrial, login: confirming, mends: []string{"revert"},
		args: func(f *field) []string { return []string{"revert"} }}
	rollbackAct = act{name: "rollback", arrange: arrangeGenerations, begin: beginNothing, login: applying, mends: []string{"revert"},
		args: func(f *field) []string { return slices.Concat([]string{"rollback", "1"}, unguarded, []string{"0"}) }}
	restoreAct = act{name: "restore", arrange: arrangeApplied, begin: beginBoot, login: applying, mends: []string{"restore"},
		args: func(f *field) []string { return []string{"restore"} }}
)

// arrangeOld makes the host others', or one with the old profile too.
func arrangeOld(t *testing.T, f *field, repeat bool) {
	inhabit(t)
	if repeat {
		expect(t, 0, slices.Concat([]string{"apply", f.old}, unguarded, []string{"0"})...)
		tool(t, "ipset add hardenctl-ban-v4 203.0.113.9")
	}
}

// beginTrial puts the new profile on trial, with nobody to end it.
func beginTrial(t *testing.T, f *field, _ bool) {
	tryOut(t, f.fresh, "10m")
	killAll(t)
}

// arrangeGenerations makes a host that has had the new profile and then the old
// one; the first time somebody has taken all of it away since.
func arrangeGenerations(t *testing.T, f *field, repeat bool) {
	inhabit(t)
	for _, profile := range []string{f.fresh, f.old} {
		expect(t, 0, slices.Concat([]string{"apply", profile}, unguarded, []string{"0"})...)
	}
	if !repeat {
		must(t, os.Rename("/var/lib/hardenctl", "/var/lib/kept"))
		wipe(t)
		must(t, os.Rename("/var/lib/kept", "/var/lib/hardenctl"))
		inhabit(t)
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
	for path, value := range settings(t) {
		if first := atFirst[path]; value != first {
			must(t, os.WriteFile(path, []byte(first), 0))
		}
	}
}

func beginNothing(*testing.T, *field, bool) {}
