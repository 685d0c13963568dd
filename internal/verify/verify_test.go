package verify

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/verify/attack"
	"github.com/hardenctl/hardenctl/internal/verify/example"
	"github.com/hardenctl/hardenctl/internal/verify/network"
	"github.com/hardenctl/hardenctl/internal/verify/result"
)

func TestMain(m *testing.M) { lab.Main(m) }

// attacked runs the whole attack, or a quick one, with our own prober.
func attacked(t *testing.T, p *profile.Profile, b *bundle.Bundle, quick bool) *result.Report {
	t.Helper()
	lab.Require(t)
	t.Cleanup(func() { lab.FlushState(t) })
	r, err := Run(context.Background(), p, b, attack.Options{Quick: quick, Progress: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What a profile says, the real kernel does: every promise is made, and kept.
func TestKept(t *testing.T) {
	profile, b := example.Read(t, example.Shop)
	r := attacked(t, profile, b, false)
	for _, p := range r.Promises {
		if !p.Kept {
			t.Errorf("%s: %s", p.Says, p.Seen)
		}
	}
	want := []string{
		"stated-only", "services-answer", "nothing-closed", "odd-packets-nothing", "banned-in-time", "patient-banned",
		"one-source-learns-nothing", "ipv6-the-same", "door-back-door", "client-unhurt", "crawler-unhurt", "admin-unhurt", "forgery-harmless", "forgery-spares-the-known", "network-fills-nothing", "admin-reaches", "members-reach", "blocked-nothing",
		"open-connection-goes-on", "retries-harmless", "unserved-silent", "no-error-before-forward",
	}
	var made []string
	for _, p := range r.Promises {
		made = append(made, p.Name)
	}
	if !slices.Equal(made, want) {
		t.Errorf("promises made:\n%v, want\n%v", made, want)
	}
	checkMaps(t, r)
	for _, l := range r.BanCounts {
		if attack.KindNamed(l.Kind).Counts(profile) != (l.BannedAt == 11) {
			t.Errorf("%s over IPv%d: banned by probe %d", l.Kind, l.Family, l.BannedAt)
		}
	}
	checkAttacks(t, r)
	checkPatience(t, r)
	r.Unjudged = slices.DeleteFunc(r.Unjudged, func(u result.Unjudged) bool { return busy([]result.Unjudged{u}) })
	if len(r.Unjudged) != 2 || !strings.Contains(r.Unjudged[0].Why, "nmap") || !strings.Contains(r.Unjudged[1].Why, "scan.scope") {
		t.Errorf("not judged: %v, want what nmap is needed for, and what the scope does not promise", r.Unjudged)
	}
}

// checkAttacks holds that every scan that our own prober knows was made.
func checkAttacks(t *testing.T, r *result.Report) {
	t.Helper()
	for _, a := range attack.Scans {
		for _, family := range network.Families {
			made := slices.ContainsFunc(r.Attacks, func(done result.Attack) bool {
				return done.Name == a.Name && done.Family == family && (done.Tool == "dialer") == a.Dials && done.Open+done.Closed+done.Silent == done.Ports
			})
			if want := !a.NmapOnly && (family == 4 || !a.V4); made != want {
				t.Errorf("%s over IPv%d was made: %v, want %v", a.Name, family, made, want)
			}
		}
	}
}

// checkPatience holds that the fast window bans who sends a probe in 7 s, and only
// the slow one who waits for longer; and that every door was tried in each way.
func checkPatience(t *testing.T, r *result.Report) {
	t.Helper()
	want := []time.Duration{7 * time.Second, 7 * time.Second, 450 * time.Second, 450 * time.Second}
	for i, slow := range r.SlowScans {
		if i >= len(want) || slow.Every != want[i] || !inTime(r, slow, slow.Every > time.Minute) {
			t.Errorf("%+v", slow)
		}
	}
	if len(r.SlowScans) != len(want) || len(r.Doors) != 1 || len(r.Doors[0].Attempts) != 20 {
		t.Errorf("%d slow scans, and doors %+v", len(r.SlowScans), r.Doors)
	}
}

// inTime holds that a slow scan is banned by the probe that is due, or one beside it,
// where this machine could send that many in time; else the report says so. On a
// quiet machine it is one of the first window, or of the slow one.
func inTime(r *result.Report, scan result.SlowScan, slow bool) bool {
	if scan.BannedAt == 0 && scan.Due == 0 {
		return busy(r.Unjudged)
	}
	least := 11
	if slow {
		least = 21
	}
	return scan.BannedAt >= least && scan.BannedAt >= scan.Due-1 && scan.BannedAt <= scan.Due+1
}

// busy says that something could not be judged on this machine.
func busy(list []result.Unjudged) bool {
	return slices.ContainsFunc(list, func(u result.Unjudged) bool { return strings.Contains(u.Why, "this machine was too busy") })
}

func checkMaps(t *testing.T, r *result.Report) {
	t.Helper()
	if len(r.Maps) != 6 {
		t.Errorf("%d maps, want three views of two families", len(r.Maps))
	}
	for _, m := range r.Maps {
		if sum := m.Counts.Open + m.Counts.Closed + m.Counts.Silent; sum != 1<<16 {
			t.Errorf("the map %s over IPv%d is of %d ports", m.View, m.Family, sum)
		}
		if m.View == result.Before && (m.Counts.Silent > 0 || m.Counts.Open < 20) {
			t.Errorf("before, over IPv%d: %+v", m.Family, m.Counts)
		}
		if m.View == result.Patient && !slices.Equal(m.Open, []uint16{80}) || m.View == result.Single && len(m.Open) > 0 {
			t.Errorf("after, %s over IPv%d: open are %v", m.View, m.Family, m.Open)
		}
	}
}

// A bundle that is not the profile's is found out: this one opens SSH to
// everyone and the console too, has no blocklist, rejects, bans too late, leaves
// FORWARD alone, proves no source, and counts a port as often as it is tried.
func TestBroken(t *testing.T) {
	loose := strings.NewReplacer(`from = ["@office"]`, ``, `block = ["203.0.113.0/24", "2001:db8:bad::/48"]`, ``,
		"probes = 10", "probes = 12", "forward = \"published\"\ninside = [\"behind0\"]", `input = "reject"`, `stealth = true`, `stealth = false`,
		`knock = "back-door"`, ``, `proven = "1d"`, `proven = "0s"`).Replace(example.Shop)
	p, _ := example.Read(t, example.Shop)
	_, b := example.Read(t, loose)
	countEachRetry(b)
	r := attacked(t, p, b, true)
	want := []string{"stated-only", "nothing-closed", "odd-packets-nothing", "banned-in-time",
		"door-back-door", "forgery-spares-the-known", "network-fills-nothing", "blocked-nothing",
		"open-connection-goes-on", "retries-harmless", "unserved-silent", "no-error-before-forward"}
	if got := example.Broken(r); !slices.Equal(got, want) {
		t.Errorf("broken: %v, want %v", got, want)
		for _, p := range r.Promises {
			t.Logf("%t %s: %s", p.Kept, p.Name, p.Seen)
		}
	}
	if r.Kept() {
		t.Error("the report says that all was kept")
	}
}

// countEachRetry takes the rules away which know that a port has been counted.
func countEachRetry(b *bundle.Bundle) {
	for i, file := range b.Files {
		b.Files[i].Text = nil
		for line := range bytes.Lines(file.Text) {
			if !bytes.Contains(line, []byte("counted before")) {
				b.Files[i].Text = append(b.Files[i].Text, line...)
			}
		}
	}
}
