package lower

import "github.com/hardenctl/hardenctl/compiler/profile"

// leading are the chains of others to which jumps may come before those of the bundle. No
// rule is made of them: the live side places its jumps by them.
func leading(p profile.Policy) []string {
	var names []string
	for _, chain := range p.Before {
		names = append(names, chain.Name)
	}
	return names
}
