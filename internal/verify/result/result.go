// Package result is what attacks on a profile showed: plain data, which the attack
// fills, the judge reads and completes, and the reports print. Report is the form of
// its JSON.
package result

import (
	"fmt"
	"slices"
	"time"
)

// Tripwire is the kind of the count that must be 1.
const Tripwire = "tripwire"

// Guess is what nmap -O makes of the server's system, in its words: the best
// match with its certainty, or "no match".
type Guess struct {
	Family int    `json:"family"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// NoMatch is a guess that failed.
const NoMatch = "no match"

// Report is what an attack on a profile showed. Times are seconds since the
// profile was live.
type Report struct {
	Profile     string `json:"profile"`
	Description string `json:"description"`
	Backend     string `json:"backend"` // of iptables: "nft" or "legacy"
	Scanner     string `json:"scanner"` // "nmap", or "prober" for our own
	// Services are the ports that the profile shows to everyone, Hidden the
	// open ports that it does not: of services for some, and of what no
	// service states.
	Services []string `json:"services"`
	Hidden   []string `json:"hidden"`
	// Seconds is how long the attack took.
	Seconds   float64    `json:"seconds"`
	Maps      []Map      `json:"maps"`
	Guesses   []Guess    `json:"guesses"` // none without nmap
	BanCounts []BanCount `json:"ban_counts"`
	SlowScans []SlowScan `json:"slow_scans"`
	Attacks   []Attack   `json:"attacks"`
	Doors     []Door     `json:"doors"`
	Visitors  []Visitor  `json:"visitors"`
	Promises  []Promise  `json:"promises"`
	// Unjudged is what the profile says and this attack could not tell.
	Unjudged []Unjudged `json:"unjudged"`
}

// Kept reports whether no promise was broken.
func (r *Report) Kept() bool {
	for _, p := range r.Promises {
		if !p.Kept {
			return false
		}
	}
	return true
}

// Map is all 65,536 TCP ports as an attacker sees them with an ordinary SYN to
// each.
type Map struct {
	// View says who looks: Before the firewall, a Patient attacker with a fresh
	// address for every port, or a Single source.
	View   View    `json:"view"`
	Family int     `json:"family"` // 4 or 6
	Start  float64 `json:"start"`  // seconds; negative before the profile
	End    float64 `json:"end"`
	// BannedAt is when the ban was seen, in seconds; 0 without one.
	BannedAt float64  `json:"banned_at,omitempty"`
	Open     []uint16 `json:"open"`
	// Closed holds first and last ports of the ranges that answered "closed";
	// every other port was silent.
	Closed [][2]uint16 `json:"closed"`
	Counts Counts      `json:"counts"`
}

// View is who looks at a map.
type View string

// The views of the map.
const (
	Before  View = "before"
	Patient View = "patient"
	Single  View = "single"
)

// Counts are numbers of ports by what a scan says of them.
type Counts struct {
	Open   int `json:"open"`
	Closed int `json:"closed"` // an answer that is not "open": closed, unfiltered
	Silent int `json:"silent"` // no answer: filtered, open|filtered
}

// BanCount counts the distinct probes of one kind that a fresh source may send
// until the kernel bans it.
type BanCount struct {
	Kind   string `json:"kind"`
	Family int    `json:"family"`
	// BannedAt is the number of the probe that banned; 0 if none did.
	BannedAt int     `json:"banned_at"`
	Sent     int     `json:"sent"`
	Start    float64 `json:"start"`
	End      float64 `json:"end"`
}

// Attack is one scan from an address of its own.
type Attack struct {
	Name   string `json:"name"`
	Tool   string `json:"tool"` // the command line, or "prober" or "dialer" of our own
	Family int    `json:"family"`
	Ports  int    `json:"ports"`
	Counts
	OpenPorts []string `json:"open_ports"`
	Start     float64  `json:"start"`
	End       float64  `json:"end"`
	// BannedAt is when the ban was seen, in seconds; 0 without one. Banned says
	// whether the source was banned when the scan was over.
	BannedAt float64 `json:"banned_at,omitempty"`
	Banned   bool    `json:"banned"`
	// BanProbe is the number of the probe that bans for packets like this one's;
	// 0 if none does.
	BanProbe int `json:"banned_by_probe,omitempty"`
	// Missed is how many visits of legitimate clients got no answer while the scan
	// went on. Scans run side by side: a visit counts for each of them.
	Missed int `json:"missed_visits,omitempty"`
}

// Ban says when the source was banned, as text: at which probe, where that
// was counted, or "yes" or "no".
func (a *Attack) Ban() string {
	switch {
	case a.BanProbe > 0:
		return fmt.Sprint(a.BanProbe)
	case a.Banned:
		return "yes"
	}
	return "no"
}

// Both is one kind of attack over both families; nil for one that was not run.
type Both struct{ V4, V6 *Attack }

// First returns the attack over IPv4, or else that over IPv6.
func (b Both) First() *Attack {
	if b.V4 != nil {
		return b.V4
	}
	return b.V6
}

// ByName joins the attacks of one name, in the order of the report. They point
// into the report.
func (r *Report) ByName() []Both {
	var list []Both
	for i := range r.Attacks {
		a := &r.Attacks[i]
		n := slices.IndexFunc(list, func(b Both) bool { return b.First().Name == a.Name })
		if n < 0 {
			n, list = len(list), append(list, Both{})
		}
		if a.Family == 4 {
			list[n].V4 = a
		} else {
			list[n].V6 = a
		}
	}
	return list
}

// Visitor is a legitimate client that connected again and again during the attacks.
type Visitor struct {
	Role     string        `json:"role"` // "client", "crawler", "admin"
	Address  string        `json:"address"`
	Service  string        `json:"service"` // "tcp/443"
	Visits   int           `json:"visits"`
	Failures int           `json:"failures"`
	Median   time.Duration `json:"median_ns"`
	Slowest  time.Duration `json:"slowest_ns"`
	Error    string        `json:"error,omitempty"` // the first failure
	Times    []Visit       `json:"times"`
}

// Missed counts, for each attack, the failed visits that were under way during it.
func (r *Report) Missed() {
	for i := range r.Attacks {
		a := &r.Attacks[i]
		for _, p := range r.Visitors {
			for _, v := range p.Times {
				if v.Failed && v.At <= a.End && v.At+v.Took.Seconds() >= a.Start {
					a.Missed++
				}
			}
		}
	}
}

// Visit is one connection of a visitor, with an answer or without.
type Visit struct {
	At     float64       `json:"at"`
	Took   time.Duration `json:"took_ns"`
	Failed bool          `json:"failed,omitempty"`
}

// Promise is what the profile promises, and whether the attacks bore it out.
type Promise struct {
	Name string `json:"name"` // short and stable, such as "stated-only"
	Says string `json:"says"` // the promise, with the profile's own numbers
	Kept bool   `json:"kept"`
	// Seen is the evidence: what was measured, or what broke it.
	Seen string `json:"seen"`
}

// Unjudged is something that a reader may expect of the profile and that this
// attack does not tell, with the reason.
type Unjudged struct {
	Says string `json:"says"`
	Why  string `json:"why"`
}
