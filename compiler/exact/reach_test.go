package exact

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
)

// Rules that have nothing in common take more than there is: an error, and not all memory.
func TestTooMuch(t *testing.T) {
	var rules []string
	for i := range 300 {
		rules = append(rules, fmt.Sprintf("-A INPUT -s %d.%d.0.0/%d.%d.0.0 -p tcp -m tcp --sport %d:%d --dport %d:%d -j %s",
			i*7%256, i*13%256, i*11%256, i*17%256, i*31, i*31+20000, i*53, i*53+30000, []string{"ACCEPT", "DROP"}[i%2]))
	}
	f, err := Read(4, []byte(filter("DROP", rules...)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReachWithin(f, netip.Addr{}, "", 0, 100_000); !errors.Is(err, ErrTooMuch) {
		t.Error(err)
	}
}

// Of rules that are too many to be asked of all packets, one port or one source can be asked.
func TestAskForLess(t *testing.T) {
	var rules []string
	for i := range 400 {
		rules = append(rules, fmt.Sprintf("-A INPUT -s %d.0.0.0/8 -p tcp -m tcp --sport %d:%d --dport %d:%d -j ACCEPT",
			i*7%256, i*31, i*31+20000, i*53, i*53+3000))
	}
	f, err := Read(4, []byte(filter("DROP", rules...)), nil)
	if err != nil {
		t.Fatal(err)
	}
	const steps = 200_000
	if _, _, err := ReachWithin(f, netip.Addr{}, "", 0, steps); !errors.Is(err, ErrTooMuch) {
		t.Error(err)
	}
	if open, _, err := ReachWithin(f, netip.MustParseAddr("7.0.0.1"), "tcp", 3000, steps); err != nil || len(open) == 0 {
		t.Error(open, err)
	}
}
