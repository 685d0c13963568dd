package generation

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// ErrStaged is the error of a generation that has no number yet.
var ErrStaged = errors.New("it is neither kept nor discarded")

// Staged is a generation as it was staged, whatever becomes of it.
type Staged struct {
	store Store
	// folder is open, so that no other folder gets its inode number.
	folder *os.File
}

// Staged returns the generation that is staged. The caller closes it.
func (s Store) Staged() (*Staged, error) {
	folder, err := os.Open(filepath.Join(s.Folder, nextName))
	if err != nil {
		return nil, fmt.Errorf("keeping a generation: %w", err)
	}
	return &Staged{s, folder}, nil
}

// Next returns what the generation that is staged says of itself, without a
// number. It is whole from the moment at which a trial has begun.
func (s Store) Next() (Generation, error) {
	if err := safepath.Real(s.path(staged)); err != nil {
		return Generation{}, err
	}
	return read(s.path(staged, recordName))
}

// Close releases it.
func (g *Staged) Close() error { return g.folder.Close() }

// Number returns the number under which the generation is kept. The error is
// ErrStaged if it is still staged, and ErrNone if it was discarded. It needs no
// lock: Commit is one rename.
func (g *Staged) Number() (int, error) {
	if g.isAt(filepath.Join(g.store.Folder, nextName)) {
		return 0, ErrStaged
	}
	numbers, err := g.store.numbers()
	if err != nil {
		return 0, err
	}
	for _, number := range numbers {
		if g.isAt(g.store.path(number)) {
			return number, nil
		}
	}
	return 0, fmt.Errorf("%w: it was discarded", ErrNone)
}

// isAt reports whether the folder has that name.
func (g *Staged) isAt(name string) bool {
	there, err := os.Lstat(name)
	if err != nil {
		return false
	}
	own, err := g.folder.Stat()
	return err == nil && os.SameFile(own, there)
}
