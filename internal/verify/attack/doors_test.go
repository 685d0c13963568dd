package attack

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/example"
	"github.com/hardenctl/hardenctl/internal/verify/result"
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

// A door is of interest if there is something behind it; its outcome over both
// families is in one line.
func TestDoors(t *testing.T) {
	p, _ := example.Read(t, example.Shop)
	p.Knocks = append(p.Knocks, profile.Knock{Name: "no-service"})
	list := doors(p)
	if len(list) != 1 || !slices.Equal(list[0].Ports, []string{"tcp/8443", "udp/8443"}) {
		t.Fatalf("doors: %+v", list)
	}
	d := &list[0]
	d.Try("no knock", 4, false, false, 0, 1)
	d.Try("hardenctl knock", 4, true, true, 1, 2)
	d.Try("no knock", 6, false, true, 0, 1)
	want := []result.Outcome{{Name: "no knock", V4: "shut", V6: "open!"}, {Name: "hardenctl knock", V4: "open", V6: "-"}}
	if got := d.ByName(); !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
}
