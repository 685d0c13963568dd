package house_test

import (
	"go/ast"
	"testing"
)

// TestDaemonsHaveOneRoom holds that lab.StartDaemon alone asks the kernel to end a
// program with the one that started it. The kernel does it when the thread ends that
// started the program, and a thread may end long before its process.
func TestDaemonsHaveOneRoom(t *testing.T) {
	set, files := sources(t)
	found := false
	for _, f := range files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); !ok || name.Name != "Pdeathsig" {
				return true
			}
			if f.path != "internal/lab/daemon.go" {
				t.Errorf("%s: start the program by lab.StartDaemon", set.Position(n.Pos()))
			}
			found = true
			return true
		})
	}
	if !found {
		t.Error("no program ends with the one that started it")
	}
}
