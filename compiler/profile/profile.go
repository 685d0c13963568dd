// Package profile reads a profile: TOML text that says what a host should be.
//
// Reading has four steps. parse.go parses one file with a TOML library, scan.go
// finds the place of every key and value, which the library does not tell, and
// build.go joins the two into a tree. layers.go follows includes and lays one
// tree over another: scalars and lists replace, named tables merge by name, and
// what edit.go knows adds and takes away. ownlines.go says where a message belongs.
// decode.go and parts.go turn the merged tree into the types below, strictly:
// an unknown key, a wrong type, a number out of range are each a diagnostic,
// and the rest is still read, so that one run reports everything. sets.go reads
// the lists that sets name.
//
// A profile is untrusted text. Whatever it holds, reading ends in a Profile or
// in diagnostics, within bounded time and memory, and reads no file outside
// the folders that the caller opened.
package profile

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/netset"
)

// Profile is what a merged profile says. Named tables are sorted by name, so
// that the order in which layers state them changes nothing, but for services that
// share a port: these are in the order in which they are asked. A part that the
// profile does not have is its zero value.
type Profile struct {
	Description string
	Policy      Policy
	Zones       []Zone
	Sets        []Set
	Access      Access
	Services    []Service
	Knocks      []Knock
	Scan        Scan
	ICMP        ICMP
	UDP         UDPLimits
	Log         Log
	Fail2ban    Fail2ban
	Kernel      []Knob
	NICs        []NIC
	Remarks     []Remark // in the order of reading

	// LostAdmin is a service that an included layer marks admin, and the place of the
	// line that switches it off or unmarks it, if that leaves no admin service at all.
	LostAdmin Named

	origins origins
}

// Ending is what happens to a packet that no rule accepts.
type Ending string

// The endings of [policy] input and forward.
const (
	Drop   Ending = "drop"
	Reject Ending = "reject" // input only
	Leave  Ending = "leave"  // forward only: FORWARD stays as it is
	// Published, forward only, leaves FORWARD to others but for what NAT sends
	// there: a port that Docker or anyone else publishes is open only if a
	// service states it. What is refused there is dropped, whatever Input says.
	Published Ending = "published"
)

// Policy is [policy].
type Policy struct {
	Position diag.Position
	Input    Ending // Drop unless the profile says Reject
	Forward  Ending // Leave where not stated
	// Inside are the interfaces on which connections through this host begin;
	// on any other, only those to a published port that a service states. Empty
	// for all interfaces, and unless Forward is Published.
	Inside []Interface
	// IPv6 false closes IPv6: it is still filtered, and nothing is open.
	IPv6 bool // true unless the profile says false
	// DHCP lets the answers of DHCP servers in, for a host that has its
	// addresses from one.
	DHCP bool
	// Search lets in what answers this host's own questions to all hosts of a
	// network, by multicast or broadcast.
	Search bool
	// Before are chains of other programs by name, a "*" at the end for anything: jumps to
	// them may come before those to the chains of the bundle.
	Before []Named
}

// Interface is a network interface by its name, or all whose names begin alike.
// None of them need exist yet.
type Interface struct {
	Position diag.Position
	// Name is 1 to 15 bytes of letters, digits and ".-_@"; a "+" behind them
	// means anything, as in iptables.
	Name string
}

// Set is [sets.NAME]: addresses given inline and read from files, merged.
type Set struct {
	Name     string
	Position diag.Position
	Members  netset.Set
	// Zone is where the set counts: only for packets that come in by its interfaces. Empty
	// means every interface.
	Zone Named
	// Entries counts what the set's addresses and lists state, before what
	// overlaps is merged.
	Entries int
	// MaximumShrink is the most percent of its entries that the set may lose
	// from one apply to the next.
	MaximumShrink Count
}

// Ref is one element of an address list: "@name", or a prefix.
type Ref struct {
	Position diag.Position
	Set      string       // name without "@"; empty for a prefix
	Prefix   netip.Prefix // masked; the zero value for a set
}

// Addresses returns what a list of references of this profile means. A
// set that the profile does not have means nothing; reading has reported
// it.
func (p *Profile) Addresses(refs []Ref) netset.Set {
	var inline []netip.Prefix
	var all netset.Set
	for _, ref := range refs {
		if ref.Set == "" {
			inline = append(inline, ref.Prefix)
			continue
		}
		all = all.Union(p.Set(ref.Set).Members)
	}
	return all.Union(netset.Of(inline...))
}

// Access is [access].
type Access struct {
	Position             diag.Position
	Admin, Exempt, Block []Ref
	// AdminUntracked hides the TCP segments between Admin and the services marked
	// Admin from conntrack.
	AdminUntracked bool
}

// Protocol of a service port.
type Protocol string

// The protocols that a service may use.
const (
	TCP     Protocol = "tcp"
	UDP     Protocol = "udp"
	SCTP    Protocol = "sctp"
	DCCP    Protocol = "dccp"
	UDPLite Protocol = "udplite"
)

// PortProtocols are the protocols that have ports. Knocks and tripwires are of the first
// two.
var PortProtocols = []Protocol{TCP, UDP, SCTP, DCCP, UDPLite}

// Port is one element of a list of ports: "tcp/443", "udp/60000-61000".
type Port struct {
	Position    diag.Position
	Protocol    Protocol
	First, Last uint16 // equal for a single port; 1 to 65535
}

// String writes a port as profiles do.
func (p Port) String() string {
	if p.First == p.Last {
		return fmt.Sprintf("%s/%d", p.Protocol, p.First)
	}
	return fmt.Sprintf("%s/%d-%d", p.Protocol, p.First, p.Last)
}

