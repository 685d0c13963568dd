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
	add(!s.options.Nmap, "What host discovery, a scan of all IP protocols and nmap -O find",
		"only nmap can test these: install it, or remove --no-nmap")
	add(s.options.Quick, "What other scans learn: "+strings.Join(s.leftOut(), ", "), "--quick skips them")
	scan := s.profile.Scan
	add(scan.Probes > 0 && scan.Slow.Count > 0 && dueProbe(scan, slowPace(scan)) == 0, "The slow window bans",
		fmt.Sprintf("it needs more than %d probes, too many for this test", mostProbes))
	for _, t := range r.SlowScans {
		add(t.Due == 0 && t.BannedAt == 0, fmt.Sprintf("One probe in %s bans, over IPv%d", t.Pace(), t.Family),
			"this machine was too busy to send them in time: try again")
	}
	for _, d := range r.Doors {
		for _, family := range d.Late {
			add(true, fmt.Sprintf("The knock %s opens its service if the knocks come in time, over IPv%d", d.Name, family),
				"this machine was too busy to send them in time: try again")
		}
	}
	add(hidesEverything(s.profile) && s.hasClient(), "Probes with a forged source do not harm a new client",
		`the profile does not promise it: with scan.scope = "everything" a banned address loses the services, unless it has connected before; "hidden" promises it to every client`)
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
