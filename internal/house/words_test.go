package house_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// private are phrases that a reader with little English does not know from other
// projects. docs/GLOSSARY.md has the words to use instead.
var private = regexp.MustCompile(`(?i)\b(whoever|goes back|takes back|lets go|is let go|hangs on|comes to (its|an) end|nobody is known|nobody can tell|for nobody|is nobody's)\b`)

// plain are the folders whose comments and pages are written without them.
var plain = []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "Makefile", "cmd", "compiler", "deploy", "docs", "internal", "profiles", "test"}

// speaksOf are the files that name the phrases.
var speaksOf = []string{"docs/GLOSSARY.md", "internal/house/words_test.go"}

// TestPlainWords holds it for comments and pages.
func TestPlainWords(t *testing.T) {
	read := 0
	for _, folder := range plain {
		err := filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || slices.Contains(speaksOf, filepath.ToSlash(name)) {
				return err
			}
			text, err := os.ReadFile(name)
			number := 0
			for line := range strings.Lines(string(text)) {
				number++
				if words := private.FindString(said(filepath.Ext(name), line)); words != "" {
					t.Errorf("%s:%d: %q: see docs/GLOSSARY.md", name, number, words)
				}
			}
			read++
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 300 {
		t.Errorf("only %d files were read", read)
	}
}

// said is what a line of a file says to a reader: all of a page, else the comment.
func said(kind, line string) string {
	mark := map[string]string{".go": "//", ".toml": "#", ".yaml": "#", ".yml": "#", ".service": "#", "": "#"}[kind]
	if kind == ".md" {
		return line
	}
	if mark == "" {
		return ""
	}
	_, comment, _ := strings.Cut(line, mark)
	return comment
}
