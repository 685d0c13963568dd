package main

import (
	"fmt"
	"os"

	"hardenctl/compiler/filekind"
)

// keepsOthers returns an error if a flag names a file that exists and is of another
// kind than the one that the command writes: a profile, say, would be lost.
func keepsOthers(flag, path string, written filekind.Kind) error {
	stat, err := os.Stat(path)
	if err != nil || !stat.Mode().IsRegular() {
		return nil // the writing will say what is wrong with it
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("--%s %s: cannot read what is there: %w", flag, path, err)
	}
	if kind := filekind.Of(text); kind != filekind.Unknown && kind != written {
		return fmt.Errorf("--%s %s: this file is %s and would be overwritten; name another file", flag, path, kind)
	}
	return nil
}

// ofFolder is the kind of a file where the folder of a bundle is wanted, as a
// message names it.
func ofFolder(path string) string {
	text, err := os.ReadFile(path)
	kind := filekind.Of(text)
	if err != nil || kind == filekind.Unknown {
		return "a file"
	}
	return string(kind)
}

// isBundle reports whether a path is that of a bundle's folder.
func isBundle(path string) bool {
	text, err := os.ReadFile(path + "/manifest.json")
	return err == nil && filekind.Of(text) == filekind.Manifest
}
