package meaning

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// translated names rules of others that give a port of this host another number before the
// rules of the profile see it: these decide about the second number.
func (s standing) translated() (notes []string) {
	for _, r := range s.foreign("nat", "PREROUTING") {
		to, is := s.target(r)
		if !is || r.in == "lo" {
			continue
		}
		if text := s.says(r, portsOf(r), to); text != "" {
			notes = append(notes, fmt.Sprintf("IPv%d %s gives %s of this host another number, %s, before hardenctl's rules see it: %s", s.family, r, portsText(r), to, text))
		}
	}
	return notes
}

// says says what the profile does with such a port; empty if it is what people expect.
func (s standing) says(r foreignRule, from []bundle.Port, to bundle.Port) string {
	remove := "remove the rule: " + s.remove(r)
	if service, port := at(s.proxied, append(from, to)...); service != "" {
		return fmt.Sprintf("%s has synproxy at %s, which answers clients before a rule of nat sees them, and their connections are reset. Set synproxy = false there, or %s", service, port, remove)
	}
	opens, opened := at(s.services, to)
	states, stated := at(s.services, from...)
	switch {
	case states != "" && opens == "":
		return fmt.Sprintf("%s opens %s, and %s stays closed, so that its clients get no answer. State %q in %s (clients reach it by both numbers then), or let the program listen at %s and %s",
			states, stated, to, to, states, stated, remove)
	case states == "" && opens != "":
		return fmt.Sprintf("%s opens %s, which clients reach by both numbers. To close %s to them, let the program listen at the first number, state that, and %s", opens, opened, to, remove)
	case opens == "":
		return fmt.Sprintf("no service opens %s, so that clients get no answer. State %q in a service, or %s", to, to, remove)
	}
	return ""
}

// portsOf are the ports that a rule is about.
func portsOf(r foreignRule) []bundle.Port {
	if ports := r.Ports(); ports != nil {
		return ports
	}
	return []bundle.Port{{Protocol: r.Protocol(), Last: 65535}}
}

// portsText names the ports that a rule is about.
func portsText(r foreignRule) string {
	var texts []string
	for _, p := range r.Ports() {
		texts = append(texts, p.String())
	}
	if texts == nil {
		return "every port of " + r.Protocol()
	}
	return strings.Join(texts, ", ")
}

// target returns the port of this host to which a rule of nat sends packets, and whether it
// does so, to another port than theirs.
func (s standing) target(r foreignRule) (port bundle.Port, is bool) {
	text := ""
	switch r.Target() {
	case "REDIRECT":
		text = word(r.Rule, "--to-ports", "--to-port")
	case "DNAT":
		to := word(r.Rule, "--to-destination")
		at := strings.LastIndexByte(to, ':')
		if at < 0 || strings.HasPrefix(to, "[") && to[at-1] != ']' || !s.isLocal(strings.Trim(to[:at], "[]")) {
			return port, false
		}
		text = to[at+1:]
	}
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	low, err := strconv.ParseUint(first, 10, 16)
	high, err2 := strconv.ParseUint(last, 10, 16)
	return bundle.Port{Protocol: r.Protocol(), First: uint16(low), Last: uint16(high)}, err == nil && err2 == nil && r.Protocol() != ""
}

// isLocal reports whether DNAT to an address leads to this host; without one it does.
func (s standing) isLocal(address string) bool {
	if address == "" {
		return true
	}
	a, err := netip.ParseAddr(address)
	return err == nil && (a.IsLoopback() || s.local(a))
}
