package verify

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/prober"
)

// SlowScan is a scan of one probe after the other, with the same time between two
// of them, by a clock of the rules that ran faster than the profile's: see
// Speed.
type SlowScan struct {
	Family int `json:"family"`
	// Every is the time between two probes, and Lasted that from the first to
	// the last, both by the profile's clock.
	Every  time.Duration `json:"every_ns"`
	Lasted time.Duration `json:"lasted_ns"`
	// Speed is how many times faster than stated the windows of [scan] ran.
	Speed float64 `json:"speed"`
	Sent  int     `json:"sent"`
	// BannedAt is the number of the probe that banned; 0 if none did. Due is
	// the one that should, by the times at which the probes were really sent; 0
	// if none of those that were sent.
	BannedAt int     `json:"banned_at"`
	Due      int     `json:"due"`
	Start    float64 `json:"start"`
	End      float64 `json:"end"`
}

// patientPace is a scan that the how-to's ten probes in 60 seconds never see.
const patientPace = 7 * time.Second

// slowPace is the time between two probes that is never too short for the first
// window.
func slowPace(s profile.Scan) time.Duration { return s.Window / time.Duration(s.Probes) * 5 / 4 }

// paces are the times between two probes of the slow scans that a profile promises
// to stop: one that a minute would forget, and one that only the slow window
// sees.
func paces(s profile.Scan) (list []time.Duration) {
	if s.Probes == 0 {
		return nil
	}
	if slowPace(s) > 2*patientPace && dueProbe(s, patientPace) > 0 {
		list = append(list, patientPace)
	}
	if s.Slow.Count > 0 && dueProbe(s, slowPace(s)) > 0 {
		list = append(list, slowPace(s))
	}
	return list
}

// mostProbes is how many probes a slow scan may have: it limits how long verify takes.
const mostProbes = 100

// dueProbe returns at which probe a slow scan with this pace is due to be banned; 0 if
// it never is, or only after more than mostProbes.
func dueProbe(s profile.Scan, every time.Duration) int {
	var sent []time.Time
	for t := (time.Time{}); len(sent) < mostProbes; t = t.Add(every) {
		if sent = append(sent, t); tooMany(s, sent) {
			return len(sent)
		}
	}
	return 0
}

// tooMany reports whether the last of probes sent at these times is one too many
// for either window.
func tooMany(s profile.Scan, sent []time.Time) bool {
	over := overSet
	switch s.Engine {
	case profile.Hashlimit:
		over = overBucket
	case profile.Recent:
		over = overList
	}
	return over(int(s.Probes), s.Window, sent) || s.Slow.Count > 0 && over(int(s.Slow.Count), s.Slow.Window, sent)
}

// overSet counts as sets do: so many in a window that begins with its first.
func overSet(free int, window time.Duration, sent []time.Time) bool {
	first, within := sent[0], 0
	for _, t := range sent {
		if t.Sub(first) >= window {
			first, within = t, 0
		}
		within++
	}
	return within > free
}

// overBucket counts as hashlimit does: so many are free at once, and again over
// the window.
func overBucket(free int, window time.Duration, sent []time.Time) bool {
	left := float64(free)
	for i, t := range sent {
		if i > 0 {
			left = min(float64(free), left+float64(free)*float64(t.Sub(sent[i-1]))/float64(window))
		}
		if left < 1 {
			return true
		}
		left--
	}
	return false
}

// overList counts as xt_recent does: so many in any window.
func overList(free int, window time.Duration, sent []time.Time) bool {
	last, within := sent[len(sent)-1], 0
	for _, t := range sent {
		if last.Sub(t) < window {
			within++
		}
	}
	return within > free
}

