// Package house_test holds the house together: which room may lead into
// which, what the compiler must not touch, and that everything is documented.
package house_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/hardenctl/hardenctl"

// rooms says, for each package and what is below it, which packages of ours it
// may import; the longest entry counts. A name ending in "/..." means what
// is below it too. Data goes one way: profile, ruleset, bundle, plan, host.
var rooms = map[string][]string{
	"compiler":          {"compiler/..."},
	"compiler/diag":     {},
	"compiler/netset":   {"compiler/diag"},
	"compiler/filekind": {"compiler/netset"},
	"compiler/profile":  {"compiler/diag", "compiler/filekind", "compiler/netset"},
	"compiler/ruleset":  {"compiler/diag"},
	"compiler/lower":    {"compiler/diag", "compiler/netset", "compiler/profile", "compiler/ruleset"},
	"compiler/check":    {"compiler/diag", "compiler/netset", "compiler/profile", "compiler/ruleset"},
	"compiler/distro":   {"compiler/diag", "compiler/ruleset"},
	"compiler/needs":    {"compiler/diag", "compiler/distro", "compiler/emit", "compiler/ruleset"},
	"compiler/emit": {
		"compiler/bootfile", "compiler/bundle", "compiler/netset", "compiler/ruleset", "compiler/setfile", "compiler/tablefile",
	},
	"compiler/bootfile":        {"compiler/bundle", "compiler/ruleset"},
	"compiler/bundle":          {"compiler/bundle/linediff", "compiler/diag", "compiler/document"},
	"compiler/bundle/linediff": {},
	"compiler/setfile":         {},
	"compiler/document":        {},
	"compiler/tablefile":       {"compiler/bundle"},
	"compiler/bdd":             {},
	"compiler/answer":          {"compiler/bundle", "compiler/exact", "compiler/netset", "compiler/ruleset"},
	"compiler/exact":           {"compiler/bdd", "compiler/netset", "compiler/ruleset", "compiler/setfile", "compiler/tablefile"},
	"compiler/proof": {
		"compiler/answer", "compiler/bdd", "compiler/bundle", "compiler/diag", "compiler/exact", "compiler/netset", "compiler/profile", "compiler/ruleset",
		"compiler/tablefile",
	},
	"compiler/starter": {"compiler/exact", "compiler/netset", "compiler/ruleset", "compiler/tablefile"},
	"profiles":         {},
	"golden":           {},
	"internal/host": {
		"compiler/bundle", "compiler/document", "compiler/filekind", "compiler/netset", "compiler/ruleset", "compiler/tablefile",
		"internal/host/apply", "internal/host/dataplane", "internal/host/durable", "internal/host/generation", "internal/host/guard",
		"internal/host/journal", "internal/host/lock", "internal/host/meaning", "internal/host/owned", "internal/host/bootfiles", "internal/host/plan",
		"internal/host/probe", "internal/host/restore", "internal/host/safepath", "internal/host/login", "internal/host/setting",
		"internal/host/state", "internal/host/tool", "internal/host/trial", "internal/host/watchdog",
	},
	"internal/host/apply": {
		"compiler/bundle", "compiler/bundle/linediff", "compiler/ruleset", "compiler/setfile", "compiler/tablefile",
		"internal/host/conntrack", "internal/host/dataplane", "internal/host/generation", "internal/host/journal",
		"internal/host/kernelset", "internal/netns", "internal/host/owned", "internal/host/plan", "internal/host/probe",
		"internal/host/setting", "internal/host/state", "internal/host/trial",
	},
	"internal/host/conntrack": {"internal/host/netfilter", "internal/host/probe"},
	"internal/host/bundledir": {"compiler/bundle", "internal/host/durable"},
	"internal/host/durable":   {"compiler/document", "internal/host/safepath"},
	"internal/host/dataplane": {
		"compiler/bundle", "compiler/ruleset", "compiler/setfile", "compiler/tablefile", "internal/host/conntrack", "internal/host/durable",
		"internal/host/kernelset", "internal/host/bootfiles", "internal/host/plan", "internal/host/probe", "internal/host/setting",
		"internal/host/state",
	},
	"internal/host/dataplane/fake": {
		"compiler/bundle", "compiler/netset", "compiler/ruleset", "compiler/setfile", "compiler/tablefile", "internal/host/conntrack",
		"internal/host/dataplane", "internal/host/kernelset", "internal/host/owned", "internal/host/bootfiles", "internal/host/plan",
		"internal/host/probe", "internal/host/setting", "internal/host/state", "internal/host/tool", "internal/host/trial",
	},
	"internal/host/escape":  {},
	"internal/host/ethtool": {},
	"internal/host/extension": {
		"compiler/bundle", "compiler/distro", "compiler/ruleset", "compiler/setfile", "compiler/tablefile", "internal/host/here", "internal/host/owned",
		"internal/host/tool",
	},
	"internal/host/generation": {
		"compiler/bundle", "compiler/document", "compiler/netset", "compiler/ruleset", "compiler/setfile", "compiler/tablefile",
		"internal/host/durable", "internal/host/owned", "internal/host/plan", "internal/host/safepath", "internal/host/login",
		"internal/host/setting", "internal/host/state",
	},
	"internal/host/guard": {
		"compiler/answer", "compiler/bdd", "compiler/bundle", "compiler/diag", "compiler/exact", "compiler/netset", "compiler/ruleset",
		"compiler/setfile", "compiler/tablefile",
		"internal/host/bootfiles", "internal/host/conntrack", "internal/host/kernelset", "internal/host/knock", "internal/host/login",
		"internal/host/meaning", "internal/host/owned", "internal/host/plan", "internal/host/probe", "internal/host/setting", "internal/host/state",
		"internal/netns", "internal/wire",
	},
	"internal/host/here": {"compiler/distro"},
	"internal/host/journal": {
		"compiler/bundle", "compiler/document", "compiler/ruleset", "internal/host/bundledir", "internal/host/durable",
		"internal/netns", "internal/host/login", "internal/host/state",
	},
	"internal/host/kernelset": {"compiler/ruleset", "compiler/setfile", "internal/host/netfilter", "internal/host/tool"},
	"internal/host/knock":     {},
	"internal/host/lock":      {"internal/host/durable", "internal/host/escape", "internal/host/process", "internal/host/safepath", "internal/host/tool"},
	"internal/host/meaning": {
		"compiler/answer", "compiler/bundle", "compiler/exact", "compiler/netset", "compiler/ruleset", "compiler/setfile", "compiler/tablefile",
		"internal/host/owned", "internal/host/state",
	},
	"internal/host/netfilter": {},
	"internal/host/nftables":  {},
	"internal/host/owned":     {"compiler/ruleset", "compiler/tablefile"},
	"internal/host/bootfiles": {
		"compiler/bundle", "compiler/ruleset", "compiler/setfile", "compiler/tablefile", "deploy/systemd", "internal/host/durable",
		"internal/host/owned", "internal/host/tool", "internal/host/trial",
	},
	"internal/host/plan": {
		"compiler/answer", "compiler/bundle", "compiler/bundle/linediff", "compiler/netset", "compiler/ruleset", "compiler/tablefile",
		"internal/host/meaning", "internal/host/owned", "internal/host/state",
	},
	"internal/host/probe": {
		"compiler/bundle", "compiler/diag", "compiler/netset", "compiler/ruleset", "compiler/setfile", "compiler/tablefile",
		"internal/host/escape", "internal/host/extension", "internal/host/kernelset", "internal/host/meaning", "internal/netns", "internal/host/nftables",
		"internal/host/owned", "internal/host/bootfiles", "internal/host/plan", "internal/host/process", "internal/host/safepath",
		"internal/host/state", "internal/host/tool",
	},
	"internal/host/process": {},
	"internal/host/restore": {
		"compiler/bundle", "compiler/ruleset", "compiler/setfile", "compiler/tablefile", "internal/host/apply", "internal/host/dataplane",
		"internal/host/extension", "internal/host/kernelset", "internal/host/owned", "internal/host/plan", "internal/host/probe",
		"internal/host/setting", "internal/host/state", "internal/host/trial", "internal/host/tool",
	},
	"internal/host/safepath": {},
	"internal/host/login":    {"internal/host/process"},
	"internal/host/setting":  {"compiler/bundle", "internal/host/ethtool", "internal/host/safepath", "internal/host/state"},
	"internal/host/state":    {"compiler/netset", "compiler/ruleset", "compiler/setfile", "compiler/tablefile", "internal/host/owned"},
	"internal/host/tool":     {"internal/host/here"},
	"internal/host/trial":    {"compiler/ruleset", "compiler/setfile", "compiler/tablefile", "internal/host/owned", "internal/host/state"},
	"internal/host/watchdog": {"internal/host/journal", "internal/netns", "internal/host/tool"},
	"deploy/systemd":         {},
	"internal/cli/change": {
		"compiler/bundle", "internal/cli/environ", "internal/cli/exitcode", "internal/cli/local", "internal/cli/option",
		"internal/cli/terminal", "internal/host", "internal/host/generation", "internal/host/plan", "internal/host/login",
	},
	"internal/cli/subject": {
		"compiler/answer", "compiler/bundle", "compiler/exact", "compiler/filekind", "compiler/ruleset", "compiler/setfile", "compiler/starter", "compiler/tablefile", "internal/cli/local",
		"internal/cli/source", "internal/host", "internal/host/escape", "internal/host/generation", "internal/host/safepath",
	},
	"internal/cli/findings": {"compiler/diag"},
	"internal/cli/environ":  {},
	"internal/cli/local":    {"internal/cli/terminal", "internal/host"},
	"internal/cli/option":   {"compiler/netset"},
	"internal/cli/outfile":  {"compiler/filekind", "internal/host/durable", "internal/host/safepath"},
	"internal/cli/source": {
		"compiler", "compiler/bundle", "compiler/diag", "compiler/filekind", "compiler/needs", "compiler/profile", "internal/cli/exitcode",
		"internal/cli/local", "internal/cli/terminal", "internal/host/generation", "internal/host/safepath", "profiles",
	},
	"internal/cli/terminal": {"internal/host/escape"},
	"internal/cli/manpage":  {"internal/cli/exitcode"},
	"internal/cli/exitcode": {},
	"cmd":                   {"compiler/...", "internal/cli/...", "internal/host/...", "profiles", "internal/verify/...", "internal/lab"},
	"internal/verify": {
		"compiler/bundle", "compiler/profile", "internal/lab", "internal/verify/attack", "internal/verify/judge", "internal/verify/network",
		"internal/verify/result",
	},
	"internal/verify/network": {
		"compiler/bundle", "compiler/netset", "compiler/profile", "internal/host", "internal/lab", "internal/verify/prober", "internal/wire",
	},
	"internal/verify/attack": {
		"compiler", "compiler/profile", "compiler/ruleset", "internal/host/kernelset", "internal/host/knock", "internal/lab",
		"internal/verify/network", "internal/verify/prober", "internal/verify/result", "internal/wire",
	},
	"internal/verify/judge":         {"compiler/profile", "internal/verify/attack", "internal/verify/network", "internal/verify/result"},
	"internal/verify/report":        {"internal/verify/result"},
	"internal/verify/page":          {"internal/verify/result"},
	"internal/verify/result":        {},
	"internal/verify/example":       {"compiler", "compiler/bundle", "compiler/profile", "internal/verify/result"},
	"internal/verify/prober":        {"internal/lab"},
	"internal/lab":                  {"compiler/tablefile", "internal/netns", "internal/wire"},
	"internal/wire":                 {"internal/netns"},
	"internal/netns":                {},
	"internal/house":                {},
	"internal/pages":                {},
	"test/live/internal/banset":     {"internal/host/kernelset", "internal/lab", "internal/pages", "test/live/internal/require", "test/live/internal/run"},
	"test/live/internal/bootsim":    {"internal/lab", "test/live/internal/require", "test/live/internal/run", "test/live/internal/stage", "test/live/internal/traffic"},
	"test/live/internal/comparison": {"internal/lab", "test/live/internal/banset", "test/live/internal/require", "test/live/internal/traffic"},
	"test/live/internal/dockerd":    {"internal/lab", "test/live/internal/forwarding", "test/live/internal/require", "test/live/internal/run", "test/live/internal/stage"},
	"test/live/internal/forwarding": {"internal/lab", "test/live/internal/require", "test/live/internal/run"},
	"test/live/internal/inject":     {"test/live/internal/require", "test/live/internal/run"},
	"test/live/internal/kernellog":  {"test/live/internal/require"},
	"test/live/internal/knocking":   {"internal/lab", "test/live/internal/banset", "test/live/internal/require", "test/live/internal/run", "test/live/internal/stage", "test/live/internal/testfile", "test/live/internal/traffic"},
	"test/live/internal/promise":    {"compiler/bundle", "test/live/internal/require", "test/live/internal/run", "test/live/internal/stage"},
	"test/live/internal/require":    {},
	"test/live/internal/run":        {"compiler/bundle", "internal/host/generation", "internal/host/plan", "internal/lab", "test/live/internal/require", "test/live/internal/testfile"},
	"test/live/internal/savedplan":  {"internal/host", "test/live/internal/require", "test/live/internal/run"},
	"test/live/internal/stage":      {"compiler/bundle", "internal/host/generation", "internal/host/journal", "internal/host/lock", "internal/host/setting", "internal/lab", "test/live/internal/require", "test/live/internal/run"},
	"test/live/internal/suite":      {"internal/lab", "test/live/internal/run"},
	"test/live/internal/synflood":   {"internal/lab", "test/live/internal/forwarding", "test/live/internal/require", "test/live/internal/run", "test/live/internal/testfile", "test/live/internal/traffic"},
	"test/live/internal/testfile":   {"test/live/internal/require"},
	"test/live/internal/traffic":    {"internal/lab", "test/live/internal/require", "test/live/internal/run"},
	"test/live/internal/trials":     {"internal/host/journal", "internal/lab", "test/live/internal/banset", "test/live/internal/inject", "test/live/internal/require", "test/live/internal/run", "test/live/internal/stage", "test/live/internal/testfile", "test/live/internal/traffic", "test/live/internal/webserver"},
	"test/live/internal/webserver":  {"internal/lab", "test/live/internal/banset", "test/live/internal/run", "test/live/internal/testfile", "test/live/internal/traffic"},
	"test/demo":                     {"internal/lab"},
	"docs":                          {"internal/verify/..."},
	"test/bench":                    {},
}

