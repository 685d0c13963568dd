// Package forwarding makes the server a gateway to a host on the inside.
package forwarding

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
)

// Greeter returns the path of the program in testdata/greeter, built once, for
// hosts and containers that have nothing else.
func Greeter(t *testing.T) string {
	t.Helper()
	path, err := buildGreeter()
	require.NoError(t, err)
	return path
}

var buildGreeter = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("/run", "greeter-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "greeter")
	build := exec.Command("go", "build", "-o", path, "../testdata/greeter")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // there are no libraries in a container
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	return path, build.Run()
})

// Greets has the program run on a host until the end of the test.
func Greets(t *testing.T, command *exec.Cmd) {
	t.Helper()
	require.NoError(t, lab.StartDaemon(command))
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
}
