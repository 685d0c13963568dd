package report

import (
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/verify/example"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// Both families share a line; where they differ, both numbers are there.
func TestPrint(t *testing.T) {
	r := example.Faultless()
	r.Profile, r.Backend, r.Scanner = "shop.toml", "nft", "prober"
	for i := range r.Attacks {
		r.Attacks[i].Tool, r.Attacks[i].Ports, r.Attacks[i].BanProbe = "prober", 10, 11
	}
	r.Attacks[3].Silent, r.Attacks[3].Closed = 8, 2
	r.Attacks[3].Missed = 2
	r.Guesses = []result.Guess{{Family: 4, Before: "Linux 5.3 - 5.4 (96 %)", After: "no match"}}
	r.Unjudged = []result.Unjudged{{Says: "What nmap tells", Why: "there is none"}}
	r.Promises = []result.Promise{{Name: "a", Says: "This holds", Kept: true, Seen: "seen"}, {Name: "b", Says: "This does not", Seen: "tcp/22 is open"}}
	var text strings.Builder
	Print(&text, r)
	for _, want := range []string{
		"shop.toml, attacked in a network made for it (iptables nft, scans by prober, 0 s)\n",
		"ALL 65,536 TCP PORTS                         open  closed  silent  banned after\n",
		"after, one address                     IPv6  1     0       65535   100 ms\n",
		"SYN     prober  10     1     0       9       11               tcp/80\n",
		"FIN     prober  10     0     0 / 2   10 / 8  11               -\n",
		"during FIN over IPv6, visits of legitimate clients that failed: 2\n",
		"nmap -O guesses over IPv4: before, Linux 5.3 - 5.4 (96 %); after, no match\n",
		"client     tcp/80  100     0       0s      1ms\n",
		"one probe in 7m30s  IPv6  23               2h45m  3,600 times as fast\n",
		"back-door  hardenctl knock  open  open\n",
		"NOT JUDGED\nWhat nmap tells\n        there is none\n",
		"kept    This holds\n        seen\n", "BROKEN  This does not\n        tcp/22 is open\n",
		"1 of 2 promises kept.\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, text.String())
		}
	}
}
