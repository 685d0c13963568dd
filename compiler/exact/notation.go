package exact

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// Notation says how packets are written, for messages and help.
const Notation = `PROTOCOL SOURCE -> DESTINATION [WORDS], such as "tcp 192.0.2.7:40000 -> :22 syn"`

// stateWords are conntrack's states as packets are written.
var stateWords = []string{newState: "new", establishedState: "established", relatedState: "related", invalidState: "invalid", untrackedState: "untracked"}

// numberWords are fields that are written as a word and a number.
var numberWords = map[string]Field{"length": Length, "ttl": HopLimit, "dscp": DSCP, "mark": Mark}

// markWords are words for bits of a connection.
var markWords = map[string]Field{
	"reply": Direction, "fragment": Fragment, "confirmed": Confirmed, "assured": Assured, "replied": Replied, "expected": Expected, "dnat": DestinationNAT,
	"snat": SourceNAT,
}

// ParsePacket reads a packet as people write it: Notation. An address or port can be
// left out or be "*". The words behind are flags of TCP, the type of an ICMP message,
// a state of conntrack, "in eth0", "out eth0", and fields such as "ttl 3". A line that
// the target LOG wrote is read too, and so is a member of a set as ipset prints it: it is a
// packet from there.
func ParsePacket(text string) (p Packet, err error) {
	if isLogLine(text) {
		return parseLogLine(text)
	}
	if p, isEntry, err := parseEntry(text); isEntry {
		return p, err
	}
	words := strings.Fields(strings.NewReplacer("->", " -> ", "→", " -> ").Replace(text))
	p.Values = map[Field]uint64{}
	if len(words) < 4 || words[2] != "->" {
		return p, fmt.Errorf("%q is not a packet; write %s", text, Notation)
	}
	source, sourcePort, err := endpoint(words[1])
	if err != nil {
		return p, fmt.Errorf("source: %w", err)
	}
	destination, destinationPort, err := endpoint(words[3])
	if err != nil {
		return p, fmt.Errorf("destination: %w", err)
	}
	p.Source, p.Destination = source, destination
	if err := p.readProtocol(words[0]); err != nil {
		return p, err
	}
	for f, port := range map[Field]string{SourcePort: sourcePort, DestinationPort: destinationPort} {
		if err := p.readPort(f, port); err != nil {
			return p, err
		}
	}
	return p, p.readWords(words[4:])
}

// endpoint reads "192.0.2.7:40000", "[2001:db8::7]:53", ":22", "192.0.2.7",
// "2001:db8::7" and "*".
func endpoint(word string) (a netip.Addr, port string, err error) {
	host := word
	switch {
	case strings.HasPrefix(word, "["):
		inside, behind, closed := strings.Cut(word[1:], "]")
		if host = inside; !closed || behind != "" && behind[0] != ':' {
			return a, "", fmt.Errorf(`%q has no end; write an IPv6 address with a port as "[2001:db8::7]:53"`, word)
		}
		port = strings.TrimPrefix(behind, ":")
	case strings.Count(word, ":") == 1:
		host, port, _ = strings.Cut(word, ":")
	}
	if port == "*" {
		port = ""
	}
	if host == "" || host == "*" {
		return a, port, nil
	}
	a, err = netip.ParseAddr(host)
	if err != nil || a.Zone() != "" {
		return a, "", fmt.Errorf("%q is not an IP address; write %s", host, addressInstead(host))
	}
	return a, port, nil
}

// addressInstead says what to write for what is not an address.
func addressInstead(host string) string {
	switch {
	case strings.Contains(host, "/"):
		return "one address, not a prefix"
	case strings.Contains(host, "%"):
		return `the address without the interface, which "in eth0" states`
	case strings.Count(host, ":") > 1:
		return `an IPv6 address with a port as "[2001:db8::7]:53"`
	}
	return "one such as 192.0.2.7, not a name"
}

// readProtocol reads the protocol, and with it the family.
func (p *Packet) readProtocol(word string) error {
	name := strings.ToLower(word)
	value, ok := protocols[name]
	if !ok {
		value, ok = number(name, 8)
	}
	if !ok {
		return fmt.Errorf("%q is not a protocol; write tcp, udp, icmp, icmpv6 or a number", word)
	}
	p.Family = ruleset.V4
	if p.Source.Is6() || p.Destination.Is6() || value == icmpv6Protocol {
		p.Family = ruleset.V6
	}
	for _, a := range []netip.Addr{p.Source, p.Destination} {
		if a.IsValid() && !p.Family.Has(a) {
			return errors.New("an IPv4 and an IPv6 address or protocol are in one packet")
		}
	}
	if value == icmpProtocol && p.Family == ruleset.V6 {
		value = icmpv6Protocol
	}
	p.Values[Protocol] = value
	return nil
}

func (p *Packet) readPort(f Field, text string) error {
	if text == "" {
		return nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return fmt.Errorf("%q is not a port; write a number from 0 to 65535", text)
	}
	if !hasPorts(p.Values[Protocol]) {
		return fmt.Errorf("a packet of this protocol has no ports; leave out :%s", text)
	}
	p.Values[f] = port
	return nil
}

