package guard

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// inZones leaves out the visits of declared addresses to services that are not open by the
// interface by which the address comes, as far as another service is: for an address that no
// admin service would be open to, the refusal is what there is to show. Where the host has
// none of the interfaces of a service yet, the visit comes by one as it will be named.
func (q *Question) inZones(visits []*visit, have []string) (kept []*visit, notes []string) {
	isOpen := map[netip.Addr]bool{}
	for _, v := range visits {
		if !q.admits(v, v.link) && !slices.ContainsFunc(have, v.opensBy) {
			v.link = newName(v.interfaces[0])
			note := fmt.Sprintf("%s was tried by %s, which does not exist yet", v.from, v.link)
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
		isOpen[v.from] = isOpen[v.from] || q.admits(v, v.link)
	}
	return slices.DeleteFunc(visits, func(v *visit) bool { return isOpen[v.from] && !q.admits(v, v.link) }), notes
}

// admits reports whether a visit is let in by an interface: the service is open there, or all
// that comes from there, or from the visit's address, is trusted.
func (q *Question) admits(v *visit, link string) bool { return v.opensBy(link) || q.trusts(v, link) }

// trusts reports whether a zone's trust lets a visit in at every port.
func (q *Question) trusts(v *visit, link string) bool {
	return slices.ContainsFunc(q.Bundle.Manifest.Zones, func(z bundle.ZoneEntry) bool {
		listed := func(name string) bool { return q.Want.Sets[name].Members.Contains(v.from.WithZone("")) }
		return bundle.ByInterface(z.Interfaces, link) && (z.Trusted || slices.ContainsFunc(z.TrustedSets, listed))
	})
}

// opensBy reports whether the service behind a door is open by an interface.
func (d door) opensBy(link string) bool {
	return len(d.interfaces) == 0 || bundle.ByInterface(d.interfaces, link)
}

// newName is a name of an interface that one in a rule means.
func newName(inRule string) string {
	if beginning, many := strings.CutSuffix(inRule, "+"); many {
		return beginning[:min(len(beginning), maxInterface-1)] + "0"
	}
	return inRule
}

// maxInterface is the most bytes of an interface's name (IFNAMSIZ in the kernel's if.h, less
// its terminator).
const maxInterface = 15

// interfaces are the names of the host's.
func interfaces() (names []string, err error) {
	all, err := net.Interfaces()
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names, err
}

// fits reports whether a visit can be made in a network that others are made in: of one
// address the host has one way back.
func (v *visit) fits(others []*visit) bool {
	return !slices.ContainsFunc(others, func(o *visit) bool { return o.from == v.from && o.link != v.link })
}
