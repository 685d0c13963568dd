package plan

import (
	"fmt"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// The chains by which the compiler hands proxied connections on, and by which it
// filters published ports.
const (
	proxiedChain   = ruleset.ChainPrefix + "PROXIED"
	publishedChain = ruleset.ChainPrefix + "FORWARD"
)

// proxied notes a host on which SYNPROXY would keep everybody from a published
// port. NAT never sees a proxied client's SYN; the kernel's own, which takes its
// place, leaves by OUTPUT, and goes to the container only if the port is
// translated there too.
func (c *comparison) proxied() {
	for _, family := range ruleset.Families {
		table := func(name string) tablefile.Table { return c.want.Tables[state.TableID{Family: family, Name: name}] }
		if table("filter").Chain(proxiedChain) == nil || table("mangle").Chain(publishedChain) == nil {
			continue
		}
		nat := c.have.Tables[state.TableID{Family: family, Name: "nat"}]
		if translates(nat, "PREROUTING", nil) && !translates(nat, "OUTPUT", nil) {
			c.plan.Notes = append(c.plan.Notes, fmt.Sprintf(
				"IPv%d nat: ports are translated by DNAT in PREROUTING but not in OUTPUT, and a service with synproxy needs both: "+
					"add the same rules to OUTPUT, as Docker does, or disable synproxy for services on these ports", family))
		}
	}
}

// translates reports whether a packet that enters a chain of nat can meet a
// DNAT. seen are the chains that led there.
func translates(nat tablefile.Table, chain string, seen []string) bool {
	c := nat.Chain(chain)
	if c == nil || slices.Contains(seen, chain) {
		return false
	}
	return slices.ContainsFunc(c.Rules, func(r tablefile.Rule) bool {
		target := r.Target()
		return target == "DNAT" || translates(nat, target, append(seen, chain))
	})
}
