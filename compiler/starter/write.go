package starter

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// write writes what was found as TOML.
func (p *page) write() {
	p.admins()
	p.line("# What these rules let in, as a profile: %s.", strings.Join(p.old.Files, ", "))
	p.line("# Read it, complete what is missing, and look at the plan before you apply it.")
	p.line("version = 1")
	p.line(`include = ["builtin:base"]`)
	p.access()
	for _, s := range p.sets {
		p.line("\n[sets.%s]", s.name)
		p.list("addresses", s.addresses)
	}
	p.writeZones()
	for _, s := range p.services {
		p.service(s)
	}
}

// admins are the sources of SSH, if it is not for everyone.
func (p *page) admins() {
	for _, s := range p.services {
		if s.name == "ssh" && len(s.zones) == 0 && p.admin == nil {
			p.admin = s.from
		}
	}
}

func (p *page) access() {
	p.line("\n[access]")
	if p.admin != nil {
		p.line("# Those who could use SSH. Name only who administers this host.")
		p.list("admin", p.admin)
	} else {
		p.line("# State from where you administer this host: hardenctl proves that you can log in.")
		p.line(`# admin = ["192.0.2.0/24"]`)
	}
	if !p.blocked.IsEmpty() {
		var blocked []string
		for _, prefix := range append(p.blocked.V4(), p.blocked.V6()...) {
			blocked = append(blocked, short(prefix))
		}
		p.line("# Nothing from these gets in today.")
		p.list("block", blocked)
	}
}

// writeZones states each interface by which a service is open.
func (p *page) writeZones() {
	for _, name := range slices.Sorted(maps.Keys(p.zone)) {
		t, trusted := p.trusted[name]
		p.line("")
		p.rules(t.rules)
		p.line("[zones.%s]", p.zone[name])
		p.list("interfaces", []string{name})
		switch {
		case t.from != nil:
			p.list("trust", t.from)
		case trusted:
			p.line(`trust = "all"`)
		}
	}
}

func (p *page) service(s *service) {
	p.line("")
	p.rules(s.rules)
	p.line("[services.%s]", s.name)
	if s.ports != nil {
		p.list("ports", s.ports)
	}
	if s.protocols != nil {
		p.list("protocols", s.protocols)
	}
	if s.name == "ssh" && len(s.zones) == 0 {
		p.line("admin = true")
	}
	if s.groups != nil {
		p.list("groups", s.groups)
	}
	if s.zones != nil {
		p.list("zones", s.zones)
	}
	if s.from != nil {
		p.list("from", s.from)
	}
}

// mostRules is how many rules a comment has.
const mostRules = 4

// rules says as a comment which rules something comes from.
func (p *page) rules(rules []string) {
	for i, r := range rules {
		if i == mostRules {
			p.line("# and %d more rules", len(rules)-i)
			return
		}
		p.line("# %s", printable(r))
	}
}

// printable is text without what a comment of TOML cannot hold.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// list writes a list, on lines of its own where it is long.
func (p *page) list(key string, words []string) {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	if text := fmt.Sprintf("%s = [%s]", key, strings.Join(quoted, ", ")); len(text) <= 96 {
		p.line("%s", text)
		return
	}
	p.line("%s = [", key)
	for _, w := range quoted {
		p.line("  %s,", w)
	}
	p.line("]")
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }
