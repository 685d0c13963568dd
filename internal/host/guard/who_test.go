package guard

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/host/login"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// example is the question of a profile with an admin network, SSH for an office
// and behind a knock, and a blocklist.
func example() Question {
	set := func(prefixes ...string) state.Set {
		var all []netip.Prefix
		for _, p := range prefixes {
			all = append(all, netip.MustParsePrefix(p))
		}
		return state.Set{Members: netset.Of(all...)}
	}
	q := Question{Families: ruleset.Families[:], Bundle: &bundle.Bundle{Manifest: bundle.Manifest{
		Access: bundle.AccessEntry{
			Admin: []string{"hardenctl-admin-v4", "hardenctl-admin-v6"},
			Services: []bundle.AdminService{{
				Name: "ssh", Ports: []bundle.Port{{Protocol: "tcp", First: 22, Last: 22}, {Protocol: "udp", First: 60000, Last: 60010}},
				From: []string{"hardenctl-office-v4"}, Knock: []bundle.Port{{Protocol: "tcp", First: 7000, Last: 7000}, {Protocol: "udp", First: 8000, Last: 8000}},
			}},
		},
		Sets: []bundle.SetEntry{
			{Name: "hardenctl-admin-v4"}, {Name: "hardenctl-admin-v6"}, {Name: "hardenctl-ban-v4", Dynamic: true},
			{Name: "hardenctl-block-v4"}, {Name: "hardenctl-office-v4"},
		},
	}}}
	q.Want.Sets = map[string]state.Set{
		"hardenctl-admin-v4":  set("198.51.100.0/24"),
		"hardenctl-admin-v6":  set("2001:db8:10::/48"),
		"hardenctl-block-v4":  set("198.51.100.64/26", "203.0.113.0/24"),
		"hardenctl-office-v4": set("192.0.2.0/24"),
	}
	return q
}

// Who asks is known by SSH_CONNECTION, whatever family sshd took him for.
func TestAsking(t *testing.T) {
	for text, want := range map[string]string{
		"203.0.113.7 50000 192.0.2.1 22":             "203.0.113.7 192.0.2.1 tcp/22 knocks 2",
		"192.0.2.7 50000 192.0.2.1 22":               "192.0.2.7 192.0.2.1 tcp/22 knocks 0",
		"198.51.100.7 50000 192.0.2.1 22":            "198.51.100.7 192.0.2.1 tcp/22 knocks 0",
		"::ffff:192.0.2.7 50000 ::ffff:192.0.2.1 22": "192.0.2.7 192.0.2.1 tcp/22 knocks 0",
		"2001:db8::7 50000 2001:db8::1 2222":         "2001:db8::7 2001:db8::1 tcp/2222 knocks 0",
		"fe80::7%eth1 50000 fe80::1%eth1 22":         "fe80::7%eth1 fe80::1%eth1 tcp/22 knocks 2",
	} {
		t.Setenv("SSH_CONNECTION", text)
		q, got := example(), ""
		q.Connection = login.Connected()
		v, err := q.asking()
		if v != nil {
			got = fmt.Sprint(v.from, " ", v.to, " ", v.port(), " knocks ", len(v.knock))
		}
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	q := example()
	if v, err := q.asking(); v != nil || err != nil {
		t.Errorf("no user asks, and it is %+v, %v", v, err)
	}
}

// An IPv6 source is a /64 to limits, so that two who are logged in from one are
// tried once, but where a rule tells them apart.
func TestPick(t *testing.T) {
	var visits []*visit
	for _, v := range []struct{ from, learned string }{
		{"203.0.113.7", learnedAsking}, {"203.0.113.7", learnedSSH}, {"203.0.113.8", learnedSSH},
		{"2001:db8::1", learnedAsking}, {"2001:db8::2", learnedSSH}, {"2001:db8::3", learnedSSH}, {"2001:db8::4", learnedSSH}, {"2001:db8:1::2", learnedSSH},
		{"fe80::1%eth0", learnedSSH}, {"fe80::2%eth0", learnedSSH}, {"fe80::1%eth1", learnedSSH},
	} {
		visits = append(visits, &visit{from: netip.MustParseAddr(v.from), door: door{protocol: "tcp", number: 22}, learned: v.learned})
	}
	c := classes{parts: []netset.Set{netset.Of(netip.MustParsePrefix("2001:db8::2/127")), netset.Of(netip.MustParsePrefix("fe80::/10"))}}
	picked, notes := c.pick(visits)
	var got []string
	for _, v := range picked {
		got = append(got, v.from.String()+" "+v.learned)
	}
	want := []string{
		"203.0.113.7 " + learnedAsking, "203.0.113.8 " + learnedSSH,
		"2001:db8::1 " + learnedAsking, "2001:db8::2 " + learnedSSH, "2001:db8:1::2 " + learnedSSH,
		"fe80::1%eth0 " + learnedSSH, "fe80::1%eth1 " + learnedSSH,
	}
	if !slices.Equal(got, want) || notes != nil {
		t.Errorf("got %q, %q, want %q", got, notes, want)
	}
}

// Of ten thousand who are logged in few are tried, and of each kind one: the one
// whom a ban holds, and the one whom a rule names.
func TestPickOfMany(t *testing.T) {
	var visits []*visit
	for i := range 10000 {
		a := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		visits = append(visits, &visit{from: a, door: door{protocol: "tcp", number: 22}, connected: true})
	}
	q := example()
	q.live = map[string][]kernelset.Entry{"hardenctl-ban-v4": {{Prefix: netip.MustParsePrefix("10.1.33.77/32")}}}
	q.Bundle.Files = []bundle.File{{Name: bundle.RulesV4, Text: []byte("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ! -s 10.1.39.0/30 -p tcp -j ACCEPT\n-A INPUT -m iprange --src-range 10.1.38.7-10.1.38.9 -j DROP\nCOMMIT\n")}}
	c, err := q.classes()
	if err != nil {
		t.Fatal(err)
	}
	picked, notes := c.pick(visits)
	var got []string
	for _, v := range picked {
		got = append(got, v.from.String())
	}
	if want := []string{"10.1.0.0", "10.1.33.77", "10.1.38.7", "10.1.39.0"}; !slices.Equal(got, want) {
		t.Errorf("tried %q, want %q", got, want)
	}
	if want := "of the 10000 connections of those who are logged in, 4 were tried: one of each kind that a rule tells apart"; !slices.Equal(notes, []string{want}) {
		t.Errorf("notes %q", notes)
	}
}

// A user of this host makes no work for the guard by connecting to thousands of
// addresses and ports of it: of each kind that a rule tells apart one is tried, and
// it says for how many it is. A login is not tried by the connection of an unlisted source.
func TestPickOfManyPlaces(t *testing.T) {
	q := example()
	q.Bundle.Manifest.Access.Services = append(q.Bundle.Manifest.Access.Services, bundle.AdminService{Name: "panel", Ports: []bundle.Port{{Protocol: "tcp", First: 9000, Last: 9999}}})
	q.Bundle.Files = []bundle.File{{Name: bundle.RulesV4, Text: []byte("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -d 127.0.9.9/32 -p tcp -j DROP\n-A INPUT -p tcp -m tcp --dport 9000:9099 -j DROP\nCOMMIT\n")}}
	c, err := q.classes()
	if err != nil {
		t.Fatal(err)
	}
	var visits []*visit
	for i := range 8000 {
		v := &visit{from: netip.MustParseAddr("127.0.0.1"), to: netip.AddrFrom4([4]byte{127, 0, byte(i >> 8), byte(i)}), connected: true, program: "panel"}
		v.door = door{protocol: "tcp", number: uint16(9000 + i%1000), service: "panel"}
		visits = append(visits, v)
	}
	login := *visits[7999]
	login.program = ""
	picked, _ := c.pick(append(visits, &login))
	var got []string
	for _, v := range picked {
		got = append(got, fmt.Sprintf("%s %s %q %d", v.to, v.port(), v.program, v.like))
	}
	want := []string{
		`127.0.0.0 tcp/9000 "panel" 799`, `127.0.0.100 tcp/9100 "panel" 7198`, `127.0.9.9 tcp/9313 "panel" 0`, `127.0.31.63 tcp/9999 "" 0`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("tried %q, want %q", got, want)
	}
}

// No two addresses of one source are in one round; what the profile declares is
// not counted by limits, and has no round of its own.
func TestRounds(t *testing.T) {
	var visits []*visit
	for _, from := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::1", "2001:db8:1::1", "192.0.2.1", "192.0.2.2", "2001:db8::3"} {
		visits = append(visits, &visit{from: netip.MustParseAddr(from), connected: true})
	}
	visits = append(visits, &visit{from: netip.MustParseAddr("2001:db8::4")})
	var got []string
	for _, round := range rounds(visits) {
		text := ""
		for _, v := range round {
			text += " " + v.from.String()
		}
		got = append(got, text)
	}
	want := []string{" 2001:db8::1 2001:db8::1 2001:db8:1::1 192.0.2.1 192.0.2.2 2001:db8::4", " 2001:db8::2", " 2001:db8::3"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Admin addresses are tried at both ends of every piece that another set cuts
// out of them, at both ends of every range of ports.
func TestDeclared(t *testing.T) {
	q := example()
	c, err := q.classes()
	if err != nil {
		t.Fatal(err)
	}
	visits, notes, err := q.declared(c)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range visits {
		got = append(got, v.from.String()+" "+v.port())
	}
	var want []string
	for _, a := range []string{
		"198.51.100.1", "198.51.100.65", "198.51.100.126", "198.51.100.254",
		"2001:db8:10::1", "2001:db8:10:ffff:ffff:ffff:ffff:ffff",
	} {
		want = append(want, a+" tcp/22", a+" udp/60000", a+" udp/60010")
	}
	if !slices.Equal(got, want) || notes != nil {
		t.Errorf("got %q, %q, want %q", got, notes, want)
	}
}

// Of a prefix only addresses are tried that a packet can come from.
func TestSamples(t *testing.T) {
	cut := netset.Of(netip.MustParsePrefix("192.0.2.128/25"), netip.MustParsePrefix("2001:db8::/32"))
	for prefix, want := range map[string]string{
		"192.0.2.7/32":    "[192.0.2.7]",
		"192.0.2.6/31":    "[192.0.2.6 192.0.2.7]",
		"192.0.2.0/24":    "[192.0.2.1 192.0.2.126 192.0.2.129 192.0.2.254]",
		"0.0.0.0/1":       "[1.0.0.1 126.255.255.254]",
		"224.0.0.0/4":     "[]",
		"fe80::/10":       "[]",
		"2001:db8::/64":   "[2001:db8::1 2001:db8::ffff:ffff:ffff:ffff]",
		"2001:db8::7/128": "[2001:db8::7]",
	} {
		pieces := classes{parts: []netset.Set{cut}}.cut(netset.Of(netip.MustParsePrefix(prefix)).Subtract(unusable))
		got := samples(netip.MustParsePrefix(prefix), pieces)
		slices.SortFunc(got, netip.Addr.Compare)
		if got := fmt.Sprint(slices.Compact(got)); got != want {
			t.Errorf("%s: got %s, want %s", prefix, got, want)
		}
	}
}

// However finely other sets cut the admin addresses, every piece is tried.
func TestEveryPiece(t *testing.T) {
	var c classes
	q := example()
	q.Want.Sets["hardenctl-admin-v4"] = state.Set{Members: netset.Of(netip.MustParsePrefix("10.0.0.0/8"))}
	q.Want.Sets["hardenctl-admin-v6"] = state.Set{}
	for bits := range 20 {
		c.parts = append(c.parts, netset.Of(netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), 31-bits)))
	}
	addresses, _, _ := q.adminSamples(c)
	tried := map[string]bool{}
	for _, a := range addresses {
		tried[c.of(a)] = true
	}
	if len(tried) != 21 || len(addresses) > mostOfAll {
		t.Errorf("%d addresses of %d kinds, want 21 kinds", len(addresses), len(tried))
	}
}

