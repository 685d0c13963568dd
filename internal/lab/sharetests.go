package lab

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// Share runs every test of m in a lab of its own, a number of labs at a time over
// all programs that share them, and returns the exit code of all: the tests of a firewall wait most of their
// time for answers that never come. What a test prints is held back until the
// tests before it have ended, so that it reads as if they had run one by one,
// for `go test -v` and -json too. A test that leaves something behind in its
// lab disturbs no other.
//
// All of them run in a single lab, as with Main, where nothing can be shared
// out: inside a lab; when tests are chosen with a "/", for a look at
// a part of one; and with flags that want a single process, as those of
// benchmarks and profiles do.
//
//	func TestMain(m *testing.M) { os.Exit(lab.Share(m, 3)) }
func Share(m Runner, labs int) int {
	if !flag.Parsed() { // a caller may have set flags since
		flag.Parse()
	}
	if flagValue("test.list") != "" {
		return m.Run() // names need no lab
	}
	if labs < 2 || os.Getenv(markVariable) != "" || !shareable(flag.CommandLine) {
		return runInLab(m)
	}
	names, err := chosenTests()
	if err != nil {
		fmt.Fprintf(os.Stderr, "lab: cannot list the tests: %v\n", err)
		return 1
	}
	switch len(names) {
	case 0:
		return m.Run() // it says so
	case 1:
		return runInLab(m)
	}
	return runTests(names, labs)
}

// fit are the flags of testing that mean the same for one test in a process as
// for all.
var fit = []string{"count", "cpu", "failfast", "fullpath", "paniconexit0", "parallel", "run", "short", "skip", "testlogfile", "timeout", "v"}

// shareable says that nothing on a command line wants a single process.
func shareable(line *flag.FlagSet) bool {
	ok := line.NArg() == 0
	line.Visit(func(f *flag.Flag) {
		name, ofTesting := strings.CutPrefix(f.Name, "test.")
		part := (name == "run" || name == "skip") && strings.Contains(f.Value.String(), "/")
		if ofTesting && (part || !slices.Contains(fit, name)) {
			ok = false
		}
	})
	return ok
}

// flagValue is the value of a flag, and "" of one that there is not.
func flagValue(name string) string {
	if f := flag.Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// chosenTests are the names of the tests that the command line chooses, in the
// order in which they would run.
func chosenTests() ([]string, error) {
	chosen, err := regexp.Compile(flagValue("test.run"))
	if err != nil {
		return nil, fmt.Errorf("-run: %w", err)
	}
	skipped, err := regexp.Compile(cmp.Or(flagValue("test.skip"), "^$"))
	if err != nil {
		return nil, fmt.Errorf("-skip: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(self, "-test.list=^(Test|Example|Fuzz)").Output()
	if err != nil {
		return nil, fmt.Errorf("%s -test.list: %w", self, err)
	}
	return slices.DeleteFunc(strings.Fields(string(out)), func(name string) bool {
		return !chosen.MatchString(name) || skipped.MatchString(name)
	}), nil
}
