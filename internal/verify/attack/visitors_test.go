package attack

import (
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
)

func TestPace(t *testing.T) {
	tests := []struct {
		limit profile.Limit
		want  time.Duration
	}{
		{profile.Limit{}, 100 * time.Millisecond},
		{profile.Limit{Quota: profile.Quota{Count: 10, Window: time.Minute}}, 7500 * time.Millisecond},
		{profile.Limit{Rate: profile.Rate{Count: 50, Per: time.Second}}, 100 * time.Millisecond},
		{profile.Limit{Rate: profile.Rate{Count: 1, Per: time.Second}}, 1250 * time.Millisecond},
	}
	for _, test := range tests {
		s := profile.Service{Ports: []profile.Port{{Protocol: "tcp", First: 22, Last: 22}}, NewPerSource: test.limit}
		if got := pace(s, profile.UDPLimits{}); got != test.want {
			t.Errorf("%+v: %s, want %s", test.limit, got, test.want)
		}
	}
}
