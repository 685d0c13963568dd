package judge

import (
	"fmt"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/attack"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// Unjudged lists what an attack with these options left out.
func Unjudged(p *profile.Profile, o attack.Options, r *result.Report) []result.Unjudged {
	list := []result.Unjudged{}
	add := func(is bool, says, why string) {
		if is {
			list = append(list, result.Unjudged{Says: says, Why: why})
		}
	}
	add(!o.Nmap, "What host discovery, a scan of all IP protocols and nmap -O find",
		"only nmap can test these: install it, or remove --no-nmap")
	add(o.Quick, "What other scans learn: "+strings.Join(attack.LeftOut(o), ", "), "--quick skips them")
	scan := p.Scan
	add(scan.Probes > 0 && scan.Slow.Count > 0 && attack.DueProbe(scan, attack.SlowPace(scan)) == 0, "The slow window bans",
		fmt.Sprintf("it needs more than %d probes, too many for this test", attack.MostProbes))
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
	add(attack.HidesEverything(p) && hasClient(p), "Probes with a forged source do not harm a new client",
		`the profile does not promise it: with scan.scope = "everything" a banned address loses the services, unless it has connected before; "hidden" promises it to every client`)
	return list
}

func hasClient(p *profile.Profile) bool {
	_, ok := network.FirstService(p, profile.Service.Public)
	return ok
}
