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
var private = regexp.MustCompile(`(?i)\b(whoever|(go|goes|gone|went) back|(take|takes|taken|taking|took) back|lets? go|hangs? on|` +
	`(come|comes|came|brings?|bring it) to (its|an) end|in the way|nobody (is|has|can|gets|knows|reads|serves|may|would|else)|for nobody|is nobody's|` +
	`(stand|stands|stood) (in|before|behind|beside|there|above|first|still|alone))\b`)

// isNo finds "x is no port", which is "x is not a port"; "there is no port" is right.
var isNo = regexp.MustCompile(`(?i)\b(\w+) (is|are|was|were) no (\w+)`)

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
				comment := said(filepath.Ext(name), line)
				words := private.FindAllString(comment, -1)
				for _, found := range isNo.FindAllStringSubmatch(comment, -1) {
					if !strings.EqualFold(found[1], "there") && found[3] != "longer" && found[3] != "more" {
						words = append(words, found[0])
					}
				}
				if words != nil {
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
