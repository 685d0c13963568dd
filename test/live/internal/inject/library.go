package inject

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// HideLibrary lets the libraries of an extension of iptables be empty until the end of
// the test.
func HideLibrary(t *testing.T, name string) {
	t.Helper()
	var hidden int
	for _, prefix := range []string{"libxt_", "libipt_", "libip6t_"} {
		paths, err := filepath.Glob("/usr/lib/*/xtables/" + prefix + name + ".so")
		require.NoError(t, err)
		for _, path := range paths {
			if target, err := os.Readlink(path); err == nil {
				path = filepath.Join(filepath.Dir(path), target)
			}
			require.NoError(t, syscall.Mount("/dev/null", path, "", syscall.MS_BIND, ""))
			t.Cleanup(func() { require.NoError(t, syscall.Unmount(path, 0)) })
			hidden++
		}
	}
	if hidden == 0 {
		t.Fatalf("iptables has no library of %s here", name)
	}
}
