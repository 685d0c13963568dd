package generation

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// first is the number of the generation that knows what the host had before
// hardenctl. It is never pruned.
const first = 1

// Before returns the bundle that makes the host what it was before the first
// apply, as far as hardenctl has changed it: the rules and sets of ours that it
// had, which are none as a rule, the policies and the settings that any
// generation has stated since, and the files. The error is ErrNone where that is
// not kept.
func (s Store) Before() (*bundle.Bundle, error) {
	numbers, err := s.numbers()
	switch {
	case err != nil:
		return nil, err
	case len(numbers) == 0:
		return nil, s.neverApplied()
	case numbers[0] != first:
		return nil, missingError("it was in " + s.path(first) + ", which is gone. `hardenctl history` lists the generations that are left. To remove the rules of hardenctl: " + byHand)
	case !isThere(s.path(first, beforeName, sumsName)):
		return nil, missingError("it was not kept: " + s.path(first, beforeName, sumsName) + " is gone, or an earlier version of hardenctl made generation 1. `hardenctl history` lists the generations. To remove the rules of hardenctl: " + byHand)
	}
	u := undoing{tables: map[state.TableID]tablefile.Table{}}
	for _, n := range numbers {
		err := u.read(s, n)
		if err != nil && n != first {
			err = fmt.Errorf("%w; to roll back without the changes that only it made, remove %s", err, s.path(n))
		}
		if err != nil {
			return nil, fmt.Errorf("generation %d: %w", n, err)
		}
	}
	return u.bundle()
}

