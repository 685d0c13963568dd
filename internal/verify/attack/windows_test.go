package attack

import (
	"slices"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
)

// The base profile's numbers.
var dayAndHour = profile.Scan{
	Probes: 10, Window: time.Hour, Slow: profile.Quota{Count: 20, Window: 24 * time.Hour}, Engine: profile.Sets,
}

// What a profile promises to stop, and at which probe.
func TestPaces(t *testing.T) {
	recent, bucket := dayAndHour, dayAndHour
	recent.Engine, bucket.Engine = profile.Recent, profile.Hashlimit
	howTo := profile.Scan{Probes: 10, Window: time.Minute}
	long := profile.Scan{Probes: 10, Window: time.Minute, Slow: profile.Quota{Count: 1000, Window: time.Hour}}
	tests := []struct {
		name string
		scan profile.Scan
		want []time.Duration
		last int // the probe that the last of them is banned by
	}{
		{"an hour and a day", dayAndHour, []time.Duration{7 * time.Second, 450 * time.Second}, 21},
		{"by hashlimit, which gives probes back", bucket, []time.Duration{7 * time.Second, 450 * time.Second}, 23},
		{"by xt_recent", recent, []time.Duration{7 * time.Second, 450 * time.Second}, 21},
		{"ten a minute, as in the how-to: one in 7 s is never banned", howTo, nil, 0},
		{"more probes than anybody waits for", long, nil, 0},
		{"no source is banned", profile.Scan{}, nil, 0},
	}
	for _, test := range tests {
		got := paces(test.scan)
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
			continue
		}
		if n := len(got); n > 0 && DueProbe(test.scan, got[n-1]) != test.last {
			t.Errorf("%s: due at probe %d, want %d", test.name, DueProbe(test.scan, got[n-1]), test.last)
		}
	}
	if n := DueProbe(dayAndHour, patientPace); n != 11 {
		t.Errorf("one probe in 7 s is due at probe %d, want 11", n)
	}
}

// A window of a set begins with a probe, and ends with all that it has counted.
func TestOverSet(t *testing.T) {
	at := func(seconds ...int) (list []time.Time) {
		for _, s := range seconds {
			list = append(list, time.Unix(int64(s), 0))
		}
		return list
	}
	for _, test := range []struct {
		sent []time.Time
		want bool
	}{{at(0, 1, 2), false}, {at(0, 1, 2, 3), true}, {at(0, 9, 10, 11), false}, {at(0, 9, 10, 11, 12, 13), true}} {
		if got := overSet(3, 10*time.Second, test.sent); got != test.want {
			t.Errorf("3 in 10 s, probes at %v: too many is %v", test.sent, got)
		}
	}
}
