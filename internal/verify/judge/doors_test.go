package judge

import (
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// A door of a host without IPv6 stays shut there, and the evidence says so.
func TestSeen(t *testing.T) {
	d := result.Door{Step: time.Second, Open: 2 * time.Second, Attempts: []result.Attempt{
		{Name: "no knock", Family: 4}, {Name: "hardenctl knock", Family: 4, Opened: true}, {Name: "hardenctl knock", Family: 6}}}
	const both = "opens after hardenctl knock; stays closed after no knock; lateness tried with a step of 1s, open for 2s; "
	for ipv6, want := range map[bool]string{true: both + "over IPv4 and IPv6", false: both + "over IPv6 it never opens"} {
		if got := seen(&d, ipv6); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