// forbidden are the packages that nothing in the compiler may import. It runs
// nothing, asks nothing of the host and opens no file by itself.
var forbidden = []string{
	"os/...", "net", "net/http/...", "syscall/...", "unsafe", "math/rand/...", "crypto/rand", "golang.org/x/...",
	"github.com/spf13/...", "github.com/coreos/...", "github.com/lrh3321/...", "github.com/vishvananda/...",
}

// file is one Go file of ours.
type file struct {
	path   string // from the module's root
	folder string
	test   bool
	syntax *ast.File
}

// sources returns every Go file of the module, parsed once for all tests.
func sources(t *testing.T) (*token.FileSet, []file) {
	t.Helper()
	files, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return set, files
}

// set holds the positions of the sources.
var set = token.NewFileSet()

var parsed = sync.OnceValues(func() (files []file, err error) {
	err = filepath.WalkDir(".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != "." && (e.Name() == "testdata" || strings.HasPrefix(e.Name(), ".")):
			return fs.SkipDir
		case e.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		syntax, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		name = filepath.ToSlash(name)
		files = append(files, file{name, path.Dir(name), strings.HasSuffix(name, "_test.go"), syntax})
		return err
	})
	return files, err
})

func (f file) imports() []string {
	var paths []string
	for _, spec := range f.syntax.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value) // the parser has read it
		paths = append(paths, imported)
	}
	return paths
}

