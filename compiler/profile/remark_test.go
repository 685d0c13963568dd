package profile

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func remarks(p *Profile) string {
	var all []string
	for _, r := range p.Remarks {
		text := fmt.Sprintf("%d %s %s", r.Position.Line, r.Part, r.Entry)
		if !r.Expires.IsZero() {
			text += " until " + r.Expires.Format(time.DateOnly)
		}
		all = append(all, text+": "+r.Description)
	}
	return strings.Join(all, "\n")
}

func TestRemarks(t *testing.T) {
	texts := map[string]string{
		"a.toml": `version = 1
include = ["builtin:b"]
[sets.office]
description = "second floor"
addresses.add = [{ address = "198.51.100.7-198.51.100.9", description = "the press", expires = 2027-01-31 }, "198.51.100.77"]
addresses.remove = ["192.0.2.9"]
[services.web]
description = "the shop"
expires = 2027-02-01
[access]
admin = [{ address = "@office", description = "Ann" }]
`,
		"builtin:b.toml": `version = 1
[sets.office]
description = "office"
addresses = ["192.0.2.1", { address = "192.0.2.9", description = "gone" }, { address = "192.0.2.5", description = "stays" }]
[services.web]
ports = ["tcp/443"]
`,
	}
	p, list := Read("a.toml", folders(texts))
	if len(list) > 0 {
		t.Fatal(list)
	}
	const want = `4 sets.office.addresses 192.0.2.5: stays
5 sets.office.addresses 198.51.100.7-198.51.100.9 until 2027-01-31: the press
3 sets.office : second floor
7 services.web  until 2027-02-01: the shop
11 access.admin @office: Ann`
	if got := remarks(p); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	members := prefixes("192.0.2.1/32", "192.0.2.5/32", "198.51.100.7/32", "198.51.100.8/31", "198.51.100.77/32")
	if office := p.Sets[0]; !office.Members.Equal(members) || office.Entries != 4 {
		t.Errorf("the set has %d entries: %v", office.Entries, office.Members)
	}
}

func TestRemarksThatAreWrong(t *testing.T) {
	for lines, want := range map[string]string{
		`services.web.expires = "2027-01-31"`:                                       "a date such as 2027-01-31, without quotes",
		`services.web.expires = 2027-01-31T10:00:00Z`:                               "write 2027-01-31",
		`access.admin = [{ address = "192.0.2.7", expires = 2027-01-31T10:00:00 }]`: "write 2027-01-31",
		`access.admin = [{ address = "192.0.2.7", expire = 2027-01-31 }]`:           `did you mean "expires"?`,
		`access.admin = [{ address = "192.0.2.777" }]`:                              `"192.0.2.777" is not an IPv4 address`,
		`access.admin = [{ ip = "192.0.2.7" }]`:                                     "must be text",
		`services.web.ports = [{ address = "tcp/443" }]`:                            "must be text",
	} {
		_, found := laidOver(t, lines)
		if len(found) == 0 || !strings.Contains(strings.Join(found, "\n"), want) {
			t.Errorf("%s:\n%s\nwant\n%s", lines, strings.Join(found, "\n"), want)
		}
	}
}
