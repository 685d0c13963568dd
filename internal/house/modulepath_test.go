package house_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/pages"
)

// TestModulePathCanBeChanged does in a copy of the tree what CONTRIBUTING.md says. Then
// every import is one of the new path, and resolves.
func TestModulePathCanBeChanged(t *testing.T) {
	copied := t.TempDir()
	copyTree(t, copied)
	script := pages.Script(t, "CONTRIBUTING.md", "## How to change the module's path")
	within(t, copied, "sh", "-ec", script)
	list := within(t, copied, "go", "list", "-deps", "./...")
	if strings.Contains(list, module) || !strings.Contains(list, "example.org/you/hardenctl/compiler/lower\n") {
		t.Errorf("after the change the packages are\n%s", list)
	}
}

// copyTree copies the module to a folder, but for bin and what is hidden.
func copyTree(t *testing.T, to string) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && (strings.HasPrefix(e.Name(), ".") || name == "bin"):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !e.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// within runs a program in a folder and returns what it prints.
func within(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
