package network

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
)

// Answers reports whether anything is open over a family at all.
func (s *Network) Answers(family int) bool { return family == 4 || s.Profile.Policy.IPv6 }

// unstated are ports on which servers forget something: they get a listener
// too, where the profile does not state them, and must stay hidden.
var unstated = []lab.Port{
	{Protocol: "tcp", Number: 21}, {Protocol: "tcp", Number: 22}, {Protocol: "tcp", Number: 23},
	{Protocol: "tcp", Number: 25}, {Protocol: "tcp", Number: 111}, {Protocol: "tcp", Number: 139},
	{Protocol: "tcp", Number: 445}, {Protocol: "tcp", Number: 1433}, {Protocol: "tcp", Number: 2375},
	{Protocol: "tcp", Number: 3306}, {Protocol: "tcp", Number: 3389}, {Protocol: "tcp", Number: 5432},
	{Protocol: "tcp", Number: 5900}, {Protocol: "tcp", Number: 6379}, {Protocol: "tcp", Number: 8080},
	{Protocol: "tcp", Number: 9200}, {Protocol: "tcp", Number: 11211}, {Protocol: "tcp", Number: 27017},
	{Protocol: "tcp", Number: 47808}, {Protocol: "udp", Number: 53}, {Protocol: "udp", Number: 123},
	{Protocol: "udp", Number: 161}, {Protocol: "udp", Number: 1900}, {Protocol: "udp", Number: 11211},
}

// commonTCP and commonUDP are what attackers try first: the 100 and the 30
// ports that nmap-services counts as open most often (nmap 7.93).
var (
	commonTCP = []uint16{
		7, 9, 13, 21, 22, 23, 25, 26, 37, 53, 79, 80, 81, 88, 106, 110, 111, 113, 119, 135, 139, 143, 144, 179, 199,
		389, 427, 443, 444, 445, 465, 513, 514, 515, 543, 544, 548, 554, 587, 631, 646, 873, 990, 993, 995, 1025,
		1026, 1027, 1028, 1029, 1110, 1433, 1720, 1723, 1755, 1900, 2000, 2001, 2049, 2121, 2717, 3000, 3128, 3306,
		3389, 3986, 4899, 5000, 5009, 5051, 5060, 5101, 5190, 5357, 5432, 5631, 5666, 5800, 5900, 6000, 6001, 6646,
		7070, 8000, 8008, 8009, 8080, 8081, 8443, 8888, 9100, 9999, 10000, 32768, 49152, 49153, 49154, 49155, 49156, 49157,
	}
	commonUDP = []uint16{
		53, 67, 68, 69, 111, 123, 135, 137, 138, 139, 161, 162, 445, 500, 514, 520, 631, 996, 997, 998, 999, 1434,
		1701, 1900, 3283, 4500, 5353, 49152, 49153, 49154,
	}
)

// rangeSample is how many ports of a long range get a listener.
const rangeSample = 16

// PortsOf returns TCP and UDP ports of a service: all of a short range, and of a long one
// those at both ends.
func PortsOf(s profile.Service) []lab.Port {
	var ports []lab.Port
	for _, r := range s.Ports {
		if r.Protocol != profile.TCP && r.Protocol != profile.UDP {
			continue
		}
		for n := int(r.First); n <= int(r.Last); n++ {
			if n == int(r.First)+rangeSample/2 && int(r.Last)-n > rangeSample/2 {
				n = int(r.Last) - rangeSample/2
			}
			ports = append(ports, lab.Port{Protocol: string(r.Protocol), Number: n})
		}
	}
	return ports
}

// listeners are the ports that are open on the server: every service's, and
// those that no profile states.
func listeners(p *profile.Profile) []lab.Port {
	all := slices.Clone(unstated)
	for _, s := range p.Services {
		for _, port := range PortsOf(s) {
			if !slices.Contains(all, port) {
				all = append(all, port)
			}
		}
	}
	return all
}

// IsPublic reports whether a public service of the profile has this port.
func IsPublic(p *profile.Profile, port lab.Port) bool {
	return slices.ContainsFunc(p.Services, func(s profile.Service) bool { return s.Public() && Has(s, port) })
}

// Has reports whether a port is one of a service.
func Has(s profile.Service, port lab.Port) bool {
	return slices.ContainsFunc(s.Ports, covering(port))
}

// covering returns whether a range of the profile holds a port.
func covering(port lab.Port) func(profile.Port) bool {
	return func(r profile.Port) bool {
		return string(r.Protocol) == port.Protocol && int(r.First) <= port.Number && port.Number <= int(r.Last)
	}
}

// Targets returns the ports of one protocol that an attack tries: the common
// ones, and all on which something listens.
func (s *Network) Targets(protocol string) []uint16 {
	ports := slices.Clone(commonTCP)
	if protocol == "udp" {
		ports = slices.Clone(commonUDP)
	}
	for _, port := range s.Listening {
		if port.Protocol == protocol {
			ports = append(ports, uint16(port.Number))
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// Unserved returns n ports that mean nothing to the profile and where nothing
// listens, for probes that are nothing but probes: none from 32768 on, where
// datagrams do not count.
func (s *Network) Unserved(protocol string, n int) []uint16 {
	var ports []uint16
	for port := 20001; len(ports) < n && port < 1<<16; port++ {
		p := lab.Port{Protocol: protocol, Number: port}
		if !means(s.Profile, p) && !slices.Contains(s.Listening, p) {
			ports = append(ports, uint16(port))
		}
	}
	return ports
}

// means reports whether a port is one of a service, a tripwire or a knock.
func means(p *profile.Profile, port lab.Port) bool {
	if covers := covering(port); slices.ContainsFunc(p.Scan.Tripwires, covers) ||
		slices.ContainsFunc(p.Knocks, func(k profile.Knock) bool { return slices.ContainsFunc(k.Sequence, covers) }) {
		return true
	}
	return slices.ContainsFunc(p.Services, func(s profile.Service) bool { return Has(s, port) })
}
