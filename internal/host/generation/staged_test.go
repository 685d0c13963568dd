package generation

import (
	"errors"
	"testing"
)

// What was staged is known by itself, whatever else is kept or staged since.
func TestStagedNumber(t *testing.T) {
	s := store(t)
	keep(t, s, content("a", 1))
	must(t, s.Stage(content("b", 1)))
	kept, err := s.Staged()
	must(t, err)
	defer kept.Close()
	if _, err := kept.Number(); !errors.Is(err, ErrStaged) {
		t.Errorf("staged: %v", err)
	}
	_, err = s.Commit()
	must(t, err)
	must(t, s.Stage(content("c", 1)))
	gone, err := s.Staged()
	must(t, err)
	defer gone.Close()
	must(t, s.Discard())
	keep(t, s, content("d", 1))
	if number, err := kept.Number(); number != 2 || err != nil {
		t.Errorf("kept: %d, %v", number, err)
	}
	if number, err := gone.Number(); !errors.Is(err, ErrNone) {
		t.Errorf("discarded: %d, %v", number, err)
	}
}
