package failpoints

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
)

// deed is a command that moves the host from one end of a road to the other, or
// would, and that a crash befalls.
type deed struct {
	name string
	// before readies the host for it.
	before func(t *testing.T, r *road)
	args   func(r *road) []string
	// goesBack says that the host is to be as it was before.
	goesBack bool
	// prepares says that its first change is a file beside another; for one that
	// does not, all its time counts.
	prepares bool
	// atBoot says that it runs on a host that has just booted.
	atBoot bool
}

var deeds = []deed{
	{name: "apply on trial", args: func(r *road) []string { return r.apply("5m") }, goesBack: true, prepares: true},
	{name: "apply at once", args: func(r *road) []string { return r.apply("0") }, prepares: true},
	{name: "confirm", before: onRoadTrial, args: func(*road) []string { return []string{"confirm", "--same-session"} }},
	{name: "revert", before: onRoadTrial, args: func(*road) []string { return []string{"revert"} }, goesBack: true},
	{name: "rollback", prepares: true, args: func(*road) []string {
		return []string{"rollback", "--auto-approve", "--confirm-within", "0", "--no-guard"}
	}},
	{name: "restore", before: func(t *testing.T, _ *road) { bootsim.PowerOff(t) }, args: func(*road) []string { return []string{"restore"} }, goesBack: true, atBoot: true},
}

// onRoadTrial puts the other end of the road on trial.
func onRoadTrial(t *testing.T, r *road) {
	t.Helper()
	run.Expect(t, 0, r.apply("5m")...)
}

// road is the way between two profiles, on a server on which others live.
type road struct {
	random *rand.Rand
	// ends lead from each profile to the other: ends[0] to profile 0.
	ends [2]*promise.Promises
	// booted is the server after a boot with each profile, saves what its kernel
	// holds when it has been up.
	booted [2]stage.Picture
	saves  [2]kernelText
	// at is the end at which the server is.
	at int
	// lengths are how long each deed takes, as far as has been seen.
	lengths map[string]time.Duration
}

// kernelText is what a kernel holds, as the tools save it.
type kernelText struct{ entries, v4, v6 string }

func saveKernel(t *testing.T) kernelText {
	t.Helper()
	var entries strings.Builder
	for line := range strings.Lines(run.Tool(t, "ipset save")) {
		if strings.HasPrefix(line, "add ") {
			entries.WriteString(line)
		}
	}
	return kernelText{entries.String(), run.Tool(t, "iptables-save -c"), run.Tool(t, "ip6tables-save -c")}
}

func newRoad(t *testing.T, random *rand.Rand) *road {
	t.Helper()
	there := promise.New(t, "builtin:database", func() { promise.Populate(t, "builtin:web") })
	back := &promise.Promises{Profile: "builtin:web", Old: there.Fresh, Fresh: there.Old, Theirs: there.Theirs, Written: there.Written}
	r := &road{random: random, ends: [2]*promise.Promises{back, there}, lengths: map[string]time.Duration{}}
	for _, end := range []int{0, 1} {
		if r.at != end {
			began := time.Now()
			run.Expect(t, 0, r.apply("0")...)
			r.lengths["apply at once"] = time.Since(began)
		}
		r.at = end
		r.saves[end] = saveKernel(t)
		r.boot(t)
		r.booted[end] = stage.TakePicture(t)
		r.saves[end].load(t)
	}
	return r
}

// to is the way to the other end.
func (r *road) to() *promise.Promises { return r.ends[1-r.at] }

func (r *road) apply(within string) []string {
	return append([]string{"apply", r.to().Profile, "--auto-approve", "--confirm-within", within, "--no-guard"}, trials.AfterRollback()...)
}

// boot is a loss of power and the boot after it, with our own loader alone.
func (r *road) boot(t *testing.T) {
	t.Helper()
	bootsim.PowerOff(t)
	run.Expect(t, 0, "restore")
}

// load gives a kernel that has booted what it held when it had been up. Sets are
// there: ipset 7.17 does not save all of their options (forceadd).
func (k kernelText) load(t *testing.T) {
	t.Helper()
	run.WithInput(t, k.entries, "ipset", "-exist", "restore")
	run.WithInput(t, k.v4, "iptables-restore", "-c")
	run.WithInput(t, k.v6, "ip6tables-restore", "-c")
}

// isClosedOrBooted checks a host whose boot was cut off: a family has no rules
// yet, or is closed, or has all of its rules.
func (r *road) isClosedOrBooted(t *testing.T) {
	t.Helper()
	now := stage.TakePicture(t)
	for _, family := range []string{"IPv4 rules", "IPv6 rules"} {
		booted := stage.Tables(r.booted[r.at][family])
		for table, text := range stage.Tables(now[family]) {
			if text != booted[table] && !strings.Contains(text, ":INPUT DROP") {
				t.Errorf("%s, table %s, is neither closed nor whole:\n%s", family, table, text)
			}
		}
	}
	for name, text := range now {
		if strings.HasPrefix(name, "/etc/") && text != r.booted[r.at][name] {
			t.Errorf("%s has changed:\n%s", name, text)
		}
	}
}

// settled checks a host on which nothing is under way: it is what the profile of
// its end says, nothing is left over, and others have what they had.
func (r *road) settled(t *testing.T) {
	t.Helper()
	p := r.ends[r.at]
	stage.TakePicture(t).Is(t, p.Fresh)
	p.OthersHaveTheirs(t)
	p.KeptToItsPaths(t)
	trials.NoTrialLeft(t)
	if _, err := stage.Journal.Read(); err != journal.ErrNone {
		t.Errorf("the journal: %v", err)
	}
	run.Expect(t, 0, "plan", p.Profile, "--detailed-exitcode")
}
