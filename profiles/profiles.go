// Package profiles holds the built-in profiles and the lists that they use.
//
// A profile refers to them as "builtin:web" and "builtin:googlebot". They are
// meant to be read: each setting is under a comment that says what it does
// and where that is known from.
package profiles

import (
	"embed"
	"io/fs"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

//go:embed *.toml lists
var files embed.FS

// FS returns the built-in files: NAME.toml for a profile, lists/NAME.txt or
// lists/NAME.json for a list.
func FS() fs.FS { return files }

// Names returns the names of the built-in profiles, sorted.
func Names() []string {
	matches, _ := fs.Glob(files, "*.toml") // a constant pattern cannot be bad
	for i, m := range matches {
		matches[i] = strings.TrimSuffix(m, ".toml")
	}
	slices.Sort(matches)
	return matches
}

// Description returns what a built-in profile says of itself.
func Description(name string) string {
	var p struct{ Description string }
	_, _ = toml.DecodeFS(files, name+".toml", &p) // a test reads them all
	return p.Description
}
