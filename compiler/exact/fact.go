package exact

import (
	"fmt"
	"strings"
)

// Fact is something that is true or not of a packet, beside its bits: what the host
// has seen, a limit, or a match that this package does not know.
type Fact struct {
	Kind FactKind
	// Set and Direction are of a Member, Room or Counted fact.
	Set, Direction string
	// Change is of a Member fact that is about some addresses of a list.
	Change ListChange
	// Above is of a Counted fact: the largest number, of those that rules ask for, which the
	// entry is above.
	Above uint64
	// Text is the match of an Asked fact, in the words of the rule.
	Text string
	// Denial says that an Asked fact does not hold, where Text does not say a match.
	Denial string
	// Which tells apart facts that read alike, and are not: the limits of two rules.
	Which int
}

// FactKind says what a Fact is about.
type FactKind int

// The kinds.
const (
	// Asked: a match holds.
	Asked FactKind = iota
	// Member: an address of the packet is in a set.
	Member
	// Room: a set takes one more entry.
	Room
	// Counted: the entry of an address has counted more than so many packets.
	Counted
)

// weight orders facts for a reader: sets and limits, which change by themselves and on which
// most depends, before what only an odd packet has.
func (f Fact) weight() int {
	if f.Kind != Asked {
		return 0
	}
	for _, limit := range []string{"-m limit ", "-m hashlimit ", "-m connlimit ", "-m recent "} {
		if strings.HasPrefix(f.Text, limit) {
			return 1
		}
	}
	return 2
}

// oddPacket is the weight of a field of a packet.
const oddPacket = 3

// Usual reports whether a fact holds on a host that is not under attack, for a source
// that it has not seen before.
func (f Fact) Usual() bool {
	switch f.Kind {
	case Room:
		return true
	case Asked:
		return usual(f.Text)
	}
	return false
}

// String says the fact.
func (f Fact) String() string { return f.say(true) }

// Denied says that the fact does not hold.
func (f Fact) Denied() string { return f.say(false) }

func (f Fact) say(holds bool) string {
	either := func(yes, no string) string {
		if holds {
			return yes
		}
		return no
	}
	switch f.Kind {
	case Member:
		verb := map[ListChange][2]string{
			0: {" is in ", " is not in "}, Leaving: {" leaves ", " does not leave "}, Joining: {" joins ", " does not join "},
		}[f.Change]
		return f.address() + either(verb[0], verb[1]) + f.Set
	case Room:
		return f.Set + either(" has room", " is full")
	case Counted:
		return fmt.Sprintf("%s has counted %s %d packets for %s", f.Set, either("more than", "at most"), f.Above, f.address())
	}
	return sayAsked(f, holds)
}

// directions are ipset's words for parts of a packet, in those of people.
var directions = map[string]string{
	"src": "the source", "dst": "the destination", "src,dst": "the source with the destination port",
	"src,src": "the source with its port", "dst,dst": "the destination with its port",
	translated + "dst": "the translated destination", translated + "src,dst": "the source with the translated port",
	translated + "dst,dst": "the translated destination with its port",
}

func (f Fact) address() string {
	if words, ok := directions[f.Direction]; ok {
		return words
	}
	return f.Direction
}