// readWords reads what is behind the addresses.
func (p *Packet) readWords(words []string) error {
	said := map[string]string{}
	for i := 0; i < len(words); i++ {
		word := strings.ToLower(words[i])
		f, takesNumber := numberWords[word]
		if what := subject(word, takesNumber); what != "" {
			if before, twice := said[what]; twice {
				return fmt.Errorf("%q and %q state the same; write one of them", before, word)
			}
			said[what] = word
		}
		if word == "in" || word == "out" || word == "type" || takesNumber {
			if i++; i == len(words) {
				return fmt.Errorf(`%q has no value behind it; write, for example, "in eth0", "type 3/1" or "ttl 64"`, word)
			}
			if err := p.readValue(word, f, words[i]); err != nil {
				return err
			}
			continue
		}
		if _, flag := flagSet(word); flag && !p.Is(tcpProtocol) && !p.readWord(word) {
			return fmt.Errorf("%q is a flag of TCP; leave it out, or write tcp", words[i])
		}
		if !p.readWord(word) {
			return fmt.Errorf("%q is not a flag of TCP, a type of ICMP, or a state of conntrack", words[i])
		}
	}
	return nil
}

// subject is what a word states that can be stated once; "" for another word.
func subject(word string, takesNumber bool) string {
	for _, name := range stateWords {
		if word == name {
			return "state"
		}
	}
	if takesNumber || word == "in" || word == "out" || word == "type" {
		return word
	}
	return ""
}

// readValue reads the word behind "in", "out", "type" or the name of a field.
func (p *Packet) readValue(word string, f Field, value string) error {
	switch word {
	case "in":
		p.In = value
		return nil
	case "out":
		p.Out = value
		return nil
	case "type":
		if !p.readType(value) {
			return fmt.Errorf("%q is not a type of this packet; write a number, a number and a code such as 3/1, or a name", value)
		}
		return nil
	}
	n, ok := number(value, widths[f])
	if !ok {
		return fmt.Errorf("%s %q is not a number of %d bits", word, value, widths[f])
	}
	p.Values[f] = n
	return nil
}

// readWord reads a word that is not a pair.
func (p *Packet) readWord(word string) bool {
	for state, name := range stateWords {
		if word == name {
			p.Values[State] = uint64(state)
			return true
		}
	}
	if f, ok := markWords[word]; ok {
		p.Values[f] = 1
		return true
	}
	if set, ok := flagSet(word); ok && p.Is(tcpProtocol) {
		p.Values[Flags] |= set
		return true
	}
	return p.readType(word)
}

// readType reads an ICMP type by its name, or as "3" and "3/1".
func (p *Packet) readType(word string) bool {
	if !p.Is(icmpOf(p.Family)) {
		return false
	}
	kind, code, hasCode := strings.Cut(word, "/")
	value, ok := icmpNames[int(p.Family)][kind]
	if !ok {
		value, ok = number(kind, 8)
	}
	p.Values[ICMPType] = value
	if hasCode && ok {
		p.Values[ICMPCode], ok = number(code, 8)
	}
	return ok
}

// String is the packet as ParsePacket reads it.
func (p Packet) String() string {
	words := []string{ProtocolName(p.Values[Protocol]), p.end(p.Source, SourcePort), "->", p.end(p.Destination, DestinationPort)}
	if set, has := p.Values[Flags]; has && p.Is(tcpProtocol) {
		words = append(words, flagText(set))
	}
	if kind, has := p.Values[ICMPType]; has && p.Is(icmpOf(p.Family)) {
		words = append(words, p.typeText(kind))
	}
	if state, has := p.Values[State]; has && state < uint64(len(stateWords)) {
		words = append(words, stateWords[state])
	}
	if p.In != "" {
		words = append(words, "in", p.In)
	}
	if p.Out != "" {
		words = append(words, "out", p.Out)
	}
	for f := range fieldCount {
		for word, marked := range markWords {
			if f == marked && p.Values[f] == 1 {
				words = append(words, word)
			}
		}
		for word, numbered := range numberWords {
			if value, has := p.Values[f]; has && f == numbered {
				words = append(words, word, fmt.Sprint(value))
			}
		}
	}
	return strings.Join(words, " ")
}

// ProtocolName is the name of a protocol, or its number.
func ProtocolName(protocol uint64) string {
	for _, name := range []string{"tcp", "udp", "icmp", "icmpv6", "sctp", "gre", "esp", "ah", "igmp", "ipencap", "ipv6", "ospf", "pim", "vrrp", "dccp", "udplite"} {
		if protocols[name] == protocol {
			return name
		}
	}
	return fmt.Sprint(protocol)
}

// end is an address and a port.
func (p Packet) end(a netip.Addr, f Field) string {
	host := "*"
	if a.IsValid() {
		host = a.String()
	}
	port, has := p.Values[f]
	switch {
	case !has:
		return host
	case !a.IsValid():
		return fmt.Sprintf(":%d", port)
	}
	return netip.AddrPortFrom(a, uint16(port)).String()
}

func (p Packet) typeText(kind uint64) string {
	code, hasCode := p.Values[ICMPCode]
	for name, value := range icmpNames[int(p.Family)] {
		if value == kind && !hasCode {
			return name
		}
	}
	if hasCode {
		return fmt.Sprintf("type %d/%d", kind, code)
	}
	return fmt.Sprintf("type %d", kind)
}

func flagText(set uint64) string {
	var names []string
	for i, name := range flagNames {
		if set>>i&1 == 1 {
			names = append(names, strings.ToLower(name))
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ",")
}