// A range of ports is tried at the edges of what other rules cut out of it.
func TestEdges(t *testing.T) {
	whole := bundle.Port{Protocol: "udp", First: 60000, Last: 60010}
	rule := tablefile.Rule{Spec: "-p udp -m multiport --dports 53,60004:60006,60010:61000 -j DROP"}
	if got, want := edges(whole, rule.Ports()), []uint16{60000, 60003, 60004, 60006, 60007, 60009, 60010}; !slices.Equal(got, want) {
		t.Errorf("got %d, want %d", got, want)
	}
	other := tablefile.Rule{Spec: "-p tcp -m tcp --sport 60005 --dport 60005 -j DROP"}
	if got, want := edges(whole, other.Ports()), []uint16{60000, 60010}; !slices.Equal(got, want) {
		t.Errorf("TCP cuts UDP: got %d", got)
	}
}

// A list of admin addresses may be long; what was left out is said.
func TestManyDeclared(t *testing.T) {
	q := example()
	var many []netip.Prefix
	for i := range 200 {
		many = append(many, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 7}), 32))
	}
	q.Want.Sets["hardenctl-admin-v4"] = state.Set{Members: netset.Of(many...)}
	visits, notes, err := q.declared(classes{parts: []netset.Set{netset.Of(netip.MustParsePrefix("10.199.0.7/32"))}})
	if err != nil {
		t.Fatal(err)
	}
	want := "of the 201 prefixes of access.admin the first 59 were tried, and one address of each kind that a rule tells apart"
	if len(notes) != 1 || notes[0] != want {
		t.Errorf("%q, want %q", notes, want)
	}
	if len(visits) > 4*mostOfAll || !slices.ContainsFunc(visits, func(v *visit) bool { return v.from.String() == "10.199.0.7" }) {
		t.Errorf("%d visits, and 10.199.0.7, which a rule tells apart, is not among them", len(visits))
	}
}
