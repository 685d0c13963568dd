package emit

import (
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// text returns one of the files for a jail.
func text(j *ruleset.Jail, name string) string {
	for _, f := range Fail2ban(j) {
		if f.Name == name {
			return string(f.Text)
		}
	}
	return ""
}

func TestFail2banJail(t *testing.T) {
	j := &ruleset.Jail{Retries: 3, Window: 10 * time.Minute, Ban: time.Hour, SetV4: "four", SetV6: "six", LinesV4: "four", LinesV6: "six"}
	const head, tail = bundle.Header + "\n[hardenctl]\nenabled = true\nfilter = hardenctl\naction = hardenctl\n",
		"maxretry = 3\nfindtime = 600\nbantime = 3600\n"
	if got, want := text(j, bundle.Fail2banJail), head+"backend = systemd[journalflags=5]\njournalmatch = _TRANSPORT=kernel\n"+tail; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	j.File = "/var/log/kern.log"
	if got, want := text(j, bundle.Fail2banJail), head+"backend = auto\nlogpath = /var/log/kern.log\n"+tail; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := text(j, bundle.Fail2banAction); !strings.Contains(got, "\nset4 = four\nset6 = six\n") {
		t.Errorf("the sets are not those of the jail:\n%s", got)
	}
	j.Trusted = []string{"four", "six"}
	if got, want := text(j, bundle.Fail2banJail), "\nignorecommand = ipset -q test four <ip> || ipset -q test six <ip>\n"; !strings.Contains(got, want) {
		t.Errorf("trusted sources can be jailed:\n%s", got)
	}
	j.LinesV4, j.LinesV6 = "lines4", "lines6"
	if got := text(j, bundle.Fail2banJail); !strings.Contains(got, "\naction = hardenctl[set4=lines4, set6=lines6]\n") {
		t.Errorf("the jail does not ban into sets of its own:\n%s", got)
	}
}

// TestFail2banPrefix holds that a prefix means only itself, to Python's regular
// expressions and to fail2ban's configuration.
func TestFail2banPrefix(t *testing.T) {
	for prefix, want := range map[string]string{
		"IPTables-Dropped: ": "IPTables-Dropped: (?:scan|ban) IN=",
		"[fw] <HOST>%x; (.*": `\x5bfw\x5d \x3cHOST\x3e\x25x\x3b \x28\x2e\x2a(?:scan|ban) IN=`,
	} {
		got := text(&ruleset.Jail{Prefix: prefix, Reasons: []string{"scan", "ban"}}, bundle.Fail2banFilter)
		if !strings.Contains(got, want) {
			t.Errorf("%q: no %q in\n%s", prefix, want, got)
		}
	}
}

// No jail, no file.
func TestNoFail2ban(t *testing.T) {
	for _, f := range Files(&ruleset.Ruleset{}) {
		t.Errorf("a file %s for nothing", f.Name)
	}
}
