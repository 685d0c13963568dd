package guard

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/internal/host/knock"
	"github.com/hardenctl/hardenctl/internal/host/probe"
)

// Where an address is known from.
const (
	learnedAsking   = "your SSH connection"
	learnedSSH      = "logged in by SSH"
	learnedService  = "connected to an admin service"
	learnedDeclared = "access.admin"
)

// visit is one address that must reach one port of the host.
type visit struct {
	from, to netip.Addr // an address with a zone is link-local
	link     string     // the host's interface
	door
	learned string
	// connected says that a connection is open now, which must not break.
	connected bool
	// program serves that connection, and does not tell whether somebody has logged
	// in by it; empty where that is known.
	program string
	// like is for how many others this one is tried, which no rule tells from it.
	like int

	// What came of it. refused says which new connections would not be
	// accepted, and reason by what, where that can be told; both are empty if
	// all were. broken says that the open connection would not go on.
	refused, reason string
	broken          bool
}

// door is a port of the host, and the way through it.
type door struct {
	protocol string // "tcp" or "udp"
	number   uint16
	service  string // of the profile; empty for none
	// interfaces are those by which the service is open; empty means every one.
	interfaces []string
	knock      []knock.Port // nil where none is needed
}

// port is the door's as profiles write it.
func (d door) port() string { return fmt.Sprintf("%s/%d", d.protocol, d.number) }

// visits returns all visits that must be possible, each once.
func (q *Question) visits(ctx context.Context) (visits []*visit, notes []string, err error) {
	logins, err := q.logins()
	if err != nil {
		return nil, nil, err
	}
	if err := q.readOthers(ctx); err != nil {
		return nil, nil, err
	}
	if err := q.readLive(q.admin().Union(addresses(logins))); err != nil {
		return nil, nil, err
	}
	c, err := q.classes()
	if err != nil {
		return nil, nil, err
	}
	logins, notes = c.pick(logins)
	declared, more, err := q.declared(c)
	if err != nil {
		return nil, nil, err
	}
	have, err := interfaces()
	if err != nil {
		return nil, nil, err
	}
	declared, absent := q.inZones(q.possible(declared), have)
	visits = once(append(logins, declared...), exactly)
	return visits, slices.Concat(notes, more, absent, tunnelNotes(visits)), nil
}

// logins returns the visits of those who are logged in, first that of the one
// who asks.
func (q *Question) logins() (visits []*visit, err error) {
	asking, err := q.asking()
	if err != nil {
		return nil, fmt.Errorf("who asks: %w", err)
	}
	if asking != nil {
		visits = append(visits, asking)
	}
	logins, err := probe.AdminConnections(q.servesAdmin)
	if err != nil {
		return nil, fmt.Errorf("who is logged in: %w", err)
	}
	for _, s := range logins {
		if q.NotAdmins.Contains(s.Far.Addr().Unmap().WithZone("")) {
			continue
		}
		v := q.connectedVisit(s.Far.Addr(), s.Near, learnedSSH)
		if !s.SSH {
			v.learned, v.program = learnedService, cmp.Or(s.Program, "a program")
		}
		visits = append(visits, v)
	}
	return once(q.possible(visits), exactly), nil
}

// possible returns the visits that packets can make, with the way they take. What a zone's
// trust lets in needs no knock.
func (q *Question) possible(visits []*visit) []*visit {
	visits = slices.DeleteFunc(visits, func(v *visit) bool { return !q.hasFamily(v.from) || !v.locate() })
	for _, v := range visits {
		if q.trusts(v, v.link) {
			v.knock = nil
		}
	}
	return visits
}

// addresses are those from which visits come.
func addresses(visits []*visit) netset.Set {
	var all []netip.Prefix
	for _, v := range visits {
		a := v.from.WithZone("")
		all = append(all, netip.PrefixFrom(a, a.BitLen()))
	}
	return netset.Of(all...)
}

