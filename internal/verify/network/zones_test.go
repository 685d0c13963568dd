package network

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler/profile"
)

// Where every packet by the interface of the attackers is trusted there is nothing to attack.
func TestUnattackable(t *testing.T) {
	for zone, want := range map[string]string{
		`{ interfaces = ["wg0", "eth+"], trust = "all" }`:  "zones.a.trust",
		`{ interfaces = ["wg0"], trust = "all" }`:          "",
		`{ interfaces = ["eth0"], trust = ["192.0.2.7"] }`: "",
	} {
		files := profile.Folders{Root: fstest.MapFS{"a.toml": {Data: []byte("version = 1\nzones.a = " + zone)}}}
		p, list := profile.Read("a.toml", files)
		if p == nil {
			t.Fatal(list)
		}
		err := Unattackable(p)
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", zone, err)
		}
	}
}
