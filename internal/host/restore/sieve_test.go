package restore

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/tool"
)

// What cannot be loaded is left out, whether the tool names the line or refuses the whole,
// and all else is kept, in its order.
func TestSieve(t *testing.T) {
	for _, names := range []bool{true, false} {
		for _, bad := range [][]int{nil, {1}, {40}, {7, 8, 31}, {1, 2, 3, 4, 5, 6}} {
			var parts []part
			for n := 1; n <= 40; n++ {
				parts = append(parts, part{text: fmt.Sprint(n), lines: []int{n}})
			}
			s := sieve{try: func(parts []part) error {
				for _, p := range parts {
					if slices.Contains(bad, p.lines[0]) && names {
						return &tool.Error{Line: p.lines[0], Err: errors.New("no")}
					} else if slices.Contains(bad, p.lines[0]) {
						return errors.New("something is wrong")
					}
				}
				return nil
			}}
			s.keep(parts)
			var left []int
			for _, l := range s.left {
				left = append(left, l.lines[0])
			}
			slices.Sort(left)
			if !slices.Equal(left, bad) || len(s.kept)+len(left) != 40 || !slices.IsSortedFunc(s.kept, func(a, b part) int { return a.lines[0] - b.lines[0] }) {
				t.Errorf("named %v, bad %v: left %v, kept %v", names, bad, left, s.kept)
			}
		}
	}
}

// A boot does not try for ever: what is not tried in time is left out.
func TestSieveGivesUp(t *testing.T) {
	parts := make([]part, 1000)
	for i := range parts {
		parts[i].lines = []int{i + 1}
	}
	tries := 0
	s := sieve{try: func([]part) error { tries++; return errors.New("no") }}
	s.keep(parts)
	if len(s.left) != 1000 || tries > maxTries {
		t.Errorf("%d are left out after %d tries", len(s.left), tries)
	}
}

// The lines that are left out are empty, so that the others keep their numbers.
func TestLinesOf(t *testing.T) {
	got := string(linesOf([]byte("a\nb\nc\nd"), []part{{lines: []int{4}}, {lines: []int{1, 2}}}))
	if got != "a\nb\n\nd" {
		t.Errorf("got %q", got)
	}
}
