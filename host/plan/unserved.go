package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hardenctl/compiler/ruleset"
	"hardenctl/host/saved"
	"hardenctl/host/state"
)

// inputChain is the chain in which the compiler decides about packets to the host.
const inputChain = ruleset.ChainPrefix + "INPUT"

// Unserved returns a note on the ports that the profile states and at which no
// program listens. served are the ports at which programs do, by protocol. A port
// that the host's own NAT sends on is served elsewhere. Of a range that a rule
// states, one port that is served is enough.
func Unserved(want, have state.State, served map[string][]uint16) []string {
	elsewhere := map[string][]portRange{}
	for id, t := range have.Tables {
		if id.Name == "nat" {
			addTranslated(elsewhere, t)
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
			for _, stated := range portRanges(r.DestinationPorts()) {
				protocol := r.Protocol()
				text := fmt.Sprintf("%s/%s (services.%s)", protocol, stated, service)
				if !stated.hasAny(served[protocol]) && !stated.overlapsAny(elsewhere[protocol]) && !slices.Contains(ports, text) {
					ports = append(ports, text)
				}
			}
		}
	}
	if ports == nil {
		return nil
	}
	return []string{fmt.Sprintf("stated, but no program listens: %s. A client gets no answer there. "+
		"Start the program, or leave the port out of the profile", someOf(ports))}
}

// addTranslated adds the ports that a table nat gives another destination.
func addTranslated(to map[string][]portRange, nat saved.Table) {
	for _, c := range nat.Chains {
		for _, r := range c.Rules {
			if target := r.Target(); target != "DNAT" && target != "REDIRECT" {
				continue
			}
			ranges := portRanges(r.DestinationPorts())
			if ranges == nil {
				ranges = []portRange{{0, 65535}}
			}
			for _, protocol := range []string{"tcp", "udp"} {
				if p := r.Protocol(); p == protocol || p == "" || p == "all" {
					to[protocol] = append(to[protocol], ranges...)
				}
			}
		}
	}
}

// portRange is an inclusive range of ports.
type portRange struct{ first, last uint16 }

// portRanges reads ports as rules print them: "22", "22,8000:8100".
func portRanges(text string) (ranges []portRange) {
	for word := range strings.SplitSeq(text, ",") {
		first, last, is := strings.Cut(word, ":")
		if !is {
			last = first
		}
		low, errLow := strconv.ParseUint(first, 10, 16)
		high, errHigh := strconv.ParseUint(last, 10, 16)
		if errLow == nil && errHigh == nil {
			ranges = append(ranges, portRange{uint16(low), uint16(high)})
		}
	}
	return ranges
}

func (r portRange) String() string {
	if r.first == r.last {
		return fmt.Sprint(r.first)
	}
	return fmt.Sprintf("%d-%d", r.first, r.last)
}

func (r portRange) hasAny(ports []uint16) bool {
	return slices.ContainsFunc(ports, func(p uint16) bool { return r.first <= p && p <= r.last })
}

func (r portRange) overlapsAny(others []portRange) bool {
	return slices.ContainsFunc(others, func(o portRange) bool { return r.first <= o.last && o.first <= r.last })
}
