package setting

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLinkMatches shows which link files are certain to match an interface.
func TestLinkMatches(t *testing.T) {
	const address = "02:00:00:00:00:01"
	for text, want := range map[string]bool{
		"[Match]\nOriginalName=eth0\n[Link]\nName=lan0\n":                         true,
		"[Match]\nOriginalName=lan* eth?\n":                                       true,
		"[Match]\nMACAddress=02:00:00:00:00:02 02:00:00:00:00:01\n[Link]\n":       true,
		"# cloud-init\n[Match]\n;Driver=x\nPermanentMACAddress=" + address + "\n": true,
		"[Match]\nOriginalName=eth0\nMACAddress=" + address + "\n":                true,
		"[Match]\nOriginalName=eth0\nMACAddress=02:00:00:00:00:09\n":              false,
		"[Match]\nOriginalName=eth1\n":                                            false,
		"[Match]\nOriginalName=eth0\nDriver=virtio_net\n":                         false,
		"[Match]\nProperty=ID_BUS=usb\n":                                          false,
		"[Link]\nOriginalName=eth0\n":                                             false,
		"":                                                                        false,
	} {
		if got := linkMatches(text, "eth0", address); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// TestShadow shows that the first file by name counts, of two of one name that
// of the first folder, and none behind ours.
func TestShadow(t *testing.T) {
	etc, lib := t.TempDir(), t.TempDir()
	const match, other = "[Match]\nOriginalName=eth0\n", "[Match]\nOriginalName=eth1\n"
	put := func(folder, name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	is := func(want string) {
		t.Helper()
		if got := shadow(linkFiles([]string{etc, lib}), "eth0", ""); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	put(lib, "99-default.link", match)
	put(etc, "98-hardenctl-eth0.link", match)
	put(etc, "10-other.link", other)
	is("")
	late := put(lib, "50-late.link", match)
	is(late)
	early := put(etc, "20-early.link", match)
	is(early)
	put(etc, "50-late.link", other) // in the place of that in lib
	os.Remove(early)
	is("")
}
