package exact

// A limit is used up by the rule that it is in. So two rules have two facts, though they
// read alike; and a rule that is in two firewalls has one in both, or each limit would
// be a difference between them.

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
