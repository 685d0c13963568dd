package profile

import "slices"

// Sources are some of those that a service is for: the addresses of Refs, as far as they come
// in by the interfaces of Zones, or by any where there are none. Of is the zone by which they
// count whatever the service says; empty for none.
type Sources struct {
	Of    string
	Refs  []Ref
	Zones []Named
}

// Sources returns those that the from of a service states, parted by the zones of its sets:
// first what counts by every interface of the service. What counts by a zone in which the
// service is not open is left out.
func (p *Profile) Sources(s Service) (all []Sources) {
	for _, ref := range s.From {
		zones, of := s.Zones, p.zoneOf(ref)
		if of.Name != "" {
			if len(s.Zones) > 0 && !slices.ContainsFunc(s.Zones, func(z Named) bool { return z.Name == of.Name }) {
				continue
			}
			zones = []Named{of}
		}
		at := slices.IndexFunc(all, func(known Sources) bool { return known.Of == of.Name })
		switch {
		case at >= 0:
			all[at].Refs = append(all[at].Refs, ref)
		case of.Name == "":
			all = slices.Insert(all, 0, Sources{Refs: []Ref{ref}, Zones: zones})
		default:
			all = append(all, Sources{Of: of.Name, Refs: []Ref{ref}, Zones: zones})
		}
	}
	return all
}

// zoneOf is the zone of the set that a reference names; the zero value for none.
func (p *Profile) zoneOf(ref Ref) Named { return p.Set(ref.Set).Zone }

// Set returns the set of a name; the zero value if there is none.
func (p *Profile) Set(name string) Set {
	i := slices.IndexFunc(p.Sets, func(s Set) bool { return s.Name == name })
	if i < 0 {
		return Set{}
	}
	return p.Sets[i]
}

// zoneName reads the one zone in which something counts.
func (d *decoder) zoneName(to *Named) reader {
	return reader{"the name of a zone", nil, func(n *node) {
		if !d.want(n, kindString, "the name of a zone") {
			return
		}
		if name := n.scalar.(string); d.knownZone(n, name) {
			*to = Named{Position: n.value, Name: name}
		}
	}}
}