// slowScans makes the jobs that scan slowly over each family, against the windows
// of the copy that is applied.
func (s *scene) slowScans(ctx context.Context, r *Report, scan profile.Scan, every time.Duration, speed float64) (jobs []func() error) {
	first := len(r.SlowScans)
	for i, family := range families {
		r.SlowScans = append(r.SlowScans, SlowScan{Family: family, Every: every, Speed: speed})
		jobs = append(jobs, func() error { return s.run(ctx, &r.SlowScans[first+i], scan) })
	}
	return jobs
}

// run does one slow scan. It goes on for a probe more than are due, since the
// kernel's clock ticks in milliseconds.
func (s *scene) run(ctx context.Context, t *SlowScan, scan profile.Scan) error {
	p, err := s.newProber()
	if err != nil {
		return err
	}
	defer p.Close()
	var sent []time.Time
	from := s.unlisted.number(s.unlisted.next(), t.Family)
	t.Start = s.now()
	for _, port := range s.unserved("tcp", mostProbes) {
		probe := kindNamed("SYN").packet(from, netip.AddrPortFrom(server(t.Family), port))
		if sent, err = sendNext(p, probe, sent, time.Duration(float64(t.Every)/t.Speed)); err != nil {
			return err
		}
		due := tooMany(scan, sent)
		is, err := s.settled(ctx, from, due)
		if err != nil {
			return err
		}
		if t.note(sent, is, due); is || t.Due > 0 && t.Sent > t.Due {
			break
		}
	}
	t.End = s.now()
	return nil
}

// sendNext sends the next probe of a slow scan when its time has come. A late one
// delays those after it.
func sendNext(p *prober.Prober, probe prober.Packet, sent []time.Time, every time.Duration) ([]time.Time, error) {
	if n := len(sent); n > 0 {
		time.Sleep(time.Until(sent[n-1].Add(every)))
	}
	return append(sent, time.Now()), p.Send(probe)
}

// note takes over what happened until the last probe that was sent.
func (t *SlowScan) note(sent []time.Time, banned, due bool) {
	t.Sent = len(sent)
	t.Lasted = time.Duration(float64(sent[len(sent)-1].Sub(sent[0])) * t.Speed)
	if banned {
		t.BannedAt = t.Sent
	}
	if due && t.Due == 0 {
		t.Due = t.Sent
	}
}

// patientBanned judges the slow scans: neither later than due, nor earlier.
func (j *judge) patientBanned() {
	var against, kept []string
	for _, t := range j.r.SlowScans {
		what := fmt.Sprintf("one probe in %s over IPv%d", t.Pace(), t.Family)
		switch {
		case t.BannedAt == 0 && t.Due == 0: // nothing was due: see unjudged
		case t.BannedAt == 0:
			against = append(against, fmt.Sprintf("%s: no ban after %d probes", what, t.Sent))
		case t.Due > 0 && t.BannedAt < t.Due-1 || t.Due == 0 && t.BannedAt <= t.free(j.p.Scan):
			against = append(against, fmt.Sprintf("%s: banned by probe %d already", what, t.BannedAt))
		default:
			kept = append(kept, fmt.Sprintf("one probe in %s: banned by probe %d (played %s times as fast)", t.Pace(), t.BannedAt, thousands(t.Speed)))
		}
	}
	if len(against)+len(kept) > 0 {
		j.rule("patient-banned", "Slow scans are banned too", against, strings.Join(slices.Compact(kept), "; ")+"; over IPv4 and IPv6")
	}
}

// Pace writes the time between two probes, such as "7m30s".
func (t SlowScan) Pace() string { return period(t.Every) }

// After writes the time from the first probe to the last, by the profile's clock.
func (t SlowScan) After() string { return period(t.Lasted) }

// free is how many probes a slow scan has at least.
func (t SlowScan) free(s profile.Scan) int {
	if s.Slow.Count > 0 && t.Every >= slowPace(s) {
		return int(s.Slow.Count)
	}
	return int(s.Probes)
}

// period writes a time with its two largest units, "7m30s", "2h45m", "7.5s".
func period(d time.Duration) string {
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	text := d.Round(time.Second).String()
	if d >= time.Hour {
		text = strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
