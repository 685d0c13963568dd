package verify

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"hardenctl/compiler"
	"hardenctl/compiler/bundle"
	"hardenctl/compiler/profile"
	"hardenctl/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }

const shop = `version = 1
description = "A shop"

[sets.office]
addresses = ["192.0.2.0/24", "2001:db8:10::/48"]

[sets.crawlers]
addresses = ["66.249.64.0/27"]

[access]
admin = ["@office"]
exempt = ["@crawlers"]
block = ["203.0.113.0/24", "2001:db8:bad::/48"]

[services.http]
ports = ["tcp/80"]

[services.dns]
ports = ["udp/53"]

[services.ssh]
ports = ["tcp/22"]
admin = true
from = ["@office"]

[scan]
probes = 10
window = "1h"
ban = "1h"
scope = "hidden"
stealth = true

[udp]
new_per_source = "5/second burst 10"
`

// read returns a profile and its bundle.
func read(t *testing.T, text string) (*profile.Profile, *bundle.Bundle) {
	t.Helper()
	files := profile.Folders{Root: fstest.MapFS{"shop.toml": {Data: []byte(text)}}}
	b, diags := compiler.Compile("shop.toml", files)
	if b == nil {
		t.Fatal(diags)
	}
	p, _ := profile.Read("shop.toml", files)
	return p, b
}

// attacked runs the whole attack, with our own prober.
func attacked(t *testing.T, p *profile.Profile, b *bundle.Bundle) *Report {
	t.Helper()
	lab.Require(t)
	t.Cleanup(func() { lab.FlushState(t) })
	r, err := Run(context.Background(), p, b, Options{Quick: true, Progress: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// broken returns the names of the promises that did not hold.
func broken(r *Report) (names []string) {
	for _, p := range r.Promises {
		if !p.Kept {
			names = append(names, p.Name)
		}
	}
	return names
}

// What a profile says, the real kernel does: every promise is made, and kept.
func TestKept(t *testing.T) {
	profile, b := read(t, shop)
	r := attacked(t, profile, b)
	for _, p := range r.Promises {
		if !p.Kept {
			t.Errorf("%s: %s", p.Says, p.Seen)
		}
	}
	want := []string{
		"stated-only", "services-answer", "nothing-closed", "odd-packets-nothing", "banned-in-time", "one-source-learns-nothing",
		"ipv6-the-same", "client-unhurt", "crawler-unhurt", "admin-unhurt", "forgery-harmless", "admin-reaches", "members-reach", "blocked-nothing",
	}
	var made []string
	for _, p := range r.Promises {
		made = append(made, p.Name)
	}
	if !slices.Equal(made, want) {
		t.Errorf("promises made:\n%v, want\n%v", made, want)
	}
	checkMaps(t, r)
	for _, l := range r.Ladders {
		if kindNamed(l.Kind).counts(profile) != (l.BannedAt == 11) {
			t.Errorf("%s over IPv%d: banned by probe %d", l.Kind, l.Family, l.BannedAt)
		}
	}
}

func checkMaps(t *testing.T, r *Report) {
	t.Helper()
	if len(r.Maps) != 6 {
		t.Errorf("%d maps, want three views of two families", len(r.Maps))
	}
	for _, m := range r.Maps {
		if sum := m.Counts.Open + m.Counts.Closed + m.Counts.Silent; sum != 1<<16 {
			t.Errorf("the map %s over IPv%d is of %d ports", m.View, m.Family, sum)
		}
		if m.View == Before && (m.Counts.Silent > 0 || m.Counts.Open < 20) {
			t.Errorf("before, over IPv%d: %+v", m.Family, m.Counts)
		}
		if m.View != Before && !slices.Equal(m.Open, []uint16{80}) {
			t.Errorf("after, %s over IPv%d: open are %v", m.View, m.Family, m.Open)
		}
	}
}

// A bundle that is not the profile's is found out: this one opens SSH to
// everyone, has no blocklist, rejects, and bans too late.
func TestBroken(t *testing.T) {
	loose := strings.NewReplacer(`from = ["@office"]`, ``, `block = ["203.0.113.0/24", "2001:db8:bad::/48"]`, ``,
		"[scan]\nprobes = 10", "[policy]\ninput = \"reject\"\n[scan]\nprobes = 12", `stealth = true`, `stealth = false`).Replace(shop)
	p, _ := read(t, shop)
	_, b := read(t, loose)
	r := attacked(t, p, b)
	want := []string{"stated-only", "nothing-closed", "odd-packets-nothing", "banned-in-time", "one-source-learns-nothing", "blocked-nothing"}
	if got := broken(r); !slices.Equal(got, want) {
		t.Errorf("broken: %v, want %v", got, want)
		for _, p := range r.Promises {
			t.Logf("%t %s: %s", p.Kept, p.Name, p.Seen)
		}
	}
	if r.Kept() {
		t.Error("the report says that all was kept")
	}
}
