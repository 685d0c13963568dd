package attack

import (
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
)

// A copy of a profile has shorter windows in the same proportion, in whole
// seconds, and shorter times of doors; the profile itself stays as it is.
func TestHurry(t *testing.T) {
	p := &profile.Profile{Scan: dayAndHour, Knocks: []profile.Knock{
		{Name: "front", Step: 10 * time.Second, Open: 30 * time.Second}, {Name: "back", Step: time.Second, Open: 3 * time.Second}}}
	tests := []struct {
		every, window, slow time.Duration
		speed               float64
	}{
		{450 * time.Second, time.Second, 24 * time.Second, 3600},
		{7 * time.Second, 62 * time.Second, 1488 * time.Second, 3600. / 62},
		{gap, time.Hour, 24 * time.Hour, 1},
		{0, time.Hour, 24 * time.Hour, 1},
	}
	for _, test := range tests {
		fast, speed := hurry(p, test.every)
		if fast.Scan.Window != test.window || fast.Scan.Slow.Window != test.slow || speed != test.speed {
			t.Errorf("one probe in %s: windows of %s and %s, %g times as fast", test.every, fast.Scan.Window, fast.Scan.Slow.Window, speed)
		}
		k := fast.Knocks
		if k[0].Step != copiedStep || k[0].Open != copiedOpen || k[1].Step != time.Second || k[1].Open != 3*time.Second {
			t.Errorf("one probe in %s: doors %+v", test.every, k)
		}
	}
	if p.Scan.Window != time.Hour || p.Knocks[0].Step != 10*time.Second {
		t.Errorf("the profile has changed: %+v", p)
	}
}