// ours returns the folder of an imported package of this module.
func ours(imported string) (folder string, ok bool) {
	return strings.CutPrefix(imported, module+"/")
}

// room returns the entry of rooms that counts for a folder.
func room(folder string) (allowed []string, found bool) {
	for ; folder != "."; folder = path.Dir(folder) {
		if allowed, found = rooms[folder]; found {
			return allowed, true
		}
	}
	return nil, false
}

// coveredBy reports whether one of the entries, such as "internal/host/...", covers a
// package.
func coveredBy(entries []string, imported string) bool {
	return slices.ContainsFunc(entries, func(entry string) bool {
		above, below := strings.CutSuffix(entry, "/...")
		return imported == above || below && strings.HasPrefix(imported, above+"/")
	})
}

// TestDirections holds what may import what.
func TestDirections(t *testing.T) {
	_, files := sources(t)
	for _, f := range files {
		if f.test {
			continue
		}
		allowed, found := room(f.folder)
		if !found {
			t.Errorf("%s: no room of this name; say in rooms what it may import", f.folder)
		}
		for _, imported := range f.imports() {
			folder, ok := ours(imported)
			if ok && !coveredBy(allowed, folder) {
				t.Errorf("%s imports %s, against the direction of the house", f.path, folder)
			}
		}
	}
}