// Service is [services.NAME]. Several may state one port, each for a group of its
// own (From, Knock, Zones) and with limits of its own; the first one decides whose group
// the source of a packet is in.
type Service struct {
	Name     string
	Position diag.Position
	Ports    []Port
	// Protocols are open as a whole, beside Ports.
	Protocols []IPProtocol
	// Groups are the multicast or broadcast addresses to which the packets go; empty
	// means any address of the host.
	Groups []Group
	// Admin marks what the admin addresses must always reach.
	Admin bool
	// From lists who may connect; empty means everyone, unless there is a Knock.
	From []Ref
	// Zones are those from which it is open; empty means every interface.
	Zones []Named
	// Knock opens the service to sources that From does not list.
	Knock                Named
	NewPerSource         Limit
	ConnectionsPerSource Count
	// SynProxy answers for the TCP ports until a client has proved that its
	// address is its own.
	SynProxy bool
}

// Public reports whether everyone may connect.
func (s Service) Public() bool { return s.AnySource() && len(s.Zones) == 0 }

// AnySource reports whether it does not matter from which address a client connects.
func (s Service) AnySource() bool { return len(s.From) == 0 && s.Knock.Name == "" }

// Count is a whole number with its place; 0 means that it is not stated.
type Count struct {
	Position diag.Position
	N        uint32
}

// Rate is "COUNT/UNIT" with an optional "burst N": a token bucket.
type Rate struct {
	Count uint32        // 1 or more
	Per   time.Duration // a second, a minute, an hour or a day
	Burst uint32        // 5 where the text states none, as in iptables
}

// Quota is "COUNT in DURATION": at most so many in any such window.
type Quota struct {
	Count  uint32        // 1 to 255, what the kernel's recent lists hold
	Window time.Duration // whole seconds
}

// Limit is a Rate or a Quota, whichever is not zero; neither means no limit.
// The kernel counts a rate with hashlimit and a quota with recent.
type Limit struct {
	Position diag.Position
	Rate     Rate
	Quota    Quota
}

// Stated reports whether there is a limit at all.
func (l Limit) Stated() bool { return l.Rate.Count > 0 || l.Quota.Count > 0 }

// Scope says what a ban hides.
type Scope string

// The scopes of [scan].
const (
	// Everything drops every new packet of a banned source.
	Everything Scope = "everything"
	// Hidden leaves a banned source what is public.
	Hidden Scope = "hidden"
)

// Engine is the kernel's means of counting probes.
type Engine string

// The engines of [scan]. Sets forget an old source for a new one when forged
// sources have filled them; a table of Hashlimit refuses to count new ones then,
// and a list of Recent is short.
const (
	Sets      Engine = "sets"
	Hashlimit Engine = "hashlimit"
	Recent    Engine = "recent"
)

// Scan is [scan]. Probes is 0 when the profile bans no source.
type Scan struct {
	Position diag.Position
	// Probes is how many probes a source has free within Window: the next one
	// bans it. A probe is a new TCP or UDP packet to what no service answers.
	Probes uint32
	Window time.Duration
	// Slow is a second window, longer than the first, for those who wait
	// between probes; it is zero where not stated. Unlike a Quota of a service,
	// it may count to 10,000.
	Slow Quota
	// Tripwires are ports of which one probe bans.
	Tripwires []Port
	Ban       time.Duration
	// BanRepeat is how long the ban of a source lasts that was banned within
	// the last week; Ban means that bans do not grow. Where not stated it is
	// 24 times Ban.
	BanRepeat time.Duration
	// KeepBans has bans outlive a reboot, with the time that is left of them,
	// and what is remembered of sources with them.
	KeepBans bool
	// Proven is for how long a source is known that has completed a
	// connection, which a forged source cannot do. It keeps, while
	// banned, the services that it may use, under a low limit. 0 means that
	// no source is proven.
	Proven time.Duration
	Scope  Scope  // Everything where not stated
	Engine Engine // Sets where not stated
	// Stealth drops, and counts as probes, segments whose flags no TCP stack
	// sends.
	Stealth bool
	// Fingerprint drops, and counts as probes, SYNs that no TCP stack of a
	// computer or phone sends.
	Fingerprint bool
	// DontFragment drops, and counts as probes, SYNs with options like those of
	// a computer or phone that lack what such a system sends beside them: in
	// IPv4 the flag "don't fragment", in IPv6 a segment size that fits.
	DontFragment bool
}

// ICMP is [icmp]. Without EchoPerSource, echo requests stay unanswered, but for those of
// EchoFrom.
type ICMP struct {
	Position      diag.Position
	EchoPerSource Limit // always a Rate
	// EchoFrom lists the sources whose echo requests are answered without a limit.
	EchoFrom []Ref
}

// UDPLimits is [udp]: limits for every UDP service that states none itself.
type UDPLimits struct {
	Position diag.Position
	// NewPerSource limits new flows.
	NewPerSource Limit
	// PacketsPerSource limits every packet, which a flow that is open cannot
	// go round; too low a limit breaks QUIC.
	PacketsPerSource Limit // always a Rate
}

// Log is [log]. Rate.Count is 0 when nothing is logged.
type Log struct {
	Position diag.Position
	// Prefix begins each line; the reason follows it. Printable ASCII, at most
	// 21 bytes, so that both fit into the 29 of a LOG rule.
	Prefix string
	// Rate is how many lines all sources together write for one reason.
	Rate Rate
	// PerSource is how many of them one source writes, whatever the reason, so
	// that one attacker does not hide the others.
	PerSource Rate
}

// Knob is one key of [kernel], such as "default_ttl", with its value as a
// number: false and true are 0 and 1, the words of rp_filter 0, 1 and 2.
type Knob struct {
	Name     string
	Position diag.Position
	Value    int64
}
