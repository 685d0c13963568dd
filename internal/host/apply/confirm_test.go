package apply

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/generation"
)

// A commit without anything staged is not an error; that a file was missing when old
// generations were removed is one.
func TestExceptUnstaged(t *testing.T) {
	if err := exceptUnstaged(fmt.Errorf("keeping: %w", generation.ErrUnstaged)); err != nil {
		t.Error(err)
	}
	pruning := errors.Join(nil, &fs.PathError{Op: "lstat", Path: "/var/lib/hardenctl/generations/1/bundle", Err: fs.ErrNotExist})
	if err := exceptUnstaged(pruning); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, pruning)
	}
}
