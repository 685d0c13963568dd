package verify

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
)

// Wrong knocks are never the right ones, also where the sequence reads the same
// from both ends.
func TestWrongKnocks(t *testing.T) {
	stray := profile.Port{Protocol: profile.TCP, First: 20001, Last: 20001}
	for _, texts := range [][]string{{"tcp/7000", "udp/8000", "tcp/9000"}, {"tcp/1", "tcp/2"}, {"tcp/1", "udp/1", "tcp/1"}} {
		sequence, err := profile.ParseSequence(texts)
		if err != nil {
			t.Fatal(err)
		}
		list := wrongKnocks(sequence, stray)
		for _, wrong := range list {
			if fmt.Sprint(wrong.ports) == fmt.Sprint(sequence) {
				t.Errorf("%v: %s is right", texts, wrong.name)
			}
		}
		want := 5
		if texts[0] == texts[len(texts)-1] {
			want = 4
		}
		if len(list) != want {
			t.Errorf("%v: %d ways to knock wrongly, want %d", texts, len(list), want)
		}
	}
}

// Ports that mean something to the profile are no stray ports.
func TestUnserved(t *testing.T) {
	p, _ := read(t, shop)
	p.Scan.Tripwires = []profile.Port{{Protocol: profile.TCP, First: 20002, Last: 20003}}
	s := &scene{profile: p}
	if got := s.unserved("tcp", 2); !slices.Equal(got, []uint16{20004, 20005}) {
		t.Errorf("unserved are %v, although 20001 is a knock and 20002 to 20003 tripwires", got)
	}
	if got := s.unserved("udp", 1); !slices.Equal(got, []uint16{20001}) {
		t.Errorf("unserved by UDP are %v", got)
	}
}

// A door is of interest if there is something behind it; its outcome over both
// families is in one line.
func TestDoors(t *testing.T) {
	p, _ := read(t, shop)
	p.Knocks = append(p.Knocks, profile.Knock{Name: "nobody's"})
	list := doors(p)
	if len(list) != 1 || !slices.Equal(list[0].Ports, []string{"tcp/8443", "udp/8443"}) {
		t.Fatalf("doors: %+v", list)
	}
	d := &list[0]
	d.try("no knock", 4, false, false, 0, 1)
	d.try("hardenctl knock", 4, true, true, 1, 2)
	d.try("no knock", 6, false, true, 0, 1)
	want := []Outcome{{"no knock", "shut", "open!"}, {"hardenctl knock", "open", "-"}}
	if got := d.ByName(); !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}

// A door of a host without IPv6 stays shut there, and the evidence says so.
func TestSeen(t *testing.T) {
	d := Door{Step: time.Second, Open: 2 * time.Second, Attempts: []Attempt{
		{Name: "no knock", Family: 4}, {Name: "hardenctl knock", Family: 4, Opened: true}, {Name: "hardenctl knock", Family: 6}}}
	const both = "opens after hardenctl knock; stays closed after no knock; lateness tried with a step of 1s, open for 2s; "
	for ipv6, want := range map[bool]string{true: both + "over IPv4 and IPv6", false: both + "over IPv6 it never opens"} {
		if got := d.seen(ipv6); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
