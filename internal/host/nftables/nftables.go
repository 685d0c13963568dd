// Package nftables reads what the kernel's nf_tables holds, whichever wrote it:
// iptables-nft, nft itself, or a program that uses neither.
//
// iptables-save prints what iptables could have written, and for the rest it
// prints less, or something wider, and exits 0. This package sees the rest. It
// reads by netlink and not by the tool nft, which a host with iptables need not
// have; it tells tables, chains and of rules only what they are made of, since
// that is enough to say whose they are.
//
// Rules belong to the network namespace of the calling thread. Reading needs
// CAP_NET_ADMIN there.
package nftables

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Families that see packets of IP, as nft calls them.
const (
	IP   = "ip"
	IP6  = "ip6"
	Inet = "inet" // both
)

// Table is one table of a family. Tables of other families, such as bridge, are
// not read.
type Table struct {
	Family string
	Name   string
	Chains []Chain
}

// Chain returns the chain of that name, or nil.
func (t Table) Chain(name string) *Chain {
	if i := slices.IndexFunc(t.Chains, func(c Chain) bool { return c.Name == name }); i >= 0 {
		return &t.Chains[i]
	}
	return nil
}

// Rules counts the rules of all chains.
func (t Table) Rules() int {
	n := 0
	for _, c := range t.Chains {
		n += len(c.Rules)
	}
	return n
}

// The hooks of packets that come to this host, by their numbers in
// linux/netfilter.h. Ingress is one of the family inet alone.
const (
	Prerouting = 0
	Input      = 1
	Ingress    = 5
)

// Chain is a chain and its rules in their order.
type Chain struct {
	Name string
	// Base says that the kernel calls the chain by itself, at Hook.
	Base bool
	Hook uint32
	// Drops says that the policy is drop.
	Drops bool
	Rules []Rule
}

// Comes reports whether the kernel calls the chain for packets that come to this
// host, before they are delivered.
func (c Chain) Comes() bool {
	return c.Base && (c.Hook == Ingress || c.Hook == Prerouting || c.Hook == Input)
}

// Rule is what a rule is made of, in order.
type Rule []Expression

// Expression is one part of a rule, such as a comparison, a counter or a target
// of iptables.
type Expression struct {
	// Name is the kernel's, such as "payload", "cmp", "match" or "lookup".
	Name string
	// Base is, for a payload, which header it is of, and Offset where it begins
	// in that, in bytes.
	Base, Offset uint32
	// Key is, for a meta, what is looked at, as in linux/netfilter/nf_tables.h.
	Key uint32
	// Order says of a cmp that it is one of less and greater.
	Order bool
	// Verdict is what an immediate decides: one of the verdicts below, empty for
	// one that only loads a value. To is the chain that Jump and Goto lead to.
	Verdict Verdict
	To      string
	// Map says of a lookup that it takes a value from the set, which may be a
	// verdict.
	Map bool
}

// NetworkHeader is the Base of addresses.
const NetworkHeader = 1

// What a rule of iptables looks at by options of its own, -s, -d, -i, -o, -p and
// -f: of the network header by offset, protocol and addresses and, of IPv4, the
// fragment; of a meta, interfaces and the protocol. TRACE is a meta that is set.
var (
	ownFields = map[string][]uint32{IP: {6, 9, 12, 16}, IP6: {6, 8, 24}}
	ownKeys   = []uint32{unix.NFT_META_IIF, unix.NFT_META_OIF, unix.NFT_META_IIFNAME, unix.NFT_META_OIFNAME, unix.NFT_META_L4PROTO, unix.NFT_META_NFTRACE}
)

// ByNFT reports whether iptables cannot have written the rule, so that what
// iptables-save prints of it, if it prints it at all, is not what it does:
// iptables gives every rule a counter, uses no sets of nftables, and knows
// addresses with a mask but no ranges of them. A rule of which this cannot be
// said may still be nft's; iptables-save 1.8.9 prints many of those right.
func (r Rule) ByNFT() bool {
	counted := false
	for i, e := range r {
		switch {
		case e.Name == "counter":
			counted = true
		case e.Name == "lookup":
			return true
		case i > 0 && r[i-1].Name == "payload" && r[i-1].Base == NetworkHeader && (e.Name == "range" || e.Order):
			return true
		}
	}
	return !counted
}

// NeedsMatch reports whether the rule, of a table of the family, looks at
// something that iptables says with a match (-m), such as a port or the mark. If
// iptables-save prints it without one, it prints something wider: up to 1.8.7 it
// passes over all that nft has and iptables then had not, and up to 1.8.11 over
// the lengths and numbers of TCP and UDP, and exits 0.
func (r Rule) NeedsMatch(family string) bool {
	return slices.ContainsFunc(r, func(e Expression) bool {
		switch e.Name {
		case "payload":
			return e.Base != NetworkHeader || !slices.Contains(ownFields[family], e.Offset)
		case "meta":
			return !slices.Contains(ownKeys, e.Key)
		}
		return false
	})
}
