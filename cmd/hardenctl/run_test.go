package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Only the owner can write what tests make, whatever the umask is: it would be
// refused.
func init() { syscall.Umask(0o022) }

// result is what a command said, and the code with which it would have ended.
type result struct {
	stdout, stderr string
	code           int
}

// run runs a command line inside the test's own process. A command that changes
// the host sets a umask; the next test has the old one.
func run(t *testing.T, args ...string) result {
	t.Helper()
	defer syscall.Umask(syscall.Umask(0o022))
	var stdout, stderr bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetIn(&bytes.Buffer{})
	err := root.ExecuteContext(context.Background())
	said, code := reported(t, err)
	return result{stdout.String(), stderr.String() + said, code}
}

// reported returns what report prints, and the code that it returns.
func reported(t *testing.T, err error) (said string, code int) {
	t.Helper()
	file, failed := os.CreateTemp(t.TempDir(), "")
	if failed != nil {
		t.Fatal(failed)
	}
	defer file.Close()
	real := os.Stderr
	os.Stderr = file
	code = complain(err)
	os.Stderr = real
	text, failed := os.ReadFile(file.Name())
	if failed != nil {
		t.Fatal(failed)
	}
	return string(text), code
}

// enter makes a folder of files and makes it the working directory.
func enter(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

// exists reports whether there is anything at a path.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
