package generation

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/document"
	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Content is what a generation is made of.
type Content struct {
	Bundle *bundle.Bundle
	// Sources are the files that the compile read.
	Sources []Source
	// Before is the host as it was read before the apply.
	Before state.State
	// Originals are the original values of the settings that the bundle states, as
	// Held.OriginalsOf has them; nil is for what earlier versions kept.
	Originals map[string]string
	// Changes counts what the apply changes.
	Changes plan.Summary
	// From is the generation that is rolled back to; 0 for none.
	From    int
	When    time.Time
	Who     Who
	Command []string
}

// Source is a file that a compile read.
type Source struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	Text []byte `json:"text"`
}

// Kind tells profiles from lists: a built-in one of each may have one name.
type Kind string

// The kinds of sources.
const (
	Profile Kind = "profile"
	List    Kind = "list"
)

// path is where a generation keeps the source: what lies below the profile's
// folder, what is built in, and what lies elsewhere each in a folder of its own.
// What is named by going up has one for each number of steps.
func (s Source) path() (string, error) {
	folder, rest := "profile", s.Name
	if short, ok := strings.CutPrefix(s.Name, "builtin:"); ok {
		folder, rest = "builtin/"+string(s.Kind)+"s", short
		if s.Kind == Profile {
			rest += ".toml"
		}
	} else if path.IsAbs(s.Name) {
		folder, rest = "elsewhere", s.Name[1:]
	}
	if above, up := strings.CutPrefix(s.Name, "../"); up {
		levels := 1
		for ; strings.HasPrefix(above, "../"); levels++ {
			above = above[len("../"):]
		}
		folder, rest = fmt.Sprintf("above-%d", levels), above
	}
	if !fs.ValidPath(rest) || rest == "." {
		return "", fmt.Errorf("%q is not a valid name of a %s", s.Name, s.Kind)
	}
	return path.Join(sourcesName, folder, rest), nil
}

// file is a file of a generation.
type file struct {
	path string // in the generation's folder
	text []byte
}

// Stage writes a generation beside the others, synced, without a number. What
// was staged before and not committed is gone then. Nothing is left behind on
// an error.
func (s Store) Stage(c Content) error {
	if err := s.Discard(); err != nil {
		return fmt.Errorf("keeping a generation: %w", err)
	}
	if err := s.stage(c); err != nil {
		return errors.Join(fmt.Errorf("keeping a generation: %w", err), s.Discard())
	}
	return nil
}

func (s Store) stage(c Content) error {
	newest, err := s.newest()
	if err != nil {
		return err
	}
	files, err := c.files(newest == 0)
	if err != nil {
		return err
	}
	if err := durable.MakeFolder(s.Folder, 0o700); err != nil {
		return err
	}
	next := filepath.Join(s.Folder, nextName)
	equals := []string{s.path(newest), s.path(c.From)} // 0, for none, is not a name of a folder
	for _, f := range files {
		if err := f.put(next, equals); err != nil {
			return err
		}
	}
	return durable.SyncFolders(next)
}

// files returns all files of the generation, which may be the first.
func (c Content) files(first bool) ([]file, error) {
	g := Generation{
		Format: Format, When: c.When.UTC().Truncate(time.Second), Who: c.Who, Command: c.Command,
		Profile: c.Bundle.Manifest.Profile, From: c.From, Changes: c.Changes,
		Checksum: checksum(c.Bundle.ManifestText()), Lists: map[string]int{}, Sources: []SourceEntry{},
		Orders: OrdersOf(c.Bundle, c.Sources),
	}
	for _, l := range c.Bundle.Manifest.Lists {
		g.Lists[l.Name] = l.Entries
	}
	files := []file{{path.Join(bundleName, bundle.ManifestName), c.Bundle.ManifestText()}}
	for _, f := range c.Bundle.Files {
		files = append(files, file{path.Join(bundleName, f.Name), f.Text})
	}
	for _, source := range c.Sources {
		place, err := source.path()
		if err != nil {
			return nil, err
		}
		g.Sources = append(g.Sources, SourceEntry{source.Name, source.Kind, place, checksum(source.Text)})
		files = append(files, file{place, source.Text})
	}
	files = append(files, before(c.Before, c.Originals, first)...)
	return append(files, file{recordName, document.Encode(g)}), nil
}

func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// put writes and syncs the file into a generation's folder, or links to the
// equal one of another generation.
func (f file) put(generation string, equals []string) error {
	name := filepath.Join(generation, f.path)
	if err := safepath.MakeFolder(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	for _, other := range equals {
		old := filepath.Join(other, f.path)
		if f.isAt(old) && durable.Link(old, name) == nil {
			return nil
		}
	}
	return durable.Create(name, f.text, 0o600)
}

// isAt reports whether there is an equal file; one that cannot be read is not.
func (f file) isAt(name string) bool {
	stat, err := os.Lstat(name)
	if err != nil || !stat.Mode().IsRegular() || stat.Size() != int64(len(f.text)) {
		return false
	}
	text, err := os.ReadFile(name)
	return err == nil && string(text) == string(f.text)
}

// ErrUnstaged is the error of a commit without anything staged.
var ErrUnstaged = errors.New("no generation is staged")

// Commit gives what is staged the next number and removes what is too much. An
// error beside a number other than 0 is about the latter: the generation is
// kept. Without anything staged the error is ErrUnstaged.
func (s Store) Commit() (number int, err error) {
	newest, err := s.newest()
	if err != nil {
		return 0, fmt.Errorf("keeping a generation: %w", err)
	}
	number = newest + 1
	next := filepath.Join(s.Folder, nextName)
	if !isThere(next) {
		return 0, ErrUnstaged
	}
	err = durable.Rename(next, s.path(number))
	if isThere(next) {
		return 0, fmt.Errorf("keeping generation %d: %w", number, err)
	}
	return number, errors.Join(err, s.Prune())
}

// Discard removes what is staged, if anything is.
func (s Store) Discard() error {
	if err := safepath.Real(s.Folder); err != nil {
		return err
	}
	return durable.RemoveTree(filepath.Join(s.Folder, nextName))
}
