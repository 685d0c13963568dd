package lower

import (
	"time"

	"hardenctl/compiler/profile"
	"hardenctl/compiler/ruleset"
)

// provenRate is what a proven source keeps while it is banned, of all services
// together: a browser that opens 30 connections is served, and a scanner that
// had opened one is not served much.
var provenRate = profile.Rate{Count: 5, Per: time.Second, Burst: 50}

// proves reports whether sources are proven. Where a ban hides no service, there
// is nothing that a proven source could keep, and no packet pays for the proof.
func (l *lowering) proves() bool {
	return l.bans() && l.hides() && l.profile.Scan.Proven > 0 && len(l.profile.Services) > 0
}

// handshake are the flags that tell the parts of a connection from each other.
const handshake = ruleset.FIN | ruleset.SYN | ruleset.RST | ruleset.ACK

// completed notes the source of a TCP connection that was opened and ended
// properly. To open one takes the number that this host chose and sent to the
// source's own address: nobody can do that in another's name.
func (f *filter) completed() []ruleset.Rule {
	if !f.proves() {
		return nil
	}
	end := ruleset.TCPFlags{Mask: handshake, Set: ruleset.FIN | ruleset.ACK}
	add := ruleset.AddToSet{Set: f.setName("proven"), Direction: ruleset.ToSource}
	return []ruleset.Rule{f.scan().rule("proven", add, end, ruleset.ConnAssured{})}
}
