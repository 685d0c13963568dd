// Package bundledir writes a bundle into a folder. bundle.ReadFolder reads it.
package bundledir

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/durable"
)

// Write writes the files and the manifest of a bundle into dir, which it makes if
// it is missing: each file wholly or not at all, and the manifest last. A file that
// an earlier bundle left and that this one has not is removed. Everything else in
// the folder is somebody's: a file of his under one of a bundle's names is an
// error, and nothing is written.
func Write(dir string, b *bundle.Bundle) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder for the bundle: %w", err)
	}
	gone, foreign := b.Over(os.DirFS(dir))
	if foreign != "" {
		return fmt.Errorf("%s exists and belongs to no bundle; choose another folder", filepath.Join(dir, foreign))
	}
	all := b.All()
	manifest := len(all) - 1
	for _, f := range all[:manifest] {
		if err := write(dir, f); err != nil {
			return err
		}
	}
	for _, name := range gone {
		if err := remove(dir, name); err != nil {
			return fmt.Errorf("remove a file of an earlier bundle: %w", err)
		}
	}
	return write(dir, all[manifest])
}

func write(dir string, f bundle.File) error {
	place := filepath.Join(dir, f.Name)
	if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", f.Name, err)
	}
	if err := durable.WriteOut(place, f.Text, f.Mode()); err != nil {
		return fmt.Errorf("write %s of the bundle: %w", f.Name, err)
	}
	return nil
}

// remove removes a file if it is there, and the folder of the bundle's that it was
// the last in.
func remove(dir, name string) error {
	if err := durable.Remove(filepath.Join(dir, name)); err != nil {
		return err
	}
	if folder := filepath.Dir(name); folder != "." {
		os.Remove(filepath.Join(dir, folder)) // fails where it holds anything else
	}
	return nil
}
