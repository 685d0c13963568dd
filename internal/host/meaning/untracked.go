package meaning

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// untracked names rules of others that keep packets from conntrack, where the new rules
// refuse what arrives by them.
func (s standing) untracked() (notes []string) {
	var found []foreignRule
	for _, hook := range []string{"PREROUTING", "OUTPUT"} {
		for _, r := range s.foreign("raw", hook) {
			if notracks(r.Rule) && r.in != "lo" && word(r.Rule, "-o") != "lo" {
				found = append(found, r)
			}
		}
	}
	if found == nil {
		return nil
	}
	after, err := Firewalls(Become(s.have, s.want, s.manifest))
	if err != nil {
		return nil // the meaning of the plan says so
	}
	for _, r := range found {
		if refused := s.refusedOf(after[s.family], r); refused != "" {
			notes = append(notes, fmt.Sprintf("IPv%d %s: conntrack does not see these packets, and hardenctl's rules refuse what they cannot tell from a new connection: %s. "+
				"Remove the rule (%s): conntrack has room for them, see [kernel] conntrack_max", s.family, r, refused, s.remove(r)))
		}
	}
	return notes
}

// notracks reports whether a rule keeps packets from conntrack.
func notracks(r tablefile.Rule) bool {
	return r.Target() == "NOTRACK" || r.Target() == "CT" && slices.Contains(r.TargetOptions(), "--notrack")
}

// refusedOf says which packets to this host that are not tracked because of a rule are
// refused; empty for none.
func (s standing) refusedOf(f *exact.Firewall, r foreignRule) string {
	protocol := cmp.Or(r.Protocol(), "udp")
	near, far := "", ""
	if ports := r.Ports(); len(ports) > 0 {
		near = fmt.Sprint(ports[0].First)
	}
	if ports, _, _ := strings.Cut(word(r.Rule, "--sport", "--sports"), ","); ports != "" {
		far, _, _ = strings.Cut(ports, ":")
	}
	if r.hook == "OUTPUT" { // what comes back
		if near, far = far, near; far == "" {
			return "" // answers of a server
		}
		return s.refusedPacket(f, r, protocol, "", far, "new")
	}
	return s.refusedPacket(f, r, protocol, near, far, "established")
}

// refusedPacket is refusedOf by one packet: that to a server, if it has no port at the far
// end, and an answer to this host otherwise. What conntrack would say of it is stated: a
// rule of raw that does not track it makes that untracked.
func (s standing) refusedPacket(f *exact.Firewall, r foreignRule, protocol, near, far, tracked string) string {
	if f == nil || protocol != "tcp" && protocol != "udp" {
		return ""
	}
	says := fmt.Sprintf("%s/%s", protocol, near)
	flags := map[string]string{"tcp": "ack "}[protocol]
	if near == "" {
		says = fmt.Sprintf("answers to this host from %s/%s", protocol, cmp.Or(far, "any port"))
		flags = map[string]string{"tcp": "syn,ack "}[protocol]
	}
	source, destination := s.example(r)
	text := fmt.Sprintf("%s %s -> %s %s%s", protocol, net.JoinHostPort(source, cmp.Or(far, "41000")), net.JoinHostPort(destination, cmp.Or(near, "42000")), flags, tracked)
	if r.in != "" {
		text += " in " + strings.TrimSuffix(r.in, "+")
	}
	p, err := exact.ParsePacket(text)
	if err != nil {
		return ""
	}
	if e, err := exact.Explain(f, exact.Input, p); err != nil || e.Verdict.Kind == exact.Accept {
		return ""
	}
	return says
}

// example returns a source and a destination of packets that meet a rule.
func (s standing) example(r foreignRule) (source, destination string) {
	source, destination = "203.0.113.7", "198.51.100.1"
	if s.family == ruleset.V6 {
		source, destination = "2001:db8:ffff::7", "2001:db8:1::1"
	}
	if r.hook == "OUTPUT" { // it is about what goes out, and the packet comes back
		return addressOf(word(r.Rule, "-d"), source), addressOf(word(r.Rule, "-s"), destination)
	}
	return addressOf(word(r.Rule, "-s"), source), addressOf(word(r.Rule, "-d"), destination)
}

// addressOf is the first address of a prefix, or another where there is none.
func addressOf(prefix, otherwise string) string {
	if p, err := netip.ParsePrefix(prefix); err == nil {
		return p.Addr().String()
	}
	return otherwise
}
