package state

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
)

// WriteCanonical writes everything in a state that a plan can depend on, in a
// fixed order: states are equal in that if they write equal text. Counters and
// the members of foreign sets are left out.
func (s State) WriteCanonical(w io.Writer) {
	ids := slices.SortedFunc(maps.Keys(s.Tables), func(a, b TableID) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Name, b.Name))
	})
	for _, id := range ids {
		for _, c := range s.Tables[id].Chains {
			fmt.Fprintf(w, "chain %d %s %s %s\n", id.Family, id.Name, c.Name, c.Policy)
			for _, r := range c.Rules {
				fmt.Fprintf(w, "rule %s\n", r.Spec)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Sets)) {
		set := s.Sets[name]
		fmt.Fprintf(w, "set %s %+v %d %v %v\n", name, set.Header, set.Odd, set.Members.V4(), set.Members.V6())
	}
	for _, key := range slices.Sorted(maps.Keys(s.Settings)) {
		fmt.Fprintf(w, "setting %s %q\n", key, s.Settings[key].Value)
	}
	for _, path := range slices.Sorted(maps.Keys(s.Files)) {
		fmt.Fprintf(w, "file %s %t %04o %q\n", path, s.Files[path] != nil, s.Modes[path], s.Files[path])
	}
}
