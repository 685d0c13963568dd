package scan

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// verified is what this test reads of a report.
type verified struct {
	Maps    []struct{ Open []int }
	Attacks []struct {
		Name         string
		Family       int
		Open, Closed int
		BanProbe     int      `json:"banned_by_probe"`
		OpenPorts    []string `json:"open_ports"`
	}
	Guesses   []struct{ After string }
	SlowScans []struct {
		Every    time.Duration `json:"every_ns"`
		BannedAt int           `json:"banned_at"`
		Due      int
	} `json:"slow_scans"`
	Promises []struct{ Kept bool }
}

// onlyStrays are the scans that get no answer and ban no source, since
// customers of a server that was restarted send such packets too.
var onlyStrays = []string{"ACK", "window", "Maimon", "discovery"}

// The command runs every scan of nmap's that hides from a firewall, against the
// built-in web server: none learns more than a customer does, nor does a guess
// at the system, and a slow scan does not help. It writes its report for people and
// for programs.
func TestVerify(t *testing.T) {
	stage.Bare(t, "legacy") // package verify's own tests are on the default, nft
	html := filepath.Join(t.TempDir(), "report.html")
	var report verified
	said := run.Expect(t, 0, "verify", "builtin:web", "--json", "--html", html)
	if err := json.Unmarshal([]byte(said), &report); err != nil {
		t.Fatalf("%v in %.200s", err, said)
	}
	if len(report.Maps) != 6 || len(report.Promises) < 10 {
		t.Errorf("%d maps and %d promises", len(report.Maps), len(report.Promises))
	}
	report.holds(t)
	page, err := os.ReadFile(html)
	require.NoError(t, err)
	if want := fmt.Sprintf("All %d promises kept", len(report.Promises)); !strings.Contains(string(page), want) {
		t.Errorf("the page does not say %q", want)
	}
}

// holds checks the scans one by one: both families, but for the three that nmap
// has for IPv4 alone, or that take their time, and ZMap's four. For protocols and
// for the few ports that zmap asks for, no ban count tells when they ban.
func (r verified) holds(t *testing.T) {
	seen := map[string][]string{"connect": {"tcp/22", "tcp/80", "tcp/443"}, "UDP": {"udp/443"}, "UDP from port 53": {"udp/443"}, "protocols": {"ip/1", "ip/58"}}
	made := map[string]int{}
	for _, a := range r.Attacks {
		made[a.Name]++
		for _, port := range a.OpenPorts {
			if !slices.Contains(seen[a.Name], port) {
				t.Errorf("%s over IPv%d finds %s", a.Name, a.Family, port)
			}
		}
		if a.Closed > 0 || a.Open > len(seen[a.Name]) {
			t.Errorf("%s over IPv%d: %d ports open, %d answer otherwise", a.Name, a.Family, a.Open, a.Closed)
		}
		if stray := slices.Contains(onlyStrays, a.Name); a.Name != "protocols" && a.Name != "ZMap" && (a.BanProbe == 11) == stray {
			t.Errorf("%s over IPv%d: banned by probe %d", a.Name, a.Family, a.BanProbe)
		}
	}
	if len(made) != 23 || len(r.Attacks) != 2*len(made)-7 {
		t.Errorf("scans that were made: %v", made)
	}
	if len(r.Guesses) != 2 || r.Guesses[0].After != "no match" || r.Guesses[1].After != "no match" {
		t.Errorf("guesses at the system: %+v", r.Guesses)
	}
	for _, slow := range r.SlowScans {
		fast := slow.Every == 7*time.Second
		least := 21
		if fast {
			least = 11
		}
		unjudged := slow.BannedAt == 0 && slow.Due == 0 // the machine is too busy
		if !unjudged && (slow.BannedAt < least || slow.BannedAt < slow.Due-1 || slow.BannedAt > slow.Due+1) {
			t.Errorf("one probe in %s is banned by probe %d, and by %d it is due", slow.Every, slow.BannedAt, slow.Due)
		}
	}
	if len(r.SlowScans) != 4 {
		t.Errorf("%d slow scans, want one in 7 s and a slower one, over both families", len(r.SlowScans))
	}
}

// A profile that contradicts itself breaks a promise, and the exit code says
// so: the blocklist refuses sources that a service is for.
func TestVerifyBroken(t *testing.T) {
	stage.Bare(t, "nft")
	path := testfile.Write(t, "shop.toml", `version = 1
[access]
block = ["203.0.113.0/24"]
[services.database]
ports = ["tcp/5432"]
from = ["203.0.113.7", "2001:db8:20::7"]
[services.http]
ports = ["tcp/80"]
`)
	said := run.Expect(t, 1, "verify", path, "--quick", "--no-nmap")
	if !strings.Contains(said, "BROKEN  Services with `from`") || !strings.Contains(said, "203.0.113.7") {
		t.Errorf("it does not say what is broken:\n%s", said)
	}
}
