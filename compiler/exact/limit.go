package exact

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// A limit is used up by the rule that it is in. So two rules have two facts, though they
// read alike; and a rule that is in two firewalls has one in both, or each limit would
// be a difference between them.

// mostLimits is how many limits of single addresses rules may have for their facts to come
// before the addresses. All facts would be asked before any address: for hundreds of rules,
// each for an address and with a fact of its own, as many ways as there are sets of facts. With
// fewer, or with limits of all addresses, as profiles have them, behind costs up to 20 times
// the steps.
const mostLimits = 24

// addressed is how many matches that take something are in rules of an address, or in chains
// that such a rule leads to.
func (f *Firewall) addressed() (count int) {
	of := f.chainsOfAddresses()
	for _, r := range f.rules {
		if of[place{r.id.Table, r.id.Chain}] || r.hasAddress() {
			for _, m := range r.asked {
				if takes(m.Name) {
					count++
				}
			}
		}
	}
	return count
}

// chainsOfAddresses are the chains to which only packets of some addresses come.
func (f *Firewall) chainsOfAddresses() map[place]bool {
	of := map[place]bool{}
	for before := -1; before < len(of); {
		before = len(of)
		for _, r := range f.rules {
			if of[place{r.id.Table, r.id.Chain}] || r.hasAddress() {
				of[place{r.id.Table, r.to}] = true
			}
		}
	}
	return of
}

// hasAddress reports whether a rule states an address.
func (r readRule) hasAddress() bool {
	return slices.ContainsFunc(r.asked, func(m tablefile.Match) bool {
		return m.Name == "iprange" || m.Name == "" && (slices.Contains(m.Words, "-s") || slices.Contains(m.Words, "-d"))
	})
}

// slot is a match of a rule that takes something.
type slot struct {
	chain, rule, match string
	// times counts rules that read alike in a chain, and matches in a rule.
	times int
}

// slotKey is where a slot is in a firewall.
type slotKey struct {
	rule  RuleID
	match int
}

// slots returns the numbers of the matches of a firewall that take something: those of
// the same match in firewalls before, if there is one, in the same rule if that is there.
func (w *World) slots(f *Firewall) map[slotKey]int {
	var places []slotKey
	var all []slot
	times := map[slot]int{}
	for _, r := range f.rules {
		for i, m := range r.asked {
			if takes(m.Name) {
				s := slot{chain: r.id.Chain, rule: r.Spec, match: m.String()}
				times[s]++
				s.times = times[s]
				places, all = append(places, slotKey{r.id, i}), append(all, s)
			}
		}
	}
	numbers, taken := map[slotKey]int{}, map[string]map[int]bool{}
	for _, alike := range []func(a, b slot) bool{
		func(a, b slot) bool { return a == b },
		func(a, b slot) bool { return a.chain == b.chain },
		func(a, b slot) bool { return true },
	} {
		w.pair(places, all, numbers, taken, alike)
	}
	for i, s := range all {
		if _, paired := numbers[places[i]]; !paired {
			numbers[places[i]] = len(w.limits[s.match])
			w.limits[s.match] = append(w.limits[s.match], s)
		}
	}
	return numbers
}

// pair gives slots the numbers of slots before with the same match that are alike, each
// number to one.
func (w *World) pair(places []slotKey, all []slot, numbers map[slotKey]int, taken map[string]map[int]bool, alike func(a, b slot) bool) {
	for i, s := range all {
		if taken[s.match] == nil {
			taken[s.match] = map[int]bool{}
		}
		for number, before := range w.limits[s.match] {
			if _, paired := numbers[places[i]]; !paired && !taken[s.match][number] && alike(s, before) {
				numbers[places[i]], taken[s.match][number] = number, true
			}
		}
	}
}
