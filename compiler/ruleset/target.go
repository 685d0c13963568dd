package ruleset

import "time"

// Target is what a rule does with a packet that it matched. The types below
// are the only ones.
type Target interface{ target() }

// Verdict ends the packet's way, or the chain's with Return.
type Verdict string

// The verdicts.
const (
	Accept Verdict = "ACCEPT"
	Drop   Verdict = "DROP"
	Return Verdict = "RETURN"
)

// Jump goes on in another chain.
type Jump struct{ Chain string }

// Goto goes on in another chain for good: where that returns or ends, the
// chain that the packet was in before this one goes on.
type Goto struct{ Chain string }

// AddToSet puts the packet's address into a set, anew if it is there, for
// Timeout, or for the set's own where that is 0.
type AddToSet struct {
	Set       string
	Direction Direction
	Timeout   time.Duration // whole seconds
}

// RemoveFromSet takes the packet's address out of a set; it need not be there.
type RemoveFromSet struct {
	Set       string
	Direction Direction
}

// Log writes a line to the kernel log.
type Log struct{ Prefix string }

// Reject drops the packet and answers with a TCP reset or an ICMP error.
type Reject struct {
	Family Family
	Reset  bool
}

func (Verdict) target()       {}
func (Jump) target()          {}
func (Goto) target()          {}
func (AddToSet) target()      {}
func (RemoveFromSet) target() {}
func (Log) target()           {}
func (Reject) target()        {}
