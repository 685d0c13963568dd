package generation

import "github.com/hardenctl/hardenctl/compiler/bundle"

// Shrunk is a list that has lost more than it may since the newest generation:
// a feed that collapsed, or one that was emptied by somebody who wants to be let
// in.
type Shrunk struct {
	bundle.ListEntry
	// Before is how many entries it had in generation Number; 0 is the one that is
	// staged, and on trial.
	Before, Number int
}

// Shrunk returns the lists of a bundle that have lost more than they may since
// the newest generation, which is what the host was moved to last; onTrial, since
// the one that is staged. A list that was not watched then is not in it, nor is
// any if there is no generation, or none whose record is whole.
func (s Store) Shrunk(m bundle.Manifest, onTrial bool) []Shrunk {
	if len(m.Lists) == 0 {
		return nil
	}
	live, err := s.live(onTrial)
	if err != nil {
		return nil
	}
	var all []Shrunk
	for _, l := range m.Lists {
		before := live.Lists[l.Name]
		if lost := before - l.Entries; lost*100 > before*l.MaximumShrink {
			all = append(all, Shrunk{l, before, live.Number})
		}
	}
	return all
}

// live is the generation that the host is.
func (s Store) live(onTrial bool) (Generation, error) {
	if onTrial {
		return s.Next()
	}
	newest, err := s.newest()
	if err != nil {
		return Generation{}, err
	}
	return s.record(newest) // none is called 0
}
