package answer

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// DiffView is the JSON form of a comparison.
type DiffView struct {
	Equal       bool             `json:"equal"`
	Differences []DifferenceView `json:"differences"`
	// More says that there are differences beside these.
	More bool `json:"more"`
}

// DifferenceView is packets that are decided differently.
type DifferenceView struct {
	Family int `json:"family"`
	// Hook is INPUT for packets to the host, FORWARD for those through it, OUTPUT for
	// those from it.
	Hook   string `json:"hook"`
	Change string `json:"change"`
	// First is true where first packets of connections differ.
	First bool `json:"first"`
	// Usual is false for a difference that is there only in some states of sets, limits
	// and connections, such as Conditions.
	Usual bool `json:"usual"`
	RegionView
	Example    string      `json:"example"`
	Conditions []string    `json:"conditions"`
	Before     DecidedView `json:"before"`
	After      DecidedView `json:"after"`
	// Sets says what is other where only sets are: "newly added to hardenctl-ban-v4".
	Sets []string `json:"sets,omitempty"`
	// Open says that open connections break.
	Open bool `json:"open,omitempty"`
	// Risk says what may go wrong by the difference, where a host was asked; else it is empty.
	Risk string `json:"risk,omitempty"`

	region exact.Region
}

// Has reports whether packets of a protocol with ports to a port of an address are among
// those of a difference. An address that is unspecified stands for each.
func (d DifferenceView) Has(protocol string, port uint16, to netip.Addr) bool {
	return d.HasAny(protocol, port, port) && (d.region.Destinations == nil || to.IsUnspecified() ||
		slices.ContainsFunc(d.region.Destinations, func(p netip.Prefix) bool { return p.Contains(to) }))
}

// HasAny reports whether packets of a protocol with ports to one of some ports are among
// those of a difference.
func (d DifferenceView) HasAny(protocol string, first, last uint16) bool {
	return d.region.Has(protocol, first, last)
}

// HasOther reports whether packets of other protocols than some are among those of a difference.
func (d DifferenceView) HasOther(protocols ...string) bool { return d.region.HasOther(protocols...) }

// HasSome reports whether some of the sources of a difference are among some addresses. Lists
// that are too long for the region to say their addresses are not looked at: it is true then.
func (d DifferenceView) HasSome(of netset.Set) bool {
	if d.region.Sources == nil {
		return d.Family == int(ruleset.V4) && len(of.V4()) > 0 || d.Family == int(ruleset.V6) && len(of.V6()) > 0
	}
	return !of.Intersect(netset.Of(d.region.Sources...)).IsEmpty()
}

// DecidedView is what one side does with the example.
type DecidedView struct {
	Verdict string    `json:"verdict"`
	Rule    *RuleView `json:"rule,omitempty"`
}

// Diff says which packets two subjects decide differently, in the families that both
// speak of.
func Diff(before, after *Subject) (*DiffView, error) {
	return DiffWithin(before, after, exact.MostSteps)
}

// DiffWithin is Diff with a limit of steps for each family: exact.ErrTooMuch is the error
// of rules that need more.
func DiffWithin(before, after *Subject, steps int) (*DiffView, error) {
	parts := make([]part, len(ruleset.Families))
	common := false
	var working sync.WaitGroup
	for i, family := range ruleset.Families {
		if before.Firewalls[family] == nil || after.Firewalls[family] == nil {
			continue
		}
		common = true
		working.Add(1)
		go func() {
			defer working.Done()
			parts[i] = compare(before, after, family, steps)
		}()
	}
	working.Wait()
	if !common {
		return nil, fmt.Errorf("%s and %s have no family in common: one is of IPv4, the other of IPv6", before.Name, after.Name)
	}
	v := &DiffView{Differences: []DifferenceView{}}
	for i, p := range parts {
		if p.err != nil {
			return nil, fmt.Errorf("IPv%d: %w", ruleset.Families[i], p.err)
		}
		v.Differences, v.More = append(v.Differences, p.differences...), v.More || p.more
	}
	v.Equal = len(v.Differences) == 0
	return v, nil
}

// part is the comparison of one family.
type part struct {
	differences []DifferenceView
	more        bool
	err         error
}

func compare(before, after *Subject, family ruleset.Family, steps int) (p part) {
	differences, more, err := exact.CompareWithin(before.Firewalls[family], after.Firewalls[family], steps)
	for _, d := range differences {
		p.differences = append(p.differences, view(before, after, family, d))
	}
	p.more, p.err = more, err
	return p
}

func view(before, after *Subject, family ruleset.Family, d exact.Difference) DifferenceView {
	say := speech{family, []*Subject{before, after}}
	return DifferenceView{
		Family: int(family), Hook: string(d.Hook), Change: string(d.Change), First: d.First, Usual: d.Usual, RegionView: say.region(d.Region),
		Example: d.Example.String(), Conditions: conditions(d.Conditions), Sets: d.Sets, Open: d.Open, region: d.Region,
		Before: DecidedView{d.Before.Verdict.String(), before.rule(family, d.Before.By)},
		After:  DecidedView{d.After.Verdict.String(), after.rule(family, d.After.By)},
	}
}
