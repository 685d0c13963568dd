package network

import (
	"net/netip"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/internal/verify/example"
)

// Unlisted addresses are none that the profile names, even where it names the ranges
// that are taken first.
func TestUnlisted(t *testing.T) {
	for name, text := range map[string]string{
		"a profile that names few": example.Shop,
		"a list of unroutable ranges": example.Shop + `
[sets.bogons]
addresses = ["198.18.0.0/15", "2001:db8:6600::/40"]
`,
	} {
		p, _ := example.Read(t, text)
		a, b, err := findUnlisted(p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, group := range []*Unlisted{a, b} {
			for _, prefix := range []netip.Prefix{group.v4, group.v6} {
				for _, s := range p.Sets {
					if s.Members.Contains(prefix.Addr()) {
						t.Errorf("%s: the unlisted %s are in the set %s", name, prefix, s.Name)
					}
				}
			}
		}
		if a.v4 == b.v4 || a.v6 == b.v6 {
			t.Errorf("%s: both groups are %s and %s", name, a.v4, a.v6)
		}
	}
}

func TestNoUnlisted(t *testing.T) {
	p, _ := example.Read(t, example.Shop+`
[sets.world]
addresses = ["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3"]
`)
	if _, _, err := findUnlisted(p); err == nil {
		t.Error("there are unlisted addresses although the profile names all")
	}
}

// Unlisted addresses differ in what the kernel counts by: the /32, and the /64.
func TestNumbers(t *testing.T) {
	s := &Unlisted{v4: netip.MustParsePrefix("198.18.0.0/16"), v6: netip.MustParsePrefix("2001:db8:66::/48")}
	for family, want := range map[int]string{4: "198.18.1.187", 6: "2001:db8:66:1bb::1"} {
		if got := s.Number(443, family); got.String() != want {
			t.Errorf("unlisted 443 over IPv%d is %s, want %s", family, got, want)
		}
	}
	if first, second := s.Next(), s.Next(); first != 1 || second != 2 {
		t.Errorf("the first are %d and %d", first, second)
	}
}

// A resident has an address that a host can have.
func TestResident(t *testing.T) {
	tests := []struct{ prefix, want string }{
		{"198.51.100.0/24", "198.51.100.6"},
		{"198.51.100.9/32", "198.51.100.9"},
		{"198.51.100.0/31", "198.51.100.1"},
		{"198.51.100.0/32", ""},
		{"192.0.2.1/32", ""}, // the server itself
		{"2001:db8:10::/48", "2001:db8:10::6"},
		{"2001:db8:10::7/128", "2001:db8:10::7"},
	}
	for _, test := range tests {
		prefix := netip.MustParsePrefix(test.prefix)
		family := 4
		if prefix.Addr().Is6() {
			family = 6
		}
		got, ok := Resident(&profile.Profile{}, []profile.Ref{{Prefix: prefix}}, family)
		if ok != (test.want != "") || ok && got.String() != test.want {
			t.Errorf("%s: %s, %t, want %q", test.prefix, got, ok, test.want)
		}
	}
}
