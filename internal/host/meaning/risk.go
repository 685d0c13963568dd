package meaning

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Stakes are what a host must not lose without a word.
type Stakes struct {
	// Admins are the admin addresses of both sides, and Trusted the exempt ones too: no ban and
	// no limit is for them, but those of services marked admin for exempt ones.
	Admins, Trusted netset.Set
	// Ports are those of services marked admin.
	Ports []bundle.Port
	// Listeners are the programs that may lose clients, and Unread is why they are unknown.
	Listeners []Listener
	Unread    error
}

// StakesOf are those of a host that has the one state and gets the other, but for the programs.
func StakesOf(have, want state.State, m bundle.Manifest) (s Stakes) {
	for _, family := range ruleset.Families {
		members := func(set string) netset.Set {
			name := fmt.Sprintf("%s%s-v%d", ruleset.SetPrefix, set, family)
			return have.Sets[name].Members.Union(want.Sets[name].Members)
		}
		s.Admins, s.Trusted = s.Admins.Union(members("admin")), s.Trusted.Union(members("trusted"))
	}
	for _, service := range m.Access.Services {
		s.Ports = append(s.Ports, service.Ports...)
	}
	return s
}

// Concerns reports whether a listener may lose clients, if only in some states.
func (s Stakes) Concerns(m *Meaning) func(Listener) bool {
	return func(l Listener) bool {
		return slices.ContainsFunc(m.Differences, func(d answer.DifferenceView) bool {
			return (closes(d) || s.closesToTrusted(d)) && l.in(d)
		})
	}
}

// Judge says of each difference what may go wrong by it.
func (m *Meaning) Judge(s Stakes) {
	for i := range m.Differences {
		d := &m.Differences[i]
		d.Risk = strings.Join(slices.DeleteFunc(s.risks(*d), func(r string) bool { return r == "" }), "; ")
	}
}

// risks says what may go wrong by a difference; empty words for nothing. What is refused in
// some states only matters to those whom no ban and no limit is for.
func (s Stakes) risks(d answer.DifferenceView) []string {
	usual := d.First && d.Usual
	switch exact.Change(d.Change) {
	case exact.NewlyAccepted:
		if usual && d.Hook != string(exact.Output) {
			return []string{"more packets are let in than before"}
		}
	case exact.NoLonger:
		risks := []string{s.trustedLose(d)}
		if d.Open {
			risks = append(risks, "open connections break")
		}
		if usual {
			risks = append(risks, s.lost(d))
		}
		return risks
	}
	return nil
}

// lost says who loses first packets.
func (s Stakes) lost(d answer.DifferenceView) string {
	switch {
	case d.Hook == string(exact.Forward):
		return "hosts or containers behind this host lose connections"
	case d.Hook == string(exact.Output):
		return "programs of this host lose connections"
	case d.HasOther("tcp", "udp", "icmp", "icmpv6", "igmp"):
		return "a tunnel or a program that takes these protocols loses packets; hardenctl cannot see whether there is one"
	case s.Unread != nil:
		return fmt.Sprintf("programs may lose clients: which ports they take cannot be read (%v)", s.Unread)
	}
	var programs []string
	for _, l := range s.Listeners {
		if name := l.String(); l.in(d) && !slices.Contains(programs, name) {
			programs = append(programs, name)
		}
	}
	if programs == nil {
		return ""
	}
	slices.Sort(programs)
	return "programs lose clients: " + strings.Join(programs, ", ")
}

// closesToTrusted reports whether admin or exempt addresses lose first packets to this host,
// in any state.
func (s Stakes) closesToTrusted(d answer.DifferenceView) bool {
	return d.Change == string(exact.NoLonger) && d.Hook == string(exact.Input) && d.First && d.HasSome(s.Trusted)
}

// trustedLose says which ports admin and exempt addresses lose that somebody takes.
func (s Stakes) trustedLose(d answer.DifferenceView) string {
	if !s.closesToTrusted(d) {
		return ""
	}
	var ports []string
	if d.HasSome(s.Admins) {
		for _, p := range s.Ports {
			if d.HasAny(p.Protocol, p.First, p.Last) {
				ports = append(ports, p.String())
			}
		}
	}
	for _, l := range s.Listeners {
		if l.in(d) && !s.isAdmin(l) {
			ports = append(ports, l.port())
		}
	}
	if ports == nil {
		return ""
	}
	slices.Sort(ports)
	return "admin or exempt addresses lose " + strings.Join(slices.Compact(ports), ", ")
}

// isAdmin reports whether a listener is of a service marked admin.
func (s Stakes) isAdmin(l Listener) bool {
	return slices.ContainsFunc(s.Ports, func(p bundle.Port) bool { return p.Has(l.Protocol, l.Port) })
}
