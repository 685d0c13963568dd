package generation

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/durable"
)

// unconfirmedGlob are the files in a store that say what was tried and never
// confirmed: each is the record of the generation that it would have been. A
// profile has one, named after what it says, so that to try another one does not
// forget it.
const unconfirmedGlob = "unconfirmed-*.json"

// keptUnconfirmed is how many profiles are known that were tried and never
// confirmed; of more, the oldest are forgotten.
const keptUnconfirmed = 20

// SetAside removes what is staged, as Discard does, and keeps its record: it was
// on trial and was not confirmed. That the record can be kept is no
// condition of the end of a trial.
func (s Store) SetAside() error {
	staged := filepath.Join(s.Folder, nextName, recordName)
	if g, err := read(staged); err == nil && durable.Rename(staged, s.unconfirmed(g.Orders)) == nil {
		s.forgetUnconfirmed()
	}
	return s.Discard()
}

// unconfirmed is the file of the profile that says this.
func (s Store) unconfirmed(o Orders) string {
	sum := checksum([]byte(o.Profile))
	return filepath.Join(s.Folder, strings.Replace(unconfirmedGlob, "*", sum[:32], 1))
}

// forgetUnconfirmed removes the oldest records of trials, if there are too many.
func (s Store) forgetUnconfirmed() {
	files, _ := filepath.Glob(filepath.Join(s.Folder, unconfirmedGlob)) // the pattern is good
	slices.SortFunc(files, func(a, b string) int { return tried(b).Compare(tried(a)) })
	for _, file := range files[min(keptUnconfirmed, len(files)):] {
		_ = durable.Remove(file)
	}
}

// tried is when the trial of a record began; long ago if that is unknown.
func tried(file string) time.Time {
	stat, err := os.Lstat(file)
	if err != nil {
		return time.Time{}
	}
	return stat.ModTime()
}

// Unconfirmed returns the record of a trial of these orders that was not
// confirmed, if no apply of them has been confirmed since.
func (s Store) Unconfirmed(o Orders) (g Generation, ok bool) {
	all, _ := s.List() // of those whose record is not whole nothing is known
	files, _ := filepath.Glob(filepath.Join(s.Folder, unconfirmedGlob))
	for _, file := range files {
		g, err := read(file)
		since := func(kept Generation) bool { return !kept.When.Before(g.When) && kept.Orders.same(o) }
		if err == nil && g.Orders.same(o) && !slices.ContainsFunc(all, since) {
			return g, true
		}
	}
	return Generation{}, false
}

// Orders is what a profile says, in two checksums, neither of which its comments
// and blanks count in: of two profiles that have one of them in common, the one
// says what the other says. An empty checksum is that of nothing.
type Orders struct {
	// Profile is that of the keys and values of the profile and of what it
	// includes. Lists do not count: a feed changes every day.
	Profile string `json:"profile,omitempty"`
	// Bundle is that of the files that the profile compiles to, whatever it is
	// split into.
	Bundle string `json:"bundle,omitempty"`
}

func (o Orders) same(other Orders) bool {
	return o.Profile != "" && o.Profile == other.Profile || o.Bundle != "" && o.Bundle == other.Bundle
}

// OrdersOf returns what the profile among sources says, which compiles to b.
func OrdersOf(b *bundle.Bundle, sources []Source) (o Orders) {
	var profiles, files strings.Builder
	for _, source := range sources {
		if source.Kind == Profile {
			profiles.WriteString(checksum(values(source.Text)) + "\n")
		}
	}
	for _, f := range b.Manifest.Files {
		files.WriteString(f.Name + " " + f.SHA256 + "\n")
	}
	if profiles.Len() > 0 {
		o.Profile = checksum([]byte(profiles.String()))
	}
	if files.Len() > 0 && !b.Manifest.Before {
		o.Bundle = checksum([]byte(files.String()))
	}
	return o
}

// values returns the keys and values of a profile in one order, without comments
// and blanks; the text itself if it is not TOML.
func values(text []byte) []byte {
	keys := map[string]any{}
	if _, err := toml.Decode(string(text), &keys); err != nil {
		return text
	}
	plain, err := json.Marshal(keys)
	if err != nil {
		return text
	}
	return plain
}
