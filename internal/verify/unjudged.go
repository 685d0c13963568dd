package verify

import (
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/profile"
)

// Unjudged is something that a reader may expect of the profile and that this
// attack does not tell, with the reason.
type Unjudged struct {
	Says string `json:"says"`
	Why  string `json:"why"`
}

// unjudged lists what the attack left out.
func (s *scene) unjudged(r *Report) []Unjudged {
	list := []Unjudged{}
	add := func(is bool, says, why string) {
		if is {
			list = append(list, Unjudged{says, why})
		}
	}
	add(!s.options.Nmap, "What host discovery, a scan of all IP protocols and a guess at the system (nmap -O) tell",
		"only nmap does these: install it, or leave out --no-nmap")
	add(s.options.Quick, "What other scans learn: "+strings.Join(s.leftOut(), ", "), "a quick look leaves them out")
	scan := s.profile.Scan
	add(scan.Probes > 0 && scan.Slow.Count > 0 && dueProbe(scan, slowPace(scan)) == 0, "The slow window bans",
		fmt.Sprintf("it takes more than %d probes, and nobody would wait for them here", mostProbes))
	for _, t := range r.SlowScans {
		add(t.Due == 0 && t.BannedAt == 0, fmt.Sprintf("One probe in %s bans, over IPv%d", t.Pace(), t.Family),
			"this machine was too busy to send them in time: try again")
	}
	for _, d := range r.Doors {
		for _, family := range d.Late {
			add(true, fmt.Sprintf("The door %s opens to knocks that come in time, over IPv%d", d.Name, family),
				"this machine was too busy to send them in time: try again")
		}
	}
	add(hidesEverything(s.profile) && s.hasClient(), "Probes forged in the name of somebody new cost them nothing",
		`the profile does not promise it: scan.scope = "everything" takes the services from a banned address, and lets in again who has been here before; "hidden" promises it to all`)
	return list
}

// leftOut names the scans that a quick look leaves out.
func (s *scene) leftOut() (names []string) {
	for _, a := range attacks {
		if !a.quick && (s.options.Nmap || !a.nmapOnly) {
			names = append(names, a.name)
		}
	}
	return names
}

func (s *scene) hasClient() bool {
	_, ok := s.firstService(profile.Service.Public)
	return ok
}
