package netset_test

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/netset"
)

// of makes a set of prefixes in text.
func of(texts ...string) netset.Set { return netset.Of(prefixes(texts...)...) }

func prefixes(texts ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range texts {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

func TestAggregate(t *testing.T) {
	for _, test := range []struct {
		name       string
		give, want []netip.Prefix
	}{
		{"nothing", nil, nil},
		{"one address", prefixes("192.0.2.1/32"), prefixes("192.0.2.1/32")},
		{"host bits", prefixes("10.1.2.3/8"), prefixes("10.0.0.0/8")},
		{"equal", prefixes("10.0.0.0/8", "10.0.0.0/8"), prefixes("10.0.0.0/8")},
		{"inside", prefixes("10.0.0.0/8", "10.1.0.0/16"), prefixes("10.0.0.0/8")},
		{"siblings", prefixes("10.0.1.0/24", "10.0.0.0/24"), prefixes("10.0.0.0/23")},
		{"neighbours that are not siblings", prefixes("10.0.1.0/24", "10.0.2.0/24"), prefixes("10.0.1.0/24", "10.0.2.0/24")},
		{"a run", prefixes("10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32"), prefixes("10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/32")},
		{"the two halves", prefixes("0.0.0.0/1", "128.0.0.0/1"), prefixes("0.0.0.0/0")},
		{"the ends do not touch", prefixes("255.255.255.255/32", "0.0.0.0/32"), prefixes("0.0.0.0/32", "255.255.255.255/32")},
		{"invalid", []netip.Prefix{{}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := netset.Of(test.give...)
			if got := set.V4(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("V4() = %v, want %v", got, test.want)
			}
			if got := set.V6(); got != nil {
				t.Errorf("V6() = %v, want nil", got)
			}
		})
	}
}

func TestAggregateIPv6(t *testing.T) {
	set := of("2001:db8:1::/48", "2001:db8::/48", "8000::/1", "::1/128", "::/128", "192.0.2.0/24")
	want := prefixes("::/127", "2001:db8::/47", "8000::/1")
	if got := set.V6(); !reflect.DeepEqual(got, want) {
		t.Errorf("V6() = %v, want %v", got, want)
	}
	if got := set.V4(); !reflect.DeepEqual(got, prefixes("192.0.2.0/24")) {
		t.Errorf("V4() = %v", got)
	}
	halves := of("::/64", "0:0:0:1::/64")
	if got := halves.V6(); !reflect.DeepEqual(got, prefixes("::/63")) {
		t.Errorf("V6() = %v, want [::/63]", got)
	}
}

func TestOperations(t *testing.T) {
	a, b := of("10.0.0.0/30", "2001:db8::/127"), of("10.0.0.2/31", "10.0.0.4/32", "2001:db8::1/128")
	for _, test := range []struct {
		name      string
		got, want netset.Set
	}{
		{"union", a.Union(b), of("10.0.0.0/30", "10.0.0.4/32", "2001:db8::/127")},
		{"intersect", a.Intersect(b), of("10.0.0.2/31", "2001:db8::1/128")},
		{"subtract", a.Subtract(b), of("10.0.0.0/31", "2001:db8::/128")},
		{"subtract the other way", b.Subtract(a), of("10.0.0.4/32")},
		{"subtract nothing", a.Subtract(netset.Set{}), a},
		{"subtract itself", a.Subtract(a), netset.Set{}},
		{"subtract from everything", of("0.0.0.0/0", "::/0").Subtract(of("0.0.0.0/1", "8000::/1")), of("128.0.0.0/1", "::/1")},
		{"subtract everything", a.Subtract(of("0.0.0.0/0")), of("2001:db8::/127")},
	} {
		if !test.got.Equal(test.want) {
			t.Errorf("%s: got %v %v, want %v %v", test.name, test.got.V4(), test.got.V6(), test.want.V4(), test.want.V6())
		}
	}
	if a.Equal(b) || !a.Equal(of("10.0.0.0/31", "10.0.0.2/31", "2001:db8::/127")) {
		t.Error("Equal is wrong")
	}
}

func TestWhole(t *testing.T) {
	for _, test := range []struct {
		set          netset.Set
		all4, all6   bool
		empty        bool
		whatItHolds  string
		containsZero bool
	}{
		{netset.Set{}, false, false, true, "nothing", false},
		{of("0.0.0.0/0"), true, false, false, "all of IPv4", true},
		{of("128.0.0.0/1", "0.0.0.0/1"), true, false, false, "both halves of IPv4", true},
		{of("0.0.0.0/1", "128.0.0.0/2"), false, false, false, "three quarters", true},
		{of("::/1", "8000::/1"), false, true, false, "both halves of IPv6", false},
		{of("128.0.0.0/1"), false, false, false, "the upper half", false},
	} {
		if test.set.AllV4() != test.all4 || test.set.AllV6() != test.all6 || test.set.IsEmpty() != test.empty {
			t.Errorf("%s: AllV4 %v, AllV6 %v, IsEmpty %v", test.whatItHolds, test.set.AllV4(), test.set.AllV6(), test.set.IsEmpty())
		}
		if got := test.set.Contains(netip.IPv4Unspecified()); got != test.containsZero {
			t.Errorf("%s: Contains(0.0.0.0) = %v", test.whatItHolds, got)
		}
	}
}

func TestContains(t *testing.T) {
	set := of("10.0.0.0/8", "192.0.2.1/32", "fe80::/10")
	for text, want := range map[string]bool{
		"10.0.0.0": true, "10.255.255.255": true, "11.0.0.0": false, "9.255.255.255": false,
		"192.0.2.1": true, "192.0.2.2": false, "255.255.255.255": false, "0.0.0.0": false,
		"fe80::1": true, "fe80::1%eth0": false, "::ffff:10.0.0.1": false, "::": false,
	} {
		if got := set.Contains(netip.MustParseAddr(text)); got != want {
			t.Errorf("Contains(%s) = %v, want %v", text, got, want)
		}
	}
	if set.Contains(netip.Addr{}) {
		t.Error("the zero Addr is in a set")
	}
}

// A small world is 256 neighbouring addresses, each in a set or not: what sets
// are, without the ranges.
type smallWorld [256]bool

// random fills the world with a few prefixes, and returns them.
func (w *smallWorld) random(r *rand.Rand, base netip.Addr) []netip.Prefix {
	var out []netip.Prefix
	for range r.IntN(12) {
		bits := base.BitLen() - r.IntN(6)
		p := netip.PrefixFrom(at(base, r.IntN(256)), bits)
		for i := range w {
			w[i] = w[i] || p.Contains(at(base, i))
		}
		out = append(out, p)
	}
	return out
}

// at is the address i after base, which ends in a zero byte.
func at(base netip.Addr, i int) netip.Addr {
	b := base.AsSlice()
	b[len(b)-1] = byte(i)
	a, _ := netip.AddrFromSlice(b)
	return a
}

// fewest counts the prefixes that a world needs: one if it is all in, none if
// it is all out, else what its halves need.
func fewest(world []bool) int {
	all, any := true, false
	for _, in := range world {
		all, any = all && in, any || in
	}
	if all || !any {
		return map[bool]int{true: 1}[all]
	}
	half := len(world) / 2
	return fewest(world[:half]) + fewest(world[half:])
}

func TestAgainstSmallWorlds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, base := range []string{"0.0.0.0", "255.255.255.0", "10.1.2.0", "::", "2001:db8::ff00", "0:0:0:1::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00"} {
		base := netip.MustParseAddr(base)
		for range 300 {
			var wa, wb, union, both, less smallWorld
			a, b := netset.Of(wa.random(r, base)...), netset.Of(wb.random(r, base)...)
			for i := range wa {
				union[i], both[i], less[i] = wa[i] || wb[i], wa[i] && wb[i], wa[i] && !wb[i]
			}
			mustBe(t, "a", base, a, wa)
			mustBe(t, "union", base, a.Union(b), union)
			mustBe(t, "intersect", base, a.Intersect(b), both)
			mustBe(t, "subtract", base, a.Subtract(b), less)
		}
	}
}

func mustBe(t *testing.T, name string, base netip.Addr, got netset.Set, want smallWorld) {
	t.Helper()
	for i := range want {
		if got.Contains(at(base, i)) != want[i] {
			t.Fatalf("%s: Contains(%v) = %v, want %v", name, at(base, i), !want[i], want[i])
		}
	}
	cover := append(got.V4(), got.V6()...)
	if len(cover) != fewest(want[:]) {
		t.Fatalf("%s: %d prefixes %v, %d would do", name, len(cover), cover, fewest(want[:]))
	}
	if !netset.Of(cover...).Equal(got) {
		t.Fatalf("%s: the prefixes %v are another set", name, cover)
	}
}
