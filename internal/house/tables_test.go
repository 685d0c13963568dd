package house_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tableText is what a string says that cuts, or makes, the text of a table by hand.
var tableText = regexp.MustCompile(`^(.* )?(-[AIDNPFXRjg]|--[sd]ports?|--match-set|--(add|del|map)-set|--comment|COMMIT)( .*)?$|^\*(filter|nat|mangle|raw)|^:[A-Z]+ |\[(%d:%d|0:0)\]`)

// writesTables are the files of the live side that may hold such strings: rules that are
// built in, and the fake that does what iptables-restore is told.
var writesTables = []string{"internal/host/restore/restore.go", "internal/host/dataplane/fake/restore.go"}

// TestTablesHaveOneRoom holds that compiler/tablefile alone takes rules and tables apart,
// and puts them together: what the live side needs of it is an operation with a name there.
func TestTablesHaveOneRoom(t *testing.T) {
	set, files := sources(t)
	for _, f := range files {
		if f.test || !liveSide(f.path) || slices.Contains(writesTables, f.path) {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if text := literal(n); len(text) < 40 && tableText.MatchString(text) {
				t.Errorf("%s: %q is the text of a table; say it by an operation of compiler/tablefile", set.Position(n.Pos()), text)
			}
			return true
		})
	}
}

// TestOwnershipHasOneRoom holds that internal/host/owned alone tells by a name what is ours.
func TestOwnershipHasOneRoom(t *testing.T) {
	prefixes := []string{"ruleset.ChainPrefix", "ruleset.SetPrefix", "owned.TrialChainPrefix", "owned.TrialSetPrefix"}
	set, files := sources(t)
	for _, f := range files {
		if f.test || !liveSide(f.path) || strings.HasPrefix(f.path, "internal/host/owned/") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if ok && len(call.Args) == 2 && slices.Contains(prefixes, qualified(call.Args[1])) {
				t.Errorf("%s: ask internal/host/owned whose it is", set.Position(n.Pos()))
			}
			return true
		})
	}
}

func liveSide(path string) bool {
	return strings.HasPrefix(path, "internal/host/") || strings.HasPrefix(path, "cmd/")
}

// literal returns what a string literal says; "" for any other node.
func literal(n ast.Node) string {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, _ := strconv.Unquote(lit.Value) // the parser has read it
	return text
}

// qualified returns "package.Name" of an expression that is one; "" for any other.
func qualified(e ast.Expr) string {
	selector, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := selector.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return pkg.Name + "." + selector.Sel.Name
}

// TestNetlinkHasOneRoom holds that internal/host/netfilter alone opens sockets to the
// kernel's netfilter. They have a time limit there: a socket of the library without one
// waits for ever for an answer that does not come.
func TestNetlinkHasOneRoom(t *testing.T) {
	opens := []string{"nl.Subscribe", "nl.SubscribeAt", "nl.GetNetlinkSocketAt"}
	set, files := sources(t)
	for _, f := range files {
		if f.test || strings.HasPrefix(f.path, "internal/host/netfilter/") {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && slices.Contains(opens, qualified(call.Fun)) {
				t.Errorf("%s: open it by internal/host/netfilter", set.Position(n.Pos()))
			}
			return true
		})
	}
}
