// Package inject injects faults: tools that fail, hang or die, calls to the kernel that
// fail, disks that cannot be written, libraries that are missing.
package inject

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

// Strace runs hardenctl under strace. As soon as hardenctl is killed, so is
// strace, by itself.
func Strace(t *testing.T, options []string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatalf("%v: install the package strace", err)
	}
	log := filepath.Join(t.TempDir(), "strace")
	t.Cleanup(func() {
		if text, err := os.ReadFile(log); err == nil && t.Failed() {
			t.Logf("strace says …%s", text[max(0, len(text)-2000):])
		}
	})
	line := append([]string{"-f", "--quiet=all", "-o", log}, options...)
	return exec.Command("strace", append(append(line, run.Binary(t)), args...)...)
}
