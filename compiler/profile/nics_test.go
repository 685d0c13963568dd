package profile

import (
	"fmt"
	"reflect"
	"testing"
)

// TestNICs shows that a later layer changes one offload and leaves the others,
// and that interfaces and offloads come out in order.
func TestNICs(t *testing.T) {
	p, diags := Read("a.toml", folders(map[string]string{
		"a.toml":    "version = 1\ninclude = [\"base.toml\"]\n[nics.\"eth0.100\"]\ngro = false\nqueues = 4",
		"base.toml": "version = 1\n[nics.lan0]\ngso = true\n[nics.\"eth0.100\"]\ntso = false\ngro = true\nqueues = 2\nlro = false",
	}))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	got := map[string]map[string]bool{}
	var order []string
	for _, n := range p.NICs {
		got[n.Name] = map[string]bool{}
		for _, o := range n.Offloads {
			got[n.Name][o.Name] = o.On
			order = append(order, n.Name+" "+o.Name)
		}
		if n.Queues.N > 0 {
			order = append(order, fmt.Sprintf("%s queues %d", n.Name, n.Queues.N))
		}
	}
	want := map[string]map[string]bool{"eth0.100": {"gro": false, "tso": false, "lro": false}, "lan0": {"gso": true}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if want := []string{"eth0.100 gro", "eth0.100 tso", "eth0.100 lro", "eth0.100 queues 4", "lan0 gso"}; !reflect.DeepEqual(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
}
