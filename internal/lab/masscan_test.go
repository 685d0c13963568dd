package lab

import (
	"slices"
	"testing"
)

// The scanners find an open port, and no closed one. On a busy machine a scanner
// may listen too late for an answer, so that it looks more than once.
func TestMasscanAndZMap(t *testing.T) {
	FlushState(t)
	Serve(t, "tcp", 80)
	h := NewNetwork(t).Host("scanner", "192.0.2.66/24", "2001:db8::66/64")
	for name, scan := range map[string]func() ([]int, error){
		"masscan":            func() ([]int, error) { return h.Masscan(h.V4(), 80, 81) },
		"masscan, over IPv6": func() ([]int, error) { return h.Masscan(h.V6(), 80, 81) },
		"zmap":               func() ([]int, error) { return h.ZMap(80, 81) },
	} {
		var open []int
		for tries := 0; tries < 10 && len(open) == 0; tries++ {
			var err error
			open, err = scan()
			must(t, err)
		}
		if !slices.Equal(open, []int{80}) {
			t.Errorf("%s finds %v open, want 80", name, open)
		}
	}
}
