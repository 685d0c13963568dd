package verify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/profile"
)

// faultless is a report of the shop in which everything is as promised.
func faultless() *Report {
	r := &Report{Services: []string{"tcp/80", "udp/53"}, Hidden: []string{"tcp/22"}}
	var tries []Attempt
	for _, family := range families {
		r.Maps = append(r.Maps,
			Map{View: Before, Family: family, Open: []uint16{22, 80}, Counts: Counts{Open: 2, Closed: 65534}},
			Map{View: Patient, Family: family, Open: []uint16{80}, Counts: Counts{Open: 1, Silent: 65535}},
			Map{View: Single, Family: family, Open: []uint16{80}, BannedAt: 0.1, Counts: Counts{Open: 1, Silent: 65535}})
		for _, k := range kinds {
			l := BanCount{Kind: k.name, Family: family, Sent: 15}
			if k.counts(&profile.Profile{Scan: profile.Scan{Probes: 10, Stealth: true}}) {
				l.BannedAt, l.Sent = 11, 11
			}
			r.BanCounts = append(r.BanCounts, l)
		}
		r.Attacks = append(r.Attacks,
			Attack{Name: "SYN", Family: family, Counts: Counts{Open: 1, Silent: 9}, OpenPorts: []string{"tcp/80"}},
			Attack{Name: "FIN", Family: family, Counts: Counts{Silent: 10}})
		r.SlowScans = append(r.SlowScans, SlowScan{Family: family, Every: 450 * time.Second, Speed: 3600, Sent: 23, BannedAt: 23, Due: 23, Lasted: 9900 * time.Second})
		r.Guesses = append(r.Guesses, Guess{family, "Linux", noMatch})
		tries = append(tries, Attempt{Name: "no knock", Family: family}, Attempt{Name: "hardenctl knock", Family: family, Opens: true, Opened: true})
	}
	r.Doors = []Door{{Name: "back-door", Ports: []string{"tcp/8443"}, Attempts: tries}}
	r.Visitors = []Visitor{{Role: "client", Visits: 100, Slowest: time.Millisecond, Service: "tcp/80"}}
	return r
}

// judged returns the promises of the shop that a report breaks.
func judged(t *testing.T, text string, r *Report, found checks) []string {
	t.Helper()
	p, _ := read(t, text)
	s := &scene{profile: p}
	r.Promises = s.judge(r, found)
	return broken(r)
}

// Each fault breaks the promise that it is a fault against, and no other.
func TestJudge(t *testing.T) {
	var reached, missed finding
	reached.note("ssh from 192.0.2.7", nil)
	missed.note("ssh from 192.0.2.7", errNoUnlisted)
	tests := []struct {
		name  string
		spoil func(r *Report, f *checks)
		want  []string
	}{
		{"nothing", func(*Report, *checks) {}, nil},
		{"a hidden port to the patient attacker", func(r *Report, _ *checks) { r.Maps[1].Open = []uint16{22, 80} }, []string{"stated-only", "ipv6-the-same"}},
		{"a hidden port to one source", func(r *Report, _ *checks) { r.Maps[2].Open = []uint16{22, 80} }, []string{"stated-only", "one-source-learns-nothing"}},
		{"a hidden port to a scan", func(r *Report, _ *checks) { r.Attacks[0].OpenPorts = []string{"tcp/22"} }, []string{"stated-only"}},
		{"a closed port on a map", func(r *Report, _ *checks) { r.Maps[1].Counts.Closed = 1 }, []string{"nothing-closed"}},
		{"an answer to FIN", func(r *Report, _ *checks) { r.Attacks[1].Closed = 1 }, []string{"nothing-closed", "odd-packets-nothing"}},
		{"a late ban", func(r *Report, _ *checks) { r.BanCounts[0].BannedAt = 12 }, []string{"banned-in-time"}},
		{"no ban", func(r *Report, _ *checks) { r.BanCounts[0].BannedAt = 0 }, []string{"banned-in-time"}},
		{"no ban of one source", func(r *Report, _ *checks) { r.Maps[2].BannedAt = 0 }, []string{"one-source-learns-nothing"}},
		{"a service missing over IPv6", func(r *Report, _ *checks) { r.Maps[4].Open = nil }, []string{"ipv6-the-same"}},
		{"a visit that failed", func(r *Report, _ *checks) { r.Visitors[0].Failures = 1 }, []string{"client-unhurt"}},
		{"no ban of who waits", func(r *Report, _ *checks) { r.SlowScans[0].BannedAt, r.SlowScans[0].Sent = 0, 24 }, []string{"patient-banned"}},
		{"a ban before it is due", func(r *Report, _ *checks) { r.SlowScans[0].BannedAt = 21 }, []string{"patient-banned"}},
		{"a ban by the fast window of who is slow enough", func(r *Report, _ *checks) { r.SlowScans[0].BannedAt, r.SlowScans[0].Due = 11, 0 }, []string{"patient-banned"}},
		{"a machine that was too slow to be banned", func(r *Report, _ *checks) { r.SlowScans[0].BannedAt, r.SlowScans[0].Due = 0, 0 }, nil},
		{"a door that stands open", func(r *Report, _ *checks) { r.Doors[0].Attempts[0].Opened = true }, []string{"door-back-door"}},
		{"a door that does not open", func(r *Report, _ *checks) { r.Doors[0].Attempts[3].Opened = false }, []string{"door-back-door"}},
		{"a forgery that shuts out who was here", func(_ *Report, f *checks) { f.known = missed }, []string{"forgery-spares-the-known"}},
		{"nobody visited", func(r *Report, _ *checks) { r.Visitors[0].Visits = 0 }, []string{"client-unhurt"}},
		{"an admin kept out", func(_ *Report, f *checks) { f.admins = missed }, []string{"admin-reaches"}},
		{"an admin let in", func(_ *Report, f *checks) { f.admins = reached }, nil},
		{"a forgery that hurt", func(_ *Report, f *checks) { f.forged = missed }, []string{"forgery-harmless"}},
	}
	for _, test := range tests {
		r, f := faultless(), checks{}
		test.spoil(r, &f)
		if got := judged(t, shop, r, f); !slices.Equal(got, test.want) {
			t.Errorf("%s breaks %v, want %v", test.name, got, test.want)
		}
	}
}

