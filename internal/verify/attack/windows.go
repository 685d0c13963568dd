package attack

import (
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
)

// patientPace is a scan that the how-to's ten probes in 60 seconds never see.
const patientPace = 7 * time.Second

// SlowPace is the time between two probes that is never too short for the first
// window.
func SlowPace(s profile.Scan) time.Duration { return s.Window / time.Duration(s.Probes) * 5 / 4 }

// paces are the times between two probes of the slow scans that a profile promises
// to stop: one that a minute would forget, and one that only the slow window
// sees.
func paces(s profile.Scan) (list []time.Duration) {
	if s.Probes == 0 {
		return nil
	}
	if SlowPace(s) > 2*patientPace && DueProbe(s, patientPace) > 0 {
		list = append(list, patientPace)
	}
	if s.Slow.Count > 0 && DueProbe(s, SlowPace(s)) > 0 {
		list = append(list, SlowPace(s))
	}
	return list
}

// MostProbes is how many probes a slow scan may have: it limits how long verify takes.
const MostProbes = 100

// DueProbe returns at which probe a slow scan with this pace is due to be banned; 0 if
// it never is, or only after more than MostProbes.
func DueProbe(s profile.Scan, every time.Duration) int {
	var sent []time.Time
	for t := (time.Time{}); len(sent) < MostProbes; t = t.Add(every) {
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
