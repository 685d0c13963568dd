package house_test

import (
	"flag"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
)

var update = flag.Bool("update", false, "write the tests into docs/FAULTS.md instead of comparing them")

var (
	faultRow  = regexp.MustCompile(`(?m)^\| ([0-9]+) \| `)
	faultTest = regexp.MustCompile(`\.TestFault([0-9]{2})`)
)

// TestEachFaultIsTested holds that each row of docs/FAULTS.md has a test named after it, and each
// such test a row. With -update it writes the list of tests into the page.
func TestEachFaultIsTested(t *testing.T) {
	const page = "docs/FAULTS.md"
	byRow := map[int][]string{}
	for _, name := range slices.Sorted(maps.Keys(tests(t))) {
		if found := faultTest.FindStringSubmatch(name); found != nil {
			row, _ := strconv.Atoi(found[1])
			byRow[row] = append(byRow[row], "`"+name+"`")
		} else if strings.Contains(name, ".TestFault") {
			t.Errorf("%s has no number of a row in its name: TestFault07…", name)
		}
	}
	var list strings.Builder
	list.WriteString("| # | tests |\n| --- | --- |\n")
	for _, found := range faultRow.FindAllStringSubmatch(pages.Section(t, page, "## Faults"), -1) {
		row, _ := strconv.Atoi(found[1])
		if byRow[row] == nil {
			t.Errorf("fault %d has no test TestFault%02d…", row, row)
		}
		fmt.Fprintf(&list, "| %d | %s |\n", row, strings.Join(byRow[row], ", "))
		delete(byRow, row)
	}
	for row, names := range byRow {
		t.Errorf("%s has no fault %d, which %s show", page, row, strings.Join(names, ", "))
	}
	pages.Generated(t, page, "tests", list.String(), *update)
}

var (
	namedTest = regexp.MustCompile("`([a-z][a-z0-9/]*\\.Test[A-Za-z0-9_]+)`")
	step      = regexp.MustCompile(`(?m)^\| .*\|$`)
)

// TestNamedTests holds that every test that a page names is there.
func TestNamedTests(t *testing.T) {
	there := tests(t)
	for _, page := range pages.Names(t) {
		for _, found := range namedTest.FindAllStringSubmatch(pages.Read(t, page), -1) {
			if !there[found[1]] {
				t.Errorf("%s names %s, and there is no such test", page, found[1])
			}
		}
	}
}

// TestHowToAnswered holds that each step of the how-to has a line of ours and a test.
func TestHowToAnswered(t *testing.T) {
	steps := 0
	for _, row := range step.FindAllString(pages.Read(t, "docs/how-to-answered.md"), -1) {
		if strings.HasPrefix(row, "| --- ") || strings.HasPrefix(row, "| the how-to ") {
			continue
		}
		steps++
		cells := strings.Split(strings.Trim(row, "|"), " | ")
		if len(cells) != 4 || !namedTest.MatchString(cells[len(cells)-1]) {
			t.Errorf("this step has no line of ours, or no test: %s", row)
		}
	}
	if steps < 20 {
		t.Errorf("%d steps are answered", steps)
	}
}
