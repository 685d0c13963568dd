package generation

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// A list may lose so much of what the newest generation had, and no more.
func TestShrunk(t *testing.T) {
	watched := func(entries, most int) Content {
		c := content("128", 1)
		c.Bundle.Manifest.Lists = []bundle.ListEntry{{Name: "bad", Entries: entries, MaximumShrink: most}}
		return c
	}
	s := store(t)
	if got := s.Shrunk(watched(1, 50).Bundle.Manifest, false); got != nil {
		t.Errorf("without a generation: %+v", got)
	}
	keep(t, s, content("128", 1))
	if got := s.Shrunk(watched(1, 50).Bundle.Manifest, false); got != nil {
		t.Errorf("not watched before: %+v", got)
	}
	keep(t, s, watched(9000, 50), watched(1000, 50))
	for _, c := range []struct {
		entries, most int
		shrunk        bool
	}{{2000, 50, false}, {1000, 50, false}, {500, 50, false}, {499, 50, true}, {989, 1, true}, {11, 99, false}, {0, 99, true}} {
		got := s.Shrunk(watched(c.entries, c.most).Bundle.Manifest, false)
		if (got != nil) != c.shrunk || got != nil && (got[0].Before != 1000 || got[0].Number != 3 || got[0].Entries != c.entries) {
			t.Errorf("%d entries of 1000 at %d%%: %+v", c.entries, c.most, got)
		}
	}
	// In a trial of a smaller list, that one is live.
	must(t, s.Stage(watched(100, 50)))
	if got := s.Shrunk(watched(60, 50).Bundle.Manifest, true); got != nil {
		t.Errorf("60 of 100 that are on trial: %+v", got)
	}
	if got := s.Shrunk(watched(40, 50).Bundle.Manifest, true); len(got) != 1 || got[0].Before != 100 || got[0].Number != 0 {
		t.Errorf("40 of 100 that are on trial: %+v", got)
	}
}
