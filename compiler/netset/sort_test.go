package netset

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Below and above the length at which the sort changes its way, in order and
// not.
func TestSort4(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, radixWorth - 1, radixWorth, 3 * radixWorth} {
		spans := make([]span[bits4], n)
		for i := range spans {
			first := bits4(r.Uint32())
			spans[i] = span[bits4]{first, first.fill(r.IntN(33))}
		}
		want := slices.Clone(spans)
		slices.SortStableFunc(want, func(x, y span[bits4]) int { return x.first.compare(y.first) })
		for range 2 {
			if sort4(spans); !slices.Equal(spans, want) {
				t.Fatalf("%d spans are not in order", n)
			}
		}
	}
}
