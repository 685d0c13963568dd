package meaning

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/answer"
	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// side is a host or a bundle: rules of the filter table, and sets by name, such as
// "a: 192.0.2.0/24 198.51.100.1/32".
func side(t *testing.T, text string, sets ...string) state.State {
	t.Helper()
	lines := []string{"*filter", ":INPUT DROP [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"}
	if rest, open := strings.CutPrefix(text, "-P INPUT ACCEPT\n"); open {
		lines[1], text = ":INPUT ACCEPT [0:0]", rest
	}
	for _, name := range []string{"FORWARD", "INPUT", "KNOCK", "S-HTTP", "S-HTTP3", "S-HTTPS", "S-SSH", "S-SHELL"} {
		if strings.Contains(text, "-A HARDENCTL-"+name+" ") {
			lines = append(lines, ":HARDENCTL-"+name+" - [0:0]")
		}
	}
	s := state.State{Tables: map[state.TableID]tablefile.Table{}, Sets: map[string]state.Set{}}
	add(t, s, ruleset.V4, strings.Join(append(lines, "-A INPUT -j HARDENCTL-INPUT", strings.TrimSpace(text), "COMMIT", ""), "\n"))
	for _, set := range sets {
		name, list, _ := strings.Cut(set, ": ")
		var prefixes []netip.Prefix
		for _, p := range strings.Fields(list) {
			prefixes = append(prefixes, netip.MustParsePrefix(p))
		}
		s.Sets["hardenctl-"+name] = state.Set{Header: state.Header{Type: ruleset.HashNet, Family: ruleset.V4}, Entries: len(prefixes), Members: netset.Of(prefixes...)}
	}
	return s
}

// What the texts of risks say.
const (
	opens    = "more packets are let in than before"
	sshLost  = "admin or exempt addresses lose tcp/22"
	breaks   = "open connections break"
	httpLost = "programs lose clients: tcp/80 (nginx)"
	behind   = "hosts or containers behind this host lose connections"
	tunnel   = "a tunnel or a program that takes these protocols loses packets; hardenctl cannot see whether there is one"
)