// TestNothingImportsCommands holds it for tests too: a command is a rim.
func TestNothingImportsCommands(t *testing.T) {
	_, files := sources(t)
	for _, f := range files {
		for _, imported := range f.imports() {
			if folder, ok := ours(imported); ok && strings.HasPrefix(folder, "cmd/") {
				t.Errorf("%s imports %s", f.path, folder)
			}
		}
	}
}

// TestCompilerIsPure holds that the compiler imports nothing by which it could
// run, ask or open anything, and reads no clock.
func TestCompilerIsPure(t *testing.T) {
	set, files := sources(t)
	for _, f := range files {
		if f.test || f.folder != "compiler" && !strings.HasPrefix(f.folder, "compiler/") {
			continue
		}
		for _, imported := range f.imports() {
			if coveredBy(forbidden, imported) {
				t.Errorf("%s imports %s", f.path, imported)
			}
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if name := clock(n); name != "" {
				t.Errorf("%s reads the clock with %s", set.Position(n.Pos()), name)
			}
			return true
		})
	}
}

// clock returns the name of a function that reads the clock, if n names one.
func clock(n ast.Node) string {
	selector, ok := n.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := selector.X.(*ast.Ident)
	if !ok || pkg.Name != "time" || !slices.Contains([]string{"Now", "Since", "Until", "After", "Tick"}, selector.Sel.Name) {
		return ""
	}
	return "time." + selector.Sel.Name
}

