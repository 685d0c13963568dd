package guard

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/meaning"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// proofSteps bounds the work of a proof for one family, to less than a second.
const proofSteps = 2_000_000

// proof says of every packet of the declared admin sources what rules do with it, in every
// state of bans, limits and lists. The rehearsal sends some of them.
type proof struct {
	*exact.World
	g        *bdd.Graph
	firewall *exact.Firewall
	// first are packets by which connections from other hosts begin, and let those of the
	// declared admin sources to admin services that are not refused.
	first, let bdd.Node
}

// proofs are those of the families that have declared admin sources.
type proofs map[ruleset.Family]*proof

// prove works out what rules and sets do with the declared admin sources.
func (q *Question) prove(s state.State) (all proofs, err error) {
	firewalls, err := meaning.Firewalls(s)
	if err != nil {
		return nil, err
	}
	all = proofs{}
	for _, family := range q.Families {
		if f := firewalls[family]; f != nil && len(prefixesOf(q.admin().Subtract(unusable), family)) > 0 {
			all[family] = q.proofOf(family, f)
		}
	}
	return all, nil
}

func prefixesOf(set netset.Set, family ruleset.Family) []netip.Prefix {
	if family == ruleset.V6 {
		return set.V6()
	}
	return set.V4()
}

func (q *Question) proofOf(family ruleset.Family, f *exact.Firewall) *proof {
	w := exact.NewWorld(family, f)
	w.Graph().Limit(proofSteps)
	p := &proof{World: w, g: w.Graph(), firewall: f}
	p.first = p.g.And(p.g.Without(w.First(), w.By(exact.In, loopback)), w.ToOne())
	asked := bdd.False
	for _, s := range q.Bundle.Manifest.Access.Services {
		for _, port := range s.Ports {
			asked = p.g.Or(asked, p.to(port))
		}
	}
	wanted := p.g.And(p.first, asked, w.Among(exact.Source, q.admin().Subtract(unusable)))
	for v, n := range w.Walk(f, exact.Input, wanted).Verdicts {
		if v.Kind == exact.Accept || v.Kind == exact.Other { // a target such as SYNPROXY answers by itself
			p.let = p.g.Or(p.let, n)
		}
	}
	return p
}

// to are the packets to a port.
func (p *proof) to(port bundle.Port) bdd.Node {
	return p.g.And(p.Protocol(port.Protocol), p.Between(exact.DestinationPort, uint64(port.First), uint64(port.Last)))
}

// refusal is what the rules refuse to declared admin sources at ports of a service.
type refusal struct {
	source  netip.Addr
	service string
	port    string
	by      string
	// states are those in which it is so: none where it is so in every state.
	states []string
}

// refusals are what rules refuse to declared admin sources: at most one for each range of
// ports.
func (q *Question) refusals(all proofs, visits []*visit) (found []refusal) {
	for _, family := range q.Families {
		for _, s := range q.Bundle.Manifest.Access.Services {
			for _, port := range s.Ports {
				if p := all[family]; p != nil {
					found = append(found, q.refused(p, s, port, visits)...)
				}
			}
		}
	}
	return found
}

func (q *Question) refused(p *proof, s bundle.AdminService, port bundle.Port, visits []*visit) []refusal {
	wanted := p.g.And(p.first, p.to(port), p.Among(exact.Source, q.admin().Subtract(unusable)))
	inSome := p.refused(wanted, visits, func(int) bool { return false })
	if inSome == bdd.False {
		return nil
	}
	r, n := refusal{service: s.Name}, inSome
	inAll := p.refused(wanted, visits, p.IsFact)
	if inAll != bdd.False {
		n = inAll
	} else if usual := p.Usually(inSome); usual != bdd.False {
		n = usual
	}
	example, conditions, _ := p.Witness(n)
	r.source, r.port = example.Source, fmt.Sprintf("%s/%d", port.Protocol, example.Values[exact.DestinationPort])
	r.by = q.rule(p, p.Decide(p.firewall, exact.Input, example, conditions))
	if inAll == bdd.False {
		r.states = said(conditions)
	}
	return []refusal{r}
}

