package lower

import (
	"slices"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// A service that asks for it is behind SYNPROXY. Conntrack sees a
// connection only when its client has proved that its address is its own, so
// that a flood of SYNs with forged sources fills no table. A connection then
// begins in four steps:
//
//  1. raw hides the client's SYN from conntrack (untracked).
//  2. INPUT leads it past trusted sources, blocklist, ban and scan detection
//     to the rule of its service, where SYNPROXY answers it by a cookie.
//  3. The ACK that brings the cookie back is of no connection that conntrack
//     knows, hence invalid; SYNPROXY takes it before invalid packets are
//     dropped (cookies).
//  4. The kernel sends a SYN of its own to the service, in the client's name,
//     through OUTPUT and by the loopback interface. This is what the limits
//     of the service count (handedOn): no source can use up the allowance of an
//     address that is not theirs. They are in OUTPUT, since what is dropped
//     there leaves no entry in conntrack's table, and what is dropped in INPUT
//     would leave one for two minutes.
//
// A published port is proxied too. NAT does not see the client's SYN, since it
// is not tracked, so that it comes to INPUT like any other; it is the kernel's
// own SYN that is sent on to the container, by the DNAT for what this host sends
// to itself. Docker has one in nat's OUTPUT beside that in PREROUTING.
//
// A client beyond a limit is connected to nothing: it gets no answer to what
// it sends, and each time that it sends again the limit is asked again.

// asks reports whether a service wants the proxy and has TCP ports for it.
func asks(s profile.Service) bool {
	return s.SynProxy && len(portsOf(s.Ports, profile.TCP)) > 0
}

// proxies reports whether any service asks for the proxy.
func (l *lowering) proxies() bool { return slices.ContainsFunc(l.profile.Services, asks) }

// proxyOrigin is the origin of what serves all services that ask: the first.
func (l *lowering) proxyOrigin() ruleset.Origin {
	s := l.profile.Services[slices.IndexFunc(l.profile.Services, asks)]
	return l.origin("services."+s.Name, s.Position)
}

// proxied returns the services that ask and that anyone in this family reaches.
func (f *filter) proxied() []profile.Service {
	var some []profile.Service
	for _, s := range f.profile.Services {
		if asks(s) && (len(f.ways(s)) > 0 || s.Admin && f.has("admin")) {
			some = append(some, s)
		}
	}
	return some
}

func (f *filter) proxyPart() part { return part{f.proxyOrigin()} }

// untracked returns table raw: every packet pays one look at its flags, and
// first packets to services that ask are hidden from conntrack. What comes by
// the loopback interface is this host's own, or the proxy's second SYN, which
// conntrack must see. What comes from the inside is not a flood, and a container
// that asks for a port that it publishes itself would be sent back to itself.
//
// So is left alone what is not sent to an address of this host: what it routes for
// others must be tracked, and the proxy would answer a SYN to a broadcast or multicast
// address from that address (synproxy_send_client_synack in the kernel's
// nf_synproxy_core.c). Of TCP those are not accepted (RFC 9293, section 3.9.2.3).
//
// The proxy's answers are hidden too. Where a client uses a port again, within
// the two minutes for which conntrack remembers a closed connection, conntrack
// would take the answer for one of the old connection and correct its numbers:
// the cookie that comes back is wrong, and the client waits in vain. The answers
// of the service itself have a socket.
func (l *lowering) untracked(family ruleset.Family) ruleset.Table {
	f := &filter{lowering: l, family: family}
	p := f.proxyPart()
	loopback := p.rule("loopback", ruleset.Return, ruleset.Interface{Name: "lo"})
	rules := slices.Concat([]ruleset.Rule{loopback}, f.byInside(), f.trust(ruleset.Return))
	elsewhere := ruleset.AddressType{Destination: []string{"LOCAL"}, Not: true}
	rules = append(rules, p.rule("not to this host", ruleset.Return, elsewhere))
	for _, s := range onceEach(f.proxied()) {
		rules = append(rules, f.tcpRules(s, "synproxy", ruleset.NoTrack{})...)
	}
	jump := p.rule("synproxy", f.chain("UNTRACKED", rules), ruleset.TCPFlags{Mask: handshake, Set: ruleset.SYN})
	hide := p.rule("answers", ruleset.NoTrack{}, ruleset.Proto{Protocol: ruleset.TCP})
	answers := p.rule("answers", f.chain("ANSWERS", []ruleset.Rule{hide}),
		ruleset.TCPFlags{Mask: handshake, Set: ruleset.SYN | ruleset.ACK}, ruleset.NoSocket{})
	return f.tableOf("raw", f.leftHook("PREROUTING", jump), f.leftHook("OUTPUT", answers))
}

// handshakes returns table mangle, which takes the timestamp out of one segment:
// the ACK by which the proxy ends its handshake with the service. The kernel
// corrects the timestamps of a proxied connection, and of this ACK too, in which
// the proxy had put the right one (ipv4_synproxy_hook sees it in POSTROUTING).
// Linux before 6.15 did not look. Since then a wrong one is refused in a
// handshake (TSEcrRejected in nstat), and the connection hangs for a second,
// until the service repeats its SYN-ACK: always where the service speaks first,
// and now and then where the client does. No other segment that leaves by the
// loopback interface has a source that is none of this host's.
func (l *lowering) handshakes(family ruleset.Family) ruleset.Table {
	f := &filter{lowering: l, family: family}
	p := f.proxyPart()
	strip := p.rule("handshake", ruleset.StripOption{Kind: timestampOption}, ruleset.Proto{Protocol: ruleset.TCP})
	jump := p.rule("handshake", f.chain("HANDSHAKE", []ruleset.Rule{strip}),
		ruleset.OutInterface{Name: "lo"}, ruleset.TCPFlags{Mask: handshake, Set: ruleset.ACK}, ruleset.ForeignSource{})
	return f.tableOf("mangle", f.leftHook("PREROUTING"), f.leftHook("INPUT"), f.leftHook("FORWARD"),
		f.leftHook("OUTPUT", jump), f.leftHook("POSTROUTING"))
}

// timestampOption is the kind of TCP's timestamps (RFC 7323, section 3.2).
const timestampOption = 8

// cookie has SYNPROXY answer the first packets of those who may reach a
// service. It is before the service's own rule, which decides where raw has
// been emptied by someone else: then there is no proxy, and a service still.
func (f *filter) cookie(s profile.Service, ways [][]ruleset.Match) []ruleset.Rule {
	if !asks(s) || f.published {
		return nil
	}
	var rules []ruleset.Rule
	for _, way := range ways {
		first := append([]ruleset.Match{ruleset.ConnState{States: ruleset.StateUntracked}}, way...)
		rules = append(rules, f.tcpRules(s, "synproxy", f.synProxy(), first...)...)
	}
	return rules
}

// handedOn asks the limits of a service about the SYNs by which the proxy hands
// connections on to it. Nothing else that leaves by the loopback interface has
// a source that is none of this host's.
func (f *filter) handedOn() []ruleset.Rule {
	if !f.proxies() || f.disabled() {
		return nil
	}
	var rules []ruleset.Rule
	shared := sharing(f.profile.Services)
	for _, s := range f.proxied() {
		rules = append(rules, f.handedOnTo(s, shared[s.Name])...)
	}
	rules = append(f.forgetGuesses(), rules...)
	jump := f.proxyPart().rule("synproxy", f.chain("PROXIED", rules),
		ruleset.OutInterface{Name: "lo"}, ruleset.Proto{Protocol: ruleset.TCP},
		ruleset.ConnState{States: ruleset.StateNew}, ruleset.ForeignSource{})
	return []ruleset.Rule{jump}
}

// handedOnTo asks the limits of one service. Whose SYN it is matters only where
// other services share its ports: who came this far may reach one of them.
func (f *filter) handedOnTo(s profile.Service, shared bool) []ruleset.Rule {
	everyone := [][]ruleset.Match{nil}
	ways, trusted := everyone, everyone
	if shared {
		ways = f.ways(s)
	}
	if !s.Admin { // whose admin addresses reach it in any case
		trusted = ways
	}
	var rules []ruleset.Rule
	target := f.serviceTarget(s)
	for _, ports := range f.proxiedPorts(s) {
		if free := unlimited(s); (target != ruleset.Accept || shared) && f.has(free) {
			rules = append(rules, f.handedOnBy(s, "trusted sources", ruleset.Accept, trusted, ports, f.inSet(free))...)
		}
		rules = append(rules, f.handedOnBy(s, "", target, ways, ports)...)
	}
	return rules
}

// handedOnBy is one rule for each way to a service.
func (f *filter) handedOnBy(s profile.Service, does string, target ruleset.Target, ways [][]ruleset.Match, matches ...ruleset.Match) []ruleset.Rule {
	var rules []ruleset.Rule
	for _, way := range ways {
		rules = append(rules, f.service(s).rule(does, target, slices.Concat(matches, way)...))
	}
	return rules
}

// proxiedPorts matches the TCP ports of a service behind nat's OUTPUT, where one
// that is published bears the container's number.
func (f *filter) proxiedPorts(s profile.Service) []ruleset.Match {
	if f.profile.Policy.Forward == profile.Published {
		return originalPorts(s, profile.TCP)
	}
	return f.ports(s, profile.TCP)
}

// unlimited names the set of sources for which a service has no limits.
func unlimited(s profile.Service) string {
	if s.Admin {
		return "admin"
	}
	return "trusted"
}

// tcpRules returns the rules that match the TCP ports of a service.
func (f *filter) tcpRules(s profile.Service, does string, target ruleset.Target, more ...ruleset.Match) []ruleset.Rule {
	var rules []ruleset.Rule
	for _, chunk := range chunks(portsOf(s.Ports, profile.TCP)) {
		ports := ruleset.Ports{Protocol: ruleset.TCP, Destination: chunk}
		rules = append(rules, f.service(s).rule(does, target, append([]ruleset.Match{ports}, more...)...))
	}
	return rules
}

// The proxy speaks before the service can, so it must know what the service's
// stack would say. 1460 and 1440 bytes are what a link of 1500 carries in IPv4
// and IPv6. A window scale of 7 is what Linux takes from a receive buffer of
// 4 to 8 MB (tcp_select_initial_window in the kernel's tcp_output.c).
const (
	segmentV4  = 1460
	segmentV6  = 1440
	proxyScale = 7
)

func (f *filter) synProxy() ruleset.SynProxy {
	if f.family == ruleset.V6 {
		return ruleset.SynProxy{MSS: segmentV6, WindowScale: proxyScale}
	}
	return ruleset.SynProxy{MSS: segmentV4, WindowScale: proxyScale}
}

// proxySettings are what SYNPROXY leans on.
//
//   - tcp_loose: conntrack must not take an ACK for the middle of a connection
//     that it missed, or the cookie never reaches SYNPROXY (iptables-extensions(8)).
//   - tcp_timestamps: the cookie carries the client's options in its timestamp,
//     and the service must speak timestamps as the proxy promised.
//   - tcp_rmem: the default of Linux up to 6.15, from which the service takes
//     the scale that the proxy has told the client. The 32 MB of 6.16 make it
//     10, and clients would see windows of an eighth: uploads crawl.
//
// It does not need tcp_syncookies: the cookies are SYNPROXY's own.
func (l *lowering) proxySettings() []ruleset.Setting {
	if !l.proxies() {
		return nil
	}
	settings := []ruleset.Setting{
		{Key: "net.netfilter.nf_conntrack_tcp_loose", Value: "0"},
		{Key: "net.ipv4.tcp_timestamps", Value: "1"},
		{Key: "net.ipv4.tcp_rmem", Value: "4096 131072 6291456"},
	}
	for i := range settings {
		settings[i].Origin = l.proxyOrigin()
	}
	return settings
}
