package inject

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// BreakTool puts a script in the place of ip6tables-restore. The script acts the first
// time that rules are changed, not in a rehearsal; every other call does its work, so
// that an undo works.
func BreakTool(script string) func(t *testing.T) {
	return func(t *testing.T) { BreakNamed(t, "ip6tables-restore", script) }
}

// BreakNamed is BreakTool for any tool that restores.
func BreakNamed(t *testing.T, name, script string) {
	t.Helper()
	done := filepath.Join(t.TempDir(), "done")
	ReplaceTool(t, name, name, fmt.Sprintf(`case "$*" in
*--noflush*) [ -e %s ] || { touch %s; %s; } ;;
esac`, done, done, script))
}

// ReplaceTool puts a script of another name in the place of a tool until the end
// of the test. After the script the real tool runs.
func ReplaceTool(t *testing.T, name, as, script string) {
	t.Helper()
	real, err := os.Readlink("/etc/alternatives/" + name)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), as)
	require.NoError(t, os.WriteFile(path, []byte(fmt.Sprintf("#!/bin/sh\nreal=%s\n%s\nexec \"$real\" \"$@\"\n", real, script)), 0o755))
	Redirect(t, name, path)
}

// Redirect makes a tool another program until the end of the test.
func Redirect(t *testing.T, name, program string) {
	t.Helper()
	link := "/etc/alternatives/" + name
	real, err := os.Readlink(link)
	require.NoError(t, err)
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink(program, link))
	t.Cleanup(func() {
		require.NoError(t, os.Remove(link))
		require.NoError(t, os.Symlink(real, link))
	})
}

// BreakCall has one call of a tool, counted from 1, do something else, until the
// end of the test.
func BreakCall(t *testing.T, name string, call int, script string) {
	t.Helper()
	link := "/etc/alternatives/" + name
	real, err := os.Readlink(link)
	require.NoError(t, err)
	folder, err := os.MkdirTemp("/run", "broken-")
	require.NoError(t, err)
	text := fmt.Sprintf("#!/bin/sh\necho call >>%s/calls\nif [ $(wc -l <%[1]s/calls) = %d ]; then %s; fi\nexec %s \"$@\"\n", folder, call, script, real)
	require.NoError(t, os.WriteFile(folder+"/"+name, []byte(text), 0o755))
	require.NoError(t, os.Remove(link))
	require.NoError(t, os.Symlink(folder+"/"+name, link))
	t.Cleanup(func() {
		require.NoError(t, os.Remove(link))
		require.NoError(t, os.Symlink(real, link))
	})
}

// StandIn puts a script in the place of a program until the end of the test.
func StandIn(t *testing.T, path, script string) {
	t.Helper()
	folder, err := os.MkdirTemp("/run", "stand-")
	require.NoError(t, err)
	place := filepath.Join(folder, filepath.Base(path))
	require.NoError(t, os.WriteFile(place, []byte(script), 0o755))
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: apt-get install --no-install-recommends systemd", err)
	}
	require.NoError(t, syscall.Mount(place, path, "", syscall.MS_BIND, ""))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(path, syscall.MNT_DETACH)) })
}

// UntilThere has a script wait until there is a file. A tool has half a minute.
func UntilThere(path string) string {
	return "for i in $(seq 250); do [ -e " + path + " ] && break; sleep 0.1; done"
}
