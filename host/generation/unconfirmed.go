package generation

import (
	"os"
	"path/filepath"
	"slices"
)

// unconfirmedName is the file in a store that says what was tried last and never
// confirmed: the record of the generation that it would have been.
const unconfirmedName = "unconfirmed.json"

// SetAside removes what is staged, as Discard does, and keeps its record: it was
// on trial, and nobody has confirmed it. That the record can be kept is no
// condition of the end of a trial.
func (s Store) SetAside() error {
	if os.Rename(filepath.Join(s.Folder, nextName, recordName), filepath.Join(s.Folder, unconfirmedName)) == nil {
		_ = syncFolder(s.Folder)
	}
	return s.Discard()
}

// Unconfirmed returns the record of the last trial that nobody has confirmed, if
// it was one of this profile and what it includes, and no apply of that has been
// confirmed since. Lists do not count: a feed changes every day.
func (s Store) Unconfirmed(sources []Source) (g Generation, ok bool) {
	text, err := readRegular(filepath.Join(s.Folder, unconfirmedName))
	if err != nil {
		return Generation{}, false
	}
	g, err = read(text)
	profile := profileSums(sources)
	if err != nil || !slices.Equal(g.profileSums(), profile) {
		return Generation{}, false
	}
	all, _ := s.List() // of those whose record is not whole nothing is known
	since := func(kept Generation) bool {
		return !kept.When.Before(g.When) && slices.Equal(kept.profileSums(), profile)
	}
	return g, !slices.ContainsFunc(all, since)
}

// profileSums are the checksums of the profiles among sources, in order,
// whatever they are called.
func profileSums(sources []Source) (sums []string) {
	for _, source := range sources {
		if source.Kind == Profile {
			sums = append(sums, checksum(source.Text))
		}
	}
	return sums
}

func (g Generation) profileSums() (sums []string) {
	for _, source := range g.Sources {
		if source.Kind == Profile {
			sums = append(sums, source.SHA256)
		}
	}
	return sums
}
