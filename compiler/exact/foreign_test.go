package exact

import (
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// nat is a table nat before a filter that drops but for some rules. It has a chain A.
func nat(rules []string, accepts ...string) string {
	return "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:A - [0:0]\n" +
		strings.Join(rules, "\n") + "\nCOMMIT\n" + filter("DROP", accepts...)
}

const toPort80 = "-A PREROUTING -d 198.51.100.9/32 -p tcp -m tcp --dport 80 -j "

// The kernel gives a redirected packet the address of the interface that it came in by
// (nf_nat_redirect_ipv4), which the rules do not tell.
func TestRedirect(t *testing.T) {
	const packet = "tcp 192.0.2.7:40000 -> 198.51.100.9:80"
	for accepts, want := range map[string]string{
		"-A INPUT -d 198.51.100.9/32 -p tcp -m tcp --dport 8080 -j ACCEPT":                        "drop by INPUT 0; accept by INPUT 1 if the address of the interface is in 198.51.100.9/32",
		"-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT":                                           "accept by INPUT 1",
		"-A INPUT -m addrtype --dst-type LOCAL -p tcp -m tcp --dport 8080 -j ACCEPT":              "accept by INPUT 1",
		"-A INPUT -m iprange --dst-range 198.51.100.1-198.51.100.9 -j ACCEPT":                     "drop by INPUT 0; accept by INPUT 1 if the address of the interface is in 198.51.100.1-198.51.100.9",
		"-A INPUT -m set --match-set here dst -p tcp -m tcp --dport 8080 -j ACCEPT":               "drop by INPUT 0; accept by INPUT 1 if the address of the interface is in here",
		"-A INPUT -m addrtype --dst-type MULTICAST -j ACCEPT":                                     "drop by INPUT 0",
		"-A INPUT ! -d 198.51.100.9/32 -p tcp -m tcp --dport 8080 -m comment --comment x -j DROP": "drop by INPUT 1",
	} {
		rules := nat([]string{toPort80 + "REDIRECT --to-ports 8080"}, accepts)
		got := explain(t, rules, "create here hash:net family inet\nadd here 198.51.100.0/24\n", packet)
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", accepts, got, want)
		}
	}
}

// A chain that rewrites packets is walked rule by rule, so that its rewriting is not lost.
func TestChainThatRewrites(t *testing.T) {
	for name, rules := range map[string][]string{
		"redirect":           {"-A PREROUTING -j A", "-A A -d 198.51.100.9/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080"},
		"twice":              {"-A PREROUTING -p udp -j A", "-A PREROUTING -p tcp -j A", "-A A -j REDIRECT --to-ports 8080"},
		"mark, in a chain":   {"-A PREROUTING -j A", "-A A -p tcp -j MARK --set-xmark 0x1/0xffffffff"},
		"one that does not":  {"-A PREROUTING -j A", "-A A -p tcp -j RETURN"},
		"redirect by itself": {toPort80 + "REDIRECT --to-ports 8080"},
	} {
		f, err := Read(ruleset.V4, []byte(nat(rules, "-A INPUT -j A", "-A A -p tcp -m tcp --dport 8080 -j ACCEPT", "-A A -m mark --mark 0x1 -j ACCEPT")), nil)
		if err != nil {
			t.Fatal(err)
		}
		w := NewWorld(ruleset.V4, f)
		walked, traced := w.Walk(f, Input, w.Possible()), w.Trace(f, Input, w.Possible(), unknownBits)
		if !maps.Equal(walked.Verdicts, traced.Verdicts) {
			t.Errorf("%s: verdicts differ", name)
		}
	}
}

// What the rules leave to a target that is not known is not kept silent.
func TestReachNamesWhatIsNotDecided(t *testing.T) {
	for name, c := range map[string]struct{ rules, depends string }{
		"a target that is not known": {filter("DROP", "-A INPUT -p tcp -m tcp --dport 22 -j NFQUEUE --queue-num 0"), "-j NFQUEUE --queue-num 0"},
		"a published port":           {nat([]string{"-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80"}), "-j DNAT --to-destination 172.17.0.2:80"},
		"accepted":                   {filter("DROP", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"), ""},
		"no rules at all":            {"", ""},
		"the policy":                 {filter("ACCEPT"), ""},
	} {
		f, err := Read(ruleset.V4, []byte(c.rules), nil)
		if err != nil {
			t.Fatal(err)
		}
		all, _ := Reach(f, netip.Addr{}, "", 0)
		found := false
		for _, o := range all {
			found = found || o.Depends.With == c.depends
		}
		if !found {
			t.Errorf("%s: %+v", name, all)
		}
	}
}

// A text that iptables-save does not print is refused, with what to do.
func TestReadRefuses(t *testing.T) {
	for rules, want := range map[string]string{
		filter("DROP", "-A INPUT -p tcp --dport 22 -j ACCEPT"):                 "iptables-save prints -m and the match before --dport",
		filter("DROP", "-A INPUT -s 2001:db8::/32 -j ACCEPT"):                  "2001:db8::/32 is not an IPv4 address",
		filter("DROP", "-A INPUT -j A", "-A A -j B", "-A B -j A"):              "chain A leads back to itself",
		filter("DROP", "-A INPUT --protocol tcp -j ACCEPT"):                    "iptables-save does not print --protocol",
		filter("DROP", `-A INPUT -m comment --comment "--dport" -j ACCEPT`):    "",
		filter("DROP", "-A INPUT -p tcp -m tcp ! --dport 22 -j ACCEPT"):        "",
		filter("DROP", "-A INPUT ! -s 10.0.0.0/8 -i eth+ -p tcp -f -j ACCEPT"): "",
	} {
		_, err := Read(ruleset.V4, []byte(rules), nil)
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", rules, err, want)
		}
	}
}
