// Package live attacks what the real program does to a real kernel: the tests
// build the command, run it in a lab and look at the result from other hosts.
package live

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"hardenctl/lab"
)

// A scan waits most of its time for answers that never come, so more of them
// run at once than there are processors. A -parallel on the command line wins.
func TestMain(m *testing.M) {
	flag.Set("test.parallel", "16")
	lab.Main(m)
}

// binary returns the path of the command, built once. It lies on the lab's own
// /run and is gone with it.
func binary(t *testing.T) string {
	t.Helper()
	lab.Require(t)
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("/run", "hardenctl-live-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "hardenctl")
	cmd := exec.Command("go", "build", "-o", path, "hardenctl/cmd/hardenctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("building the command: %w (a lab has no network: if modules are missing, run go mod download first)", err)
	}
	return path, nil
})

// hardenctl runs the command and ends the test unless it exits 0.
func hardenctl(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.Command(binary(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("hardenctl %q: %v\n%s", args, err, out)
	}
}

// write puts text into a file of the test's own folder and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
