package owned

import "github.com/hardenctl/hardenctl/compiler/tablefile"

// drop is the one policy that a profile states.
const drop = "DROP"

// States reports whether a profile states the policy of a chain: it is built in, drops,
// and has a hook of ours. For nil it does not.
func States(c *tablefile.Chain) bool {
	return c != nil && c.BuiltIn() && c.Policy == drop && Hooked(c)
}

// Releases reports whether a chain that is not ours is to get the kernel's policy,
// ACCEPT, back: an earlier profile states the one that it has, and what is wanted, or nil
// for nothing, has neither a hook nor a policy for it.
func Releases(have, want *tablefile.Chain) bool {
	return States(have) && !Hooked(want) && (want == nil || want.Policy != drop)
}

// Stated names the chains of a table whose policies a profile states.
func Stated(t tablefile.Table) (names []string) {
	for _, c := range t.Chains {
		if States(&c) {
			names = append(names, c.Name)
		}
	}
	return names
}
