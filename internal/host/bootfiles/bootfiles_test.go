package bootfiles

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// Only the owner can write what tests make, whatever the umask is: it would be
// refused.
func init() { syscall.Umask(0o022) }

// What every user knows anyway stays open to all; the rest is root's and its
// group's.
func TestWidest(t *testing.T) {
	for path, want := range map[string]fs.FileMode{
		"/etc/iptables/rules.v4": 0o640, "/etc/sysconfig/ipset": 0o640, "/etc/fail2ban/jail.d/hardenctl.conf": 0o640, "/var/lib/hardenctl/bans": 0o640,
		"/etc/sysctl.d/60-hardenctl.conf": 0o644, "/etc/systemd/network/98-hardenctl-eth0.link": 0o644, unitPath: 0o644,
	} {
		if got := widest(path); got != want {
			t.Errorf("%s: %04o, want %04o", path, got, want)
		}
	}
}

// Only regular files are read, and none through a link.
func TestRead(t *testing.T) {
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	if err := os.WriteFile(in("file"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(in("empty"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(in("file"), in("link")); err != nil {
		t.Fatal(err)
	}
	texts, err := Read(map[string]string{"a": in("file"), "b": in("empty"), "c": in("missing")})
	if err != nil {
		t.Fatal(err)
	}
	if string(texts[in("file")]) != "text" || texts[in("empty")] == nil || texts[in("missing")] != nil {
		t.Errorf("read %q", texts)
	}
	for path, want := range map[string]string{in("link"): "a symbolic link", folder: "a folder", "/dev/null": "a special file"} {
		_, err := Read(map[string]string{"a": path})
		if err == nil || !strings.Contains(err.Error(), path+" is "+want+", not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Wanted merges what is shared, takes over what is ours, and releases what the
// bundle has not.
func TestWanted(t *testing.T) {
	b := bundle.Seal([]bundle.File{{Name: bundle.RulesV4, Text: []byte(ours)}, {Name: bundle.Sysctl, Text: []byte("a = 1\n")}},
		bundle.Manifest{Policies: policies})
	const mine = "*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
	want, err := Wanted(b, bundle.Debian, map[string][]byte{
		"/etc/iptables/rules.v4":             []byte(mine),
		"/etc/iptables/ipsets":               []byte("create hardenctl-old hash:ip\n"),
		"/etc/sysctl.d/60-hardenctl.conf":    []byte("b = 2\n"),
		"/etc/modules-load.d/hardenctl.conf": []byte("xt_set\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(want["/etc/iptables/rules.v4"]); !strings.Contains(got, mine) || !strings.Contains(got, "HARDENCTL-INPUT") {
		t.Errorf("rules.v4:\n%s", got)
	}
	if got := string(want["/etc/sysctl.d/60-hardenctl.conf"]); got != "a = 1\n" {
		t.Errorf("sysctl: %q", got)
	}
	for _, path := range []string{"/etc/iptables/ipsets", "/etc/modules-load.d/hardenctl.conf", "/etc/modprobe.d/hardenctl.conf"} {
		if text, stated := want[path]; text != nil || !stated {
			t.Errorf("%s: %q, want no file", path, text)
		}
	}
	_, err = Wanted(b, bundle.RHEL, map[string][]byte{"/etc/sysconfig/iptables": []byte("garbage")})
	if err == nil || !strings.Contains(err.Error(), `/etc/sysconfig/iptables: line 1: "garbage"`) {
		t.Errorf("garbage: %v", err)
	}
}

// A file that may not be read is an error, not a missing file.
func TestReadError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file", "below")
	if err := os.WriteFile(filepath.Dir(path), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(map[string]string{"a": path}); err == nil || os.IsNotExist(err) {
		t.Errorf("error %v, want one of %v's kind", err, fs.ErrInvalid)
	}
}
