package suite

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each test that the lists name is there: one that has got another name would
// run in a tree where it cannot, or no more among the few of -short or among the long
// tables.
func TestLeftOut(t *testing.T) {
	there := liveTests(t)
	inTree := ofTools
	for _, l := range leftOut {
		inTree += " " + l.tests
	}
	for _, list := range []string{inTree, longTables} {
		seen := map[string]bool{}
		for _, name := range strings.Fields(list) {
			if !there[name] || seen[name] {
				t.Errorf("%s is not a test, or is named twice", name)
			}
			seen[name] = true
		}
	}
	for text, want := range map[string]bool{"TestKnock": true, "TestKnockers": false, "ATestKnock": false} {
		if regexp.MustCompile(oneOf("TestSweep TestKnock")).MatchString(text) != want {
			t.Errorf("%s is chosen: %v, want %v", text, !want, want)
		}
	}
}

// liveTests are the tests of all packages of live tests. The lists name a test without its
// package, so that no two packages may have a test of one name.
func liveTests(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../../*/*_test.go")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files of live tests: %v", len(files), err)
	}
	there := map[string]bool{}
	for _, path := range files {
		syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range syntax.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(f.Name.Name, "Test") || f.Name.Name == "TestMain" {
				continue
			}
			if there[f.Name.Name] {
				t.Errorf("two live tests have the name %s", f.Name.Name)
			}
			there[f.Name.Name] = true
		}
	}
	return there
}

// Slices of seeds one after the other cover a table, and a few of them half of it.
func TestSlicesCoverATable(t *testing.T) {
	const cells, length = 1000, 100
	covered := map[int]bool{}
	for seed := range uint64(24) {
		for i := range length {
			covered[(beginning(5000+seed, cells)+i)%cells] = true
		}
		if n := len(covered); seed == 6 && n < cells/2 {
			t.Errorf("7 slices of a tenth cover %d of %d", n, cells)
		}
	}
	if n := len(covered); n != cells {
		t.Errorf("24 slices of a tenth cover %d of %d", n, cells)
	}
	for n := 1; n < 50; n++ {
		if b := beginning(413, n); b < 0 || b >= n {
			t.Errorf("of %d cells the slice begins at %d", n, b)
		}
	}
}
