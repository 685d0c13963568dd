package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/dataplane/fake"
	"github.com/hardenctl/hardenctl/internal/host/guard"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// bench is a host on a machine in memory, below a folder of its own.
type bench struct {
	t *testing.T
	*fake.Machine
	host    host.Host
	journal journal.Journal
	// steps are what was told of the handle's work.
	steps []string
	// watched are the trials for which a watchdog was started.
	watched []journal.Entry
}

const ttl = "/proc/sys/net/ipv4/ip_default_ttl"

func newBench(t *testing.T, listeners ...meaning.Listener) *bench {
	t.Helper()
	b := &bench{t: t, Machine: fake.New()}
	b.Settings[ttl] = "64"
	root := folder(t)
	b.must(os.Mkdir(filepath.Join(root, "run"), 0o755))
	b.journal = journal.Under(root)
	b.host = host.On(host.System{
		Plane:     b.Plane(),
		Permitted: func() error { return nil },
		Guard:     func(context.Context, guard.Question) (*plan.Access, []string) { return &plan.Access{}, nil },
		Watch:     func(e journal.Entry) error { b.watched = append(b.watched, e); return nil },
		Notes:     func(*host.Reading) []string { return nil },
		Listeners: func(asked func(meaning.Listener) bool) ([]meaning.Listener, error) {
			return slices.DeleteFunc(slices.Clone(listeners), func(l meaning.Listener) bool { return !asked(l) }), nil
		},
		Unloaded: func(*host.Reading) []string { return nil },
	}, root)
	return b
}

// folder is an empty folder, in memory where there is one there: what is synced
// to a disk takes a hundred times as long.
func folder(t *testing.T) string {
	t.Helper()
	made, err := os.MkdirTemp("/dev/shm", "hardenctl-host-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(made) })
	return made
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// held does something with the lock.
func (b *bench) held(do func(*host.Handle) error) error {
	b.t.Helper()
	h, err := b.host.Open(context.Background(), host.Wait{Limit: time.Second, Progress: func(step string) { b.steps = append(b.steps, step) }})
	b.must(err)
	defer h.Close()
	return do(h)
}

// apply applies a bundle, on trial for that time, as the command does: it brings
// to its end first what is under way.
func (b *bench) apply(target *bundle.Bundle, within time.Duration) (o host.Outcome) {
	b.t.Helper()
	b.must(b.held(func(h *host.Handle) (err error) {
		b.must(h.Recover(context.Background()))
		t := host.Target{Bundle: target}
		r, err := h.Plan(context.Background(), t)
		b.must(err)
		o = h.Apply(context.Background(), r, t, within)
		return nil
	}))
	return o
}

// confirm confirms the trial that is pending.
func (b *bench) confirm() (o host.Outcome) {
	b.t.Helper()
	b.must(b.held(func(h *host.Handle) error {
		o = h.Confirm(context.Background(), host.Confirmation{SameSession: true})
		return nil
	}))
	return o
}

func (b *bench) revert() (o host.Outcome) {
	b.t.Helper()
	b.must(b.held(func(h *host.Handle) error {
		o = h.Revert(context.Background())
		return nil
	}))
	return o
}

func (b *bench) recover() error {
	b.t.Helper()
	return b.held(func(h *host.Handle) error { return h.Recover(context.Background()) })
}

// comes makes sure that a host has come to that, without an error.
func (b *bench) comes(to host.Status, o host.Outcome) {
	b.t.Helper()
	if o.Status != to || o.Err != nil || o.Warning != nil {
		b.t.Fatalf("the host is %v, not %v: %v, warning %v", o.Status, to, o.Err, o.Warning)
	}
}

// idle makes sure that nothing is under way, nor left.
func (b *bench) idle(when string) {
	b.t.Helper()
	if e, err := b.journal.Read(); !errors.Is(err, journal.ErrNone) {
		b.t.Errorf("%s: the journal says %+v, %v", when, e, err)
	}
	if staged, err := filepath.Glob(b.host.Generations.Folder + "/.next"); staged != nil || err != nil {
		b.t.Errorf("%s: a generation is staged still", when)
	}
}

// is compares the machine with what it was or shall be.
func (b *bench) is(when, want string) {
	b.t.Helper()
	if got := b.String(); got != want {
		b.t.Errorf("%s the machine is not as it should be:\n%s", when, difference(want, got))
	}
}

// difference are the lines that only one of two texts has.
func difference(want, got string) string {
	var out strings.Builder
	for _, side := range []struct{ sign, text, other string }{{"-", want, got}, {"+", got, want}} {
		for line := range strings.Lines(side.text) {
			if !strings.Contains(side.other, line) {
				out.WriteString(side.sign + line)
			}
		}
	}
	if out.Len() == 0 {
		return "wanted\n" + want + "got\n" + got
	}
	return out.String()
}

// errBroken is what breaks.
var errBroken = errors.New("broken on command")

// breakAt fails the operation after n others.
func (b *bench) breakAt(n int) {
	first := len(b.Done)
	b.Break = func(done int, _ string) error {
		if done-first == n {
			return errBroken
		}
		return nil
	}
}

// site is a bundle that opens a port and blocks some networks.
func site(profile string, port int, blocked ...string) *bundle.Bundle {
	const closed = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n"
	sets, m := "", bundle.Manifest{Profile: profile}
	file := func(name, text string) bundle.File { return bundle.File{Name: name, Text: []byte(text)} }
	rules := map[int]string{}
	for _, family := range []int{4, 6} {
		name := fmt.Sprintf("hardenctl-blocked-v%d", family)
		rules[family] = fmt.Sprintf(`*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:HARDENCTL-INPUT - [0:0]
-A INPUT -j HARDENCTL-INPUT
-A HARDENCTL-INPUT -m set --match-set %s src -j DROP
-A HARDENCTL-INPUT -m set --match-set hardenctl-ban-v%d src -j DROP
-A HARDENCTL-INPUT -p tcp -m tcp --dport %d -j ACCEPT
-A HARDENCTL-INPUT -j DROP
COMMIT
`, name, family, port)
		m.Policies = append(m.Policies, bundle.PolicyEntry{Family: family, Table: "filter", Chain: "INPUT", Policy: "DROP"})
		inet := map[int]string{4: "inet", 6: "inet6"}[family]
		sets += fmt.Sprintf("create hardenctl-ban-v%d hash:ip family %s hashsize 1024 maxelem 65536 timeout 3600\n", family, inet)
		sets += fmt.Sprintf("create %s hash:net family %s hashsize 1024 maxelem 65536\n", name, inet)
		m.Sets = append(m.Sets, bundle.SetEntry{Name: fmt.Sprintf("hardenctl-ban-v%d", family), Dynamic: true}, bundle.SetEntry{Name: name})
	}
	for _, network := range blocked {
		sets += "add hardenctl-blocked-v4 " + network + "\n"
		m.Sets[1].Entries++
	}
	m.Settings = []bundle.SettingEntry{{Key: "net.ipv4.ip_default_ttl", Value: "128"}}
	return bundle.Seal([]bundle.File{
		file(bundle.ClosedV4, closed), file(bundle.ClosedV6, closed), file(bundle.RulesV4, rules[4]), file(bundle.RulesV6, rules[6]),
		file(bundle.Sets, sets), file(bundle.Sysctl, "net.ipv4.ip_default_ttl = 128\n"),
	}, m)
}
