package plan

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Compare returns the plan from the host's state to the wanted one. manifest
// says which profile line wants each part.
func Compare(have, want state.State, manifest bundle.Manifest) *Plan {
	p := &Plan{
		Format: Format, Profile: manifest.Profile,
		Changes: []Step{}, Untouched: []Foreign{}, OutOfReach: []Unreachable{}, Notes: []string{}, Rivals: []Rival{},
	}
	c := comparison{plan: p, have: have, want: want, origins: indexOrigins(manifest), manifest: manifest}
	c.tables()
	c.firstPlaces()
	c.fail2banSets()
	c.sets()
	c.settings()
	c.files()
	c.proxied()
	return p
}

type comparison struct {
	plan       *Plan
	have, want state.State
	origins    origins
	manifest   bundle.Manifest
	behind     []jumpBehind // jumps of others that will be behind ours
	bySet      []string     // and rules that ask a set of fail2ban's
}

// sorted returns the keys of two maps, each once, in order.
func sorted[K cmp.Ordered, V, W any](a map[K]V, b map[K]W) []K {
	keys := slices.Concat(slices.Collect(maps.Keys(a)), slices.Collect(maps.Keys(b)))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// origins finds the part of the profile that wants an object.
type origins struct {
	rules    map[ruleID]bundle.Origin
	policies map[ruleID]bundle.Origin
	sets     map[string]bundle.Origin
	settings map[string]bundle.Origin
}

// ruleID names a rule by its place; a policy by its chain, with number 0.
type ruleID struct {
	family       int
	table, chain string
	number       int
}

func indexOrigins(m bundle.Manifest) origins {
	o := origins{
		rules: map[ruleID]bundle.Origin{}, policies: map[ruleID]bundle.Origin{},
		sets: map[string]bundle.Origin{}, settings: map[string]bundle.Origin{},
	}
	for _, r := range m.Rules {
		o.rules[ruleID{r.Family, r.Table, r.Chain, r.Number}] = r.Origin
	}
	for _, p := range m.Policies {
		o.policies[ruleID{p.Family, p.Table, p.Chain, 0}] = p.Origin
	}
	for _, s := range m.Sets {
		o.sets[s.Name] = s.Origin
	}
	for _, s := range m.Settings {
		o.settings[s.Object()] = s.Origin
	}
	return o
}

// find returns the origin under a key, or nil.
func find[K comparable](index map[K]bundle.Origin, key K) *bundle.Origin {
	if o, known := index[key]; known {
		return &o
	}
	return nil
}
