package starter

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// zone reads a zone of firewalld. Elements come in any order, and what they let in is for
// the interfaces and sources of the zone; for all packets if it names neither.
func (b *builder) zone(f File) error {
	z := &zone{builder: b}
	decoder := xml.NewDecoder(bytes.NewReader(f.Text))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			z.end()
			return nil
		}
		if err != nil {
			return err
		}
		if e, starts := token.(xml.StartElement); starts {
			line, _ := decoder.InputPos()
			z.element(e, Line{f.Name, line, lineOf(f.Text, line)})
		}
	}
}

// lineOf is a line of a text.
func lineOf(text []byte, number int) string {
	lines := strings.Split(string(text), "\n")
	return strings.TrimSpace(lines[min(number, len(lines))-1])
}

// zone is a zone that is being read.
type zone struct {
	*builder
	sources []scope
	open    []opened
}

// scope is words of a rule that ask for an interface or a source; family is 0 for both.
type scope struct {
	words  string
	family ruleset.Family
}

// opened is words of a rule for what a line lets in.
type opened struct {
	from  Line
	words string
}

// attribute is the value of an attribute.
func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// element reads an element.
func (z *zone) element(e xml.StartElement, at Line) {
	switch name := e.Name.Local; name {
	case "zone":
		if attribute(e, "target") == "ACCEPT" {
			z.let(at, "")
		}
	case "short", "description", "forward":
	case "interface":
		z.sources = append(z.sources, scope{"-i " + attribute(e, "name") + " ", 0})
	case "source":
		if words, family, ok := source(attribute(e, "address")); ok {
			z.sources = append(z.sources, scope{words, family})
			return
		}
		z.leave(at, "a set of sources: state it as a set")
	case "service":
		z.service(at, attribute(e, "name"))
	case "port":
		z.port(at, attribute(e, "protocol"), attribute(e, "port"))
	case "protocol":
		z.let(at, "-p "+attribute(e, "value")+" ")
	default:
		z.leave(at, "import does not read <"+name+">")
	}
}

func (z *zone) let(from Line, words string) { z.open = append(z.open, opened{from, words}) }

func (z *zone) port(at Line, protocol, port string) {
	if strings.Trim(port, "0123456789-") != "" || port == "" || protocol == "" {
		z.leave(at, "import does not read this port")
		return
	}
	z.let(at, fmt.Sprintf("-p %s -m %[1]s --dport %s ", protocol, strings.Replace(port, "-", ":", 1)))
}

// firewalldNames are services of firewalld whose name is not the usual one of their port, or
// that have several ports.
var firewalldNames = map[string][]string{
	"dhcpv6-client": {}, "mdns": {}, "http3": {"udp/443"}, "dns": {"tcp/53", "udp/53"}, "samba": {"udp/137", "udp/138", "tcp/139", "tcp/445"},
	"samba-client": {"udp/137", "udp/138"}, "ntp": {"udp/123"}, "snmp": {"udp/161"}, "tftp": {"udp/69"}, "dhcp": {"udp/67"}, "wireguard": {"udp/51820"},
	"openvpn": {"udp/1194"}, "cockpit": {"tcp/9090"}, "smtp-submission": {"tcp/587"}, "ipsec": {}, "syslog": {"udp/514"}, "nfs": {"tcp/2049"},
	"kerberos": {"tcp/88", "udp/88"}, "sip": {"tcp/5060", "udp/5060"}, "ipp": {"tcp/631", "udp/631"}, "ssdp": {"udp/1900"}, "netbios-ns": {"udp/137"},
}

// service opens the ports of a service of firewalld.
func (z *zone) service(at Line, name string) {
	ports, known := firewalldNames[name]
	for number, usual := range names {
		if !known && usual == name {
			ports = append(ports, fmt.Sprintf("tcp/%d", number))
		}
	}
	if len(ports) == 0 {
		z.leave(at, "state the ports of this service; firewalld has them in /usr/lib/firewalld/services")
	}
	for _, p := range ports {
		protocol, number, _ := strings.Cut(p, "/")
		z.port(at, protocol, number)
	}
}

// end adds the rules of the zone.
func (z *zone) end() {
	if z.sources == nil {
		z.sources = []scope{{}}
	}
	for _, s := range z.sources {
		for _, o := range z.open {
			if s.family == 0 {
				z.add(o.from, s.words+o.words+"-j ACCEPT")
			} else {
				z.add(o.from, s.words+o.words+"-j ACCEPT", s.family)
			}
		}
	}
}
