package exact

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
)

// Now is Read of the rules that a host has at this moment, of its sets as the kernel declares
// them (ipset 7.17 saves no forceadd), and of what ipset save prints. What is in sets that
// packets fill is known then: Explain begins with the sets as they are, and says in which the
// packet is.
func Now(family ruleset.Family, tables []tablefile.Table, declared []setfile.Set, members []byte) (*Firewall, error) {
	sets := readSets(members)
	for _, d := range declared {
		if s := sets[d.Name]; s != nil {
			s.Set = d
		}
	}
	f, err := look(family, tables, sets)
	if err != nil {
		return nil, err
	}
	f.now = true
	return f, nil
}

// Frozen is a firewall of Now whose sets are taken for what stays: Reach then names those
// who are in them. Any other firewall is returned as it is.
func (f *Firewall) Frozen() *Firewall {
	if !f.now {
		return f
	}
	frozen := *f
	frozen.frozen = true
	return &frozen
}

// moment is what is known of the facts about a packet at this moment.
type moment struct {
	f      *Firewall
	packet Packet
	// says are the sets in which the packet is, in words.
	says []string
}

// holds returns whether a fact holds at this moment. known is false where a firewall does
// not tell.
func (m *moment) holds(fact Fact) (holds, known bool) {
	if !m.f.now || fact.Kind == Asked || fact.Which != 0 {
		return false, false
	}
	s := m.f.sets[fact.Set]
	if s == nil {
		return false, false
	}
	if fact.Kind == Room {
		return s.hasRoom(), true
	}
	return m.lookUp(s, fact)
}

// lookUp looks up the packet in a set.
func (m *moment) lookUp(s *set, fact Fact) (holds, known bool) {
	e, known := s.entryOf(m.packet, fact.Direction)
	if e == nil || !known {
		return false, known
	}
	if fact.Kind == Counted {
		packets, _ := number(e.value("packets"), 64)
		return packets > fact.Above, true
	}
	says := fact.String()
	if left := e.value("timeout"); left != "" && left != "0" {
		says += ", for " + left + " s more"
	}
	m.says = append(m.says, says)
	return true, true
}

// hasRoom reports whether a set takes one more entry.
func (s *set) hasRoom() bool {
	most := uint64(defaultMost)
	if text, stated := s.Value("maxelem"); stated {
		most, _ = number(text, 32)
	}
	return uint64(len(s.entries)) < most || !strings.HasPrefix(s.Type, "hash:")
}

// defaultMost is how many entries a set takes that states no other number (ipset(8)).
const defaultMost = 65536

// element is an entry with the prefix lengths by which the kernel chooses it.
type element struct {
	setfile.Entry
	bits int
}

func (e element) value(name string) string {
	for _, o := range e.Options {
		if o.Name == name {
			return o.Value
		}
	}
	return ""
}

func (e element) isException() bool {
	for _, o := range e.Options {
		if o.Name == "nomatch" {
			return true
		}
	}
	return false
}

// entryOf returns the entry by which a packet is in a set, nil for none. known is false for
// a type of set, or a part of a packet, that this package does not look up.
func (s *set) entryOf(p Packet, direction string) (found *element, known bool) {
	_, parts, _ := strings.Cut(s.Type, ":")
	kinds, directions := strings.Split(parts, ","), strings.Split(direction, ",")
	if len(directions) < len(kinds) {
		return nil, true // ip_set_test of the kernel: it never matches
	}
	for i, kind := range kinds {
		if !canLookUp(p, kind, directions[i]) {
			return nil, false
		}
	}
	for _, entry := range s.entries {
		bits, in := s.has(strings.Split(entry.Element, ","), kinds, directions, p)
		if in && (found == nil || bits > found.bits) {
			found = &element{entry, bits}
		}
	}
	if found != nil && found.isException() {
		found = nil
	}
	return found, true
}

// canLookUp reports whether a packet states the part that a set looks up.
func canLookUp(p Packet, kind, direction string) bool {
	if direction != "src" && direction != "dst" {
		return false
	}
	switch kind {
	case "ip", "net":
		return p.side(direction).IsValid()
	case "port":
		return !hasPorts(p.Values[Protocol]) || p.Has(portOf(direction))
	}
	return false
}

// has reports whether a packet is in an entry, and how many bits of prefixes say so.
func (s *set) has(parts, kinds, directions []string, p Packet) (bits int, in bool) {
	if len(parts) != len(kinds) {
		return 0, false
	}
	for i, kind := range kinds {
		if kind == "port" {
			if !hasPort(parts[i], p, portOf(directions[i])) {
				return 0, false
			}
			continue
		}
		prefix, ok := s.prefix(setfile.Entry{Element: parts[i]})
		if !ok || !prefix.Contains(p.side(directions[i])) {
			return 0, false
		}
		bits += prefix.Bits()
	}
	return bits, true
}

// hasPort reports whether a packet has the port of an entry, such as "tcp:22", or "22" in a
// set that does not tell protocols apart.
func hasPort(text string, p Packet, f Field) bool {
	protocol, port, both := strings.Cut(text, ":")
	if !both {
		protocol, port = ProtocolName(p.Values[Protocol]), text
	}
	value, ok := protocols[protocol]
	if !ok || !p.Is(value) {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if hasPorts(value) {
		return err == nil && n == p.Values[f]
	}
	if value != icmpOf(p.Family) {
		return n == 0
	}
	return port == fmt.Sprintf("%d/%d", p.Values[ICMPType], p.Values[ICMPCode]) || port == p.typeText(p.Values[ICMPType])
}

func portOf(direction string) Field {
	if direction == "src" {
		return SourcePort
	}
	return DestinationPort
}

// side is the address of a packet that ipset names so.
func (p Packet) side(direction string) netip.Addr {
	if direction == "src" {
		return p.Source
	}
	return p.Destination
}
