package starter

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// service is grants that a person thinks of as one: the ports of a name from the same
// sources.
type service struct {
	name      string
	ports     []string
	protocols []string
	zones     []string
	groups    []string
	from      []string // nil: everyone
	rules     []string
}

// profile writes the profile.
func (m *maker) profile() []byte {
	m.forgive()
	p := &page{blocked: m.blocked(), old: m.Old, trusted: m.trusted}
	p.zones(m.grants)
	for _, g := range m.grants {
		p.add(g)
	}
	p.joinZones()
	slices.SortStableFunc(p.services, func(a, b *service) int { return cmp.Compare(a.name, b.name) })
	p.write()
	return []byte(p.text.String())
}

// mostBlocked is how many prefixes that nothing lets in are taken for a list of blocked
// sources: more are the rest of a list of allowed ones.
const mostBlocked = 64

// blocked are the addresses from which nothing gets in, where these are few.
func (m *maker) blocked() (blocked netset.Set) {
	var open netset.Set
	for _, g := range m.grants {
		open = open.Union(g.sources)
	}
	for _, f := range ruleset.Families {
		rest := all(f).Subtract(open).Subtract(nobody)
		if rest.Longer(mostBlocked) || rest.Equal(all(f).Subtract(nobody)) {
			continue
		}
		if widest(rest) >= f.Bits()/4 {
			blocked = blocked.Union(rest)
		}
	}
	return blocked
}

// forgive lets in the few sources that rules refuse at some ports alone, such as bans of
// the day, and those that no host has: a profile refuses a source at every port, or at
// none.
func (m *maker) forgive() {
	blocked := m.blocked()
	for _, g := range m.grants {
		for f, says := range g.families {
			rest := all(f).Subtract(g.sources).Subtract(blocked).Subtract(nobody)
			if !says || rest.Longer(mostBlocked) || widest(rest) < f.Bits()/4 {
				continue
			}
			g.sources = g.sources.Union(all(f).Subtract(blocked))
			if !rest.IsEmpty() {
				g.rules = append(g.rules, "closed to "+few(rest)+" today: block them, or leave them to [scan] and [fail2ban]")
			}
		}
	}
}

// nobody are addresses that no host has: rules often drop them as sources.
var nobody = netset.Of(netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("224.0.0.0/3"),
	netip.MustParsePrefix("::/127"), netip.MustParsePrefix("ff00::/8"))

// few names some prefixes of a set.
func few(s netset.Set) string {
	var words []string
	for _, p := range append(s.V4(), s.V6()...) {
		words = append(words, short(p))
	}
	if len(words) > mostAddresses {
		words = append(words[:mostAddresses], fmt.Sprintf("%d more", len(words)-mostAddresses))
	}
	return strings.Join(words, ", ")
}

// widest is the length of the widest prefix of a set: the smallest number.
func widest(s netset.Set) int {
	length := 128
	for _, p := range append(s.V4(), s.V6()...) {
		length = min(length, p.Bits())
	}
	return length
}

// page is a profile that is being written.
type page struct {
	text     strings.Builder
	old      Old
	blocked  netset.Set
	zone     map[string]string // of an interface
	trusted  map[string]trust  // of an interface
	services []*service
	sets     []named
	admin    []string
}

// named is a set.
type named struct {
	name      string
	addresses []string
}

// zones names a zone for each interface.
func (p *page) zones(grants []*grant) {
	p.zone = map[string]string{}
	for _, g := range grants {
		for _, name := range g.interfaces {
			p.zone[name] = zoneName(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.trusted)) {
		p.zone[name] = zoneName(name)
		t := p.trusted[name]
		t.from = p.set(t.from)
		p.trusted[name] = t
	}
}

// zoneName makes a name for a zone of an interface: "wg0" stays, "br-+" is "br".
func zoneName(name string) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "zone-" + name
	}
	return name
}

// add states a grant.
func (p *page) add(g *grant) {
	s := &service{name: p.nameOf(g), from: p.from(g), groups: g.groups, rules: g.rules}
	for _, i := range g.interfaces {
		s.zones = append(s.zones, p.zone[i])
	}
	protocol := exact.ProtocolName(g.protocol)
	switch {
	case !g.hasPorts:
		s.protocols = []string{protocol}
	case g.ports.First == g.ports.Last:
		s.ports = []string{fmt.Sprintf("%s/%d", protocol, g.ports.First)}
	default:
		s.ports = []string{fmt.Sprintf("%s/%d-%d", protocol, g.ports.First, g.ports.Last)}
	}
	for _, known := range p.services {
		if known.name == s.name && slices.Equal(known.zones, s.zones) && slices.Equal(known.groups, s.groups) && slices.Equal(known.from, s.from) {
			known.ports, known.protocols = append(known.ports, s.ports...), append(known.protocols, s.protocols...)
			known.rules = union(known.rules, s.rules)
			return
		}
	}
	s.name = p.free(s.name)
	p.services = append(p.services, s)
}

