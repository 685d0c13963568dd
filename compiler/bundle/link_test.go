package bundle_test

import (
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

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