// TestCompilerReachesNoTools asks the go tool for everything that the compiler
// is linked with: the libraries that it uses must not run or dial either.
func TestCompilerReachesNoTools(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./compiler/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	linked := strings.Fields(string(out))
	for _, p := range []string{"os/exec", "net", "net/http", "github.com/spf13/cobra"} {
		if slices.Contains(linked, p) {
			t.Errorf("the compiler is linked with %s", p)
		}
	}
	if !slices.Contains(linked, module+"/compiler/emit") {
		t.Errorf("go list did not list the compiler: %d packages", len(linked))
	}
}

// TestLabIsForTests holds that only tests, the demo, and verify with its
// command, carry the lab: nothing that changes a host may reach it.
func TestLabIsForTests(t *testing.T) {
	carriers := []string{"test/demo/main.go", "test/live/internal/", "internal/verify/", "cmd/hardenctl/verify.go"}
	_, files := sources(t)
	for _, f := range files {
		carries := slices.ContainsFunc(carriers, func(c string) bool { return strings.HasPrefix(f.path, c) })
		if !f.test && !carries && slices.Contains(f.imports(), module+"/internal/lab") {
			t.Errorf("%s imports lab, which is for tests, the demo and verify", f.path)
		}
	}
}

// writesFiles are the files that may call what makes, links or renames files: the
// room for that, and what writes to /proc and /sys.
var writesFiles = []string{"internal/host/durable/disk.go", "internal/host/setting/sysctl.go"}

