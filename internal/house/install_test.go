package house_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// installed is what `make install` installs below PREFIX, besides the manual pages of
// the commands.
var installed = []string{
	"lib/systemd/system/hardenctl-restore.service",
	"sbin/hardenctl",
	"share/bash-completion/completions/hardenctl",
	"share/fish/vendor_completions.d/hardenctl.fish",
	"share/man/man5/hardenctl.toml.5",
	"share/man/man8/hardenctl-apply.8",
	"share/man/man8/hardenctl.8",
	"share/zsh/site-functions/_hardenctl",
}

// TestInstall installs below a folder, looks at what is there, and uninstalls it.
func TestInstall(t *testing.T) {
	if _, err := os.ReadFile("Makefile"); err != nil { // go test notices what the test itself reads
		t.Fatal(err)
	}
	root, built := t.TempDir(), t.TempDir()
	prefix := filepath.Join(root, "usr")
	args := []string{"DESTDIR=" + root, "PREFIX=/usr", "BIN=" + built, "VERSION=1.2.3-test"}
	output(t, "make", append(args, "install")...)
	there := under(t, prefix)
	for _, name := range installed {
		if !slices.Contains(there, name) {
			t.Errorf("%s is not installed", name)
		}
	}
	pages, _ := filepath.Glob("deploy/man/*")
	if want := len(installed) - 3 + len(pages); len(there) != want {
		t.Errorf("%d files are installed, want %d: %q", len(there), want, there)
	}
	program := filepath.Join(prefix, "sbin/hardenctl")
	if got := output(t, program, "--version"); got != "hardenctl version 1.2.3-test\n" {
		t.Errorf("--version says %q", got)
	}
	unit, _ := os.ReadFile(filepath.Join(prefix, installed[0]))
	if !strings.Contains(string(unit), "\nExecStart=/usr/sbin/hardenctl restore\n") || strings.Contains(string(unit), "local/sbin") {
		t.Errorf("the unit starts another program:\n%s", unit)
	}
	completes(t, prefix)
	output(t, "make", append(args, "uninstall")...)
	if left := under(t, root); len(left) > 0 {
		t.Errorf("uninstall left %q", left)
	}
}

// completes holds that the completion loads in bash, and completes a command.
func completes(t *testing.T, prefix string) {
	t.Helper()
	const script = `. "$0/share/bash-completion/completions/hardenctl" && complete -p hardenctl && PATH="$0/sbin:$PATH" hardenctl __complete app`
	if got := output(t, "bash", "--norc", "-c", script, prefix); !strings.Contains(got, "__start_hardenctl hardenctl") || !strings.Contains(got, "apply\t") {
		t.Errorf("bash completes with:\n%s", got)
	}
}

// TestManPagesAreRight asks the tools that print manual pages, where they are
// installed, whether they understand ours.
func TestManPagesAreRight(t *testing.T) {
	pages, err := filepath.Glob("deploy/man/*")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no manual pages: %v", err)
	}
	for _, lint := range [][]string{{"man", "--warnings", "-l"}, {"mandoc", "-T", "lint", "-W", "error"}} {
		if _, err := exec.LookPath(lint[0]); err != nil {
			t.Logf("%s is not installed", lint[0])
			continue
		}
		for _, page := range pages {
			cmd := exec.Command(lint[0], append(lint[1:], page)...)
			var wrong strings.Builder
			cmd.Stderr = &wrong
			if out, err := cmd.Output(); err != nil || wrong.Len() > 0 || lint[0] == "man" && len(out) < 500 {
				t.Errorf("%s of %s: %v, %d bytes\n%s", lint[0], page, err, len(out), wrong.String())
			}
		}
	}
}

// TestGeneratorIsNotInTheProgram holds that the program is not linked with what writes
// its manual pages; its tests are.
func TestGeneratorIsNotInTheProgram(t *testing.T) {
	program := output(t, "go", "list", "-deps", "./cmd/hardenctl")
	tested := output(t, "go", "list", "-deps", "-test", "./cmd/hardenctl")
	for _, part := range []string{"github.com/spf13/cobra/doc", "github.com/cpuguy83/go-md2man", "github.com/russross/blackfriday", "go.yaml.in/yaml"} {
		if strings.Contains(program, part) {
			t.Errorf("the program is linked with %s", part)
		}
		if !strings.Contains(tested, part) {
			t.Errorf("nothing uses %s: the check of it cannot fail", part)
		}
	}
}

// output runs a command and returns its standard output.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	var wrong strings.Builder
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, wrong.String())
	}
	return string(out)
}

// under lists the files below a folder.
func under(t *testing.T, folder string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			name, _ := filepath.Rel(folder, path)
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
