package proof_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/diag"
	"github.com/hardenctl/hardenctl/compiler/exact"
	"github.com/hardenctl/hardenctl/compiler/proof"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// site is a profile with something of everything.
const site = `include = ["builtin:web"]
[sets.office]
addresses = ["198.51.100.0/24", "2001:db8:5::/48"]
[access]
admin = ["203.0.113.9", "2001:db8:9::9"]
exempt = ["203.0.113.64/28", "2001:db8:e::/48"]
block = ["192.0.2.128/25", "2001:db8:bad::/48"]
[services.db]
ports = ["tcp/5432"]
from = ["@office"]
[services.vpn]
ports = ["udp/1194"]
[services.panel]
ports = ["tcp/8443"]
knock = "door"
[knocks.door]
sequence = ["tcp/7101", "udp/8202", "tcp/9303"]
`

// gateway is one that sends packets on.
const gateway = `include = ["builtin:docker-host"]
[access]
admin = ["203.0.113.9"]
block = ["192.0.2.128/25"]
[services.app]
ports = ["tcp/8080"]
`

// tunnels is one with protocols that have no ports.
const tunnels = `include = ["builtin:web"]
services.tunnels = { protocols = ["vrrp", "gre"], from = ["198.51.100.31", "2001:db8:5::31"] }
services.routers = { protocols = ["ospf"], groups = ["224.0.0.5", "ff02::5"] }
`

// seed is a mistake in the bundle of a profile.
type seed struct {
	name    string
	profile string // site where empty
	edits   edits
}

type edits []edit

// families are those whose rules the edits change; none means both.
func (s seed) families() []ruleset.Family {
	of := map[string]ruleset.Family{bundle.RulesV4: ruleset.V4, bundle.RulesV6: ruleset.V6}
	var families []ruleset.Family
	for _, e := range s.edits {
		family, known := of[e.file]
		if !known {
			return nil
		}
		if !slices.Contains(families, family) {
			families = append(families, family)
		}
	}
	return families
}

// edit is a change of a file of a bundle: line comes before the first line that begins with
// before, or in its place. A line that begins with moved is taken out first, and is line.
type edit struct {
	file, before, line, moved string
	instead                   bool
}

func put(before, line string) edit { return edit{file: bundle.RulesV4, before: before, line: line} }
func swap(before, line string) edit {
	return edit{file: bundle.RulesV4, before: before, line: line, instead: true}
}
func cut(line string) edit          { return swap(line, "") }
func move(line, before string) edit { return edit{file: bundle.RulesV4, before: before, moved: line} }
func in(file string, e edit) edit   { e.file = file; return e }
func v6(e edit) edit                { return in(bundle.RulesV6, e) }
func sets(e edit) edit              { return in(bundle.Sets, e) }

const (
	input   = "-A HARDENCTL-INPUT -m comment --comment \"policy: unserved\""
	trusted = "-A HARDENCTL-INPUT -m set --match-set hardenctl-trusted-v4 src"
)

