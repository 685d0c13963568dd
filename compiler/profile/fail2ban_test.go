package profile

import (
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// TestFail2ban shows what is stated in part, and by which layer it is taken
// back.
func TestFail2ban(t *testing.T) {
	at := func(f Fail2ban) Fail2ban { f.Enabled = true; return f }
	standard := at(Fail2ban{Retries: 3, Window: 10 * time.Minute, Ban: time.Hour, Scope: Everything, LinesScope: Everything})
	for _, test := range []struct {
		name, text string
		want       Fail2ban
	}{
		{"nothing", ``, Fail2ban{}},
		{"only named", `fail2ban = {}`, standard},
		{"lines like the kernel's bans", "fail2ban = {}\nscan.scope = \"hidden\"", at(Fail2ban{Retries: 3, Window: 10 * time.Minute, Ban: time.Hour, Scope: Everything, LinesScope: Hidden})},
		{"unlike them", "fail2ban.scope = \"everything\"\nscan.scope = \"hidden\"", standard},
		{"all hidden", "fail2ban.scope = \"hidden\"", at(Fail2ban{Retries: 3, Window: 10 * time.Minute, Ban: time.Hour, Scope: Hidden, LinesScope: Hidden})},
		{"all", `fail2ban = { enabled = true, retries = 5, window = "1d", ban = "7d", scope = "hidden", log = "/var/log/kern.log" }`,
			at(Fail2ban{Retries: 5, Window: 24 * time.Hour, Ban: 7 * 24 * time.Hour, Scope: Hidden, LinesScope: Hidden, File: "/var/log/kern.log"})},
		{"journal", `fail2ban.log = "journal"`, standard},
	} {
		p, diags := Read("a.toml", folders(map[string]string{"a.toml": "version = 1\n" + test.text}))
		if diags.HasErrors() {
			t.Errorf("%s: %v", test.name, diags)
			continue
		}
		p.Fail2ban.Position, p.Fail2ban.ScopePosition, p.Fail2ban.FilePosition = diag.Position{}, diag.Position{}, diag.Position{}
		if p.Fail2ban != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, p.Fail2ban, test.want)
		}
	}
	p, _ := Read("a.toml", folders(map[string]string{"a.toml": "version = 1\nfail2ban = { enabled = false }"}))
	if p.Fail2ban.Enabled {
		t.Error("enabled = false enables it")
	}
}

// TestFail2banLog holds that no path says more to fail2ban than a path.
func TestFail2banLog(t *testing.T) {
	for _, path := range []string{"", "kern.log", "Journal", "/var/log/*.log", "/a b", "/a%(x)s", "/<ip>", "/a\\nb", "/" + strings.Repeat("x", 200)} {
		_, diags := Read("a.toml", folders(map[string]string{"a.toml": "version = 1\nfail2ban.log = \"" + path + "\""}))
		if !diags.HasErrors() || !strings.Contains(diags[0].String(), "fail2ban.log: ") {
			t.Errorf("%q: %v", path, diags)
		}
	}
}
