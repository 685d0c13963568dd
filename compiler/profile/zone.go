package profile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

// Zone is [zones.NAME]: a part of the network, told by the interfaces of this host by which
// its packets come in. What a packet says of itself, its source too, can be forged; by which
// interface it came cannot.
type Zone struct {
	Name       string
	Position   diag.Position
	Interfaces []Interface // at least one
	Trust      Trust
}

// Trust says which packets from a zone reach every port and protocol of this host, past
// limits, bans and blocklists: all of them, or those of some addresses. The zero value is
// none.
type Trust struct {
	Position diag.Position
	All      bool
	From     []Ref
}

// Zone returns the zone of a name; one without interfaces if there is none.
func (p *Profile) Zone(name string) Zone {
	i := slices.IndexFunc(p.Zones, func(z Zone) bool { return z.Name == name })
	if i < 0 {
		return Zone{Name: name}
	}
	return p.Zones[i]
}

// Interfaces returns those of some zones.
func (p *Profile) Interfaces(zones []Named) []Interface {
	var all []Interface
	for _, z := range zones {
		all = append(all, p.Zone(z.Name).Interfaces...)
	}
	return all
}

// Trusts reports whether all packets that come by an interface reach every port.
func (p *Profile) Trusts(name string) bool {
	return slices.ContainsFunc(p.Zones, func(z Zone) bool {
		return z.Trust.All && slices.ContainsFunc(z.Interfaces, func(i Interface) bool { return i.Name == name })
	})
}

// Holds reports whether an interface of this name is meant.
func (i Interface) Holds(name string) bool {
	beginning, many := strings.CutSuffix(i.Name, "+")
	return name == i.Name || many && strings.HasPrefix(name, beginning)
}

// Meets reports whether there can be an interface that both mean.
func (i Interface) Meets(other Interface) bool {
	own, _ := strings.CutSuffix(i.Name, "+")
	theirs, _ := strings.CutSuffix(other.Name, "+")
	return i.Holds(theirs) || other.Holds(own)
}

// knowZones notes the names that services may use, from the tree, so that a zone that is
// broken is not unknown too.
func (d *decoder) knowZones(root *node) {
	d.zones, d.zonesPartial = nil, root.partial
	if zones := root.child("zones"); zones != nil {
		d.zones = d.thoseOn(zones)
		d.zonesPartial = d.zonesPartial || zones.partial
	}
}

// zone reads [zones.NAME].
func (d *decoder) zone(n *node) {
	z := Zone{Name: n.name, Position: n.key}
	d.remarkable(n, fields{
		"interfaces": d.zoneInterfaces(&z.Interfaces),
		"trust":      d.trust(&z.Trust),
	})
	if n.child("interfaces") == nil && !n.partial {
		d.add(&flaw{
			Code: "no-interfaces", Message: "states no interfaces", Suggestion: d.meant(n, "interfaces", `add interfaces = ["wg0"]`),
		}, n.key, n.path)
	}
	d.profile.Zones = append(d.profile.Zones, z)
}

// zoneInterfaces reads the interfaces of a zone. The loopback is of none: what comes by it
// is this host itself.
func (d *decoder) zoneInterfaces(to *[]Interface) reader {
	return reader{"a list of interfaces", nil, func(n *node) {
		for _, element := range texts(n, `a list of interfaces such as ["wg0"]`, d.list) {
			i, ok := d.interfaceName(element)
			if ok && i.Name == "lo" {
				d.add(&flaw{
					Code: "bad-name", Message: `"lo" is the interface by which this host talks to itself`,
					Suggestion: "leave it out: what comes by it is let in anyway",
				}, element.value, element.path)
				continue
			}
			if ok {
				*to = append(*to, i)
			}
		}
		if n.kind == kindArray && len(n.children) == 0 {
			d.add(&flaw{
				Code: "empty-list", Message: "is empty: no packet could come from this zone",
				Suggestion: `name an interface, such as "wg0"; it need not exist yet`,
			}, n.value, n.path)
		}
	}}
}

// trust reads "all", or a list of addresses.
func (d *decoder) trust(to *Trust) reader {
	refs := d.refs(&to.From, toReachAll)
	return reader{`"all", or a list of prefixes, ranges and @SET`, nil, func(n *node) {
		to.Position = n.value
		switch {
		case n.kind != kindString:
			refs.read(n)
		case n.scalar == trustAll:
			to.All = true
		default:
			text := n.scalar.(string)
			f := &flaw{Code: "bad-value", Message: quote(text) + ` is neither "all" nor a list`, Suggestion: `write "all" for every packet from the zone`}
			if _, err := netset.ParsePrefix(text); err == nil || strings.HasPrefix(text, "@") {
				f.Suggestion = fmt.Sprintf("write it in brackets: [%s]", quote(text))
			}
			d.add(f, n.value, n.path)
		}
	}}
}

// trustAll is the word for all packets from a zone.
const trustAll = "all"

// zoneNames reads the zones in which something counts.
func (d *decoder) zoneNames(to *[]Named) reader {
	return reader{"a list of zones", nil, func(n *node) {
		if !d.mustInherit(n, "every interface") {
			return
		}
		for _, element := range texts(n, `a list of zones such as ["vpn"]`, d.list) {
			if name := element.scalar.(string); d.knownZone(element, name) {
				*to = append(*to, Named{Position: element.value, Name: name})
			}
		}
		if n.kind == kindArray && len(n.children) == 0 {
			d.add(&flaw{
				Code: "empty-list", Message: "is empty: by no interface could a source connect",
				Suggestion: `leave it out for every interface, or say remove = ["zones"] if it is inherited; enabled = false switches the service off`,
			}, n.value, n.path)
		}
	}}
}

// knownZone reports whether the profile has a zone, and says so if not.
func (d *decoder) knownZone(n *node, name string) bool {
	if slices.Contains(d.zones, name) || d.zonesPartial {
		return true
	}
	f := &flaw{
		Code: "unknown-zone", Message: fmt.Sprintf("there is no zone %s", quote(name)),
		Suggestion: didYouMean(name, d.zones),
	}
	if at, isOff := d.off[join("zones", name)]; isOff {
		f.Message, f.Suggestion = fmt.Sprintf("the zone %s is switched off in %s", quote(name), at), "take it out of this list"
	} else if f.Suggestion == "" && isName(name, MaxName) {
		f.Suggestion = fmt.Sprintf(`state it as [zones.%s], with interfaces = ["wg0"]`, name)
	} else if f.Suggestion == "" && isInterface(name) {
		f.Suggestion = fmt.Sprintf("state a zone that has this interface: [zones.NAME], with interfaces = [%s]", quote(name))
	}
	d.add(f, n.value, n.path)
	return false
}
