package nftables

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Verdict is where a rule sends a packet.
type Verdict string

// The verdicts.
const (
	Drop     Verdict = "drop"
	Accept   Verdict = "accept"
	Continue Verdict = "continue"
	Jump     Verdict = "jump"
	Goto     Verdict = "goto"
	Return   Verdict = "return"
)

// verdicts are the kernel's numbers for them (linux/netfilter.h, nf_tables.h).
var verdicts = map[int32]Verdict{
	0: Drop, 1: Accept,
	unix.NFT_CONTINUE: Continue, unix.NFT_BREAK: Continue,
	unix.NFT_JUMP: Jump, unix.NFT_GOTO: Goto, unix.NFT_RETURN: Return,
}

// idle are the expressions that look at a packet, count it or log it.
var idle = []string{
	"payload", "meta", "cmp", "bitwise", "byteorder", "ct", "range", "lookup", "limit", "quota", "connlimit", "fib",
	"counter", "last", "log", "socket", "osf", "rt", "hash", "numgen", "exthdr", "match",
}

// Decides reports whether a packet that the kernel hands to one of the table's
// chains on its way to this host can meet a rule that decides about it. A chain
// without rules does not, nor does one that only counts, logs, returns, and jumps
// to such chains. Policies are not looked at. What this package does not know is
// taken for something that decides.
func (t Table) Decides() bool {
	seen := map[string]bool{}
	return slices.ContainsFunc(t.Chains, func(c Chain) bool { return c.Comes() && t.decides(c.Name, seen) })
}

// decides looks at one chain. seen are those that were looked at before.
func (t Table) decides(chain string, seen map[string]bool) bool {
	c := t.Chain(chain)
	if c == nil || seen[chain] {
		return false
	}
	seen[chain] = true
	for _, r := range c.Rules {
		for _, e := range r {
			if e.decides() || e.To != "" && t.decides(e.To, seen) {
				return true
			}
		}
	}
	return false
}

// decides reports whether an expression decides about a packet by itself.
func (e Expression) decides() bool {
	if e.Name == "immediate" {
		return e.Verdict == Drop || e.Verdict == Accept
	}
	return e.Map || !slices.Contains(idle, e.Name)
}
