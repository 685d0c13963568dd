package meaning

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/owned"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Standing says which rules of others, in raw and nat, change packets before the rules of a
// profile decide about them, so that these refuse what people expect them to accept: each
// with the rule, and the way out. The states and the manifest are those of Of. local reports
// whether an address is the host's own.
func Standing(have, want state.State, m bundle.Manifest, local func(netip.Addr) bool) (notes []string) {
	if m.Before {
		return nil
	}
	for _, family := range ruleset.Families {
		filter := want.Tables[state.TableID{Family: family, Name: "filter"}]
		input := filter.Chain(ruleset.ChainPrefix + "INPUT")
		if input == nil {
			continue
		}
		s := standing{have: have, want: want, manifest: m, family: family, local: local,
			services: services(*input), proxied: proxied(want.Tables[state.TableID{Family: family, Name: "raw"}])}
		notes = append(notes, slices.Concat(s.untracked(), s.translated())...)
	}
	return notes
}

// standing is Standing of one family.
type standing struct {
	have, want state.State
	manifest   bundle.Manifest
	family     ruleset.Family
	local      func(netip.Addr) bool
	services   []servicePort // by ports, those of synproxy too
	proxied    []servicePort // those with synproxy
}

// servicePort is a port that a service of the profile states.
type servicePort struct {
	service string // "services.web"
	port    bundle.Port
}

// foreignRule is a rule of others that packets meet from a built-in chain.
type foreignRule struct {
	tablefile.Rule
	table, hook, chain string
	number             int
	in                 string // the interface by which its packets come; empty for any
}

// String names the rule by its place, with its words.
func (r foreignRule) String() string {
	return fmt.Sprintf("%s %s, rule %d (%s)", r.table, r.chain, r.number, r.Spec)
}

// foreign returns the rules of others that packets can meet from a built-in chain.
func (s standing) foreign(table, hook string) (found []foreignRule) {
	t := s.have.Tables[state.TableID{Family: s.family, Name: table}]
	seen := map[string]bool{}
	var walk func(chain, in string)
	walk = func(chain, in string) {
		c := t.Chain(chain)
		if c == nil || seen[chain] || owned.Chain(chain) {
			return
		}
		seen[chain] = true
		for i, r := range c.Rules {
			if !owned.Rule(r) {
				in := cmp.Or(word(r, "-i"), in)
				found = append(found, foreignRule{r, table, hook, chain, i + 1, in})
				walk(r.Target(), in)
			}
		}
	}
	walk(hook, "")
	return found
}

// remove is the command that takes a rule out.
func (s standing) remove(r foreignRule) string {
	return fmt.Sprintf("%s -t %s -D %s %s", tool[s.family], r.table, r.chain, r.Spec)
}

// tool is the command of each family.
var tool = map[ruleset.Family]string{ruleset.V4: "iptables", ruleset.V6: "ip6tables"}

// word returns what follows an option of a rule; empty if the rule has none of them.
func word(r tablefile.Rule, options ...string) string {
	words, err := tablefile.Words(r.Spec)
	if err != nil {
		return ""
	}
	for i := range words[:max(0, len(words)-1)] {
		if slices.Contains(options, words[i]) && (i == 0 || words[i-1] != "!") {
			return words[i+1]
		}
	}
	return ""
}

// services are the ports that the rules of INPUT open, by the service that states them.
func services(input tablefile.Chain) (all []servicePort) {
	for _, r := range input.Rules {
		all = appendStated(all, r)
	}
	return all
}

// proxied are the ports at which SYNPROXY answers: those that raw does not track.
func proxied(raw tablefile.Table) (all []servicePort) {
	for _, c := range raw.Chains {
		for _, r := range c.Rules {
			if owned.Chain(c.Name) && c.Name != ruleset.ChainPrefix+"ANSWERS" && r.Target() == "CT" {
				all = appendStated(all, r)
			}
		}
	}
	return all
}

func appendStated(all []servicePort, r tablefile.Rule) []servicePort {
	name, _, _ := strings.Cut(r.Comment(), ":")
	if !strings.HasPrefix(name, "services.") {
		return all
	}
	for _, port := range r.Ports() {
		if !slices.Contains(all, servicePort{name, port}) {
			all = append(all, servicePort{name, port})
		}
	}
	return all
}

// at returns the service that states any of some ports, and which of them.
func at(services []servicePort, ports ...bundle.Port) (service string, port bundle.Port) {
	for _, s := range services {
		for _, p := range ports {
			first, last := max(s.port.First, p.First), min(s.port.Last, p.Last)
			if s.port.Protocol == p.Protocol && first <= last {
				return s.service, bundle.Port{Protocol: p.Protocol, First: first, Last: last}
			}
		}
	}
	return "", bundle.Port{}
}
