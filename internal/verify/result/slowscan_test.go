package result

import (
	"testing"
	"time"
)

func TestPeriod(t *testing.T) {
	for d, want := range map[time.Duration]string{
		7 * time.Second: "7s", 70 * time.Second: "1m10s", 450 * time.Second: "7m30s", 25 * time.Minute: "25m",
		time.Hour: "1h", 9960 * time.Second: "2h46m", 7500 * time.Millisecond: "7.5s",
	} {
		if got := period(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}
