package bootfiles

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

// TestLoadersOfRHEL holds which packages of RHEL load the saved files, and that
// their units must be enabled.
func TestLoadersOfRHEL(t *testing.T) {
	root := t.TempDir()
	const nothing = "no service loads the saved files at boot: "
	says := func(when string, want ...string) {
		t.Helper()
		if got := unloaded(bundle.RHEL, root); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	says("nothing is installed", nothing+"install iptables-nft-services", nothing+"install ipset-service")
	for _, l := range loaders[bundle.RHEL] {
		touch(t, root+l.path)
	}
	says("nothing is enabled", nothing+"systemctl enable iptables.service", nothing+"systemctl enable ip6tables.service", nothing+"systemctl enable ipset.service")
	for _, l := range loaders[bundle.RHEL] {
		touch(t, root+"/etc/systemd/system/basic.target.wants/"+l.unit)
	}
	says("all is enabled")
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}
