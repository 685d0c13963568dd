package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// rawWindow is the largest window of a SYN that scanners make by themselves:
// nmap's half-open scan and naabu send 1024, the probes of nmap -O from 1 to 512
// (FPEngine.cc), masscan 1025 with whatever options it is told (templ-pkt.c).
// The stacks of computers and phones send 8192 and more.
const rawWindow = 1025

// The window and the segment size that ZMap sends with each of its sets of
// options (packet.c, module_tcp_synscan.c). The size is that of IPv4 on Ethernet.
const (
	zmapWindow      = 65535
	zmapSegmentSize = 1460
)

// Kinds of TCP options (RFC 9293, RFC 7323, RFC 2018).
const (
	maximumSegmentSize = 2
	windowScale        = 3
	sackPermitted      = 4
	timestamps         = 8
)

// fingerprint takes a SYN that only scanners send for a probe, whatever port it
// is sent to.
//
// It counts like any other probe. A forged one bans no source sooner than a forged
// packet to an unserved port does, which is open to a forger anyway; and a
// legitimate client that is taken for a scanner tries few ports, each of which
// counts once.
func (f *filter) fingerprint() []ruleset.Rule {
	scan := f.profile.Scan
	if !scan.Fingerprint && !scan.DontFragment {
		return nil
	}
	var rules []ruleset.Rule
	if scan.Fingerprint {
		rules = f.unlikeStacks()
	}
	if scan.DontFragment {
		rules = append(rules, f.likeZMap())
	}
	syn := ruleset.TCPFlags{Mask: handshake, Set: ruleset.SYN}
	matches := append([]ruleset.Match{syn}, f.fingerprintPorts()...)
	return []ruleset.Rule{f.scan().rule("fingerprint", f.chain("FINGERPRINT", rules), matches...)}
}

// fingerprintPorts are the ports at which a SYN may be more than a probe: of services
// and knocks. At others each SYN is one, and need not be looked at, which counts in a
// flood. Where the ports are too many for one match, or none, all are looked at.
func (f *filter) fingerprintPorts() []ruleset.Match {
	var ports []profile.Port
	for _, s := range f.profile.Services {
		ports = append(ports, s.Ports...)
	}
	for _, k := range f.profile.Knocks {
		ports = append(ports, k.Sequence...)
	}
	lists := chunks(slices.Compact(portsOf(ports, profile.TCP)))
	if f.published || len(lists) != 1 {
		return nil
	}
	return []ruleset.Match{ruleset.Ports{Protocol: ruleset.TCP, Destination: lists[0], Listed: true}}
}

// unlikeStacks finds a SYN that no computer's or phone's stack sends. Each of
// those states a maximum segment size and, since Windows 98 and Linux 2.2, at
// least one of the three other options; none opens a connection through IPv6
// extension headers, behind which the window would not be seen, nor with IPv4 options,
// which the kernel sends back with its SYN-ACK: they would carry this host's clock and
// its address behind a NAT (RFC 7126, sections 4.6 and 4.7).
//
// A Linux whose owner has switched off all three sends the segment size alone.
// In IPv4 "don't fragment" tells it from nmap, masscan and ZMap.
func (f *filter) unlikeStacks() []ruleset.Rule {
	p, probe := f.scan(), f.probe()
	var rules []ruleset.Rule
	if f.family == ruleset.V6 {
		rules = append(rules, p.rule("extension headers", probe, ruleset.Extended{}))
	} else {
		rules = append(rules, p.rule("IP options", probe, ruleset.IPOptions{}))
	}
	noOthers := []ruleset.Match{without(sackPermitted), without(timestamps), without(windowScale)}
	if f.profile.Scan.DontFragment {
		noOthers = append(f.mayFragment(), noOthers...)
	}
	return append(rules,
		p.rule("small window", probe, ruleset.TCPWindow{Family: f.family, Most: rawWindow}),
		p.rule("no segment size", probe, without(maximumSegmentSize)),
		p.rule("no other options", probe, noOthers...))
}

// likeZMap finds a SYN with the options of Windows, Linux or BSD that ZMap has
// made. In IPv4 it lacks "don't fragment". Others lack that too: the clients
// behind a firewall that clears it, and Google's servers (p0f's database has its
// crawler, with a size of 1430), so that it takes the window and the segment size
// as well. In IPv6, where Ethernet makes the size 1440, those two are enough.
//
// ZMap, masscan and naabu also begin with a hop limit of 255 and, in IPv6, without
// a flow label. Neither is used: BGP with TTL security begins with 255 (RFC 5082),
// and systems without flow labels are many.
func (f *filter) likeZMap() ruleset.Rule {
	start := ruleset.TCPStart{Family: f.family, Window: zmapWindow, SegmentSize: zmapSegmentSize}
	return f.scan().rule("as ZMap sends", f.probe(), append(f.mayFragment(), start)...)
}

// mayFragment matches IPv4 packets without "don't fragment", and, since IPv6 has
// no such flag, all of IPv6.
func (f *filter) mayFragment() []ruleset.Match {
	if f.family == ruleset.V6 {
		return nil
	}
	return []ruleset.Match{ruleset.MayFragment{}}
}

func without(option uint8) ruleset.TCPOption { return ruleset.TCPOption{Kind: option, Not: true} }
