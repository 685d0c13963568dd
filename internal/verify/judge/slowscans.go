package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/attack"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// patientBanned judges the slow scans: neither later than due, nor earlier.
func (j *judge) patientBanned() {
	var against, kept []string
	for _, t := range j.r.SlowScans {
		what := fmt.Sprintf("one probe in %s over IPv%d", t.Pace(), t.Family)
		switch {
		case t.BannedAt == 0 && t.Due == 0: // nothing was due: see unjudged
		case t.BannedAt == 0:
			against = append(against, fmt.Sprintf("%s: no ban after %d probes", what, t.Sent))
		case t.Due > 0 && t.BannedAt < t.Due-1 || t.Due == 0 && t.BannedAt <= freeProbes(t, j.p.Scan):
			against = append(against, fmt.Sprintf("%s: banned by probe %d already", what, t.BannedAt))
		default:
			kept = append(kept, fmt.Sprintf("one probe in %s: banned by probe %d (played %s times as fast)", t.Pace(), t.BannedAt, result.Thousands(t.Speed)))
		}
	}
	if len(against)+len(kept) > 0 {
		j.rule("patient-banned", "Slow scans are banned too", against, strings.Join(slices.Compact(kept), "; ")+"; over IPv4 and IPv6")
	}
}

// freeProbes is how many probes a slow scan has at least.
func freeProbes(t result.SlowScan, s profile.Scan) int {
	if s.Slow.Count > 0 && t.Every >= attack.SlowPace(s) {
		return int(s.Slow.Count)
	}
	return int(s.Probes)
}
