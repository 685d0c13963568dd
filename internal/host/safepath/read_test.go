package safepath

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What root takes for the truth was written by root, and is as large as a file of
// rules can be.
func TestReadFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	for name, c := range map[string]struct {
		plot func(t *testing.T, folder string)
		says string
	}{
		"root's own":                {func(*testing.T, string) {}, ""},
		"bob's":                     {chown("f", bob), "is owned by 12345, who may have changed it; check its content"},
		"what all may write":        {chmod("f", 0o666), "is writable by other users (mode 0666); check its content"},
		"what a group may write":    {chmod("f", 0o660), "is writable by other users (mode 0660)"},
		"in a folder of bob's":      {chown(".", bob), "is owned by 12345"},
		"in one that all may write": {chmod(".", 0o777|os.ModeSticky), ""},
		"3 GiB without a block":     {func(t *testing.T, folder string) { must(t, os.Truncate(folder+"/f", 3<<30)) }, "is larger than 256 MiB"},
		"a link": {func(t *testing.T, folder string) {
			replaced(t, folder, func(p string) error { return os.Symlink("/etc/passwd", p) })
		}, "is a symbolic link, not a regular file; move it away"},
		"a FIFO without a writer": {func(t *testing.T, folder string) {
			replaced(t, folder, func(p string) error { return unix.Mkfifo(p, 0o600) })
		}, "is a special file, not a regular file"},
		"a folder": {func(t *testing.T, folder string) {
			replaced(t, folder, func(p string) error { return os.Mkdir(p, 0o700) })
		}, "is a folder, not a regular file"},
		"a list of users (setfacl)":  {granted, "is writable by other users (mode 0660)"},
		"what has another name, too": {func(t *testing.T, folder string) { must(t, os.Link(folder+"/f", folder+"/g")) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, "f")
			must(t, os.WriteFile(path, []byte("text"), 0o640))
			c.plot(t, folder)
			text, err := ReadFile(path)
			switch {
			case c.says == "" && (err != nil || string(text) != "text"):
				t.Errorf("%q, %v", text, err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

func replaced(t *testing.T, folder string, by func(path string) error) {
	path := filepath.Join(folder, "f")
	must(t, errors.Join(os.Remove(path), by(path)))
}

// granted lets bob write by an access list (acl(5)): user::rw-, user:bob:rw-,
// group::r--, mask::rw-, other::---.
func granted(t *testing.T, folder string) {
	entry := func(tag, rights byte, id uint32) []byte {
		return []byte{tag, 0, rights, 0, byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)}
	}
	const none = 1<<32 - 1
	acl := []byte{2, 0, 0, 0}
	for _, e := range [][]byte{entry(1, 6, none), entry(2, 6, bob), entry(4, 4, none), entry(16, 6, none), entry(32, 0, none)} {
		acl = append(acl, e...)
	}
	if err := unix.Setxattr(filepath.Join(folder, "f"), "system.posix_acl_access", acl, 0); err != nil {
		t.Skip("no access lists here: ", err)
	}
}
