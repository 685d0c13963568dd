package generation

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// unconfirmedGlob are the files in a store that say what was tried and never
// confirmed: each is the record of the generation that it would have been. A
// profile has one, named after its text, so that to try another one does not
// forget it.
const unconfirmedGlob = "unconfirmed-*.json"

// keptUnconfirmed is how many profiles are known that were tried and never
// confirmed; of more, the oldest are forgotten.
const keptUnconfirmed = 20

// SetAside removes what is staged, as Discard does, and keeps its record: it was
// on trial, and nobody has confirmed it. That the record can be kept is no
// condition of the end of a trial.
func (s Store) SetAside() error {
	staged := filepath.Join(s.Folder, nextName, recordName)
	text, err := readRegular(staged)
	if err != nil {
		return s.Discard()
	}
	if g, err := read(text); err == nil && os.Rename(staged, s.unconfirmed(g.profileSums())) == nil {
		s.forgetUnconfirmed()
		_ = syncFolder(s.Folder)
	}
	return s.Discard()
}

// unconfirmed is the file of the profile that has these checksums.
func (s Store) unconfirmed(profile []string) string {
	sum := checksum([]byte(strings.Join(profile, "\n")))
	return filepath.Join(s.Folder, strings.Replace(unconfirmedGlob, "*", sum[:32], 1))
}

// forgetUnconfirmed removes the oldest records of trials, if there are too many.
func (s Store) forgetUnconfirmed() {
	files, _ := filepath.Glob(filepath.Join(s.Folder, unconfirmedGlob)) // the pattern is good
	slices.SortFunc(files, func(a, b string) int { return tried(b).Compare(tried(a)) })
	for _, file := range files[min(keptUnconfirmed, len(files)):] {
		_ = os.Remove(file)
	}
}

// tried is when the trial of a record began; long ago if nobody can tell.
func tried(file string) time.Time {
	stat, err := os.Lstat(file)
	if err != nil {
		return time.Time{}
	}
	return stat.ModTime()
}

// Unconfirmed returns the record of the last trial of this profile and what it
// includes that nobody has confirmed, if no apply of that has been confirmed
// since. Lists do not count: a feed changes every day.
func (s Store) Unconfirmed(sources []Source) (g Generation, ok bool) {
	profile := profileSums(sources)
	text, err := readRegular(s.unconfirmed(profile))
	if err != nil {
		return Generation{}, false
	}
	g, err = read(text)
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
