package proof

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bdd"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// fault is what to do about rules that are not what the profile states.
const fault = "if the rules are as hardenctl compiled them, report this as a fault of hardenctl"

// finding completes a diagnostic about some packets by one of them.
func (r *rules) finding(hook exact.Hook, n bdd.Node, d diag.Diagnostic) diag.Diagnostic {
	p, conditions, _ := r.Witness(r.untrusted(n))
	return r.shown(hook, p, conditions, d)
}

// examples are sources of examples, of addresses for documentation (RFC 5737, RFC 3849).
// Package exact takes the first by itself.
var examples = map[ruleset.Family][]netip.Addr{
	ruleset.V4: {netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("203.0.113.7")},
	ruleset.V6: {netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("2001:db8:ffff::7")},
}

// untrusted are packets for an example, of a source that the profile does not trust: a
// reader takes one that it trusts for the point of the finding. It is all packets where that
// is so anyway, or where only trusted sources have them.
func (r *rules) untrusted(n bdd.Node) bdd.Node {
	trusted := r.profile.Addresses(slices.Concat(r.profile.Access.Admin, r.profile.Access.Exempt))
	for i, a := range examples[r.Family] {
		if trusted.Contains(a) {
			continue
		}
		if i == 0 {
			return n
		}
		if some := r.g.And(n, r.Within(exact.Source, netip.PrefixFrom(a, a.BitLen()))); some != bdd.False {
			return some
		}
	}
	if some := r.Without(n, r.trusted()); r.Settle(some) != bdd.False {
		return some
	}
	return n
}

// shown completes a diagnostic by an example, and by the rule that decides it.
func (r *rules) shown(hook exact.Hook, p exact.Packet, conditions []exact.Condition, d diag.Diagnostic) diag.Diagnostic {
	does := r.Decide(r.firewall, hook, p, conditions)
	d.Example = r.named(hook, p).String()
	note := []string{fmt.Sprintf("%s decides the example: %s", does.By, does.Verdict)}
	if len(conditions) > 0 {
		note = append(note, "it is so if "+said(conditions))
	}
	if d.Note != "" {
		note = append(note, d.Note)
	}
	d.Note = strings.Join(note, "; ")
	d.Related = append(d.Related, diag.Related{Position: r.place(does.By), Message: r.text(does.By)})
	return d
}

// named is a packet with the interfaces that it passes, where those tell the hook at which
// it meets rules.
func (r *rules) named(hook exact.Hook, p exact.Packet) exact.Packet {
	if hook != exact.Input {
		p.Out = cmp.Or(p.Out, r.another(exact.Out))
	}
	if hook == exact.Forward {
		p.In = cmp.Or(p.In, r.another(exact.In))
	}
	return p
}

// another is the name of an interface that no rule names; "" if all of these are named.
func (r *rules) another(f exact.Field) string {
	for _, name := range []string{"eth0", "eth1", "net0", "wan0"} {
		p := exact.Packet{In: name}
		if f == exact.Out {
			p = exact.Packet{Out: name}
		}
		if r.Without(r.Packets(p), r.Is(f, 0)) == bdd.False {
			return name
		}
	}
	return ""
}

// place is the place in the profile from which a rule comes; the profile itself for a rule
// of which it says nothing.
func (r *rules) place(id exact.RuleID) diag.Position {
	if o, known := r.origins[id]; known {
		return diag.Position{File: o.File, Line: o.Line}
	}
	return diag.Position{File: r.name}
}

// text is a rule in the words of iptables-save.
func (r *rules) text(id exact.RuleID) string {
	return fmt.Sprintf("-A %s %s", id.Chain, r.firewall.Text(id))
}

// said are conditions in words.
func said(conditions []exact.Condition) string {
	var words []string
	for _, c := range conditions {
		words = append(words, c.String())
	}
	return strings.Join(words, " and ")
}

// mostSaid is how many parts of a set of packets a message names.
const mostSaid = 4

// what says protocols, ports and ICMP types of packets: "tcp/22, udp/8000-8100".
func (r *rules) what(hook exact.Hook, n bdd.Node) string {
	regions, more := r.Regions(hook, n)
	slices.SortStableFunc(regions, func(a, b exact.Region) int { return cmp.Compare(len(b.Ports), len(a.Ports)) })
	var words []string
	for _, region := range regions[:min(mostSaid, len(regions))] {
		words = append(words, answer.What(region))
	}
	more = more || len(regions) > mostSaid
	if more {
		words = append(words, "more")
	}
	return strings.Join(words, ", ")
}
