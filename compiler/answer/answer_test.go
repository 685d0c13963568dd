package answer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// office is a firewall that lets a set of some networks in to some ports.
func office(t *testing.T, name, ports string, networks ...string) *Subject {
	t.Helper()
	rules := "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m multiport --dports " + ports + " -m set --match-set hardenctl-office-v4 src -j ACCEPT\nCOMMIT\n"
	sets := "create hardenctl-office-v4 hash:net family inet\n"
	for _, n := range networks {
		sets += "add hardenctl-office-v4 " + n + "\n"
	}
	f, err := exact.Read(ruleset.V4, []byte(rules), []byte(sets))
	if err != nil {
		t.Fatal(err)
	}
	m := bundle.Manifest{Sets: []bundle.SetEntry{{Name: "hardenctl-office-v4", Origin: bundle.Origin{Part: "sets.office"}}}}
	return New(name, map[ruleset.Family]*exact.Firewall{ruleset.V4: f}, m, nil)
}

// networks are so many that no two of them are neighbours.
func networks(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("10.%d.0.0/24", 2*i))
	}
	return all
}

// Sources are said by the set of the profile. Of one that changes, few addresses are said,
// and many by what the set was and is.
func TestSources(t *testing.T) {
	few, many := networks(5), networks(12)
	for _, c := range []struct {
		name          string
		before, after *Subject
		want          []string
	}{
		{"a port more", office(t, "a", "22", few...), office(t, "b", "22,80", few...), []string{"newly accepted: tcp/80 from @office"}},
		{"a port less", office(t, "a", "22,80", few...), office(t, "b", "22", few...), []string{"no longer accepted: tcp/80 from @office"}},
		{"a network more", office(t, "a", "22", few[1:]...), office(t, "b", "22", few...), []string{"newly accepted: tcp/22 from 10.0.0.0/24"}},
		{"many networks more", office(t, "a", "22", few...), office(t, "b", "22", many...), []string{"newly accepted: tcp/22 from @office but the old @office"}},
		{"many networks less", office(t, "a", "22", many...), office(t, "b", "22", few...), []string{"no longer accepted: tcp/22 from the old @office but @office"}},
		{"all but some ports", office(t, "a", "22", few...), office(t, "b", "0:79,81:65535", few...), []string{"newly accepted: every port of tcp but 22, 80 from @office"}},
	} {
		v, err := Diff(c.before, c.after)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range v.Differences {
			got = append(got, d.Change+": "+d.text(false))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// In a screen the differences of one kind are few lines, and the rest is a number.
func TestBrief(t *testing.T) {
	v := &DiffView{}
	for i := range 9 {
		d := DifferenceView{Family: 4, Hook: "INPUT", Change: "newly accepted", First: true, Usual: true, RegionView: RegionView{What: fmt.Sprintf("tcp/%d", i), Sources: everyone, Destinations: everyone}}
		six := d
		six.Family, six.Example = 6, "another"
		other, limited := d, d
		other.First, limited.Usual, limited.Conditions = false, false, []string{"the source is above 1/sec"}
		v.Differences = append(v.Differences, d, six, other, limited)
	}
	text := strings.Join(v.Brief(), "\n")
	for _, want := range []string{
		"IPv4 and IPv6, to this host: newly accepted\n  tcp/0 from everyone\n    example: ", "  and 3 more\nIPv4, to this host: newly accepted, in some states only\n",
		"  tcp/5 from everyone, such as if the source is above 1/sec\n  and 3 more\nPackets of open connections, and invalid ones: 9 differences",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if full := strings.Join(v.Full(), "\n"); strings.Contains(full, "more") || strings.Count(full, "example: ") != 27 {
		t.Errorf("in full:\n%s", full)
	}
	if lines := (&DiffView{Equal: true}).Brief(); !slices.Equal(lines, []string{Same}) {
		t.Errorf("%q", lines)
	}
}

// TestRemarks holds that the rules of a part are shown with its description, and that a set has
// its name of the profile, however short the kernel's is.
func TestRemarks(t *testing.T) {
	of := func(part string) bundle.Origin { return bundle.Origin{Part: part, File: "web.toml", Line: 7} }
	m := bundle.Manifest{
		Remarks: []bundle.RemarkEntry{
			{Description: "the shop", Origin: of("services.web")}, {Description: "WireGuard", Origin: of("zones.vpn")},
			{Entry: "192.0.2.7", Description: "Ann", Origin: of("services.mail")}, {Expires: "2027-01-31", Origin: of("services.mail")},
		},
		Sets: []bundle.SetEntry{
			{Name: "hardenctl-office-of-t-dfc468-v4", Long: "office-of-the-second-floor", Origin: of("services.web")},
			{Name: "hardenctl-f-mail-v6", Origin: of("services.mail")},
		},
	}
	parts := map[string]string{
		"services.web": "web.toml:7: services.web (the shop)", "zones.vpn.trust": "web.toml:7: zones.vpn.trust (WireGuard)",
		"services.mail": "web.toml:7: services.mail", "services.website": "web.toml:7: services.website",
	}
	for part := range parts {
		m.Rules = append(m.Rules, bundle.RuleEntry{Family: 4, Table: "filter", Chain: part, Number: 1, Origin: of(part)})
	}
	s := New("web.toml", nil, m, nil)
	for part, want := range parts {
		if got := s.Origin(ruleset.V4, exact.RuleID{Table: "filter", Chain: part, Number: 1}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for kernel, want := range map[string]string{"hardenctl-office-of-t-dfc468-v4": "@office-of-the-second-floor", "hardenctl-f-mail-v6": "services.mail.from"} {
		if got, own := s.setName(kernel); got != want || !own {
			t.Errorf("%s is %q", kernel, got)
		}
	}
}
