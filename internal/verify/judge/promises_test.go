package judge

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/verify/example"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

// judged returns the promises of the shop that a report breaks.
func judged(t *testing.T, text string, r *result.Report, found result.Checks) []string {
	t.Helper()
	p, _ := example.Read(t, text)
	r.Promises = Promises(p, r, found)
	return example.Broken(r)
}

// Each fault breaks the promise that it is a fault against, and no other.
func TestJudge(t *testing.T) {
	var reached, missed result.Finding
	reached.Note("ssh from 192.0.2.7", nil)
	missed.Note("ssh from 192.0.2.7", errors.New("no answer"))
	tests := []struct {
		name  string
		spoil func(r *result.Report, f *result.Checks)
		want  []string
	}{
		{"nothing", func(*result.Report, *result.Checks) {}, nil},
		{"a hidden port to the patient attacker", func(r *result.Report, _ *result.Checks) { r.Maps[1].Open = []uint16{22, 80} }, []string{"stated-only", "ipv6-the-same"}},
		{"a hidden port to one source", func(r *result.Report, _ *result.Checks) { r.Maps[2].Open = []uint16{22, 80} }, []string{"stated-only", "one-source-learns-nothing"}},
		{"a hidden port to a scan", func(r *result.Report, _ *result.Checks) { r.Attacks[0].OpenPorts = []string{"tcp/22"} }, []string{"stated-only"}},
		{"a closed port on a map", func(r *result.Report, _ *result.Checks) { r.Maps[1].Counts.Closed = 1 }, []string{"nothing-closed"}},
		{"an answer to FIN", func(r *result.Report, _ *result.Checks) { r.Attacks[1].Closed = 1 }, []string{"nothing-closed", "odd-packets-nothing"}},
		{"a late ban", func(r *result.Report, _ *result.Checks) { r.BanCounts[0].BannedAt = 12 }, []string{"banned-in-time"}},
		{"no ban", func(r *result.Report, _ *result.Checks) { r.BanCounts[0].BannedAt = 0 }, []string{"banned-in-time"}},
		{"no ban of one source", func(r *result.Report, _ *result.Checks) { r.Maps[2].BannedAt = 0 }, []string{"one-source-learns-nothing"}},
		{"a service missing over IPv6", func(r *result.Report, _ *result.Checks) { r.Maps[4].Open = nil }, []string{"ipv6-the-same"}},
		{"a visit that failed", func(r *result.Report, _ *result.Checks) { r.Visitors[0].Failures = 1 }, []string{"client-unhurt"}},
		{"no ban of who waits", func(r *result.Report, _ *result.Checks) { r.SlowScans[0].BannedAt, r.SlowScans[0].Sent = 0, 24 }, []string{"patient-banned"}},
		{"a ban before it is due", func(r *result.Report, _ *result.Checks) { r.SlowScans[0].BannedAt = 21 }, []string{"patient-banned"}},
		{"a ban by the fast window of who is slow enough", func(r *result.Report, _ *result.Checks) { r.SlowScans[0].BannedAt, r.SlowScans[0].Due = 11, 0 }, []string{"patient-banned"}},
		{"a machine that was too slow to be banned", func(r *result.Report, _ *result.Checks) { r.SlowScans[0].BannedAt, r.SlowScans[0].Due = 0, 0 }, nil},
		{"a door that is open", func(r *result.Report, _ *result.Checks) { r.Doors[0].Attempts[0].Opened = true }, []string{"door-back-door"}},
		{"a door that does not open", func(r *result.Report, _ *result.Checks) { r.Doors[0].Attempts[3].Opened = false }, []string{"door-back-door"}},
		{"a forgery that shuts out who was here", func(_ *result.Report, f *result.Checks) { f.Known = missed }, []string{"forgery-spares-the-known"}},
		{"a network that fills the proven sources", func(_ *result.Report, f *result.Checks) { f.Filled = missed }, []string{"network-fills-nothing"}},
		{"no client visited", func(r *result.Report, _ *result.Checks) { r.Visitors[0].Visits = 0 }, []string{"client-unhurt"}},
		{"an admin kept out", func(_ *result.Report, f *result.Checks) { f.Admins = missed }, []string{"admin-reaches"}},
		{"an admin let in", func(_ *result.Report, f *result.Checks) { f.Admins = reached }, nil},
		{"a forgery that hurt", func(_ *result.Report, f *result.Checks) { f.Forged = missed }, []string{"forgery-harmless"}},
	}
	for _, test := range tests {
		r, f := example.Faultless(), result.Checks{}
		test.spoil(r, &f)
		if got := judged(t, example.Shop, r, f); !slices.Equal(got, test.want) {
			t.Errorf("%s breaks %v, want %v", test.name, got, test.want)
		}
	}
}

