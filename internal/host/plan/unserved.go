package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// inputChain is the chain in which the compiler decides about packets to the host.
const inputChain = ruleset.ChainPrefix + "INPUT"

// Unserved returns a note on the ports that the profile states and at which no
// program listens. served are the ports at which programs do, by protocol. A port
// that the host's own NAT sends on is served elsewhere. Of a range that a rule
// states, one port that is served is enough.
func Unserved(want, have state.State, served map[string][]uint16) []string {
	var elsewhere []bundle.Port
	for id, t := range have.Tables {
		if id.Name == "nat" {
			elsewhere = append(elsewhere, translated(t)...)
		}
	}
	var ports []string
	for _, family := range ruleset.Families {
		input := want.Tables[state.TableID{Family: family, Name: "filter"}].Chain(inputChain)
		if input == nil {
			continue
		}
		for _, r := range input.Rules {
			service, is := strings.CutPrefix(r.Comment(), "services.")
			if !is || strings.Contains(service, ":") {
				continue
			}
			for _, stated := range r.Ports() {
				if stated.Protocol != "tcp" && stated.Protocol != "udp" {
					continue // which programs listen there is not read
				}
				text := fmt.Sprintf("%s (services.%s)", stated, service)
				if !hasAny(stated, served[stated.Protocol]) && !overlapsAny(stated, elsewhere) && !slices.Contains(ports, text) {
					ports = append(ports, text)
				}
			}
		}
	}
	if ports == nil {
		return nil
	}
	return []string{fmt.Sprintf("no program listens on: %s. Clients get no answer there. "+
		"Start the program, or remove the port from the profile", someOf(ports))}
}

// translated returns the ports that a table nat gives another destination.
func translated(nat tablefile.Table) (ports []bundle.Port) {
	for _, c := range nat.Chains {
		for _, r := range c.Rules {
			if target := r.Target(); target != "DNAT" && target != "REDIRECT" {
				continue
			}
			ranges := r.Ports()
			if ranges == nil {
				ranges = []bundle.Port{{Protocol: r.Protocol(), Last: 65535}}
			}
			for _, p := range ranges {
				for _, protocol := range []string{"tcp", "udp"} {
					if p.Protocol == protocol || p.Protocol == "" || p.Protocol == "all" {
						ports = append(ports, bundle.Port{Protocol: protocol, First: p.First, Last: p.Last})
					}
				}
			}
		}
	}
	return ports
}

func hasAny(r bundle.Port, ports []uint16) bool {
	return slices.ContainsFunc(ports, func(p uint16) bool { return r.Has(r.Protocol, p) })
}

func overlapsAny(r bundle.Port, others []bundle.Port) bool {
	return slices.ContainsFunc(others, func(o bundle.Port) bool {
		return r.Protocol == o.Protocol && r.First <= o.Last && o.First <= r.Last
	})
}
