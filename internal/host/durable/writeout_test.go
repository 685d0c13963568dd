package durable

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A text goes into a file of its own: not into one that somebody else has made,
// and not through a link.
func TestWriteOut(t *testing.T) {
	folder := t.TempDir()
	path, victim, link := filepath.Join(folder, "plan"), filepath.Join(folder, "victim"), filepath.Join(folder, "link")
	must(t, os.WriteFile(path, []byte("old"), 0o666))
	must(t, os.WriteFile(victim, []byte("old"), 0o666))
	must(t, os.Symlink(victim, link))
	open, err := os.Open(path)
	must(t, err)
	defer open.Close()

	must(t, WriteOut(path, []byte("new"), 0o640))
	text, err := os.ReadFile(path)
	must(t, err)
	old := make([]byte, 9)
	n, _ := open.Read(old)
	stat, err := os.Stat(path)
	must(t, err)
	if string(text) != "new" || string(old[:n]) != "old" || stat.Mode() != 0o640 {
		t.Errorf("the file holds %q with mode %v, and the one that was there %q", text, stat.Mode(), old[:n])
	}
	for place, says := range map[string]string{link: link + " is not a regular file", folder: folder + " is not a regular file", folder + "/gone/plan": "no such file"} {
		if err := WriteOut(place, []byte("new"), 0o640); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", place, err)
		}
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "old" {
		t.Errorf("the victim holds %q, %v", text, err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 3 {
		t.Errorf("left behind: %v", entries)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
