package exact

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/setfile"
)

// parseEntry reads a member of a set, as ipset list prints it ("203.0.113.7,tcp:22 timeout
// 86") or as ipset save does ("add hardenctl-ban-v4 203.0.113.7"), as a packet from that
// source, of TCP unless the member states a protocol. ok is false for what is not a member.
func parseEntry(text string) (p Packet, ok bool, err error) {
	text = strings.TrimSpace(text)
	for line := range setfile.Lines(text) {
		if line.Command == setfile.Add {
			text = line.Entry().Element
		}
		break
	}
	element, _, _ := strings.Cut(text, " ")
	parts := strings.Split(element, ",")
	p = Packet{Family: ruleset.V4, Values: map[Field]uint64{Protocol: tcpProtocol}}
	if p.Source, ok = elementAddress(parts[0]); !ok {
		return p, false, nil
	}
	if p.Source.Is6() {
		p.Family = ruleset.V6
	}
	for _, part := range parts[1:] {
		if err := p.readPart(part); err != nil {
			return p, true, fmt.Errorf("%q in %q %w", part, element, err)
		}
	}
	return p, true, nil
}

// elementAddress is that of an element: one of the prefix that it states, which is not that of the
// network.
func elementAddress(text string) (a netip.Addr, ok bool) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		if a = prefix.Masked().Addr(); prefix.Bits() < a.BitLen()-1 {
			a = a.Next()
		}
		return a, true
	}
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Zone() == ""
}

// readPart reads the port, or the second address, of an element.
func (p *Packet) readPart(part string) error {
	if a, ok := elementAddress(part); ok && a.Is6() == p.Source.Is6() && !p.Destination.IsValid() {
		p.Destination = a
		return nil
	}
	name, port, _ := strings.Cut(part, ":")
	protocol, known := protocols[name]
	switch {
	case !known:
		return fmt.Errorf("is not a protocol with a port; write the packet as %s", Notation)
	case hasPorts(protocol):
		p.Values[Protocol] = protocol
		return p.readPort(DestinationPort, port)
	}
	p.Values[Protocol] = protocol
	if p.Is(icmpOf(p.Family)) && !p.readType(port) {
		return fmt.Errorf("is not a type of %s", name)
	}
	return nil
}
