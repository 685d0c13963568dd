package proof_test

import (
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

// seed is a mistake in the bundle of a profile, and the code of the finding that names it.
type seed struct {
	name, code string
	profile    string // site where empty
	file       string // rules.v4 where empty
	// before is the beginning of the line before which line is put; line replaces it if
	// instead is true, and it is only removed if line is empty.
	before, line string
	instead      bool
}

const (
	input   = "-A HARDENCTL-INPUT -m comment --comment \"policy: unserved\""
	trusted = "-A HARDENCTL-INPUT -m set --match-set hardenctl-trusted-v4 src"
)

var strays = []seed{
	{name: "a port", line: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -j ACCEPT`, before: input},
	{name: "ports", line: `-A HARDENCTL-INPUT -p udp -m udp --dport 8000:8100 -j ACCEPT`, before: input},
	{name: "many ports", line: `-A HARDENCTL-INPUT -p tcp -m multiport --dports 21,23,25,110,111,135,139,143 -j ACCEPT`, before: input},
	{name: "a source", line: `-A HARDENCTL-INPUT -s 198.18.0.0/15 -j ACCEPT`, before: input},
	{name: "a blocked source", line: `-A HARDENCTL-INPUT -s 192.0.2.200/32 -p tcp -m tcp --dport 9100 -j ACCEPT`, before: trusted},
	{name: "a protocol", line: `-A HARDENCTL-INPUT -p gre -j ACCEPT`, before: input},
	{name: "an interface", line: `-A HARDENCTL-INPUT -i eth1 -j ACCEPT`, before: input},
	{name: "within a limit", line: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -m limit --limit 1/min -j ACCEPT`, before: input},
	{name: "for those in a set", line: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -m set --match-set hardenctl-proven-v4 src -j ACCEPT`, before: input},
	{name: "by a source port", line: `-A HARDENCTL-INPUT -p udp -m udp --sport 53 -j ACCEPT`, before: input},
	{name: "what conntrack cannot place", line: `-A HARDENCTL-INPUT -m conntrack --ctstate INVALID -j ACCEPT`, before: trusted},
	{name: "all ICMP", line: `-A HARDENCTL-INPUT -p icmp -j ACCEPT`, before: trusted},
	{name: "admins anywhere", line: `-A HARDENCTL-TRUSTED -m set --match-set hardenctl-admin-v4 src -j ACCEPT`, before: "-A HARDENCTL-TRUSTED"},
	{name: "exempt sources behind a knock", line: `-A HARDENCTL-TRUSTED -p tcp -m tcp --dport 8443 -j ACCEPT`, before: "-A HARDENCTL-TRUSTED"},
	{name: "a service of others for everyone", line: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 5432 -j ACCEPT`, before: input},
	{name: "by a match that is not known", line: `-A HARDENCTL-INPUT -p tcp -m geoip --src-cc DE -j ACCEPT`, before: input},
	{name: "in a chain that others lead to", line: `-A HARDENCTL-SORT -p tcp -m tcp --dport 111 -j ACCEPT`, before: "-A HARDENCTL-SORT"},
	{name: "left to a program", line: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -j NFQUEUE --queue-num 1`, before: input},
	{name: "IPv6 only", file: bundle.RulesV6, line: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 9100 -j ACCEPT`, before: strings.Replace(input, "v4", "v6", 1)},
	{name: "neighbours from far away", file: bundle.RulesV6, line: `-A HARDENCTL-NEIGHBOUR -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT`, before: "-A HARDENCTL-NEIGHBOUR"},
	{name: "listeners from far away", file: bundle.RulesV6, line: `-A HARDENCTL-NEIGHBOUR -p ipv6-icmp -m icmp6 --icmpv6-type 143 -j ACCEPT`, before: "-A HARDENCTL-NEIGHBOUR"},
	{name: "a chain that returns", before: "-A HARDENCTL-DROP-OTHER -m comment", line: "-A HARDENCTL-DROP-OTHER -j ACCEPT", instead: true},
	{name: "a longer list", file: bundle.Sets, before: "add hardenctl-office-v4 198.51.100.0/24", line: "add hardenctl-office-v4 198.51.0.0/16", instead: true},
	{name: "a wrong port", before: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 5432`, line: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 5433 -m set --match-set hardenctl-office-v4 src -j ACCEPT`, instead: true},
	{name: "a wrong protocol", before: `-A HARDENCTL-INPUT -p udp -m udp --dport 1194`, line: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 1194 -j ACCEPT`, instead: true},
	{name: "a range too long", before: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 80 `, line: `-A HARDENCTL-INPUT -p tcp -m tcp --dport 80:82 -j HARDENCTL-S-HTTP`, instead: true},
	{name: "a published port", profile: gateway, before: "-A HARDENCTL-FORWARD -m comment --comment \"policy: published, not stated\"",
		line: "-A HARDENCTL-FORWARD -p tcp -m conntrack --ctorigdstport 9000 -j RETURN"},
	{name: "all that is published", profile: gateway, before: "-A HARDENCTL-FORWARD -m set --match-set hardenctl-trusted-v4", line: "-A HARDENCTL-FORWARD -j RETURN"},
	{name: "another inside", profile: gateway, before: "-A HARDENCTL-FORWARD -i docker0", line: "-A HARDENCTL-FORWARD -i eth+ -j RETURN"},
}

// TestUnstatedAccess holds that what is let in and not stated is found.
func TestUnstatedAccess(t *testing.T) { found(t, "unstated-access", strays) }

// found plants each mistake, and looks for a finding with an example that behaves so.
func found(t *testing.T, code string, seeds []seed) {
	t.Helper()
	for _, s := range seeds {
		t.Run(s.name, func(t *testing.T) {
			if s.profile == "" {
				s.profile = site
			}
			p, b := compiled(t, s.profile)
			plant(t, b, s)
			list := proof.Bundle(p, b)
			at := slices.IndexFunc(list, func(d diag.Diagnostic) bool { return d.Code == code })
			if at < 0 {
				t.Fatalf("not found. All that is:\n%s", text(list))
			}
			behaves(t, b, list[at])
		})
	}
}

// plant puts a mistake into a bundle.
func plant(t *testing.T, b *bundle.Bundle, s seed) {
	t.Helper()
	if s.file == "" {
		s.file = bundle.RulesV4
	}
	at := slices.IndexFunc(b.Files, func(f bundle.File) bool { return f.Name == s.file })
	lines := strings.Split(string(b.Files[at].Text), "\n")
	place := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, s.before) })
	if place < 0 || s.before == "" {
		t.Fatalf("no line begins with %s", s.before)
	}
	end := place
	if s.instead {
		end++
	}
	var put []string
	if s.line != "" {
		put = strings.Split(s.line, "\n")
	}
	b.Files[at].Text = []byte(strings.Join(slices.Replace(lines, place, end, put...), "\n"))
}

// behaves holds that the rules do with the example of a finding what it says.
func behaves(t *testing.T, b *bundle.Bundle, d diag.Diagnostic) {
	t.Helper()
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
	refused := func(k exact.VerdictKind) bool { return k == exact.Drop || k == exact.Reject }
	if wantRefused := !slices.Contains([]string{"unstated-access"}, d.Code); !slices.ContainsFunc(verdicts, func(k exact.VerdictKind) bool { return refused(k) == wantRefused }) {
		t.Errorf("%s\nthe example has the verdict %s", text(diag.List{d}), e.Verdict)
	}
}
