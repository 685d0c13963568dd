package bundle_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
)

func TestExpiring(t *testing.T) {
	m := bundle.Manifest{Remarks: []bundle.RemarkEntry{
		{Expires: "2027-01-31", Description: "the fair", Origin: bundle.Origin{Part: "services.fair", File: "a.toml", Line: 7}},
		{Entry: "192.0.2.7", Expires: "2027-02-10", Origin: bundle.Origin{Part: "access.admin", File: "a.toml", Line: 3}},
		{Description: "no last day", Origin: bundle.Origin{Part: "sets.office"}},
	}}
	for now, want := range map[string]string{
		"2026-12-31T23:00:00Z": "",
		"2027-01-02T00:00:00Z": "expires-soon a.toml:7 services.fair: it expires: its last day is 2027-01-31 (the fair)",
		"2027-01-31T23:59:59Z": "expires-soon a.toml:7 services.fair: it expires: its last day is 2027-01-31 (the fair)\n" +
			"expires-soon a.toml:3 access.admin: 192.0.2.7 expires: its last day is 2027-02-10",
		"2027-02-11T00:00:01Z": "expired a.toml:7 services.fair: it has expired: its last day was 2027-01-31 (the fair)\n" +
			"expired a.toml:3 access.admin: 192.0.2.7 has expired: its last day was 2027-02-10",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, d := range m.Expiring(at) {
			found = append(found, fmt.Sprintf("%s %s %s: %s", d.Code, d.Position, d.Subject, d.Message))
		}
		if got := strings.Join(found, "\n"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", now, got, want)
		}
	}
}
