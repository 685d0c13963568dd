package starter

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// everything is what a rule lets reach every port by an interface, in one family.
type everything struct {
	dump Dump
	rule exact.RuleID
	by   string // the interface
	// sources are those of which it lets in all packets, but what its own earlier rules
	// refuse of a protocol.
	sources netset.Set
}

// trust is what a zone's trust states: "all" where from is empty.
type trust struct {
	from  []string
	rules []string
}

// everyPortBy notes a rule that opens every port by some interfaces.
func (m *maker) everyPortBy(d Dump, o exact.Open, interfaces []string, sources netset.Set) {
	id := o.By
	if !isWhole(o.Region) {
		sources = netset.Set{}
	}
	for _, by := range interfaces {
		at := slices.IndexFunc(m.everything, func(e everything) bool {
			return e.dump.Family == d.Family && e.rule == id && e.by == by
		})
		if at < 0 {
			m.everything = append(m.everything, everything{d, id, by, sources})
			continue
		}
		m.everything[at].sources = m.everything[at].sources.Union(sources)
	}
}

// opensBy reports whether some rule opens every port by an interface.
func (m *maker) opensBy(name string) bool {
	return slices.ContainsFunc(m.everything, func(e everything) bool { return e.by == name })
}

// opensEveryPort reports whether a rule opens every port by an interface.
func (m *maker) opensEveryPort(d Dump, id exact.RuleID) bool {
	return slices.ContainsFunc(m.everything, func(e everything) bool { return e.dump.Family == d.Family && e.rule == id })
}

// trusts decides which interfaces a zone may trust, and names the rules of the others.
func (m *maker) trusts() map[string]trust {
	found := map[string]trust{}
	for _, e := range m.everything {
		if _, done := found[e.by]; done {
			continue
		}
		if t, why := m.trustOf(e.by); why == "" {
			found[e.by] = t
		} else {
			m.leave(e.dump, e.rule, why)
		}
	}
	return found
}

// trustOf is the trust of an interface, if its rules let in all packets of some sources; why
// says that it cannot be said.
func (m *maker) trustOf(by string) (t trust, why string) {
	sources := map[ruleset.Family]netset.Set{}
	for _, e := range m.everything {
		if e.by != by {
			continue
		}
		if e.sources.IsEmpty() || !plain(e.dump.Firewall.Text(e.rule)) {
			return t, "every port, by some interfaces: state the services that are used there, with zones"
		}
		sources[e.dump.Family] = sources[e.dump.Family].Union(e.sources)
		t.rules = append(t.rules, m.lines[place{e.dump.Family, e.rule}].String())
	}
	everyone := true
	for _, d := range m.Dumps {
		everyone = everyone && all(d.Family).Subtract(sources[d.Family]).Subtract(nobody).IsEmpty()
	}
	if everyone {
		return t, ""
	}
	for _, f := range ruleset.Families {
		if !sources[f].IsEmpty() && (sources[f].Longer(mostBlocked) || widest(sources[f]) < f.Bits()/4) {
			return t, `every port by an interface, from most sources: state a zone with trust = "all" if those that are refused today may come in there`
		}
		for _, p := range append(sources[f].V4(), sources[f].V6()...) {
			t.from = append(t.from, short(p))
		}
	}
	return t, ""
}

// isWhole reports whether a region is of every port and protocol, but those of which a first
// packet has a type.
func isWhole(r exact.Region) bool {
	const most = 200 // of 256 protocols
	return r.Ports == nil && r.Destinations == nil && size(r.Protocols) > most
}

// plain reports whether a rule asks for nothing but interface and source.
func plain(spec string) bool {
	asked, err := tablefile.Rule{Spec: spec}.Matches()
	return err == nil && !slices.ContainsFunc(asked, func(m tablefile.Match) bool {
		return m.Name != "comment" && (m.Name != "" || len(m.Words) < 2 || m.Words[0] != "-i" && m.Words[0] != "-s")
	})
}
