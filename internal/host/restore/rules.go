package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/probe"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// rules puts the saved rules of a family in force. without says how many lines of
// others were left out; empty for none.
func (l *loading) rules(ctx context.Context, family ruleset.Family) (without string, err error) {
	file := l.files.Rules[family]
	if err := l.files.read(file); err != nil {
		return "", err
	}
	if file.Text == nil {
		return "", fmt.Errorf("%s: no such file", file.Path)
	}
	want, err := l.rehearse(ctx, family, file, l.files.Sets)
	if err == nil && hooked(want, family) {
		return "", l.put(ctx, family, file, want)
	}
	if err != nil && !errors.As(err, new(*probe.BootError)) {
		return "", err
	}
	return l.withoutRefused(ctx, family, file, err)
}

// load puts the rules of a file that is wholly ours in force.
func (l *loading) load(ctx context.Context, family ruleset.Family, file, sets probe.BootFile) error {
	want, err := l.rehearse(ctx, family, file, sets)
	if err == nil && !hooked(want, family) {
		err = errForeign(file.Path)
	}
	if err != nil {
		return err
	}
	return l.put(ctx, family, file, want)
}

// rehearse loads a file in a throwaway network namespace, with the sets that it
// names: the kernel does not refuse a file as a whole, but table by table. It returns
// the tables that the file makes.
func (l *loading) rehearse(ctx context.Context, family ruleset.Family, file, sets probe.BootFile) (state.State, error) {
	alone := l.tools
	alone.Families = []ruleset.Family{family}
	want, err := l.site.Probe.RehearseBoot(ctx, alone, probe.Boot{Sets: sets, Rules: map[ruleset.Family]probe.BootFile{family: file}})
	var refused *probe.BootError
	if errors.As(err, &refused) {
		err = &loadError{refused}
	}
	return want, err
}

// loadError is a *probe.BootError at a boot.
type loadError struct{ refused *probe.BootError }

// Error says which file cannot be loaded, and why.
func (e *loadError) Error() string {
	return fmt.Sprintf("%s cannot be loaded: %v", e.refused.Path, e.refused.Err)
}

// Unwrap returns the error of the rehearsal.
func (e *loadError) Unwrap() error { return e.refused }

// put moves what the kernel has of ours to what a file makes, want, and reads it back.
// A family without rules gets the whole file, with what others have in it.
func (l *loading) put(ctx context.Context, family ruleset.Family, file probe.BootFile, want state.State) error {
	want = own(want)
	fresh, known := l.fresh[family]
	var err error
	if !known {
		fresh, err = l.files.isFresh(ctx, l.site.Plane, family)
	}
	if err == nil && fresh {
		err = l.site.Rules.Load(ctx, family, file.Text, true) // others' rules in the file too
	}
	if err == nil {
		err = l.site.LoadTables(ctx, family, want, l.files.Leading)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	return l.readBack(ctx, family, file.Path, want)
}

// readBack compares the rules in force with those of a file.
func (l *loading) readBack(ctx context.Context, family ruleset.Family, path string, want state.State) error {
	have, err := l.site.Rules.Tables(ctx, family)
	if err != nil {
		return err
	}
	left := plan.Compare(have, want, bundle.Manifest{Policies: stated(want), Leading: l.files.Leading})
	if left.Empty() {
		return nil
	}
	return fmt.Errorf("%s: the rules in force are not those of the file: %s is %q, and should be %q",
		path, left.Changes[0].Object, left.Changes[0].Before, left.Changes[0].After)
}

// stated returns the policies that a profile states in the tables of a file.
func stated(s state.State) (policies []bundle.PolicyEntry) {
	for id, table := range s.Tables {
		for _, name := range owned.Stated(table) {
			policies = append(policies, bundle.PolicyEntry{Family: int(id.Family), Table: id.Name, Chain: name, Policy: table.Policy(name)})
		}
	}
	return policies
}

// hooked reports whether INPUT has a hook of ours. Rules of others may come
// before it in a file, as fail2ban's do if somebody saves the rules while it runs: ours
// come first when they are loaded, unless the profile lets those others come before them.
func hooked(s state.State, family ruleset.Family) bool {
	return owned.Hooked(s.Tables[state.TableID{Family: family, Name: "filter"}].Chain("INPUT"))
}

// own returns what is ours in the tables of a file, and the policies.
func own(s state.State) state.State {
	ours := state.State{Tables: map[state.TableID]tablefile.Table{}}
	for id, table := range s.Tables {
		ours.Tables[id] = owned.Part(table)
	}
	return ours
}

// unused reports whether there are no rules, chains or policies.
func unused(s state.State) bool {
	for _, table := range s.Tables {
		for _, c := range table.Chains {
			if !c.BuiltIn() || len(c.Rules) > 0 || c.Policy != "ACCEPT" {
				return false
			}
		}
	}
	return true
}

// isOnly reports whether there is what a text of rules loads, and nothing else.
func isOnly(have state.State, text []byte) bool {
	want, err := tablefile.Parse(text)
	if err != nil {
		return false
	}
	rest := state.State{Tables: maps.Clone(have.Tables)}
	for id, table := range have.Tables {
		for _, closed := range want.Tables {
			if closed.Name == table.Name && sameChains(table, closed) {
				delete(rest.Tables, id)
			}
		}
	}
	return len(have.Tables)-len(rest.Tables) == len(want.Tables) && unused(rest)
}

// sameChains compares two tables but for counters and the order of chains, which
// is the tool's.
func sameChains(a, b tablefile.Table) bool {
	return len(a.Chains) == len(b.Chains) && !slices.ContainsFunc(a.Chains, func(c tablefile.Chain) bool {
		other := b.Chain(c.Name)
		return other == nil || other.Policy != c.Policy || !tablefile.SameRules(c.Rules, other.Rules)
	})
}
