package restore

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/setfile"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
)

var shutdown = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const savedBans = `# Saved by hardenctl at 2026-03-01T12:00:00Z
add hardenctl-ban-v4 203.0.113.9 timeout 600
add hardenctl-ban-v4 203.0.113.10 timeout 30
add hardenctl-ban-v6 2001:db8:bad:: timeout 7200
add hardenctl-ban-v4 203.0.113.11 timeout 0
add f2b-sshd 203.0.113.12 timeout 600
`

// Of each ban there is left what there was at the shutdown, less the time for
// which the host was off. A clock that is wrong lengthens no ban, and a set that
// the profile does not keep gets nothing.
func TestReadBans(t *testing.T) {
	names := []string{"hardenctl-ban-v4", "hardenctl-ban-v6"}
	entry := func(prefix string, left time.Duration) kernelset.Entry {
		return kernelset.Entry{Prefix: netip.MustParsePrefix(prefix), Timeout: left}
	}
	for _, c := range []struct {
		name string
		now  time.Time
		want map[string][]kernelset.Entry
	}{
		{"a minute later", shutdown.Add(time.Minute), map[string][]kernelset.Entry{
			"hardenctl-ban-v4": {entry("203.0.113.9/32", 9*time.Minute), entry("203.0.113.11/32", kernelset.Forever)},
			"hardenctl-ban-v6": {entry("2001:db8:bad::/128", 119*time.Minute)}}},
		{"a day later", shutdown.Add(24 * time.Hour), map[string][]kernelset.Entry{
			"hardenctl-ban-v4": {entry("203.0.113.11/32", kernelset.Forever)}}},
		{"a clock that has begun anew", time.Unix(0, 0), map[string][]kernelset.Entry{
			"hardenctl-ban-v4": {entry("203.0.113.9/32", 10*time.Minute), entry("203.0.113.10/32", 30*time.Second), entry("203.0.113.11/32", kernelset.Forever)},
			"hardenctl-ban-v6": {entry("2001:db8:bad::/128", 2*time.Hour)}}},
	} {
		got, err := readBans([]byte(savedBans), names, c.now)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v\nwant %v", c.name, got, err, c.want)
		}
	}
}

// What is written is what is read.
func TestBanLine(t *testing.T) {
	_, entries, _ := strings.Cut(savedBans, "\n")
	for line := range setfile.Lines(entries) {
		e, err := readBan(line)
		if err != nil {
			t.Fatal(err)
		}
		if got := banLine(line.Set, e); got != line.Text {
			t.Errorf("%q is written as %q", line.Text, got)
		}
	}
}

func TestBadBans(t *testing.T) {
	for old, new := range map[string]string{
		"# Saved by hardenctl at 2026-03-01T12:00:00Z": "# Saved by hardenctl at noon",
		"# Saved by":                                     "# By",
		"add f2b-sshd 203.0.113.12 timeout 600":          "destroy",
		"add f2b-sshd 203.0.113.12":                      "add f2b-sshd localhost",
		"203.0.113.9 timeout 600":                        "203.0.113.9 timeout -1",
		"add hardenctl-ban-v4 203.0.113.9 timeout 600\n": "add hardenctl-ban-v4 203.0.113.9 tim",
	} {
		if _, err := readBans([]byte(strings.Replace(savedBans, old, new, 1)), []string{"hardenctl-ban-v4"}, shutdown); err == nil {
			t.Errorf("%q was taken", new)
		}
	}
}
