package generation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/document"
	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// List returns the generations, oldest first. One whose generation.json is not
// whole is in the list, Broken.
func (s Store) List() ([]Generation, error) {
	numbers, err := s.numbers()
	if err != nil {
		return nil, err
	}
	var all []Generation
	for _, n := range numbers {
		g, err := s.record(n)
		if errors.Is(err, ErrNone) {
			continue // somebody let it go just now
		}
		if err != nil {
			g = Generation{Number: n, Broken: err.Error()}
		}
		all = append(all, g)
	}
	return all, nil
}

// record reads what generation.json says.
func (s Store) record(number int) (Generation, error) {
	if err := safepath.Real(s.path(number)); err != nil {
		return Generation{}, err
	}
	if _, err := os.Lstat(s.path(number)); errors.Is(err, fs.ErrNotExist) {
		return Generation{}, ErrNone
	}
	g, err := read(s.path(number, recordName))
	if err != nil {
		return Generation{}, err
	}
	g.Number = number
	return g, nil
}

var kind = document.Kind{Name: "generation", Format: Format, Exact: true}

// read reads a generation.json.
func read(name string) (g Generation, err error) {
	var format *document.FormatError
	err = durable.ReadJSON(name, kind, &g)
	switch {
	case errors.As(err, &format):
		return g, fmt.Errorf("%s: %w; roll back with the hardenctl version that saved it, or apply the profile in its folder %s", name, err, sourcesName)
	case errors.As(err, new(*document.BrokenError)):
		return g, fmt.Errorf("%s: %w", name, err)
	}
	return g, err
}

// Kept is a generation with what it needs to be applied again.
type Kept struct {
	Generation
	Bundle *bundle.Bundle
	// Texts are those of Sources, in their order.
	Texts []Source
}

// Open reads a generation whole. Every file of it is as it was written, or the
// error names the one that is not; without a generation of that number the error
// is ErrNone.
func (s Store) Open(number int) (*Kept, error) {
	g, err := s.record(number)
	if err != nil {
		return nil, err
	}
	k := &Kept{Generation: g}
	if k.Bundle, err = s.bundle(g); err != nil {
		return nil, err
	}
	for _, e := range g.Sources {
		text, err := s.source(number, e)
		if err != nil {
			return nil, err
		}
		k.Texts = append(k.Texts, Source{Name: e.Name, Kind: e.Kind, Text: text})
	}
	return k, nil
}

// Newest returns the bundle of the newest generation, and the folder that has it.
// The error is ErrNone only where nothing was ever applied: a store that cannot
// be read is another.
func (s Store) Newest() (b *bundle.Bundle, folder string, err error) {
	if _, err := os.Lstat(s.Folder); errors.Is(err, fs.ErrNotExist) {
		return nil, "", ErrNone
	}
	number, err := s.newest()
	if err == nil && number == 0 {
		err = ErrNone
	}
	if err != nil {
		return nil, "", err
	}
	g, err := s.record(number)
	if err == nil {
		b, err = s.bundle(g)
	}
	return b, s.path(number, bundleName), err
}

func (s Store) bundle(g Generation) (*bundle.Bundle, error) {
	folder := s.path(g.Number, bundleName)
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	b, err := bundle.ReadFolder(root.FS())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	if err := s.sameManifest(g, b.ManifestText()); err != nil {
		return nil, err
	}
	return b, nil
}

func (s Store) sameManifest(g Generation, text []byte) error {
	if checksum(text) != g.Checksum {
		return fmt.Errorf("%s is not as it was written: its checksum is not the one in %s", s.path(g.Number, bundleName, bundle.ManifestName), recordName)
	}
	return nil
}

// manifest reads that of a generation alone, whose lists may be long.
func (s Store) manifest(g Generation) (m bundle.Manifest, err error) {
	text, err := safepath.ReadFile(s.path(g.Number, bundleName, bundle.ManifestName))
	if err == nil {
		err = s.sameManifest(g, text)
	}
	if err != nil {
		return m, err
	}
	return bundle.ParseManifest(text)
}

func (s Store) source(number int, e SourceEntry) ([]byte, error) {
	place, err := Source{Name: e.Name, Kind: e.Kind}.path()
	if err != nil || place != e.Path {
		return nil, fmt.Errorf("%s is not as it was written: source %q is not at %q", s.path(number, recordName), e.Name, e.Path)
	}
	name := s.path(number, e.Path)
	text, err := safepath.ReadFile(name)
	if err == nil && checksum(text) != e.SHA256 {
		err = fmt.Errorf("%s is not as it was written: its checksum is not the one in %s", name, recordName)
	}
	return text, err
}

// Leading returns the chains of others to which jumps may come before ours, as the profile
// of the newest generation says. It is nil where that cannot be read: ours come first then.
func (s Store) Leading() []string {
	g, err := s.live(false)
	if err != nil {
		return nil
	}
	m, err := s.manifest(g)
	if err != nil {
		return nil
	}
	return m.Leading
}
