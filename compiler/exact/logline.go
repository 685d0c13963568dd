package exact

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// isLogLine reports whether a text is a line that target LOG writes.
func isLogLine(text string) bool {
	return strings.Contains(text, " SRC=") && strings.Contains(text, " DST=") && strings.Contains(text, " PROTO=")
}

// logFields are the fields of a line of LOG that are numbers (nf_log_syslog.c).
var logFields = map[string]Field{"LEN": Length, "TTL": HopLimit, "HOPLIMIT": HopLimit, "SPT": SourcePort, "DPT": DestinationPort, "TYPE": ICMPType, "CODE": ICMPCode, "MARK": Mark}

// parseLogLine reads a line of LOG. What is in brackets is the packet that an ICMP error
// is about, and is not read.
func parseLogLine(text string) (p Packet, err error) {
	text, _, _ = strings.Cut(text, " [SRC=")
	p = Packet{Family: ruleset.V4, Values: map[Field]uint64{}}
	var flags uint64
	for _, word := range strings.Fields(text) {
		name, value, valued := strings.Cut(word, "=")
		if set, isFlag := flagSet(name); isFlag && !valued && name != "NONE" && name != "ALL" {
			flags |= set
		}
		if err := p.readLogged(name, value); err != nil {
			return p, err
		}
	}
	if p.Is(tcpProtocol) {
		p.Values[Flags] = flags
	}
	if !hasPorts(p.Values[Protocol]) {
		delete(p.Values, SourcePort)
		delete(p.Values, DestinationPort)
	}
	if !p.Is(icmpOf(p.Family)) || !p.Has(ICMPType) {
		delete(p.Values, ICMPType)
		delete(p.Values, ICMPCode)
	}
	if p.Source.IsValid() && p.Destination.IsValid() && p.Source.BitLen() == p.Destination.BitLen() {
		return p, nil
	}
	return p, fmt.Errorf("%q has no two addresses of one family", text)
}

// readLogged reads one NAME=VALUE. Names that are not known say nothing of the packet that
// rules look at.
func (p *Packet) readLogged(name, value string) (err error) {
	switch name {
	case "SRC":
		p.Source, err = netip.ParseAddr(value)
		if p.Source.Is6() {
			p.Family = ruleset.V6
		}
		return err
	case "DST":
		p.Destination, err = netip.ParseAddr(value)
		return err
	case "IN":
		p.In = value
	case "OUT":
		p.Out = value
	case "PROTO":
		protocol, ok := protocols[strings.ToLower(value)]
		if !ok {
			protocol, ok = number(value, 8)
		}
		if !ok {
			return fmt.Errorf("PROTO=%s is not a protocol", value)
		}
		p.Values[Protocol] = protocol
	}
	f, known := logFields[name]
	if n, ok := number(value, widths[max(f, Protocol)]); known && ok {
		p.Values[f] = n
	} else if known {
		return fmt.Errorf("%s=%s is not a number of %d bits", name, value, widths[f])
	}
	return nil
}
