// Package generation keeps what was applied, so that it can be seen and gone
// back to.
//
// A generation is one apply that changed something, whole in a folder of its
// own, numbered from 1:
//
//	generation.json  when, who, by which command, of which profile (Generation)
//	bundle/          the bundle, as `hardenctl compile -o` writes it
//	sources/         every profile and list that the compile read
//	before/          what the host had until then: rules, headers of sets, settings,
//	                 and in that of the first the files, for good; and the original
//	                 values of the settings that the profile states (Held)
//
// Everything is root's alone (folders 0700, files 0600), and no symbolic link is
// followed on the way there. A generation is written beside the others and
// synced (Stage) before the kernel is touched, so that a full disk refuses the
// apply, and gets its number by one rename after it (Commit): it is there as a
// whole or not at all. Staged and committed may be two processes, with a crash
// or a reboot between them. A file that is equal to that of the generation before
// is the same file under another name (a hard link), so that a list of a million
// addresses is kept once however often its profile is applied.
//
// Beside the generations are the records of what was tried and never confirmed
// (unconfirmed-….json).
//
// The callers hold the lock of an apply when they stage, commit or discard;
// reading needs none.
package generation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// Format is the version of generation.json.
const Format = 1

// Store is a folder of generations.
type Store struct {
	Folder string
	// Most is how many generations are kept, and MostBytes how much all of them
	// may take; of two generations, the newest ones, neither is removed.
	Most      int
	MostBytes int64
}

// How many generations a host keeps, and how many bytes all of them may take.
const (
	Most      = 20
	MostBytes = 512 << 20
)

// Under returns the store of the host whose files are below root.
func Under(root string) Store {
	return Store{Folder: filepath.Join(root, "var/lib/hardenctl/generations"), Most: Most, MostBytes: MostBytes}
}

// The names in a store and in a generation.
const (
	nextName    = ".next"  // what is staged
	goneName    = ".gone-" // begins the name of what is being removed
	recordName  = "generation.json"
	bundleName  = "bundle"
	sourcesName = "sources"
	beforeName  = "before"
)

// Generation is what generation.json says.
type Generation struct {
	// Number is the name of the folder; it is not in the file.
	Number int `json:"number,omitempty"`
	Format int `json:"format"`
	// When is the time of the apply, to the second, in UTC.
	When    time.Time `json:"when"`
	Who     Who       `json:"who"`
	Command []string  `json:"command"`
	Profile string    `json:"profile"`
	// From is the generation that this one rolled back to; 0 for none.
	From int `json:"from,omitempty"`
	// Changes counts what the apply changed.
	Changes plan.Summary `json:"changes"`
	// Checksum is the SHA-256 of the bundle's manifest, which has those of its
	// files.
	Checksum string `json:"checksum"`
	// Lists are the sizes of the sets that may lose only so much.
	Lists map[string]int `json:"lists,omitempty"`
	// Orders is what its profile says.
	Orders  Orders        `json:"orders,omitzero"`
	Sources []SourceEntry `json:"sources"`
	// Broken says why the generation cannot be restored, as far as
	// generation.json tells; it is not in the file.
	Broken string `json:"broken,omitempty"`
}

// SourceEntry is a file that the compile read.
type SourceEntry struct {
	// Name is that by which profiles and plans name the file.
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Path is where the generation keeps it, such as
	// "sources/profile/lists/bad.txt".
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

// ErrNone is the error of a store without the generation that is asked for.
var ErrNone = errors.New("no such generation")

// missingError is an ErrNone that says why there is none, and what to do.
type missingError string

// Error says why there is none, and what to do.
func (m missingError) Error() string { return string(m) }

// Unwrap makes it an ErrNone.
func (m missingError) Unwrap() error { return ErrNone }

// neverApplied is the error of a store without any generation.
func (s Store) neverApplied() error {
	return missingError("nothing has been applied yet: " + s.Folder + " has no generation. `hardenctl apply PROFILE` makes the first. If rules of hardenctl are in force all the same, that folder was lost: " + byHand)
}

// byHand is what is left to do where the state before hardenctl is lost.
const byHand = `"Uninstall" in docs/operations.md takes them off by hand`

// staged is a number for the generation that is staged, in this package alone.
const staged = -1

// path is the folder of a generation, or a file in it.
func (s Store) path(number int, names ...string) string {
	folder := strconv.Itoa(number)
	if number == staged {
		folder = nextName
	}
	return filepath.Join(append([]string{s.Folder, folder}, names...)...)
}

// numbers returns the numbers of the generations, lowest first.
func (s Store) numbers() ([]int, error) {
	if err := safepath.Real(s.Folder); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(s.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, e := range entries {
		if n, ok := numberOf(e.Name()); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// numberOf returns the number that is a folder's name, in the one way in which
// it is written.
func numberOf(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && n > 0 && strconv.Itoa(n) == name
}

// newest returns the highest number; 0 if there is no generation.
func (s Store) newest() (int, error) {
	numbers, err := s.numbers()
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	return numbers[len(numbers)-1], nil
}

// Previous returns the number of the generation before the newest one, which is
// what a rollback returns to: 0, for what the host had before hardenctl, where
// the newest is the first.
func (s Store) Previous() (int, error) {
	numbers, err := s.numbers()
	switch {
	case err != nil:
		return 0, err
	case len(numbers) == 0:
		return 0, s.neverApplied()
	case len(numbers) == 1:
		return 0, nil
	}
	return numbers[len(numbers)-2], nil
}

// String returns "generation 3".
func (g Generation) String() string { return fmt.Sprintf("generation %d", g.Number) }

// CommandLine returns the command as one would type it.
func (g Generation) CommandLine() string {
	words := make([]string, len(g.Command))
	for i, word := range g.Command {
		if words[i] = word; word == "" || strings.ContainsFunc(word, unusual) {
			words[i] = strconv.Quote(word)
		}
	}
	return strings.Join(words, " ")
}

// unusual reports whether a word with that character needs quotes.
func unusual(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"'\\$&|;<>()*?[]#~`!{}", r)
}