// What no packet and nobody loses by the whole of a change is not risky, however its rules,
// chains and sets change; what is more open is, and what somebody loses.
func TestRisk(t *testing.T) {
	const drop = "\n-A HARDENCTL-INPUT -j DROP"
	accept := func(condition string) string { return "-A HARDENCTL-INPUT " + condition + " -j ACCEPT" + drop }
	const trusted, admin = "trusted-v4: 203.0.113.9/32", "admin-v4: 203.0.113.9/32"
	above := func(port string) string {
		return "-A HARDENCTL-INPUT -p tcp -m tcp --dport " + port + " -m hashlimit --hashlimit-above 1/sec --hashlimit-name a -m conntrack --ctstate NEW -j DROP\n" + accept("-p tcp -m tcp --dport "+port)
	}
	for _, c := range []struct {
		name         string
		have, want   string
		before, then []string
		risks        []string
		same         bool // no packet is decided differently
	}{
		{name: "two rules in the other order", have: "-A HARDENCTL-INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n" + accept("-p tcp -m tcp --dport 443"),
			want: "-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 -j ACCEPT\n" + accept("-p tcp -m tcp --dport 80"), same: true},
		{name: "udp/443 moves to a service of its own",
			have: "-A HARDENCTL-INPUT -p udp -m udp --dport 443 -j HARDENCTL-S-HTTPS" + drop + "\n-A HARDENCTL-S-HTTPS -m comment --comment services.https -j ACCEPT",
			want: "-A HARDENCTL-INPUT -p udp -m udp --dport 443 -j HARDENCTL-S-HTTP3" + drop + "\n-A HARDENCTL-S-HTTP3 -j ACCEPT", same: true},
		{name: "two rules become one", have: "-A HARDENCTL-INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n" + accept("-p tcp -m tcp --dport 443"), want: accept("-p tcp -m multiport --dports 80,443"), same: true},
		{name: "a rule is split by protocol", have: accept("-m conntrack --ctstate RELATED,ESTABLISHED"),
			want: "-A HARDENCTL-INPUT -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n" + accept("! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED"), same: true},
		{name: "a set has another name", have: accept("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src"), before: []string{"a: 192.0.2.0/24"},
			want: accept("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-b src"), then: []string{"b: 192.0.2.0/24"}, same: true},
		{name: "who leaves a set gets in by another rule", have: "-A HARDENCTL-INPUT -p tcp -j ACCEPT\n" + accept("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src"), before: []string{"a: 192.0.2.0/24 198.51.100.1/32"},
			want: "-A HARDENCTL-INPUT -p tcp -j ACCEPT\n" + accept("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src"), then: []string{"a: 192.0.2.0/24"}, same: true},
		{name: "the policy was opened by hand", have: "-P INPUT ACCEPT\n" + accept("-p tcp"), want: accept("-p tcp"), same: true},

		{name: "a port at which nothing listens goes", have: accept("-p tcp -m multiport --dports 9100,443 -m conntrack --ctstate NEW"), want: accept("-p tcp -m tcp --dport 443 -m conntrack --ctstate NEW")},
		{name: "a limit for all is tighter", have: accept("-p tcp -m tcp --dport 80 -m hashlimit --hashlimit-upto 2/sec --hashlimit-name a"),
			want: accept("-p tcp -m tcp --dport 80 -m hashlimit --hashlimit-upto 1/sec --hashlimit-name a")},
		{name: "a port comes", have: accept("-p tcp -m tcp --dport 443"), want: accept("-p tcp -m multiport --dports 80,443"), risks: []string{opens}},
		{name: "an interface is asked no more", have: accept("-i eth0 -p tcp -m tcp --dport 22"), want: accept("-p tcp -m tcp --dport 22"), risks: []string{opens}},
		{name: "a port goes at which a program listens", have: accept("-p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW"), want: accept("-p tcp -m tcp --dport 443 -m conntrack --ctstate NEW"), risks: []string{httpLost}},
		{name: "open connections break", have: accept("-p tcp -m tcp --dport 443"), want: accept("-p tcp -m tcp --dport 443 -m conntrack --ctstate NEW"), risks: []string{breaks}},
		{name: "and so do those of a port that goes", have: accept("-p tcp -m tcp --dport 443"), want: drop, risks: []string{breaks}},
		{name: "admins lose a service", have: accept("-p tcp -m tcp --dport 22 -m conntrack --ctstate NEW"), then: []string{trusted, admin},
			want: accept("-s 192.0.2.0/24 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW"), risks: []string{sshLost}},
		{name: "admins lose it in some states only", have: accept("-p tcp -m tcp --dport 22"), want: above("22"), then: []string{trusted, admin}, risks: []string{sshLost}},
		{name: "exempt addresses have the limits of admin services", have: accept("-p tcp -m tcp --dport 22"), want: above("22"), then: []string{trusted}},
		{name: "and of no others", have: accept("-p tcp -m tcp --dport 80"), want: above("80"), then: []string{trusted}, risks: []string{"admin or exempt addresses lose tcp/80"}},
		{name: "which is the business of nobody else", have: accept("-p tcp -m tcp --dport 80"), want: above("80")},
		{name: "an admin is in no set any more", have: accept("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src -m conntrack --ctstate NEW"), before: []string{trusted, admin, "a: 192.0.2.1/32 203.0.113.9/32"},
			want: accept("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src -m conntrack --ctstate NEW"), then: []string{"a: 192.0.2.1/32"}, risks: []string{sshLost}},
		{name: "others lose it, and nothing listens", have: accept("-s 192.0.2.0/24 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW"), then: []string{trusted},
			want: accept("-s 192.0.2.0/25 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW")},
		{name: "a protocol goes", have: accept("-p esp -m conntrack --ctstate NEW"), want: drop, risks: []string{tunnel}},
		{name: "ping goes", have: accept("-p icmp -m icmp --icmp-type 8"), want: drop},
		{name: "an interface is the inside no more", have: "-A FORWARD -j HARDENCTL-FORWARD\n-A HARDENCTL-FORWARD -i br0 -m conntrack --ctstate NEW -j RETURN\n-A HARDENCTL-FORWARD -j DROP\n" + accept("-p tcp"),
			want: "-A FORWARD -j HARDENCTL-FORWARD\n-A HARDENCTL-FORWARD -j DROP\n" + accept("-p tcp"), risks: []string{behind}},
	} {
		have, want := side(t, c.have, c.before...), side(t, c.want, c.then...)
		m := Of(have, want, stated)
		s := StakesOf(have, want, stated)
		s.Listeners = []Listener{{Protocol: "tcp", Port: 80, Address: netip.IPv4Unspecified(), Program: "nginx"}}
		m.Judge(s)
		var risks []string
		for _, d := range m.Differences {
			if d.Risk != "" && !slices.Contains(risks, d.Risk) {
				risks = append(risks, d.Risk)
			}
		}
		slices.Sort(risks)
		if !slices.Equal(risks, c.risks) || c.same != (len(m.Differences) == 0) {
			t.Errorf("%s: risks %q, want %q, of\n%s", c.name, risks, c.risks, strings.Join(m.Lines(true), "\n"))
		}
	}
}

// stated is a manifest that states the policy of INPUT, and SSH for admins.
var stated = bundle.Manifest{
	Profile:  "web.toml",
	Policies: []bundle.PolicyEntry{{Family: 4, Table: "filter", Chain: "INPUT", Policy: "DROP"}},
	Access:   bundle.AccessEntry{Services: []bundle.AdminService{{Name: "ssh", Ports: []bundle.Port{{Protocol: "tcp", First: 22, Last: 22}}}}},
}

// What is not known is risky: programs that cannot be read, more differences than are listed,
// and rules that take too long.
func TestUnknownIsRisky(t *testing.T) {
	web, manifest := golden(t, "web")
	m := Of(bare(t), web, manifest)
	m.Judge(Stakes{Unread: errors.New("no /proc")})
	lines, count := m.Risks(true)
	if text := strings.Join(lines, "\n"); count < 2 || !strings.Contains(text, "  every port of tcp but 22, 80, 443 from everyone\n    risky: programs may lose clients: which ports they take cannot be read (no /proc)") {
		t.Errorf("%d: %s", count, text)
	}
	for want, m := range map[string]*Meaning{
		"  risky: there are more differences than this plan lists":                 {More: true, Differences: []answer.DifferenceView{{}}},
		"  risky: what the changed rules do to packets is unknown: too many rules": unknown(errors.New("too many rules")),
	} {
		if lines, count := m.Risks(false); count != 1 || !slices.Equal(lines, []string{want}) {
			t.Errorf("%d: %q, want %q", count, lines, want)
		}
	}
}