// TestOneRoomWritesFiles holds that files are written in one way, which survives.
func TestOneRoomWritesFiles(t *testing.T) {
	calls := []string{"Create", "CreateTemp", "WriteFile", "Link", "Rename"}
	set, files := sources(t)
	for _, f := range files {
		may := slices.ContainsFunc(writesFiles, func(w string) bool { return strings.HasPrefix(f.path, w) })
		inside := strings.HasPrefix(f.path, "internal/host/") || strings.HasPrefix(f.path, "cmd/")
		if f.test || may || !inside {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "os" && slices.Contains(calls, selector.Sel.Name) {
				t.Errorf("%s calls os.%s: files are written by internal/host/durable", set.Position(n.Pos()), selector.Sel.Name)
			}
			return true
		})
	}
}

// TestPackageDocs holds that every package says what it is.
func TestPackageDocs(t *testing.T) {
	_, files := sources(t)
	documented := map[string]bool{}
	for _, f := range files {
		documented[f.folder] = documented[f.folder] || f.syntax.Doc.Text() != ""
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("package %s has no doc", folder)
		}
	}
}

// TestDocs holds that every exported name is documented.
func TestDocs(t *testing.T) {
	set, files := sources(t)
	packages := map[string][]*ast.File{}
	for _, f := range files {
		if !f.test {
			packages[f.folder] = append(packages[f.folder], f.syntax)
		}
	}
	for folder, syntax := range packages {
		p, err := doc.NewFromFiles(set, syntax, module+"/"+folder, doc.PreserveAST)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range undocumented(p) {
			t.Errorf("%s.%s has no doc", folder, name)
		}
	}
}

func undocumented(p *doc.Package) []string {
	names := append(bareValues(p.Consts), bareValues(p.Vars)...)
	names = append(names, bareFuncs("", p.Funcs)...)
	for _, typ := range p.Types {
		if typ.Doc == "" {
			names = append(names, typ.Name)
		}
		names = append(names, bareValues(typ.Consts)...)
		names = append(names, bareValues(typ.Vars)...)
		names = append(names, bareFuncs("", typ.Funcs)...)
		names = append(names, bareFuncs(typ.Name+".", typ.Methods)...)
	}
	return names
}

func bareFuncs(prefix string, funcs []*doc.Func) []string {
	var names []string
	for _, f := range funcs {
		if f.Doc == "" {
			names = append(names, prefix+f.Name)
		}
	}
	return names
}

// bareValues returns the constants or variables that neither they nor their
// group document.
func bareValues(values []*doc.Value) []string {
	var names []string
	for _, v := range values {
		for _, spec := range v.Decl.Specs {
			spec := spec.(*ast.ValueSpec)
			if v.Doc != "" || spec.Doc.Text() != "" || spec.Comment.Text() != "" {
				continue
			}
			for _, name := range spec.Names {
				if name.IsExported() {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// TestErrorTypes holds that the name of a type of errors ends in Error.
func TestErrorTypes(t *testing.T) {
	_, files := sources(t)
	found := 0
	for _, f := range files {
		for _, d := range f.syntax.Decls {
			name := errorType(d)
			if name == "" || f.test {
				continue
			}
			found++
			if !strings.HasSuffix(name, "Error") {
				t.Errorf("%s: the type of errors %s does not end in Error", f.path, name)
			}
		}
	}
	if found < 15 {
		t.Errorf("found %d types of errors", found)
	}
}

// errorType returns the name of the type of which a declaration is the method Error.
func errorType(d ast.Decl) string {
	method, ok := d.(*ast.FuncDecl)
	if !ok || method.Recv == nil || method.Name.Name != "Error" || method.Type.Params.NumFields() > 0 {
		return ""
	}
	of := method.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	name, _ := of.(*ast.Ident)
	if name == nil {
		return ""
	}
	return name.Name
}
