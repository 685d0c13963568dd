package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// losses are what packets lose by the whole of a change: what some way in let in,
// and no way in will. What only moves to another rule, chain, set or service is
// no loss, nor is what is accepted in more words. Limits are not looked at, nor
// is what is refused before.
type losses struct {
	// rules says what is lost of what a rule of ours lets in.
	rules map[state.TableID]map[place]string
	// sets are the sources that lose something and are in a set by which they got
	// in. A set by which any source gets in is there, if only as an empty one.
	sets map[string]netset.Set
}

// findLosses compares the ways in before and after.
func findLosses(have, want state.State) losses {
	l := losses{rules: map[state.TableID]map[place]string{}, sets: map[string]netset.Set{}}
	for id, table := range have.Tables {
		l.rules[id] = map[place]string{}
		after := want.Tables[id]
		left := grants(id.Family, after, want.Sets)
		same := map[string]netset.Set{} // most ways in stay as they are
		for _, g := range left {
			same[g.key()] = g.sources
		}
		for _, g := range grants(id.Family, table, have.Sets) {
			for _, name := range g.sets {
				l.sets[name] = l.sets[name].Union(netset.Set{})
			}
			if c := after.Chain(g.hook); !owned.Hooked(c) && (c == nil || c.Policy != "DROP") {
				continue // nothing of ours is there any more that could refuse
			}
			if sources, stays := same[g.key()]; !stays || !sources.Equal(g.sources) {
				l.add(id, g, g.without(left))
			}
		}
	}
	return l
}

// add notes what is lost of a grant.
func (l losses) add(id state.TableID, g grant, lost []box) {
	if len(lost) == 0 {
		return
	}
	says := g.says(lost, everywhere[id.Family])
	for _, at := range g.rules {
		l.rules[id][at] = says
	}
	for _, name := range g.sets {
		for _, b := range lost {
			l.sets[name] = l.sets[name].Union(b.sources)
		}
	}
}

// key is all that a grant asks but for the source.
func (g grant) key() string { return fmt.Sprint(g.hook, g.protocol, g.not, g.ports, g.rest) }

// box is some ports and some sources, of one protocol.
type box struct {
	protocol string
	ports    span
	sources  netset.Set
}

// anyPort are all ports, and those of protocols that have none.
var anyPort = span{0, 65535}

// without is what of a grant no other grant lets in.
func (g grant) without(others []grant) (lost []box) {
	for _, protocol := range g.protocols(others) {
		lost = append(lost, g.withoutIn(protocol, others)...)
	}
	return lost
}

// protocols are those that the grant lets in, one for all that no grant names.
func (g grant) protocols(others []grant) []string {
	if g.protocol != "" && !g.not {
		return []string{g.protocol}
	}
	names := []string{"any other"}
	for _, o := range others {
		if o.protocol != "" && g.speaks(o.protocol) && !slices.Contains(names, o.protocol) {
			names = append(names, o.protocol)
		}
	}
	return names
}

// withoutIn is without, of one protocol.
func (g grant) withoutIn(protocol string, others []grant) (left []box) {
	for _, s := range portsOf(g) {
		left = append(left, box{protocol, s, g.sources})
	}
	for _, o := range others {
		if o.hook != g.hook || !o.speaks(protocol) || !subset(o.rest, g.rest) {
			continue
		}
		for _, s := range portsOf(o) {
			left = subtract(left, box{protocol, s, o.sources})
		}
		if left == nil {
			break
		}
	}
	return left
}

func portsOf(g grant) []span {
	if g.ports == nil {
		return []span{anyPort}
	}
	return g.ports
}

// subset reports whether every word of a is in b.
func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(word string) bool { return !slices.Contains(b, word) })
}

// subtract takes one box out of others.
func subtract(from []box, out box) (left []box) {
	for _, b := range from {
		first, last := max(b.ports.first, out.ports.first), min(b.ports.last, out.ports.last)
		if first > last {
			left = append(left, b)
			continue
		}
		for _, rest := range []box{
			{b.protocol, span{b.ports.first, first - 1}, b.sources},
			{b.protocol, span{last + 1, b.ports.last}, b.sources},
			{b.protocol, span{first, last}, b.sources.Subtract(out.sources)},
		} {
			if rest.ports.first <= rest.ports.last && !rest.sources.IsEmpty() {
				left = append(left, rest)
			}
		}
	}
	return left
}

// riskRefused is said of a rule or a chain that lets packets in, and goes, where
// it asks for more than a port and a source.
const riskRefused = "what this accepted will be refused, unless another rule accepts it"

// says names the ports that are lost, and for how many sources where not for all.
func (g grant) says(lost []box, all netset.Set) string {
	if g.ports == nil || g.protocol == "" || g.not || len(g.rest) > 0 {
		return riskRefused
	}
	var ports []string
	var sources netset.Set
	for _, b := range lost {
		text := fmt.Sprintf("%s/%d", g.protocol, b.ports.first)
		if b.ports.last > b.ports.first {
			text += fmt.Sprintf("-%d", b.ports.last)
		}
		ports = append(ports, text)
		sources = sources.Union(b.sources)
	}
	slices.Sort(ports)
	text := strings.Join(slices.Compact(ports), ", ") + " will be refused"
	if !sources.Equal(all) {
		text += " for " + most(sources, all)
	}
	return text
}

// most is amount, of nearly all sources by those that are left.
func most(sources, all netset.Set) string {
	left := all.Subtract(sources)
	if len(left.V4())+len(left.V6()) >= len(sources.V4())+len(sources.V6()) {
		return amount(sources)
	}
	return amount(all) + " but " + amount(left)
}

// rule is the risk of taking out a rule; empty if no source loses by it.
func (l losses) rule(id state.TableID, chain string, number int) string {
	return l.rules[id][place{chain, number}]
}

// chain is the risk of taking out a chain with all of its rules.
func (l losses) chain(id state.TableID, chain string) string {
	var risks []string
	for _, at := range slices.SortedFunc(maps.Keys(l.rules[id]), func(a, b place) int { return a.number - b.number }) {
		if risk := l.rules[id][at]; at.chain == chain && !slices.Contains(risks, risk) {
			risks = append(risks, risk)
		}
	}
	return strings.Join(risks, "; ")
}

// set returns those of the sources that leave a set who lose something by it. Of
// a set by which no source got in, as far as the rules show, it is all of them.
func (l losses) set(name string, gone netset.Set) netset.Set {
	losers, admits := l.sets[name]
	if !admits {
		return gone
	}
	return gone.Intersect(losers)
}
