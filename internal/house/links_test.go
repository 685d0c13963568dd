package house_test

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
)

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)
	code    = regexp.MustCompile("`[^`\n]*`")
)

// TestLinks holds that each relative link of a page leads to a file of the repository,
// and each anchor to a heading of its page.
func TestLinks(t *testing.T) {
	followed := 0
	for _, page := range pages.Names(t) {
		text := code.ReplaceAllString(pages.Prose(pages.Read(t, page)), "")
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			followed++
			file := page
			if target != "" {
				file = path.Join(path.Dir(page), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s: %v", page, found[1], err)
			} else if anchor != "" && !slices.Contains(anchors(pages.Read(t, file)), anchor) {
				t.Errorf("%s links to %s, and %s has no such heading", page, found[1], file)
			}
		}
	}
	if followed < 40 {
		t.Errorf("the pages have only %d links", followed)
	}
}

// anchors are those that a forge gives to the headings of a page.
func anchors(text string) []string {
	var all []string
	for _, found := range heading.FindAllStringSubmatch(pages.Prose(text), -1) {
		all = append(all, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case strings.ContainsRune("-_", r), 'a' <= r && r <= 'z', '0' <= r && r <= '9', r > 127:
				return r
			}
			return -1
		}, strings.ToLower(found[1])))
	}
	return all
}

// makes are the two commands of README.md, which no test runs: the one is all tests, and
// the other a program of its own.
const makes = "make demo "

// scripts are the blocks of shell commands and Ansible's tasks in the pages, by the words
// that they begin with, each with the test that runs it.
var scripts = map[string]string{
	"hardenctl verify web.toml --html report.html\n": "test/live/scan.TestVerify",
	"for tool in iptables ip6tables; do\n":           "test/live/lockout.TestOpenByHand",
	"address=203.0.113.66 family=v4\n":               "test/live/bans.TestUnbanByHand",
	"- hosts: web\n":                                 "deploy.TestFirstHostGuardsTheOthers",
	"rm -rf /var/lib/hardenctl ":                     "test/live/rollback.TestUninstallByHand",
	"new=example.org/you/hardenctl\n":                "internal/house.TestModulePathCanBeChanged",
}

// TestExamples holds that every example of the pages is run by a test: TestPages runs
// what is TOML and console, scripts names the tests of the others, and text is output.
func TestExamples(t *testing.T) {
	there, found := tests(t), 0
	for _, page := range pages.Names(t) {
		for _, b := range pages.Blocks(pages.Read(t, page)) {
			switch {
			case strings.HasPrefix(b.Text, makes):
			case hasScript(b.Text):
				found++
			case b.Language == "sh" || b.Language == "yaml":
				t.Errorf("%s: no test runs this script:\n%s", page, b.Text)
			case !slices.Contains([]string{"toml", "console", "text"}, b.Language):
				t.Errorf("%s: %q is not toml, console, sh, yaml or text:\n%s", page, b.Language, b.Text)
			}
		}
	}
	if found < len(scripts) {
		t.Errorf("%d scripts are in the pages, and %d have a test", found, len(scripts))
	}
	for words, name := range scripts {
		if !there[name] {
			t.Errorf("there is no test %s, which is to run %q", name, words)
		}
	}
}

func hasScript(text string) bool {
	for words := range scripts {
		if strings.HasPrefix(text, words) {
			return true
		}
	}
	return false
}
