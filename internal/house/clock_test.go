package house_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// wall are the functions of package time that ask the clock of the wall, which
// can be set.
var wall = []string{"Now", "Since", "Until"}

// asksTheWall are the functions of the live side that may: they say a time to
// people, look at how old a ban is, limit how long a socket is waited for in a
// rehearsal, and count how long a journal could not be read, or a trial is waited
// for, which goes by the monotonic clock (package time).
var asksTheWall = []string{
	"internal/host/watchdog/watchdog.go Wait",
	"internal/host/journal/journal.go Until", "internal/host/restore.go SaveBans", "internal/host/target.go stage", "internal/host/handle.go openWhen", "internal/host/restore/restore.go Do", "internal/host/guard/visit.go echoedWithin",
}

// TestFault20_ClockJump holds that nothing which decides how long a trial lasts
// asks a clock that can jump. The deadline is one of CLOCK_BOOTTIME, the timeouts
// of the guard are the kernel's own, and a timer of systemd counts from now. What
// happens when the clock does jump is seen in test/live/faults.
func TestFault20_ClockJump(t *testing.T) {
	_, files := sources(t)
	asked := 0
	for _, f := range files {
		if f.test || !strings.HasPrefix(f.path, "internal/host/") {
			continue
		}
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && asksClock(fn) {
				asked++
				if at := f.path + " " + fn.Name.Name; !slices.Contains(asksTheWall, at) {
					t.Errorf("%s asks the clock of the wall", at)
				}
			}
		}
	}
	if asked != len(asksTheWall) {
		t.Errorf("%d functions ask the clock of the wall, and %d may", asked, len(asksTheWall))
	}
}

// asksClock reports whether a function mentions the wall's clock.
func asksClock(fn *ast.FuncDecl) (asks bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			pkg, named := s.X.(*ast.Ident)
			asks = asks || named && pkg.Name == "time" && slices.Contains(wall, s.Sel.Name)
		}
		return true
	})
	return asks
}
