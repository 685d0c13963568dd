// Package suite runs the live tests of a package: it builds the command, shares the tests
// out to labs, and chooses the tests: all but the long tables, a slice of each long
// table, or those that suit the tools of another Debian.
package suite

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
	"github.com/hardenctl/hardenctl/test/live/internal/run"
)

var labs = flag.Int("labs", 6, "how many tests run at once, each in a lab of its own")

// Main builds the command, runs the tests that the command line chooses, and exits. A
// scan waits most of its time for answers that never come, so more of them
// run at once than there are processors. A -parallel on the command line wins.
func Main(m *testing.M) {
	flag.Set("test.parallel", "16")
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run()) // names need neither command nor lab
	}
	chooseForTree()
	chooseLong()
	os.Exit(withCommand(func() int { return lab.Share(m, *labs) }))
}

// withCommand builds the command, once for all labs, and removes it after the tests.
// Who has built it has set the variable.
func withCommand(tests func() int) int {
	if os.Getenv(run.CommandVariable) != "" {
		return tests()
	}
	folder, err := os.MkdirTemp("", "hardenctl-live-")
	if err == nil {
		defer os.RemoveAll(folder)
		path := filepath.Join(folder, "hardenctl")
		err = cmp.Or(os.Setenv(run.CommandVariable, path), build(path), build(path+run.Impatient, "-tags", "impatient"))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "building the command: %v\n", err)
		return 1
	}
	return tests()
}

func build(path string, flags ...string) error {
	cmd := exec.Command("go", slices.Concat([]string{"build", "-o", path}, flags, []string{"github.com/hardenctl/hardenctl/cmd/hardenctl"})...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}
