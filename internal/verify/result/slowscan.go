package result

import (
	"strings"
	"time"
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

// Pace writes the time between two probes, such as "7m30s".
func (t SlowScan) Pace() string { return period(t.Every) }

// After writes the time from the first probe to the last, by the profile's clock.
func (t SlowScan) After() string { return period(t.Lasted) }

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
