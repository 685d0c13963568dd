package dataplane_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host"
	"github.com/hardenctl/hardenctl/internal/host/dataplane"
	"github.com/hardenctl/hardenctl/internal/host/dataplane/fake"
	"github.com/hardenctl/hardenctl/internal/host/guard"
	"github.com/hardenctl/hardenctl/internal/host/journal"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// TestApplyOnBoth applies, confirms, reverts and rolls back built-in profiles on a
// machine in memory and on the kernel, and compares the rules, sets and files after
// each.
func TestApplyOnBoth(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			lab.UseBackend(t, backend)
			lab.FlushState(t)
			t.Cleanup(func() { lab.FlushState(t) })
			live := changed(t, dataplane.Live())
			if memory := changed(t, fake.New().Plane()); live != memory {
				t.Error(parted(live, memory))
			}
		})
	}
}

// changed does to a host all that can be done to one, and returns what there is after
// each.
func changed(t *testing.T, p dataplane.Plane) string {
	t.Helper()
	var seen strings.Builder
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	h := host.On(host.System{
		Plane: p, Permitted: func() error { return nil },
		Guard:     func(context.Context, guard.Question) (*plan.Access, []string) { return &plan.Access{}, nil },
		Watch:     func(journal.Entry) error { return nil },
		Notes:     func(*host.Reading) []string { return nil },
		Listeners: func(func(meaning.Listener) bool) ([]meaning.Listener, error) { return nil, nil },
		Unloaded:  func(*host.Reading) []string { return nil },
	}, root)
	act := func(what string, want host.Status, do func(*host.Handle) host.Outcome) {
		t.Helper()
		held, err := h.Open(context.Background(), host.Wait{Limit: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		if o := do(held); o.Status != want || o.Err != nil || o.Warning != nil {
			t.Fatalf("%s: %v, %v, %v", what, o.Status, o.Err, o.Warning)
		}
		fmt.Fprintf(&seen, "after %s\n", what)
		show(t, &seen, p)
	}
	ctx := context.Background()
	apply := func(b *bundle.Bundle, within time.Duration) func(*host.Handle) host.Outcome {
		return func(held *host.Handle) host.Outcome {
			target := host.Target{Bundle: b}
			r, err := held.Plan(ctx, target)
			if err != nil {
				t.Fatal(err)
			}
			return held.Apply(ctx, r, target, within)
		}
	}
	web, mail := golden(t, "web"), golden(t, "mail")
	act("a trial of web", host.OnTrial, apply(web, time.Minute))
	act("its confirm", host.Confirmed, func(held *host.Handle) host.Outcome {
		return held.Confirm(ctx, host.Confirmation{SameSession: true})
	})
	act("a trial of mail", host.OnTrial, apply(mail, time.Minute))
	act("its end", host.Reverted, func(held *host.Handle) host.Outcome { return held.Revert(ctx) })
	act("an apply of mail", host.Confirmed, apply(mail, 0))
	before, err := h.Generations.Before()
	if err != nil {
		t.Fatal(err)
	}
	act("a rollback to before", host.Confirmed, apply(before, 0))
	return seen.String()
}

func golden(t *testing.T, name string) *bundle.Bundle {
	t.Helper()
	b, err := bundle.ReadFolder(os.DirFS("../../../golden/" + name))
	if err != nil {
		t.Fatal(err)
	}
	// Kernel settings are the machine's that runs the test.
	m := b.Manifest
	m.Settings = nil
	return bundle.Seal(b.Files, m)
}

// show writes the rules without counters, the sets, and the files.
func show(t *testing.T, w io.Writer, p dataplane.Plane) {
	t.Helper()
	for _, family := range ruleset.Families {
		have, err := p.Rules.Tables(context.Background(), family)
		if err != nil {
			t.Fatal(err)
		}
		tables := slices.SortedFunc(maps.Values(have.Tables), func(a, b tablefile.Table) int { return strings.Compare(a.Name, b.Name) })
		for _, table := range tables {
			slices.SortFunc(table.Chains, func(a, b tablefile.Chain) int { return strings.Compare(a.Name, b.Name) })
			table.Chains = slices.DeleteFunc(table.Chains, func(c tablefile.Chain) bool {
				return c.BuiltIn() && len(c.Rules) == 0 && c.Policy == "ACCEPT"
			})
			if len(table.Chains) > 0 {
				// iptables-save 1.8.11 prints the numbers of most protocols.
				text := strings.ReplaceAll(string(tablefile.Render([]tablefile.Table{table}, false)), " -p 2 ", " -p igmp ")
				fmt.Fprintf(w, "IPv%d %s", family, text)
			}
		}
	}
	headers, err := p.Sets.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		fmt.Fprintf(w, "%s %s IPv%d maxelem %d netmask %d timeout %v: %d entries, %d references\n", h.Name, h.Type, h.Family, h.MaxElem, h.Netmask, h.Timeout, h.Entries, h.References)
	}
	texts, err := p.Files.Read(bundle.Paths(bundle.Debian))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		fmt.Fprintf(w, "%s\n%s\n", path, texts[path])
	}
}

// parted says where the two begin to differ.
func parted(live, memory string) string {
	a, b := strings.Split(live, "\n"), strings.Split(memory, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("after\n%s\nthe kernel has\n%s\nand the machine in memory\n%s", strings.Join(a[max(0, i-10):i], "\n"), a[i], b[i])
		}
	}
	return fmt.Sprintf("the kernel has %d lines, and the machine in memory %d", len(a), len(b))
}
