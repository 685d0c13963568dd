package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A page that could not be written is refused before anything is done, and the
// question leaves nothing behind.
func TestCheckPage(t *testing.T) {
	folder := t.TempDir()
	for file, want := range map[string]string{
		"": "", filepath.Join(folder, "report.html"): "", folder: "name a file, such as",
		filepath.Join(folder, "none", "report.html"): "cannot write there",
	} {
		err := checkPage(file)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("--html %q: %v, want %q", file, err, want)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A page that the lab would take with it is refused before anything is done.
func TestOutlives(t *testing.T) {
	t.Chdir("/")
	for file, kept := range map[string]bool{
		"report.html": true, "/tmp/report.html": true, "/home/etc/report.html": true,
		"/etc/report.html": false, "/run/user/0/report.html": false, "var/lib/report.html": false, "/tmp/../run/r.html": false,
	} {
		err := outlives(file)
		if (err == nil) != kept {
			t.Errorf("--html %q: %v", file, err)
		}
		if err != nil && !strings.Contains(err.Error(), "choose another folder") {
			t.Errorf("--html %q does not say what to do: %v", file, err)
		}
	}
}
