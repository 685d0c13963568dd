// Package live attacks what the real program does to a real kernel: the tests
// build the command, run it in a lab and look at the result from other hosts.
package live

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
)

var labs = flag.Int("labs", 6, "how many tests run at once, each in a lab of its own")

// A scan waits most of its time for answers that never come, so more of them
// run at once than there are processors. A -parallel on the command line wins.
func TestMain(m *testing.M) {
	flag.Set("test.parallel", "16")
	flag.Parse()
	chooseForTree()
	chooseLong()
	os.Exit(withCommand(func() int { return lab.Share(m, *labs) }))
}

// commandVariable tells the processes of all labs where the command is.
const commandVariable = "HARDENCTL_LIVE_COMMAND"

// withCommand builds the command, once for all labs, and removes it after run.
// Who has built it has set the variable.
func withCommand(run func() int) int {
	if os.Getenv(commandVariable) != "" {
		return run()
	}
	folder, err := os.MkdirTemp("", "hardenctl-live-")
	if err == nil {
		defer os.RemoveAll(folder)
		path := filepath.Join(folder, "hardenctl")
		err = cmp.Or(os.Setenv(commandVariable, path), build(path), build(path+impatient, "-tags", "impatient"))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "building the command: %v\n", err)
		return 1
	}
	return run()
}

// impatient ends the name of a command that is beside the other one and waits
// but seconds for tools and answers that do not come.
const impatient = "-impatient"

func build(path string, flags ...string) error {
	cmd := exec.Command("go", slices.Concat([]string{"build", "-o", path}, flags, []string{"github.com/hardenctl/hardenctl/cmd/hardenctl"})...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

// binary returns the path of the command.
func binary(t *testing.T) string {
	t.Helper()
	lab.Require(t)
	return os.Getenv(commandVariable)
}

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