// joinZones makes one service of those that differ in their zones alone.
func (p *page) joinZones() {
	var all []*service
	for _, s := range p.services {
		at := slices.IndexFunc(all, func(known *service) bool {
			return known.zones != nil && s.zones != nil && slices.Equal(known.ports, s.ports) && slices.Equal(known.protocols, s.protocols) &&
				slices.Equal(known.groups, s.groups) && slices.Equal(known.from, s.from)
		})
		if at < 0 {
			all = append(all, s)
			continue
		}
		all[at].zones, all[at].rules = union(all[at].zones, s.zones), union(all[at].rules, s.rules)
	}
	p.services = all
}

// free makes a name one that no service has.
func (p *page) free(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(p.services, func(s *service) bool { return s.name == name })
	}
	for number, free := 2, name; ; number++ {
		if !taken(free) {
			return free
		}
		free = fmt.Sprintf("%s-%d", name, number)
	}
}

// nameOf is the usual name of a port or protocol.
func (p *page) nameOf(g *grant) string {
	protocol := exact.ProtocolName(g.protocol)
	if !g.hasPorts {
		return zoneName(protocol)
	}
	if name := names[int(g.ports.First)]; name != "" && g.ports.First == g.ports.Last {
		return name
	}
	return fmt.Sprintf("%s-%d", protocol, g.ports.First)
}

// from are the sources of a service: nil for everyone who is not blocked. Of a family of
// which there is no dump, or whose rules do not let this in, none is stated.
func (p *page) from(g *grant) []string {
	everyone := true
	for _, d := range p.old.Dumps {
		if g.families[d.Family] {
			everyone = everyone && all(d.Family).Subtract(g.sources).Subtract(p.blocked).Subtract(nobody).IsEmpty()
		}
	}
	if everyone {
		return nil
	}
	var from []string
	for _, prefix := range append(g.sources.V4(), g.sources.V6()...) {
		from = append(from, short(prefix))
	}
	return p.set(from)
}

// short is a prefix, or the address if it is one.
func short(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// mostAddresses is how many addresses a service states without a set.
const mostAddresses = 4

// set states addresses as a set where there are more than a few.
func (p *page) set(addresses []string) []string {
	if len(addresses) <= mostAddresses {
		return addresses
	}
	at := slices.IndexFunc(p.sets, func(s named) bool { return slices.Equal(s.addresses, addresses) })
	if at < 0 {
		at = len(p.sets)
		p.sets = append(p.sets, named{fmt.Sprintf("sources-%d", at+1), addresses})
	}
	return []string{"@" + p.sets[at].name}
}

// union is some words and others, each once.
func union(words, others []string) []string {
	all := slices.Clone(words)
	for _, w := range others {
		if !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}

// names are the usual services of ports.
var names = map[int]string{
	20: "ftp-data", 21: "ftp", 22: "ssh", 25: "smtp", 53: "dns", 67: "dhcp", 69: "tftp", 80: "http", 88: "kerberos", 110: "pop3", 111: "rpcbind",
	123: "ntp", 137: "netbios-ns", 138: "netbios-dgm", 139: "netbios-ssn", 143: "imap", 161: "snmp", 179: "bgp", 389: "ldap", 443: "https", 445: "smb",
	465: "smtps", 500: "ike", 514: "syslog", 587: "submission", 631: "ipp", 636: "ldaps", 853: "dns-tls", 873: "rsync", 993: "imaps", 995: "pop3s",
	1194: "openvpn", 1433: "mssql", 2049: "nfs", 2083: "cpanel", 2087: "whm", 3128: "proxy", 3306: "mysql", 3389: "rdp", 4500: "ipsec-nat",
	1900: "ssdp", 5060: "sip", 5353: "mdns", 5432: "postgresql", 5666: "nrpe", 6379: "redis", 6443: "kube-api", 8080: "http-alt", 8443: "https-alt", 9090: "prometheus",
	9100: "node-exporter", 10250: "kubelet", 11211: "memcached", 27017: "mongodb", 51820: "wireguard",
}
