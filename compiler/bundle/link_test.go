package bundle_test

import (
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// TestLinkFiles shows that the files of interfaces come last and sorted, are
// read back, and go with the profile that named them.
func TestLinkFiles(t *testing.T) {
	folder := t.TempDir()
	withLinks := bundle.Seal([]bundle.File{
		{Name: bundle.LinkName("lan0"), Text: []byte("lan\n")},
		{Name: bundle.LinkName("eth0.100"), Text: []byte("eth\n")},
		{Name: bundle.Sysctl, Text: []byte("a = 1\n")},
	}, bundle.Manifest{Profile: "a.toml"})
	if err := withLinks.WriteFolder(folder); err != nil {
		t.Fatal(err)
	}
	read, err := bundle.ReadFolder(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	last := read.Manifest.Files[2]
	if read.Manifest.Files[1].Name != "nics/eth0.100.link" || last.Name != "nics/lan0.link" ||
		last.Targets[bundle.RHEL] != "/etc/systemd/network/98-hardenctl-lan0.link" {
		t.Errorf("got %+v", read.Manifest.Files)
	}

	without := bundle.Seal([]bundle.File{{Name: bundle.Sysctl, Text: []byte("a = 1\n")}}, bundle.Manifest{Profile: "a.toml"})
	diff, err := bundle.Diff(without, os.DirFS(folder))
	if err != nil || !strings.Contains(diff, "--- a/nics/lan0.link\n+++ /dev/null") {
		t.Errorf("%v: the files that shall go are not in\n%s", err, diff)
	}
	if err := without.WriteFolder(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder + "/nics"); !os.IsNotExist(err) {
		t.Errorf("the files of an earlier bundle are left: %v", err)
	}
}

// TestLinkAt holds that only a file of ours in systemd's folder is one.
func TestLinkAt(t *testing.T) {
	for path, want := range map[string]string{
		"/etc/systemd/network/98-hardenctl-eth0.100.link": "nics/eth0.100.link",
		"/etc/systemd/network/98-hardenctl-.link":         "",
		"/etc/systemd/network/98-hardenctl-a/b.link":      "",
		"/etc/systemd/network/10-netplan-eth0.link":       "",
		"/etc/systemd/network/98-hardenctl-eth0.network":  "",
	} {
		if name, ok := bundle.LinkAt(path); ok != (want != "") || ok && name != want {
			t.Errorf("%s: got %q, %v", path, name, ok)
		}
	}
}
