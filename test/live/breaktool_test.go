package live

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// breakTool puts a script in the place of ip6tables-restore. It does its work
// in a rehearsal, which flushes, and the first time that rules are changed does
// what is said; the way back is open.
func breakTool(script string) func(t *testing.T) {
	return func(t *testing.T) { breakNamed(t, "ip6tables-restore", script) }
}

// breakNamed is breakTool for any tool that restores.
func breakNamed(t *testing.T, name, script string) {
	t.Helper()
	done := filepath.Join(t.TempDir(), "done")
	replaceTool(t, name, name, fmt.Sprintf(`case "$*" in
*--noflush*) [ -e %s ] || { touch %s; %s; } ;;
esac`, done, done, script))
}

// replaceTool puts a script of another name in the place of a tool until the end
// of the test. After the script the real tool runs.
func replaceTool(t *testing.T, name, as, script string) {
	t.Helper()
	real, err := os.Readlink("/etc/alternatives/" + name)
	must(t, err)
	path := filepath.Join(t.TempDir(), as)
	must(t, os.WriteFile(path, []byte(fmt.Sprintf("#!/bin/sh\nreal=%s\n%s\nexec \"$real\" \"$@\"\n", real, script)), 0o755))
	redirect(t, name, path)
}

// redirect makes a tool another program until the end of the test.
func redirect(t *testing.T, name, program string) {
	t.Helper()
	link := "/etc/alternatives/" + name
	real, err := os.Readlink(link)
	must(t, err)
	must(t, os.Remove(link))
	must(t, os.Symlink(program, link))
	t.Cleanup(func() {
		must(t, os.Remove(link))
		must(t, os.Symlink(real, link))
	})
}