var strays = []seed{
	{name: "a port", edits: edits{put(input, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -j ACCEPT`)}},
	{name: "ports", edits: edits{put(input, `-A HARDENCTL-INPUT -p udp -m udp --dport 8000:8100 -j ACCEPT`)}},
	{name: "many ports", edits: edits{put(input, `-A HARDENCTL-INPUT -p tcp -m multiport --dports 21,23,25,110,111,135,139,143 -j ACCEPT`)}},
	{name: "a source", edits: edits{put(input, `-A HARDENCTL-INPUT -s 198.18.0.0/15 -j ACCEPT`)}},
	{name: "a blocked source", edits: edits{put(trusted, `-A HARDENCTL-INPUT -s 192.0.2.200/32 -p tcp -m tcp --dport 9100 -j ACCEPT`)}},
	{name: "a protocol", edits: edits{put(input, `-A HARDENCTL-INPUT -p gre -j ACCEPT`)}},
	{name: "an interface", edits: edits{put(input, `-A HARDENCTL-INPUT -i eth1 -j ACCEPT`)}},
	{name: "within a limit", edits: edits{put(input, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -m limit --limit 1/min -j ACCEPT`)}},
	{name: "for those in a set", edits: edits{put(input, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -m set --match-set hardenctl-proven-v4 src -j ACCEPT`)}},
	{name: "by a source port", edits: edits{put(input, `-A HARDENCTL-INPUT -p udp -m udp --sport 53 -j ACCEPT`)}},
	{name: "what conntrack cannot place", edits: edits{put(trusted, `-A HARDENCTL-INPUT -m conntrack --ctstate INVALID -j ACCEPT`)}},
	{name: "all ICMP", edits: edits{put(trusted, `-A HARDENCTL-INPUT -p icmp -j ACCEPT`)}},
	{name: "admins anywhere", edits: edits{put("-A HARDENCTL-TRUSTED", `-A HARDENCTL-TRUSTED -m set --match-set hardenctl-admin-v4 src -j ACCEPT`)}},
	{name: "exempt sources behind a knock", edits: edits{put("-A HARDENCTL-TRUSTED", `-A HARDENCTL-TRUSTED -p tcp -m tcp --dport 8443 -j ACCEPT`)}},
	{name: "a service of others for everyone", edits: edits{put(input, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 5432 -j ACCEPT`)}},
	{name: "by a match that is not known", edits: edits{put(input, `-A HARDENCTL-INPUT -p tcp -m geoip --src-cc DE -j ACCEPT`)}},
	{name: "in a chain that others lead to", edits: edits{put("-A HARDENCTL-SORT", `-A HARDENCTL-SORT -p tcp -m tcp --dport 111 -j ACCEPT`)}},
	{name: "left to a program", edits: edits{put(input, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -j NFQUEUE --queue-num 1`)}},
	{name: "IPv6 only", edits: edits{v6(put(strings.Replace(input, "v4", "v6", 1), `-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -j ACCEPT`))}},
	{name: "neighbours from far away", edits: edits{v6(put("-A HARDENCTL-NEIGHBOUR", `-A HARDENCTL-NEIGHBOUR -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT`))}},
	{name: "listeners from far away", edits: edits{v6(put("-A HARDENCTL-NEIGHBOUR", `-A HARDENCTL-NEIGHBOUR -p ipv6-icmp -m icmp6 --icmpv6-type 143 -j ACCEPT`))}},
	{name: "a chain that returns", edits: edits{swap("-A HARDENCTL-DROP-OTHER -m comment", "-A HARDENCTL-DROP-OTHER -j ACCEPT")}},
	{name: "a longer list", edits: edits{sets(swap("add hardenctl-office-v4 198.51.100.0/24", "add hardenctl-office-v4 198.51.0.0/16"))}},
	{name: "a wrong port", edits: edits{swap(`-A HARDENCTL-INPUT -p tcp -m tcp --dport 5432`, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 5433 -m set --match-set hardenctl-office-v4 src -j ACCEPT`)}},
	{name: "a wrong protocol", edits: edits{swap(`-A HARDENCTL-INPUT -p udp -m udp --dport 1194`, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 1194 -j ACCEPT`)}},
	{name: "a range too long", edits: edits{swap(`-A HARDENCTL-INPUT -p tcp -m tcp --dport 80 `, `-A HARDENCTL-INPUT -p tcp -m tcp --dport 80:82 -j HARDENCTL-S-HTTP`)}},
	{name: "a published port", profile: gateway, edits: edits{put("-A HARDENCTL-FORWARD -m comment --comment \"policy: published, not stated\"", "-A HARDENCTL-FORWARD -p tcp -m conntrack --ctorigdstport 9000 -j RETURN")}},
	{name: "all that is published", profile: gateway, edits: edits{put("-A HARDENCTL-FORWARD -m set --match-set hardenctl-trusted-v4", "-A HARDENCTL-FORWARD -j RETURN")}},
	{name: "another inside", profile: gateway, edits: edits{put("-A HARDENCTL-FORWARD -i docker0", "-A HARDENCTL-FORWARD -i eth+ -j RETURN")}},
}

// TestUnstatedAccess holds that what is let in and not stated is found.
func TestUnstatedAccess(t *testing.T) { found(t, "unstated-access", strays) }

// found plants each mistake, and looks for a finding with an example that behaves so.
func found(t *testing.T, code string, seeds []seed) {
	t.Helper()
	for i, s := range seeds {
		if testing.Short() && i%8 > 0 {
			continue // the race detector makes each of them ten times as long
		}
		t.Run(s.name, func(t *testing.T) {
			p, b := compiled(t, cmp.Or(s.profile, site))
			for _, e := range s.edits {
				plant(t, b, e)
			}
			list := proof.Bundle(p, b, s.families()...)
			at := slices.IndexFunc(list, func(d diag.Diagnostic) bool { return d.Code == code })
			if at < 0 {
				t.Fatalf("not found. All that is:\n%s", text(list))
			}
			behaves(t, b, list[at])
		})
	}
}

// plant puts a mistake into a bundle.
func plant(t *testing.T, b *bundle.Bundle, e edit) {
	t.Helper()
	at := slices.IndexFunc(b.Files, func(f bundle.File) bool { return f.Name == e.file })
	lines := strings.Split(string(b.Files[at].Text), "\n")
	begins := func(with string) int {
		place := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, with) })
		if place < 0 || with == "" {
			t.Fatalf("no line of %s begins with %s", e.file, with)
		}
		return place
	}
	if e.moved != "" {
		place := begins(e.moved)
		e.line = lines[place]
		lines = slices.Delete(lines, place, place+1)
	}
	place := begins(e.before)
	end := place
	if e.instead {
		end++
	}
	var put []string
	if e.line != "" {
		put = strings.Split(e.line, "\n")
	}
	b.Files[at].Text = []byte(strings.Join(slices.Replace(lines, place, end, put...), "\n"))
}

// behaves holds that the rules do with the example of a finding what it says.
func behaves(t *testing.T, b *bundle.Bundle, d diag.Diagnostic) {
	t.Helper()
	if d.Example == "" && strings.Contains(d.Note, "there is no packet") {
		return
	}
	p, err := exact.ParsePacket(d.Example)
	if err != nil {
		t.Fatalf("%s: the example cannot be read: %v", d, err)
	}
	file := bundle.RulesV4
	if p.Family == ruleset.V6 {
		file = bundle.RulesV6
	}
	f, err := exact.Read(p.Family, b.File(file), b.File(bundle.Sets))
	if err != nil {
		t.Fatal(err)
	}
	e, err := exact.Explain(f, exact.HookOf(p), p)
	if err != nil {
		t.Fatalf("%s: %v", d.Example, err)
	}
	verdicts := []exact.VerdictKind{e.Verdict.Kind}
	if strings.Contains(d.Note, "it is so if") {
		for _, unless := range e.Unless {
			verdicts = append(verdicts, unless.Verdict.Kind)
		}
	}
	if shows := shown[d.Code]; shows != nil && !slices.ContainsFunc(verdicts, shows) {
		t.Errorf("%s\nthe example has the verdict %s", text(diag.List{d}), e.Verdict)
	}
	for _, step := range e.Way {
		if d.Code == "dead-rule" && strings.Contains(d.Message, step.Rule.String()+",") {
			t.Errorf("%s\nthe example meets the rule", text(diag.List{d}))
		}
	}
}

func refused(k exact.VerdictKind) bool { return k == exact.Drop || k == exact.Reject }

// shown says which verdict shows a finding; nil where none does.
var shown = map[string]func(exact.VerdictKind) bool{
	"unstated-access":         func(k exact.VerdictKind) bool { return !refused(k) },
	"blocked-served":          func(k exact.VerdictKind) bool { return k != exact.Drop },
	"admin-refused":           refused,
	"unreachable-service":     refused,
	"knock-opens-nothing":     refused,
	"exempt-refused":          refused,
	"open-connection-refused": refused,
}
