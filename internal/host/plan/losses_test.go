package plan

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/compiler/netset"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// side is a host or a bundle: rules of the filter table, and sets by name, such as
// "a: 192.0.2.0/24 198.51.100.1/32".
func side(t *testing.T, text string, sets ...string) state.State {
	t.Helper()
	lines := []string{":INPUT DROP [0:0]", ":FORWARD ACCEPT [0:0]"}
	rules := strings.Split(strings.TrimSpace(text), "\n")
	for _, name := range []string{"FORWARD", "INPUT", "KNOCK", "S-HTTP", "S-HTTP3", "S-HTTPS", "S-SSH", "S-SHELL"} {
		if strings.Contains(text, "-A HARDENCTL-"+name+" ") {
			lines = append(lines, ":HARDENCTL-"+name+" - [0:0]")
		}
	}
	s := tablesOf(t, filter(append(append(lines, "-A INPUT -j HARDENCTL-INPUT"), rules...)...))
	s.Sets = map[string]state.Set{}
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

// What no source loses by the whole of a change is not risky, however its rules,
// chains and sets change; what somebody loses is, and says what.
func TestRisk(t *testing.T) {
	const drop = "\n-A HARDENCTL-INPUT -j DROP"
	ssh := func(condition string) string { return "-A HARDENCTL-INPUT " + condition + " -j ACCEPT" + drop }
	for _, c := range []struct {
		name         string
		have, want   string
		before, then []string
		risks        string
	}{
		{name: "udp/443 moves to a service of its own",
			have: "-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 -j HARDENCTL-S-HTTPS\n-A HARDENCTL-INPUT -p udp -m udp --dport 443 -j HARDENCTL-S-HTTPS" + drop +
				"\n-A HARDENCTL-S-HTTPS -p udp -m conntrack --ctstate NEW -m comment --comment \"services.https: known flow\" -j ACCEPT\n-A HARDENCTL-S-HTTPS -m comment --comment services.https -j ACCEPT",
			want: "-A HARDENCTL-INPUT -p tcp -m tcp --dport 443 -j HARDENCTL-S-HTTPS\n-A HARDENCTL-INPUT -p udp -m udp --dport 443 -j HARDENCTL-S-HTTP3" + drop +
				"\n-A HARDENCTL-S-HTTPS -m comment --comment services.https -j ACCEPT\n-A HARDENCTL-S-HTTP3 -p udp -m conntrack --ctstate NEW -m comment --comment \"services.http3: known flow\" -j ACCEPT\n-A HARDENCTL-S-HTTP3 -j ACCEPT"},
		{name: "a service has another name", have: "-A HARDENCTL-INPUT -p tcp -m tcp --dport 22 -m comment --comment services.ssh -j HARDENCTL-S-SSH" + drop + "\n-A HARDENCTL-S-SSH -j ACCEPT",
			want: "-A HARDENCTL-INPUT -p tcp -m tcp --dport 22 -m comment --comment services.shell -j HARDENCTL-S-SHELL" + drop + "\n-A HARDENCTL-S-SHELL -j ACCEPT"},
		{name: "two rules become one", have: "-A HARDENCTL-INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n" + ssh("-p tcp -m tcp --dport 443"), want: ssh("-p tcp -m multiport --dports 80,443")},
		{name: "an interface is asked no more", have: ssh("-i eth0 -p tcp -m tcp --dport 22"), want: ssh("-p tcp -m tcp --dport 22")},
		{name: "a limit has another name", have: ssh("-p icmp -m hashlimit --hashlimit-upto 1/sec --hashlimit-name a --hashlimit-htable-max 5"), want: ssh("-p icmp -m hashlimit --hashlimit-upto 1/sec --hashlimit-name b")},
		{name: "a rule is split by protocol", have: ssh("-m conntrack --ctstate RELATED,ESTABLISHED"),
			want: "-A HARDENCTL-INPUT -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n" + ssh("! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED")},
		{name: "a set has another name", have: ssh("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src"), before: []string{"a: 192.0.2.0/24"},
			want: ssh("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-b src"), then: []string{"b: 192.0.2.0/24"}},
		{name: "a set is split", have: ssh("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src"), before: []string{"a: 192.0.2.0/24 198.51.100.0/24 203.0.113.1/32"},
			want: "-A HARDENCTL-INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 22 -j ACCEPT\n" + ssh("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src"), then: []string{"a: 192.0.2.0/24 203.0.113.0/30"}},
		{name: "who leaves a set gets in by another rule", have: "-A HARDENCTL-INPUT -p tcp -j ACCEPT\n" + ssh("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src"), before: []string{"a: 192.0.2.0/24 198.51.100.1/32 198.51.100.3/32"},
			want: "-A HARDENCTL-INPUT -p tcp -j ACCEPT\n" + ssh("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src"), then: []string{"a: 192.0.2.0/24"}},
		{name: "the policy was opened by hand", have: "-P INPUT ACCEPT\n" + ssh("-p tcp"), want: ssh("-p tcp")},

		{name: "a protocol goes", have: ssh("-m conntrack --ctstate RELATED,ESTABLISHED"), want: ssh("! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED"), risks: riskRefused},
		{name: "a port goes", have: ssh("-p tcp -m multiport --dports 80,443"), want: ssh("-p tcp -m tcp --dport 443"), risks: "tcp/80 will be refused"},
		{name: "a range is shorter", have: ssh("-p tcp -m tcp --dport 1000:2000"), want: ssh("-p tcp -m tcp --dport 1000:1500"), risks: "tcp/1501-2000 will be refused"},
		{name: "an interface is asked", have: ssh("-p tcp -m tcp --dport 22"), want: ssh("-i eth0 -p tcp -m tcp --dport 22"), risks: "tcp/22 will be refused"},
		{name: "a knock is asked", have: "-A HARDENCTL-INPUT -p tcp -m tcp --dport 22 -j HARDENCTL-S-SSH" + drop + "\n-A HARDENCTL-S-SSH -j ACCEPT",
			want:  "-A HARDENCTL-INPUT -p tcp -m tcp --dport 22 -j HARDENCTL-KNOCK" + drop + "\n-A HARDENCTL-KNOCK -m set --match-set hardenctl-open-ssh-v4 src -j HARDENCTL-S-SSH\n-A HARDENCTL-S-SSH -j ACCEPT",
			risks: "tcp/22 will be refused"},
		{name: "a source goes", have: ssh("-s 192.0.2.0/24 -p tcp -m tcp --dport 22"), want: ssh("-s 192.0.2.0/25 -p tcp -m tcp --dport 22"), risks: "tcp/22 will be refused for 128 addresses"},
		{name: "all but one address", have: ssh("-p tcp -m tcp --dport 22"), want: ssh("-s 192.0.2.7/32 -p tcp -m tcp --dport 22"), risks: "tcp/22 will be refused for all of IPv4 but 1 address"},
		{name: "a set has another name, and one address less", have: ssh("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-a src"), before: []string{"a: 192.0.2.0/31"},
			want: ssh("-p tcp -m tcp --dport 22 -m set --match-set hardenctl-b src"), then: []string{"b: 192.0.2.0/32"}, risks: "1 address will lose access | tcp/22 will be refused for 1 address"},
		{name: "a limit is tighter", have: ssh("-p icmp -m hashlimit --hashlimit-upto 2/sec --hashlimit-name a"), want: ssh("-p icmp -m hashlimit --hashlimit-upto 1/sec --hashlimit-name a"), risks: riskRefused},
		{name: "a chain goes with what it accepted", have: "-A HARDENCTL-INPUT -p udp -m udp --dport 53 -j HARDENCTL-S-HTTP" + drop + "\n-A HARDENCTL-S-HTTP -j ACCEPT", want: "-A HARDENCTL-INPUT -j DROP", risks: "udp/53 will be refused"},
		{name: "an interface is the inside no more", have: "-A FORWARD -j HARDENCTL-FORWARD\n-A HARDENCTL-FORWARD -i br0 -j RETURN\n-A HARDENCTL-FORWARD -j DROP\n" + ssh("-p tcp"),
			want: "-A FORWARD -j HARDENCTL-FORWARD\n-A HARDENCTL-FORWARD -j DROP\n" + ssh("-p tcp"), risks: riskRefused},
	} {
		have := c.have
		policy := strings.HasPrefix(have, "-P INPUT ACCEPT\n")
		from := side(t, strings.TrimPrefix(have, "-P INPUT ACCEPT\n"), c.before...)
		if policy {
			from.Tables[state.TableID{Family: ruleset.V4, Name: "filter"}].Chains[0].Policy = "ACCEPT"
		}
		p := Compare(from, side(t, c.want, c.then...), bundle.Manifest{Policies: states.Policies})
		risks := map[string]bool{}
		for _, s := range p.Changes {
			if s.Risk != "" {
				risks[s.Risk] = true
			}
		}
		if got := strings.Join(slices.Sorted(maps.Keys(risks)), " | "); got != c.risks || p.Empty() {
			t.Errorf("%s: risks %q, want %q, of\n  %s", c.name, got, c.risks, strings.Join(shorts(p), "\n  "))
		}
	}
}

// A profile of a thousand services is compared in no time worth naming.
func BenchmarkLosses(b *testing.B) {
	var have, want strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&have, "-A HARDENCTL-INPUT -p tcp -m tcp --dport %d -j ACCEPT\n", i)
		fmt.Fprintf(&want, "-A HARDENCTL-INPUT -p tcp -m tcp --dport %d -m comment --comment x -j ACCEPT\n", i*10/9)
	}
	t := &testing.T{}
	from, to := side(t, have.String()), side(t, want.String())
	for b.Loop() {
		findLosses(from, to)
	}
}
