package profiles_test

import (
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/profiles"
)

func TestNames(t *testing.T) {
	want := []string{"base", "bastion", "database", "dns", "docker-host", "gateway", "howto", "mail", "ot-controller", "server", "web"}
	if got := profiles.Names(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// read returns a built-in profile, which must be without a flaw.
func read(t *testing.T, name string) *profile.Profile {
	t.Helper()
	p, list := profile.Read("builtin:"+name, profile.Folders{Builtins: profiles.FS()})
	if list != nil {
		t.Fatalf("builtin:%s: %v", name, list)
	}
	return p
}

func TestProfiles(t *testing.T) {
	for _, name := range profiles.Names() {
		p := read(t, name)
		if p.Description == "" || p.Description != profiles.Description(name) {
			t.Errorf("%s describes itself as %q and %q", name, p.Description, profiles.Description(name))
		}
		if p.Policy.Input != profile.Drop || p.Policy.Forward != forward(p, name) || !p.Policy.IPv6 {
			t.Errorf("%s is not closed by default: %+v", name, p.Policy)
		}
		text, _ := fs.ReadFile(profiles.FS(), name+".toml")
		if !strings.HasPrefix(string(text), "# ") {
			t.Errorf("%s does not begin with what it is for", name)
		}
	}
}

// forward is what a profile does with packets to others: none of them is a
// router, but only a controller has no containers either.
func forward(p *profile.Profile, name string) profile.Ending {
	switch {
	case name == "ot-controller":
		return profile.Drop
	case len(p.Policy.Inside) > 0:
		return profile.Published // a gateway, and a host of containers
	}
	return profile.Leave
}

// TestController holds that a controller has no port for everyone, that the
// stations in control of it can never be shut out, and that it answers no ping.
func TestController(t *testing.T) {
	p := read(t, "ot-controller")
	for _, s := range p.Services {
		if len(s.From) == 0 {
			t.Errorf("%s is open to everyone", s.Name)
		}
	}
	if exempt := p.Access.Exempt; len(exempt) != 1 || exempt[0].Set != "control" {
		t.Errorf("exempt are %v", exempt)
	}
	if p.ICMP.EchoPerSource.Stated() {
		t.Error("it answers pings")
	}
	if p.Scan.Probes > 3 || p.Scan.Scope != profile.Everything || !p.Scan.Stealth {
		t.Errorf("scan is %+v", p.Scan)
	}
}

// TestDNS holds that queries in a forged name use up nothing of TCP, by which
// the source is still answered.
func TestDNS(t *testing.T) {
	limits := map[profile.Protocol]string{}
	for _, s := range read(t, "dns").Services {
		for _, port := range s.Ports {
			if port.First == 53 && s.NewPerSource.Stated() {
				limits[port.Protocol] = s.Name
			}
		}
	}
	if limits[profile.UDP] == "" || limits[profile.TCP] == "" || limits[profile.UDP] == limits[profile.TCP] {
		t.Errorf("port 53 is limited by %v", limits)
	}
}

// TestMail holds that nothing that begins in the clear is open but the port by
// which servers hand over mail, and that by which users turn to TLS.
func TestMail(t *testing.T) {
	var open []string
	for _, s := range read(t, "mail").Services {
		for _, port := range s.Ports {
			open = append(open, port.String())
		}
	}
	slices.Sort(open)
	if want := []string{"tcp/22", "tcp/25", "tcp/465", "tcp/587", "tcp/993"}; !slices.Equal(open, want) {
		t.Errorf("open are %v, want %v", open, want)
	}
}

// TestHowto holds the how-to's own settings.
func TestHowto(t *testing.T) {
	p := read(t, "howto")
	if p.Scan.Probes != 10 || p.Scan.Window.Seconds() != 60 || p.Scan.Ban.Seconds() != 3600 || p.Scan.Engine != profile.Recent {
		t.Errorf("scan is %+v", p.Scan)
	}
	for _, s := range p.Services {
		if q := s.NewPerSource.Quota; q.Count != 10 || q.Window.Seconds() != 60 {
			t.Errorf("%s has the quota %+v", s.Name, q)
		}
	}
	if p.Log.Prefix != "IPTables-Dropped: " {
		t.Errorf("the log prefix is %q", p.Log.Prefix)
	}
	if icmp, udp := p.ICMP.EchoPerSource.Rate, p.UDP.PacketsPerSource.Rate; icmp.Count != 1 || icmp.Per.Seconds() != 1 || udp.Count != 5 || udp.Per.Seconds() != 1 {
		t.Errorf("echo requests by %+v, UDP by %+v", icmp, udp)
	}
	want := map[string]int64{"syncookies": 1, "conntrack_max": 262144, "conntrack_hashsize": 32768, "default_ttl": 128}
	for _, k := range p.Kernel {
		if value, stated := want[k.Name]; stated && k.Value != value {
			t.Errorf("%s is %d", k.Name, k.Value)
		}
		delete(want, k.Name)
	}
	if len(want) > 0 {
		t.Errorf("not stated: %v", want)
	}
}

// TestLists holds that the crawlers' lists are whole.
func TestLists(t *testing.T) {
	text, err := fs.ReadFile(profiles.FS(), "lists/googlebot.json")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Error("googlebot.json is no JSON")
	}
	crawlers := read(t, "web").Sets[0]
	if crawlers.Name != "crawlers" || len(crawlers.Members.V4()) < 50 || len(crawlers.Members.V6()) == 0 {
		t.Errorf("%s has %d and %d prefixes", crawlers.Name, len(crawlers.Members.V4()), len(crawlers.Members.V6()))
	}
}
