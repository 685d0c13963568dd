package meaning

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/compiler/tablefile"
	"github.com/hardenctl/hardenctl/internal/host/state"
)

// Rules of others that keep packets from conntrack, or give them another port, are named
// where the profile's rules refuse what arrives by them, each with the way out. Those that
// harm nothing are not.
func TestStanding(t *testing.T) {
	local := netip.MustParseAddr("198.51.100.1")
	for _, c := range []struct {
		name, profile, rules string // rules is a table of others
		says                 []string
	}{
		{"NOTRACK of questions to a resolver", "dns", "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack\nCOMMIT\n", nil},
		{"NOTRACK of answers", "dns", "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -m udp --sport 53 -j CT --notrack\nCOMMIT\n",
			[]string{"IPv4 raw PREROUTING, rule 1 (-p udp -m udp --sport 53 -j CT --notrack): conntrack does not see these packets", "answers to this host from udp/53", "iptables -t raw -D PREROUTING -p udp -m udp --sport 53 -j CT --notrack"}},
		{"NOTRACK of what is asked", "dns", "*raw\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -m udp --dport 53 -j NOTRACK\nCOMMIT\n", []string{"raw OUTPUT, rule 1", "answers to this host from udp/53"}},
		{"NOTRACK of what is answered", "dns", "*raw\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -m udp --sport 53 -j CT --notrack\nCOMMIT\n", nil},
		{"NOTRACK of a TCP service, in a chain", "web", "*raw\n:PREROUTING ACCEPT [0:0]\n:fast - [0:0]\n-A PREROUTING -i eth0 -j fast\n-A fast -p tcp -m multiport --dports 80,443 -j CT --notrack\nCOMMIT\n",
			[]string{"raw fast, rule 1", "tell from a new connection: tcp/80. Remove"}},
		{"NOTRACK of the loopback", "web", "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i lo -j CT --notrack\nCOMMIT\n", nil},
		{"a zone of conntrack", "web", "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 -j CT --zone 1\nCOMMIT\n", nil},

		{"REDIRECT to a closed port", "web", "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\nCOMMIT\n",
			[]string{"IPv4 nat PREROUTING, rule 1 (-i eth0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080) gives tcp/80 of this host another number, tcp/8080", "services.http opens tcp/80, and tcp/8080 stays closed", `State "tcp/8080" in services.http`}},
		{"DNAT without an address", "web", "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination :8080\nCOMMIT\n", []string{"tcp/8080 stays closed"}},
		{"DNAT to this host", "web", "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 198.51.100.1:8080\nCOMMIT\n", []string{"tcp/8080 stays closed"}},
		{"DNAT to a container", "web", "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:8080\nCOMMIT\n", nil},
		{"REDIRECT to an open port", "web", "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 80\nCOMMIT\n",
			[]string{"services.http opens tcp/80, which clients reach by both numbers"}},
		{"REDIRECT between stated ports", "web", "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 443 -j REDIRECT --to-ports 80\nCOMMIT\n", nil},
		{"REDIRECT of what nobody states", "web", "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j REDIRECT --to-ports 9040\nCOMMIT\n", []string{"every port of tcp", "services.http opens tcp/80, and tcp/9040 stays closed"}},
		{"REDIRECT of others to others", "web", "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 25 -j REDIRECT --to-ports 2525\nCOMMIT\n", []string{"no service opens tcp/2525", `State "tcp/2525" in a service`}},
	} {
		want, m := golden(t, c.profile)
		have := state.State{Tables: map[state.TableID]tablefile.Table{}}
		add(t, have, ruleset.V4, c.rules)
		notes := Standing(have, want, m, func(a netip.Addr) bool { return a == local })
		if (len(notes) > 0) != (c.says != nil) {
			t.Errorf("%s: %q", c.name, notes)
			continue
		}
		for _, part := range c.says {
			if !strings.Contains(notes[0], part) {
				t.Errorf("%s: %q lacks %q", c.name, notes[0], part)
			}
		}
	}
}

// With synproxy, a port that nat renumbers is dead on either side of the rule.
func TestStandingProxied(t *testing.T) {
	want := state.State{Tables: map[state.TableID]tablefile.Table{}}
	add(t, want, ruleset.V4, "*filter\n:INPUT DROP [0:0]\n:HARDENCTL-INPUT - [0:0]\n-A INPUT -j HARDENCTL-INPUT\n-A HARDENCTL-INPUT -p tcp -m tcp --dport 80 -m comment --comment \"services.web\" -j ACCEPT\nCOMMIT\n"+
		"*raw\n:PREROUTING ACCEPT [0:0]\n:HARDENCTL-UNTRACKED - [0:0]\n-A PREROUTING -p tcp -j HARDENCTL-UNTRACKED\n-A HARDENCTL-UNTRACKED -p tcp -m tcp --dport 80 -m comment --comment \"services.web: synproxy\" -j CT --notrack\nCOMMIT\n")
	_, m := golden(t, "web")
	for from, to := range map[string]string{"80": "8080", "8080": "80"} {
		have := state.State{Tables: map[state.TableID]tablefile.Table{}}
		add(t, have, ruleset.V4, "*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport "+from+" -j REDIRECT --to-ports "+to+"\nCOMMIT\n")
		notes := Standing(have, want, m, nil)
		if len(notes) != 1 || !strings.Contains(notes[0], "services.web has synproxy at tcp/80") || !strings.Contains(notes[0], "Set synproxy = false there") {
			t.Errorf("%s to %s: %q", from, to, notes)
		}
	}
}