// Tripwires and fingerprints are promises of their own.
func TestJudgeTripwiresAndFingerprints(t *testing.T) {
	text := strings.Replace(shop, "stealth = true", "stealth = true\nfingerprint = true\ntripwires = [\"tcp/23\"]", 1)
	r := faultless()
	r.BanCounts = append(r.BanCounts, BanCount{Kind: tripwire, Family: 4, Sent: 1, BannedAt: 1})
	r.Guesses[1].After = "Linux 6 (90 %)"
	if got, want := judged(t, text, r, checks{}), []string{"raw-scans-see-nothing", "system-hidden"}; !slices.Equal(got, want) {
		t.Errorf("a half-open scan that finds a port breaks %v, want %v", got, want)
	}
	for i := range r.Attacks {
		r.Attacks[i].Open, r.Attacks[i].OpenPorts = 0, nil
	}
	r.Guesses[1].After = noMatch
	r.BanCounts = append(r.BanCounts, BanCount{Kind: tripwire, Family: 6, Sent: 1})
	if got, want := judged(t, text, r, checks{}), []string{"tripwire-bans"}; !slices.Equal(got, want) {
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
		r := faultless()
		name := "masscan"
		if setting == "dont_fragment = true" {
			name = "ZMap, as BSD"
		}
		r.Attacks = []Attack{
			{Name: name, Family: 4, Ports: 2, Counts: Counts{Open: 1, Silent: 1}, OpenPorts: []string{"tcp/80"}},
		}
		if got := judged(t, strings.Replace(shop, "stealth = true", "stealth = true\n"+setting, 1), r, checks{}); !slices.Equal(got, want) {
			t.Errorf("with %q, %s that finds a port breaks %v, want %v", setting, name, got, want)
		}
	}
}

// What a profile does not promise is not held against it.
func TestNotPromised(t *testing.T) {
	r := faultless()
	r.SlowScans, r.Doors = nil, nil
	r.Maps[1].Counts.Closed = 3
	for i := range r.BanCounts {
		r.BanCounts[i].BannedAt = 0
	}
	text := "version = 1\n[policy]\ninput = \"reject\"\n[services.http]\nports = [\"tcp/80\"]\n"
	if got := judged(t, text, r, checks{}); len(got) > 0 {
		t.Errorf("a profile that rejects and bans nobody breaks %v", got)
	}
	names := []string{}
	for _, p := range r.Promises {
		names = append(names, p.Name)
	}
	if want := []string{"stated-only", "ipv6-the-same", "client-unhurt"}; !slices.Equal(names, want) {
		t.Errorf("it promises %v, want %v", names, want)
	}
}

func TestPace(t *testing.T) {
	tests := []struct {
		limit profile.Limit
		want  time.Duration
	}{
		{profile.Limit{}, 100 * time.Millisecond},
		{profile.Limit{Quota: profile.Quota{Count: 10, Window: time.Minute}}, 7500 * time.Millisecond},
		{profile.Limit{Rate: profile.Rate{Count: 50, Per: time.Second}}, 100 * time.Millisecond},
		{profile.Limit{Rate: profile.Rate{Count: 1, Per: time.Second}}, 1250 * time.Millisecond},
	}
	for _, test := range tests {
		s := profile.Service{Ports: []profile.Port{{Protocol: "tcp", First: 22, Last: 22}}, NewPerSource: test.limit}
		if got := pace(s, profile.UDPLimits{}); got != test.want {
			t.Errorf("%+v: %s, want %s", test.limit, got, test.want)
		}
	}
}

// Of a long range, both ends get a listener.
func TestPortsOf(t *testing.T) {
	ports := portsOf(profile.Service{Ports: []profile.Port{
		{Protocol: "tcp", First: 80, Last: 81}, {Protocol: "udp", First: 60000, Last: 61000}}})
	if len(ports) != 19 || ports[1].String() != "tcp/81" || ports[2].String() != "udp/60000" || ports[18].String() != "udp/61000" {
		t.Errorf("%d ports: %v", len(ports), ports)
	}
}
