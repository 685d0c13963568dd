// Package ruleset is the intermediate form between a profile and the files
// that are emitted: tables, chains, rules, sets and kernel settings as plain
// data with typed fields.
//
// It knows no syntax, neither TOML's nor iptables', and no meaning: a value
// says what the kernel shall match and do. Every node carries an Origin, so
// that a plan line, an error of the kernel and a log line lead back to a
// profile line. The order of rules in a chain is the order in which the kernel
// tries them; the order of everything else is fixed by the one who builds it.
package ruleset

import (
	"net/netip"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// Family is an IP version.
type Family uint8

const (
	// V4 is IPv4.
	V4 Family = 4
	// V6 is IPv6.
	V6 Family = 6
)

// Families lists both, in the order in which everything is emitted.
var Families = [...]Family{V4, V6}

// Bits is the length of an address: 32 or 128.
func (f Family) Bits() int {
	if f == V6 {
		return 128
	}
	return 32
}

// Has reports whether a belongs to the family.
func (f Family) Has(a netip.Addr) bool { return a.Is6() == (f == V6) }

// Origin says which part of which profile asked for a node.
type Origin struct {
	diag.Position
	// Part is the dotted name of the part, such as "services.https".
	Part string
}

// Ruleset is the whole state that a profile asks for.
type Ruleset struct {
	Tables []Table
	// Fallback are tables on their own, for a boot at which Tables cannot be
	// loaded. They name no set.
	Fallback []Table
	Sets     []Set
	Settings []Setting
	Options  []ModuleOption
	Modules  []Module
	NICs     []NIC
	Access   Access
	// Jail is nil where fail2ban has nothing to do.
	Jail *Jail
	// Lists are the sets of the profile that may lose only so much at a time.
	Lists []List
	// Zones are those of the profile. No rule is made of them by itself.
	Zones []Zone
	// Leading names chains of other programs, a "*" at the end for anything: jumps to them
	// may come before those of this ruleset.
	Leading []string
	// Remarks are what the profile says for people. No rule is made of them.
	Remarks []Remark
}

// Zone is a part of the network by the names of this host's interfaces; a "+" at the end
// means any that begins so.
type Zone struct {
	Name       string
	Interfaces []string
	// Trusted says that all its packets reach every port; From are the kernel sets of the
	// sources that do, where not all are.
	Trusted bool
	From    []string
	Origin  Origin
}

// List is a set of addresses as the profile names it, whatever kernel sets its
// addresses end up in.
type List struct {
	Name    string
	Entries int
	// MaximumShrink is the most percent of its entries that it may lose from one
	// apply to the next.
	MaximumShrink int
	Origin        Origin
}

// Table is one table of one family, with every chain that the ruleset owns or
// uses in it.
type Table struct {
	Family Family
	Name   string // "filter", "raw", …
	Chains []Chain
}

// Chain is a built-in chain, which has a policy, or one of our own.
type Chain struct {
	Name  string
	Rules []Rule
	// Policy is the verdict of a built-in chain for what no rule decided.
	// It is empty for a chain of our own, and for a built-in chain the zero
	// value does not occur.
	Policy Policy
	// Owned says, of a built-in chain, that the profile states its policy. A
	// built-in chain that is not owned is listed so that a file is complete.
	Owned bool
}

// Policy is the verdict of a built-in chain.
type Policy string

// The two policies that the kernel knows.
const (
	PolicyAccept Policy = "ACCEPT"
	PolicyDrop   Policy = "DROP"
)

// BuiltIn reports whether the chain is one of the kernel's.
func (c Chain) BuiltIn() bool { return c.Policy != "" }

// Rule matches a packet when every match does; then the target decides.
type Rule struct {
	Matches []Match
	// Target is nil for a rule that only counts or records.
	Target Target
	// Comment says in a few words which part of the profile the rule serves:
	// printable ASCII, at most 255 bytes.
	Comment string
	Origin  Origin
}

// SetType is a kernel set type.
type SetType string

// The set types that rulesets use.
const (
	HashNet    SetType = "hash:net"
	HashIP     SetType = "hash:ip"
	HashIPPort SetType = "hash:ip,port"
)

// Set is one kernel set of one family.
type Set struct {
	Name string
	// Long is the name in the profile of a set that the profile fills, where the kernel's is
	// too short for it; empty otherwise.
	Long   string
	Family Family
	Type   SetType
	// Members are the addresses of a set that the profile fills, as the fewest
	// prefixes that cover them. Nil for a set that packets fill.
	Members []netip.Prefix
	// Dynamic says that packets or fail2ban fill the set; a plan
	// does not compare its members.
	Dynamic bool
	// Kept says that the entries of a dynamic set outlive a reboot, with the
	// time that each has left.
	Kept bool
	// Timeout is how long an entry of a dynamic set stays.
	Timeout time.Duration
	// Netmask is the prefix length to which added addresses are cut; 0 for none.
	Netmask int
	// Counters says that each entry counts the packets that looks find it by.
	Counters bool
	// ForceAdd lets a full set evict an old entry rather than refuse a new one.
	ForceAdd bool
	// HashSize is the number of buckets, a power of two. The kernel does not
	// grow a set from the packet path, so dynamic sets are sized beforehand.
	HashSize uint32
	// MaxElements is the most entries the set takes.
	MaxElements uint32
	Origin      Origin
}

// Remark is what a profile says of a part, or of an entry of a list of addresses.
type Remark struct {
	Entry       string // empty for the part
	Description string
	Expires     string // the last day, as "2027-01-31"; empty for none
	Origin      Origin
}

// Setting is one kernel setting below /proc/sys.
type Setting struct {
	// Key is dotted, as sysctl names it; a component "*" means every
	// network interface.
	Key    string
	Value  string
	Origin Origin
}

// ModuleOption is one option of one kernel module, given when it loads.
type ModuleOption struct {
	Module, Name, Value string
	Origin              Origin
}

// Module is a kernel module that must be loaded before settings are written.
type Module struct {
	Name   string
	Origin Origin
}
