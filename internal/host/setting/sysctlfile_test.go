package setting

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// Settings that a later file states otherwise are named; those of an earlier
// file, of one that another of its name hides, and those stated alike are not.
func TestSysctlNotes(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"etc/sysctl.d/10-network.conf":       "net.ipv4.tcp_syncookies = 0\n",
		"etc/sysctl.d/60-hardenctl.conf":     "net.ipv4.tcp_syncookies = 0\n",
		"etc/sysctl.d/90-mine.conf":          "# net.ipv4.ip_default_ttl = 1\n; x\nnet/ipv4/tcp_syncookies=0\nnet.ipv4.ip_default_ttl = 128\nnonsense\n",
		"usr/lib/sysctl.d/90-mine.conf":      "net.ipv4.ip_default_ttl = 7\n",
		"run/sysctl.d/70-rp.conf":            "-net.ipv4.conf.eth0.rp_filter = 1\nnet.ipv4.tcp_rmem = 1\t2  3\n",
		"usr/local/lib/sysctl.d/99-all.conf": "net.ipv4.conf.*.log_martians = 0\nnet.ipv4.conf.*.rp_filter = 2\n",
		"etc/sysctl.conf":                    "net.ipv4.ip_default_ttl=64\n",
		"etc/sysctl.d/notes.txt":             "net.ipv4.ip_default_ttl=65\n",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../sysctl.conf", filepath.Join(root, "etc/sysctl.d/99-sysctl.conf")); err != nil {
		t.Fatal(err)
	}
	notes := sysctlNotes(root, "60-hardenctl.conf", []bundle.SettingEntry{
		{Key: "net.ipv4.tcp_syncookies", Value: "1"}, {Key: "net.ipv4.ip_default_ttl", Value: "128"},
		{Key: "net.ipv4.conf.*.rp_filter", Value: "2"}, {Key: "net.ipv4.conf.all.log_martians", Value: "1"},
		{Key: "net.ipv4.tcp_rmem", Value: "1 2 3"},
	})
	want := []string{
		"/run/sysctl.d/70-rp.conf sets net.ipv4.conf.eth0.rp_filter = 1 and",
		"/etc/sysctl.d/90-mine.conf sets net.ipv4.tcp_syncookies = 0 and",
		"/usr/local/lib/sysctl.d/99-all.conf sets net.ipv4.conf.*.log_martians = 0 and",
		"/etc/sysctl.conf sets net.ipv4.ip_default_ttl = 64 and",
	}
	if len(notes) != len(want) {
		t.Fatalf("notes\n%s", strings.Join(notes, "\n"))
	}
	for i, n := range notes {
		if !strings.HasPrefix(n, want[i]) {
			t.Errorf("%q, want %q", n, want[i])
		}
	}
}
