package live

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The command attacks the profile of the siege, finds every promise kept, and
// writes its report for people and for programs.
func TestVerify(t *testing.T) {
	bare(t, "legacy") // package verify's own tests are on the default, nft
	path := write(t, "shop.toml", fmt.Sprintf(profile, "hidden"))
	html := filepath.Join(t.TempDir(), "report.html")
	var report struct {
		Maps     []struct{ Open []int }
		Promises []struct {
			Says, Seen string
			Kept       bool
		}
	}
	said := expect(t, 0, "verify", path, "--quick", "--json", "--html", html)
	if err := json.Unmarshal([]byte(said), &report); err != nil {
		t.Fatalf("%v in %.200s", err, said)
	}
	if len(report.Maps) != 6 || len(report.Promises) < 10 {
		t.Errorf("%d maps and %d promises", len(report.Maps), len(report.Promises))
	}
	page, err := os.ReadFile(html)
	must(t, err)
	if want := fmt.Sprintf("All %d promises kept", len(report.Promises)); !strings.Contains(string(page), want) {
		t.Errorf("the page does not say %q", want)
	}
}

// A profile that contradicts itself breaks a promise, and the exit code says
// so: the blocklist refuses those whom a service is for.
func TestVerifyBroken(t *testing.T) {
	bare(t, "nft")
	path := write(t, "shop.toml", `version = 1
[access]
block = ["203.0.113.0/24"]
[services.database]
ports = ["tcp/5432"]
from = ["203.0.113.7", "2001:db8:20::7"]
[services.http]
ports = ["tcp/80"]
`)
	said := expect(t, 1, "verify", path, "--quick", "--no-nmap")
	if !strings.Contains(said, "BROKEN  Services with `from`") || !strings.Contains(said, "203.0.113.7") {
		t.Errorf("it does not say what is broken:\n%s", said)
	}
}
