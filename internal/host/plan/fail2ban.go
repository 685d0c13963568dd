package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// fail2banNames is how fail2ban begins the names of its chains and sets.
const fail2banNames = "f2b-"

// behindHardenctl says what it means for the bans of fail2ban, with how many sources those
// are now.
func (c *comparison) behindHardenctl() string {
	text := "its bans come behind hardenctl's rules: what the profile accepts is accepted although fail2ban has banned the source"
	switch n := c.bannedByFail2ban(); n {
	case 0:
		return text
	case 1:
		return text + " (now: 1 source)"
	default:
		return fmt.Sprintf("%s (now: %d sources)", text, n)
	}
}

// bannedByFail2ban counts the sources that fail2ban's chains refuse, each once, and the
// entries of its sets.
func (c *comparison) bannedByFail2ban() int {
	refused := map[string]bool{}
	for _, t := range c.have.Tables {
		for _, chain := range t.Chains {
			if !strings.HasPrefix(chain.Name, fail2banNames) {
				continue
			}
			for _, r := range chain.Rules {
				if source := r.Source(); source != "" && (r.Target() == "REJECT" || r.Target() == "DROP") {
					refused[source] = true
				}
			}
		}
	}
	n := len(refused)
	for name, set := range c.have.Sets {
		if strings.HasPrefix(name, fail2banNames) {
			n += set.Entries
		}
	}
	return n
}

// fail2banSet returns the set of fail2ban's that a rule asks by itself, as its actions with
// ipset do: they have no chain. It is empty for any other rule.
func fail2banSet(r tablefile.Rule) string {
	sets := r.Sets()
	if i := slices.IndexFunc(sets, func(s string) bool { return strings.HasPrefix(s, fail2banNames) }); i >= 0 {
		return sets[i]
	}
	return ""
}

// fail2banSets notes rules of fail2ban's behind our hooks that no line of a profile can let
// come first.
func (c *comparison) fail2banSets() {
	if len(c.bySet) == 0 {
		return
	}
	c.plan.Notes = append(c.plan.Notes, fmt.Sprintf(
		"fail2ban (%s): %s. These rules jump to no chain, so that policy.before cannot name them. Use an action that has a chain, such as banaction = iptables-multiport, with [policy] before = [\"f2b-*\"]; "+
			"or state [fail2ban] in the profile and use banaction = hardenctl", someOf(slices.Compact(c.bySet)), c.behindHardenctl()))
}
