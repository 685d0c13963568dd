package setting

import (
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/ethtool"
)

func TestQueueNotes(t *testing.T) {
	for _, test := range []struct {
		name string
		c    ethtool.Channels
		want string
	}{
		{"one of four", ethtool.Channels{Combined: 1, MaxCombined: 4}, "eth0 receives on one of 4 queues, so one processor does all the work: `queues = 4` in the profile uses more"},
		{"one of two that only receive", ethtool.Channels{Receive: 1, MaxReceive: 2}, "eth0 receives on one of 2 queues, so one processor does all the work: `ethtool -L eth0 rx 2` uses more"},
		{"the only one", ethtool.Channels{Combined: 1, MaxCombined: 1}, ""},
		{"two of four", ethtool.Channels{Combined: 2, MaxCombined: 4}, ""},
		{"no word of any", ethtool.Channels{}, ""},
	} {
		got := ""
		for _, note := range oneQueueNotes("eth0", test.c) {
			got += note
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