// asking returns the visit of the one who asks; nil if he is not here by SSH. A
// connection of which only a process above was told counts while it is open.
func (q *Question) asking() (*visit, error) {
	c := q.Connection
	if !c.Far.IsValid() {
		return nil, nil
	}
	if !c.Own {
		open, err := probe.OpenConnections()
		far := netip.AddrPortFrom(c.Far.Addr().WithZone(""), c.Far.Port())
		if err != nil || !slices.ContainsFunc(open, func(o probe.Connection) bool { return o.Far == far }) {
			return nil, err
		}
	}
	return q.connectedVisit(c.Far.Addr(), c.Near, learnedAsking), nil
}

// connectedVisit is that of a connection which is open. It must be possible again
// by the same port, whether a service of the profile states it or not.
func (q *Question) connectedVisit(far netip.Addr, near netip.AddrPort, learned string) *visit {
	v := &visit{from: far.Unmap(), to: near.Addr().Unmap(), learned: learned, connected: true}
	v.door = door{protocol: "tcp", number: near.Port()}
	for _, s := range q.Bundle.Manifest.Access.Services {
		if slices.ContainsFunc(s.Ports, func(p bundle.Port) bool { return p.Has("tcp", v.number) }) {
			v.service, v.knock = s.Name, q.knockFor(v.from, s)
		}
	}
	return v
}

// knockFor returns the knock that an address needs for a service; nil for none.
func (q *Question) knockFor(from netip.Addr, s bundle.AdminService) []knock.Port {
	for _, name := range slices.Concat(s.From, q.Bundle.Manifest.Access.Admin) {
		if q.Want.Sets[name].Members.Contains(from.WithZone("")) {
			return nil
		}
	}
	var sequence []knock.Port
	for _, p := range s.Knock {
		sequence = append(sequence, knock.Port{Network: p.Protocol, Number: p.First})
	}
	return sequence
}

// servesAdmin reports whether a TCP port is one of an admin service.
func (q *Question) servesAdmin(port uint16) bool {
	for _, s := range q.Bundle.Manifest.Access.Services {
		if slices.ContainsFunc(s.Ports, func(p bundle.Port) bool { return p.Has("tcp", port) }) {
			return true
		}
	}
	return false
}

func (q *Question) hasFamily(a netip.Addr) bool {
	for _, f := range q.Families {
		if f.Has(a) {
			return true
		}
	}
	return false
}

// way is how a visit goes, as far as a rule may look at it, but for its source.
type way struct {
	zone, link, port string
	to               netip.Addr
}

func (v *visit) way() way { return way{v.from.Zone(), v.link, v.port(), v.to} }

// key is what makes two visits one.
type key struct {
	way
	source  netip.Prefix
	class   string
	unknown bool // whether somebody has logged in
}

// once keeps the first visit of each key.
func once(visits []*visit, of func(*visit) key) []*visit {
	seen := map[key]bool{}
	return slices.DeleteFunc(visits, func(v *visit) bool {
		k := of(v)
		again := seen[k]
		seen[k] = true
		return again
	})
}

// exactly tells every address from every other.
func exactly(v *visit) key {
	a := v.from.WithZone("")
	return key{way: v.way(), source: netip.PrefixFrom(a, a.BitLen())}
}

// pick returns, of the users who are logged in, those to try: of each source one of
// each class, since the logins of others in it count for all. Of more than can be
// tried it takes one of each kind: a user of this host can make as many connections
// as she likes, each to another address of the loopback, and from another.
func (c classes) pick(logins []*visit) (picked []*visit, notes []string) {
	picked = once(logins, func(v *visit) key {
		return key{way: v.way(), source: source(v.from), class: c.of(v.from), unknown: v.program != ""}
	})
	if all := len(picked); all > mostOfAll {
		many := map[key]int{}
		for _, v := range picked {
			many[c.kind(v)]++
		}
		picked = once(picked, c.kind)
		for _, v := range picked {
			v.like = many[c.kind(v)] - 1
		}
		notes = append(notes, fmt.Sprintf("of the %d connections of those who are logged in, %d were tried: one of each kind that a rule tells apart", all, len(picked)))
	}
	return picked, notes
}

// kind is all of a visit that a rule can tell, and whether a login is known.
func (c classes) kind(v *visit) key {
	return key{
		way:     way{zone: v.from.Zone(), link: v.link, port: c.ofDoor(v.door)},
		class:   c.of(v.from) + c.ofPlace(v.to),
		unknown: v.program != "",
	}
}
