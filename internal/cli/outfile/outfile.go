// Package outfile looks at the files that a command is to write, before it does any work:
// what would be lost, and what cannot be written.
package outfile

import (
	"fmt"
	"os"

	"github.com/hardenctl/hardenctl/compiler/filekind"
	"github.com/hardenctl/hardenctl/internal/host/durable"
	"github.com/hardenctl/hardenctl/internal/host/safepath"
)

// KeepsOthers returns an error if a flag names a file that exists and is of another
// kind than the one that the command writes: a profile, say, would be lost.
func KeepsOthers(flag, path string, written filekind.Kind) error {
	stat, err := os.Stat(path)
	if err != nil || !stat.Mode().IsRegular() {
		return nil // the writing will say what is wrong with it
	}
	text, err := safepath.ReadAny(path)
	if err != nil {
		return fmt.Errorf("--%s %s: the file exists and cannot be read: %w", flag, path, err)
	}
	kind := filekind.Of(text)
	switch {
	case kind == written || len(text) == 0:
		return nil
	case kind == filekind.Unknown:
		return fmt.Errorf("--%s %s: this file exists and is not %s; name another file", flag, path, written)
	}
	return fmt.Errorf("--%s %s: this file exists and is %s; name another file", flag, path, kind)
}

// Writable returns an error if no file can be written at the path that a flag
// names. It is asked before the work is done of which the file will tell.
func Writable(flag, path string) error {
	if err := durable.CanWriteOut(path); err != nil {
		return fmt.Errorf("--%s %s: cannot write there: %w", flag, path, err)
	}
	return nil
}

// Kind is the kind of a file where the folder of a bundle is wanted, as a
// message names it.
func Kind(path string) string {
	text, err := safepath.ReadAny(path)
	kind := filekind.Of(text)
	if err != nil || kind == filekind.Unknown {
		return "a file"
	}
	return string(kind)
}
