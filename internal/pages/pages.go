// Package pages reads README.md and the pages below docs and deploy, for the tests that hold what
// they say to what the program does.
package pages

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// README is the name of the first page.
const README = "README.md"

// inOrder are the pages with something to run, in the order in which a reader meets
// them: what one defines, the next may use.
var inOrder = []string{
	README, "docs/tutorial.md", "docs/profile.md", "docs/profile-reference.md", "docs/recipes.md", "docs/verify.md", "docs/operations.md",
	"docs/automation.md", "docs/coexistence.md", "docs/troubleshooting.md", "docs/security.md",
}

// Names are the names of all pages from the module's root, such as "docs/verify.md":
// first those in the order in which a reader meets them, then all others.
func Names(t testing.TB) []string {
	t.Helper()
	names := slices.Clone(inOrder)
	root := root(t)
	papers, _ := filepath.Glob(filepath.Join(root, "*.md"))
	for _, folder := range []string{"docs", "deploy"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ fs.DirEntry, err error) error {
			if filepath.Ext(path) == ".md" {
				papers = append(papers, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range papers {
		name, _ := filepath.Rel(root, path)
		if name = filepath.ToSlash(name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Read returns the text of a page, by its name from the module's root.
func Read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// root is the folder of go.mod, here or above.
func root(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	for err == nil && folder != filepath.Dir(folder) {
		if _, missing := os.Stat(filepath.Join(folder, "go.mod")); missing == nil {
			return folder
		}
		folder = filepath.Dir(folder)
	}
	t.Fatalf("no go.mod here or above: %v", err)
	return ""
}

// Section returns what follows a heading of a page, such as "## At boot", up to the next
// heading of its level or a higher one.
func Section(t testing.TB, name, heading string) string {
	t.Helper()
	_, section, found := strings.Cut(Read(t, name), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no %q", name, heading)
	}
	level := strings.Index(heading, " ")
	next := regexp.MustCompile(`(?m)^#{1,` + string(rune('0'+level)) + `} `)
	bare := fence.ReplaceAllStringFunc(section, blank) // a comment of a shell is not a heading
	if at := next.FindStringIndex(bare); at != nil {
		section = section[:at[0]]
	}
	return section
}

// blank returns as many spaces as a text has bytes.
func blank(text string) string { return strings.Repeat(" ", len(text)) }

// Block is a fenced block: its language, such as "toml", and its text.
type Block struct{ Language, Text string }

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// Blocks returns the fenced blocks of a text, in order.
func Blocks(text string) []Block {
	var blocks []Block
	for _, found := range fence.FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, Block{found[1], found[2]})
	}
	return blocks
}

// Prose returns a text without its fenced blocks.
func Prose(text string) string { return fence.ReplaceAllString(text, "") }

// Script returns the block of shell commands in a section of a page, of which there is
// one.
func Script(t testing.TB, name, heading string) string {
	t.Helper()
	var scripts []string
	for _, b := range Blocks(Section(t, name, heading)) {
		if b.Language == "sh" {
			scripts = append(scripts, b.Text)
		}
	}
	if len(scripts) != 1 {
		t.Fatalf("%s has %d scripts under %q, not one", name, len(scripts), heading)
	}
	return scripts[0]
}

// Generated fails the test unless the part of a page between the comments
// "<!-- begin NAME -->" and "<!-- end NAME -->" is this text; with write, it writes it.
func Generated(t testing.TB, page, name, text string, write bool) {
	t.Helper()
	before, rest, begins := strings.Cut(Read(t, page), "<!-- begin "+name+" -->\n")
	is, after, ends := strings.Cut(rest, "<!-- end "+name+" -->\n")
	switch {
	case !begins || !ends:
		t.Fatalf("%s has no part %q", page, name)
	case is == text:
	case write:
		whole := before + "<!-- begin " + name + " -->\n" + text + "<!-- end " + name + " -->\n" + after
		if err := os.WriteFile(filepath.Join(root(t), page), []byte(whole), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s: the part %q is not what the code says; run make reference, and read the diff. It should be\n%s", page, name, text)
	}
}

// Output returns the blocks of output in a section of a page, one after the other.
func Output(t testing.TB, name, heading string) string {
	t.Helper()
	var output strings.Builder
	for _, b := range Blocks(Section(t, name, heading)) {
		if b.Language == "text" {
			output.WriteString(b.Text)
		}
	}
	return output.String()
}
