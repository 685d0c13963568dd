package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
)

// firstPlace is a program that puts jumps to its chains first in built-in chains, and again
// when it starts. Names decide what is said of a plan, and never what is done.
type firstPlace struct {
	program string
	chains  string // a pattern as [policy] before takes it
	behind  string // what it means that its rules come behind ours; fail2ban.go says it of fail2ban
}

// firstPlaces are those that are known, by the names that each gives its chains.
var firstPlaces = []firstPlace{
	{"fail2ban", fail2banNames + "*", ""},
	{"tailscale", "ts-*", "what tailscale accepts and refuses there has no effect where the profile decides, such as its rule against forged addresses of the tailnet"},
	{"Calico", "cali-*", "network policies of Calico have no effect where the profile decides"},
	{"kube-router", "KUBE-ROUTER-*", "network policies and services of kube-router have no effect where the profile decides"},
	{"libvirt", "LIBVIRT_*", "what libvirt accepts from its guests, such as DHCP and DNS, is refused unless the profile opens it"},
}

// jumpBehind is a jump of others that is behind a hook of ours.
type jumpBehind struct {
	place  string // "IPv4 filter INPUT"
	chain  string // to which it leads
	stated bool   // whether [policy] before names it
}

// noteJumpsBehind collects the jumps of a chain that the plan has behind our hooks.
func (t *tableComparison) noteJumpsBehind(chain string, behind []tablefile.Rule) {
	if !owned.Hooked(t.want.Chain(chain)) {
		return
	}
	leading := owned.LeadingIn(t.have, t.manifest.Leading)
	for _, r := range behind {
		place := fmt.Sprintf("IPv%d %s", t.id.Family, t.object(chain))
		if target := r.Target(); t.have.Chain(target) != nil && !owned.Chain(target) {
			t.behind = append(t.behind, jumpBehind{place, target, leading[target]})
		} else if set := fail2banSet(r); set != "" {
			t.bySet = append(t.bySet, fmt.Sprintf("set %s in %s", set, place))
		}
	}
}

// firstPlaces notes each known program whose jumps are behind our hooks, and jumps whose
// place the profile leaves to their program.
func (c *comparison) firstPlaces() {
	for _, f := range firstPlaces {
		jumps := slices.DeleteFunc(slices.Clone(c.behind), func(j jumpBehind) bool {
			return j.stated || !owned.Named([]string{f.chains}, j.chain)
		})
		if len(jumps) > 0 {
			c.plan.Notes = append(c.plan.Notes, fmt.Sprintf(
				"%s (%s): %s. When %s starts again it puts its jumps first, and the next plan changes that back. To let them stay before hardenctl's, state in the profile: [policy] before = [%q]",
				f.program, listed(jumps), cmp.Or(f.behind, c.behindHardenctl()), f.program, f.chains))
		}
	}
	stated := slices.DeleteFunc(slices.Clone(c.behind), func(j jumpBehind) bool { return !j.stated })
	if len(stated) > 0 {
		c.plan.Notes = append(c.plan.Notes, fmt.Sprintf(
			"policy.before names these chains, but the jumps to them come behind hardenctl's now (%s): an apply does not move them. Restart their program, which puts them first again", listed(stated)))
	}
}

// listed names chains and the places of the jumps to them.
func listed(jumps []jumpBehind) string {
	var texts []string
	for _, j := range jumps {
		texts = append(texts, fmt.Sprintf("%s in %s", j.chain, j.place))
	}
	return someOf(slices.Compact(texts))
}

// known reports whether a note of its own is about a rule: it jumps to a chain of a program
// that firstPlaces notes, or that the profile names, or asks a set of fail2ban's.
func (t *tableComparison) known(r tablefile.Rule) bool {
	target := r.Target()
	return fail2banSet(r) != "" || t.have.Chain(target) != nil && (owned.Named(t.manifest.Leading, target) ||
		slices.ContainsFunc(firstPlaces, func(f firstPlace) bool { return owned.Named([]string{f.chains}, target) }))
}