// Tripwires and fingerprints are promises of their own.
func TestJudgeTripwiresAndFingerprints(t *testing.T) {
	text := strings.Replace(example.Shop, "stealth = true", "stealth = true\nfingerprint = true\ntripwires = [\"tcp/23\"]", 1)
	r := example.Faultless()
	r.BanCounts = append(r.BanCounts, result.BanCount{Kind: result.Tripwire, Family: 4, Sent: 1, BannedAt: 1})
	r.Guesses[1].After = "Linux 6 (90 %)"
	if got, want := judged(t, text, r, result.Checks{}), []string{"raw-scans-see-nothing", "system-hidden"}; !slices.Equal(got, want) {
		t.Errorf("a half-open scan that finds a port breaks %v, want %v", got, want)
	}
	for i := range r.Attacks {
		r.Attacks[i].Open, r.Attacks[i].OpenPorts = 0, nil
	}
	r.Guesses[1].After = result.NoMatch
	r.BanCounts = append(r.BanCounts, result.BanCount{Kind: result.Tripwire, Family: 6, Sent: 1})
	if got, want := judged(t, text, r, result.Checks{}), []string{"tripwire-bans"}; !slices.Equal(got, want) {
		t.Errorf("a tripwire that does not ban breaks %v, want %v", got, want)
	}
}

// Scans by ZMap's copies are judged where the profile looks at "don't fragment",
// and others where it looks at fingerprints.
func TestJudgeCopies(t *testing.T) {
	for setting, want := range map[string][]string{
		"": nil, "fingerprint = true": {"raw-scans-see-nothing"},
		"dont_fragment = true": {"raw-scans-see-nothing"}, "fingerprint = true\ndont_fragment = true": {"raw-scans-see-nothing"},
	} {
		r := example.Faultless()
		name := "masscan"
		if setting == "dont_fragment = true" {
			name = "ZMap, as BSD"
		}
		r.Attacks = []result.Attack{
			{Name: name, Family: 4, Ports: 2, Counts: result.Counts{Open: 1, Silent: 1}, OpenPorts: []string{"tcp/80"}},
		}
		if got := judged(t, strings.Replace(example.Shop, "stealth = true", "stealth = true\n"+setting, 1), r, result.Checks{}); !slices.Equal(got, want) {
			t.Errorf("with %q, %s that finds a port breaks %v, want %v", setting, name, got, want)
		}
	}
}

// What a profile does not promise is not held against it.
func TestNotPromised(t *testing.T) {
	r := example.Faultless()
	r.SlowScans, r.Doors = nil, nil
	r.Maps[1].Counts.Closed = 3
	for i := range r.BanCounts {
		r.BanCounts[i].BannedAt = 0
	}
	text := "version = 1\n[policy]\ninput = \"reject\"\n[services.http]\nports = [\"tcp/80\"]\n"
	if got := judged(t, text, r, result.Checks{}); len(got) > 0 {
		t.Errorf("a profile that rejects and bans no source breaks %v", got)
	}
	names := []string{}
	for _, p := range r.Promises {
		names = append(names, p.Name)
	}
	if want := []string{"stated-only", "ipv6-the-same", "client-unhurt"}; !slices.Equal(names, want) {
		t.Errorf("it promises %v, want %v", names, want)
	}
}