func isThere(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// undoing gathers what the host had before the first apply that stated it.
type undoing struct {
	tables   map[state.TableID]tablefile.Table // of the first generation
	sets     []byte
	policies []bundle.PolicyEntry
	held     Held
	files    []bundle.File
	// services are those by which one logs in, as the newest bundle has them.
	services []bundle.AdminService
}

// read adds what one generation found.
func (u *undoing) read(s Store, number int) error {
	g, err := s.record(number)
	if err != nil {
		return err
	}
	m, err := s.manifest(g)
	if err != nil {
		return err
	}
	texts, err := s.before(number)
	if err != nil {
		return err
	}
	tables, err := tablesBefore(texts)
	if err != nil {
		return err
	}
	if number == first {
		u.tables, u.sets = tables, texts[path.Join(beforeName, bundle.Sets)]
		for name, text := range texts {
			if _, ok := bundle.BeforePath(name); ok {
				u.files = append(u.files, bundle.File{Name: name, Text: text})
			}
		}
	}
	u.services = nil
	for _, service := range m.Access.Services {
		service.From, service.Knock = nil, nil // no set or knock of ours is left
		u.services = append(u.services, service)
	}
	u.addPolicies(m.Policies, tables)
	u.held.add(m, texts, false)
	return nil
}

// before reads what a generation found, by the names that its list of sums has,
// each as it was written. Generations of earlier versions have no such list.
func (s Store) before(number int) (map[string][]byte, error) {
	list, err := safepath.ReadFile(s.path(number, beforeName, sumsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: it was saved by an earlier version of hardenctl", ErrNone)
	}
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	for line := range strings.Lines(string(list)) {
		sum, name, found := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !found || !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%s is not as it was written", s.path(number, beforeName, sumsName))
		}
		text, err := safepath.ReadFile(s.path(number, name))
		if err != nil {
			return nil, err
		}
		if checksum(text) != sum {
			return nil, fmt.Errorf("%s is not as it was written: its checksum is not the one in %s", s.path(number, name), sumsName)
		}
		texts[name] = text
	}
	return texts, nil
}

func tablesBefore(texts map[string][]byte) (map[state.TableID]tablefile.Table, error) {
	tables := map[state.TableID]tablefile.Table{}
	for _, family := range ruleset.Families {
		name := path.Join(beforeName, rulesName(family))
		read, err := tablefile.Parse(texts[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, t := range read.Tables {
			tables[state.TableID{Family: family, Name: t.Name}] = t
		}
	}
	return tables, nil
}

func rulesName(family ruleset.Family) string {
	if family == ruleset.V6 {
		return bundle.RulesV6
	}
	return bundle.RulesV4
}

// addPolicies adds those of the chains that a bundle states. One that an earlier
// bundle has stated is that bundle's to undo. A table that was not in use had
// the kernel's policy.
func (u *undoing) addPolicies(stated []bundle.PolicyEntry, before map[state.TableID]tablefile.Table) {
	for _, p := range stated {
		if slices.ContainsFunc(u.policies, func(q bundle.PolicyEntry) bool {
			return q.Family == p.Family && q.Table == p.Table && q.Chain == p.Chain
		}) {
			continue
		}
		p.Policy = before[state.TableID{Family: ruleset.Family(p.Family), Name: p.Table}].Policy(p.Chain)
		p.Origin = bundle.Origin{Part: bundle.BeforeProfile}
		u.policies = append(u.policies, p)
	}
}

// bundle returns what was gathered.
func (u *undoing) bundle() (*bundle.Bundle, error) {
	m := bundle.Manifest{Profile: bundle.BeforeProfile, Before: true, Policies: u.policies, Access: bundle.AccessEntry{Services: u.services}}
	for _, o := range u.held.Originals {
		m.Settings = append(m.Settings, o.SettingEntry)
	}
	files := u.files
	for _, family := range ruleset.Families {
		if text := u.rules(family); text != nil {
			files = append(files, bundle.File{Name: rulesName(family), Text: text})
		}
	}
	text, entries := ownSets(u.sets)
	if text != nil {
		files, m.Sets = append(files, bundle.File{Name: bundle.Sets, Text: text}), entries
	}
	return bundle.Seal(files, m), nil
}

// rules returns the rules of ours that the host had in a family, and the policies
// that it returns to; nil for neither.
func (u *undoing) rules(family ruleset.Family) []byte {
	var tables []tablefile.Table
	for id, t := range u.tables {
		if id.Family == family {
			tables = append(tables, hooked(owned.Part(t)))
		}
	}
	for _, p := range u.policies {
		if ruleset.Family(p.Family) == family {
			tables = withPolicy(tables, p)
		}
	}
	tables = slices.DeleteFunc(tables, func(t tablefile.Table) bool { return len(t.Chains) == 0 })
	slices.SortFunc(tables, func(a, b tablefile.Table) int { return cmp.Compare(a.Name, b.Name) })
	if len(tables) == 0 {
		return nil
	}
	return tablefile.Render(tables, false)
}

// hooked leaves the chains out of a table that are not ours and have no hook.
func hooked(t tablefile.Table) tablefile.Table {
	t.Chains = slices.DeleteFunc(t.Chains, func(c tablefile.Chain) bool { return !owned.Chain(c.Name) && len(c.Rules) == 0 })
	return t
}

// withPolicy gives a chain its policy, in a table that may be missing.
func withPolicy(tables []tablefile.Table, p bundle.PolicyEntry) []tablefile.Table {
	at := slices.IndexFunc(tables, func(t tablefile.Table) bool { return t.Name == p.Table })
	if at < 0 {
		tables, at = append(tables, tablefile.Table{Name: p.Table}), len(tables)
	}
	if c := tables[at].Chain(p.Chain); c != nil {
		c.Policy = p.Policy
		return tables
	}
	tables[at].Chains = slices.Insert(tables[at].Chains, 0, tablefile.Chain{Name: p.Chain, Policy: p.Policy})
	return tables
}

// ownSets returns the lines about sets of ours, and what they are. Sets whose
// members are not kept are filled by packets. What only places entries in memory
// is left out, since another version of ipset may not know it.
func ownSets(text []byte) (own []byte, entries []bundle.SetEntry) {
	for line := range setfile.Lines(string(text)) {
		if !owned.Set(line.Set) {
			continue
		}
		if line.Command != setfile.Create {
			own = append(own, line.Text...)
			entries[len(entries)-1].Entries++
			continue
		}
		set := line.Declared().Without("bucketsize", "initval")
		own = append(own, set.String()+"\n"...)
		entries = append(entries, bundle.SetEntry{Name: set.Name, Dynamic: ruleset.SetType(set.Type) != ruleset.HashNet, Origin: bundle.Origin{Part: bundle.BeforeProfile}})
	}
	return own, entries
}