// refused are the wanted packets that are let in by no interface, and those of visits that are
// not let in by theirs. What free tells may be as it will: which facts hold.
func (p *proof) refused(wanted bdd.Node, visits []*visit, free func(variable int) bool) bdd.Node {
	let := p.g.Any(p.Settle(p.let), free)
	byAny := p.g.Any(let, func(v int) bool { f, isField := p.FieldOf(v); return isField && f == exact.In })
	all := p.g.Without(wanted, byAny)
	for _, v := range visits {
		if v.ofAdmin() && family(v.from) == p.Family {
			its := p.g.And(wanted, p.Packets(exact.Packet{Source: v.from, In: v.link}))
			all = p.g.Or(all, p.g.Without(its, let))
		}
	}
	return p.Settle(all)
}

// ofAdmin reports whether a visit is one of a declared admin source to an admin service.
func (v *visit) ofAdmin() bool { return v.learned == learnedDeclared && v.service != "" }

// said are the states in which a packet is refused.
func said(conditions []exact.Condition) (states []string) {
	for _, c := range conditions {
		states = append(states, c.String())
	}
	if states == nil {
		return []string{"nothing is banned and no limit is used up"}
	}
	return states
}

// rule names what decides, in its words and by its profile line.
func (q *Question) rule(p *proof, d exact.Decided) string {
	text := fmt.Sprintf("%s, %s", d.Verdict, d.By)
	if d.By.Number > 0 {
		text += ": " + p.firewall.Text(d.By)
	}
	rules := answer.New("", nil, q.Bundle.Manifest, nil)
	if origin := rules.Origin(p.Family, d.By); origin != "" {
		text += "; " + origin
	}
	return text
}

// proven is a proof, or why there is none.
type proven struct {
	all proofs
	err error
}

// proveAll proves the rules as they will be, those of others beside those of the bundle.
func (q *Question) proveAll() (made proven) {
	made.err = exact.Bounded(func() (err error) {
		made.all, err = q.prove(meaning.Become(q.Have, q.Want, q.Bundle.Manifest))
		return err
	})
	return made
}

// addProof adds to what the rehearsal found what it could not try: all declared admin
// sources, all states, and the rules of others.
func (q *Question) addProof(found *plan.Access, visits []*visit, made proven) (notes []string) {
	err := made.err
	if err == nil {
		err = exact.Bounded(func() (err error) {
			addRefusals(found, q.refusals(made.all, visits))
			if made.all.contradicts(visits) != "" {
				found.Contradiction, err = q.contradiction(visits)
			}
			return err
		})
	}
	if err != nil {
		return []string{fmt.Sprintf("admin access was tested with packets, but not proven for every admin address and state: %v", err)}
	}
	return nil
}

// addRefusals adds those that the rehearsal has not shown.
func addRefusals(found *plan.Access, refusals []refusal) {
	tried := slices.Clone(found.Sources)
	for _, r := range refusals {
		shown := func(s plan.AdminSource) bool { return s.Refused != "" && s.Service == r.service }
		switch {
		case slices.ContainsFunc(tried, shown):
		case len(r.states) > 0:
			found.States = append(found.States, fmt.Sprintf("%s (%s) at %s: %s, if %s", r.source, learnedDeclared, r.port, r.by, strings.Join(r.states, " and ")))
		default:
			found.Sources = append(found.Sources, plan.AdminSource{
				Address: r.source.String(), Learned: learnedDeclared, Port: r.port, Service: r.service,
				Refused: "the rules refuse a new connection (" + r.by + ")",
			})
		}
	}
}

// contradiction says where the rehearsal and the proof of the same rules disagree: without
// the rules of others that the rehearsal does not have. One of the two is wrong then.
func (q *Question) contradiction(visits []*visit) (string, error) {
	all, err := q.prove(q.rehearsed())
	return all.contradicts(visits), err
}

// contradicts says which visit of a declared admin source the proof contradicts: it was
// refused and is accepted in every state, or the reverse.
func (all proofs) contradicts(visits []*visit) string {
	for _, v := range visits {
		p := all[family(v.from)]
		if p == nil || !v.ofAdmin() {
			continue
		}
		packets := p.g.And(p.Packets(exact.Packet{Source: v.from, In: v.link}), p.first, p.to(bundle.Port{Protocol: v.protocol, First: v.number, Last: v.number}))
		rehearsed, proven, differ := "its connections were accepted", "the rules refuse every packet", !p.g.Meet(packets, p.let)
		if v.refused != "" {
			rehearsed, proven, differ = v.refused, "the rules accept every packet", p.g.Without(packets, p.let) == bdd.False
		}
		if differ && packets != bdd.False {
			return fmt.Sprintf("%s at %s: in the rehearsal %s, but by the proof %s", v.from, v.port(), rehearsed, proven)
		}
	}
	return ""
}
