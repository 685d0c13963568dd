package lower_test

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler/emit"
	"github.com/hardenctl/hardenctl/compiler/lower"
	"github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
)

// read returns the profile of a text, which may leave out its version.
func read(t *testing.T, text string) *profile.Profile {
	t.Helper()
	root := fstest.MapFS{"a.toml": {Data: []byte("version = 1\n" + text)}}
	p, list := profile.Read("a.toml", profile.Folders{Root: root})
	for _, d := range list {
		t.Log(d)
	}
	if p == nil {
		t.Fatalf("the profile of this test is wrong:\n%s", text)
	}
	return p
}

func lowered(t *testing.T, text string) *ruleset.Ruleset {
	t.Helper()
	rs, clashes := lower.Lower("a.toml", read(t, text))
	if len(clashes) > 0 {
		t.Fatal(clashes)
	}
	return rs
}

// tableNames are the names of hashlimit's tables, which tests leave out.
var tableNames = regexp.MustCompile(`--hashlimit-mode srcip(,dstport)? --hashlimit-name \S+ --hashlimit-htable-max (?:65536|131072|262144|524288)`)

// chain returns the rules of a chain as iptables writes them, without comments
// and, for "…", without what is the same in every hashlimit match. The name is
// that of a chain of ours without its prefix. Nil means that there is no chain.
func chain(rs *ruleset.Ruleset, family ruleset.Family, name string) []string {
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			if t.Family != family || strings.TrimPrefix(c.Name, ruleset.ChainPrefix) != name || c.BuiltIn() {
				continue
			}
			lines := []string{}
			for _, r := range c.Rules {
				r.Comment = ""
				lines = append(lines, tableNames.ReplaceAllString(emit.Rule(family, r), "…$1"))
			}
			return lines
		}
	}
	return nil
}

// expect compares a chain with wanted lines; an empty text wants no chain.
func expect(t *testing.T, rs *ruleset.Ruleset, family ruleset.Family, name, want string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if got := chain(rs, family, name); !slices.Equal(got, lines) {
		t.Errorf("chain %s of IPv%d:\ngot\n\t%s\nwant\n\t%s", name, family, strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

// example is one defence: what a profile says, and a chain that it makes.
type example struct {
	name   string
	text   string
	family ruleset.Family
	chain  string
	want   string // one rule a line; empty for no chain
}

func run(t *testing.T, examples []example) {
	t.Helper()
	for _, e := range examples {
		t.Run(e.name, func(t *testing.T) {
			t.Helper()
			expect(t, lowered(t, e.text), e.family, e.chain, e.want)
		})
	}
}

// everything is a profile that uses all defences, and names as long as can be.
const everything = `
policy = { input = "drop", forward = "drop", dhcp = true }
sets.office.addresses = ["192.0.2.0/24", "2001:db8:10::/48"]
sets.crawlers-crawler.addresses = ["198.51.100.0/24", "2001:db8:20::/48"]
access.admin = ["@office"]
access.exempt = ["@crawlers-crawler"]
access.block = ["203.0.113.0/24", "2001:db8:bad::/48"]
[services.abcdefghijklmnop]
ports = ["tcp/22"]
admin = true
from = ["@office", "198.51.100.9"]
new_per_source = "10 in 60s"
[services.bbcdefghijklmnop]
ports = ["tcp/443", "udp/443"]
new_per_source = "50/second burst 200"
connections_per_source = 200
[services.dns]
ports = ["udp/53"]
from = ["@crawlers-crawler"]
[services.knocked]
ports = ["tcp/2222"]
knock = "cbcdefghijklmnop"
[knocks.cbcdefghijklmnop]
sequence = ["tcp/1001", "udp/1002", "tcp/1003", "udp/1004", "tcp/1005", "udp/1006", "tcp/1007", "udp/1008"]
[scan]
probes = 10
slow = { probes = 30, window = "1d" }
tripwires = ["tcp/23", "udp/69", "tcp/3389"]
scope = "everything"
proven = "1d"
stealth = true
fingerprint = true
[icmp]
echo_per_source = "1/second"
[udp]
new_per_source = "5/second"
packets_per_source = "50/second"
[log]
rate = "5/minute"
[kernel]
conntrack_hashsize = 32768
rp_filter = "loose"
`

// TestPacketsWay shows the order in which a packet meets the defences.
func TestPacketsWay(t *testing.T) {
	expect(t, lowered(t, everything), ruleset.V4, "INPUT", `
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK FIN,ACK -m conntrack --ctstate ESTABLISHED --ctstatus ASSURED --ctdir ORIGINAL -j SET --add-set hardenctl-proven-v4 src --exist
		-p icmp -m icmp --icmp-type 8 -j HARDENCTL-ECHO
		-p udp -m udp --dport 443 -m conntrack --ctdir ORIGINAL -j HARDENCTL-UDP
		-p udp -m udp --dport 53 -m conntrack --ctdir ORIGINAL -j HARDENCTL-UDP
		! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-d 224.0.0.0/4 -p igmp -j ACCEPT
		-p udp -m udp --sport 67 --dport 68 -m socket --nowildcard -j ACCEPT
		-m set --match-set hardenctl-trusted-v4 src -j HARDENCTL-TRUSTED
		-m set --match-set hardenctl-block-v4 src -j HARDENCTL-DROP-BLOCK
		-p tcp -j HARDENCTL-STEALTH
		-m conntrack --ctstate INVALID -j DROP
		-m set --match-set hardenctl-ban-v4 src -j HARDENCTL-BANNED
		-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-abcdefghijklmnop-v4 src -j HARDENCTL-S-ABCDEFGHIJKLMNOP
		-p udp -m udp --dport 53 -m set --match-set hardenctl-crawlers-crawler-v4 src -j HARDENCTL-S-DNS
		-p tcp -m tcp --dport 2222 -m set --match-set hardenctl-k-cbcdefghijklmnop-v4 src -j ACCEPT
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 22,443,1001,1003,1005,1007,2222 -j HARDENCTL-FINGERPRINT
		-p tcp -m tcp --dport 443 -j HARDENCTL-S-BBCDEFGHIJKLMNOP
		-p udp -m udp --dport 443 -j HARDENCTL-S-BBCDEFGHIJKLMNOP
		-p icmp -j DROP
		-m addrtype --dst-type BROADCAST,MULTICAST -j DROP
		-p tcp -j HARDENCTL-K-CBCDEFGHIJKLMNOP
		-p udp -j HARDENCTL-K-CBCDEFGHIJKLMNOP
		-j HARDENCTL-PROBE`)
	expect(t, lowered(t, everything), ruleset.V6, "INPUT", `
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK ACK -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-i lo -j ACCEPT
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK FIN,ACK -m conntrack --ctstate ESTABLISHED --ctstatus ASSURED --ctdir ORIGINAL -j HARDENCTL-PROVEN
		-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j HARDENCTL-ECHO
		-p udp -m udp --dport 443 -m conntrack --ctdir ORIGINAL -j HARDENCTL-UDP
		-p udp -m udp --dport 53 -m conntrack --ctdir ORIGINAL -j HARDENCTL-UDP
		! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-p ipv6-icmp -j HARDENCTL-NEIGHBOUR
		-s fe80::/10 -p udp -m udp --sport 547 --dport 546 -m socket --nowildcard -j ACCEPT
		-m set --match-set hardenctl-trusted-v6 src -j HARDENCTL-TRUSTED
		-m set --match-set hardenctl-block-v6 src -j HARDENCTL-DROP-BLOCK
		-p tcp -j HARDENCTL-STEALTH
		-m conntrack --ctstate INVALID -j DROP
		-m set --match-set hardenctl-ban-v6 src -j HARDENCTL-BANNED
		-p tcp -m tcp --dport 22 -m set --match-set hardenctl-f-abcdefghijklmnop-v6 src -j HARDENCTL-S-ABCDEFGHIJKLMNOP
		-p udp -m udp --dport 53 -m set --match-set hardenctl-crawlers-crawler-v6 src -j HARDENCTL-S-DNS
		-p tcp -m tcp --dport 2222 -m set --match-set hardenctl-k-cbcdefghijklmnop-v6 src -j ACCEPT
		-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m multiport --dports 22,443,1001,1003,1005,1007,2222 -j HARDENCTL-FINGERPRINT
		-p tcp -m tcp --dport 443 -j HARDENCTL-S-BBCDEFGHIJKLMNOP
		-p udp -m udp --dport 443 -j HARDENCTL-S-BBCDEFGHIJKLMNOP
		-p ipv6-icmp -j DROP
		-m addrtype --dst-type MULTICAST -j DROP
		-p tcp -j HARDENCTL-K-CBCDEFGHIJKLMNOP
		-p udp -j HARDENCTL-K-CBCDEFGHIJKLMNOP
		-j HARDENCTL-PROBE`)
}

// TestHooks holds what is in the kernel's own chains: where the profile
// owns one, its policy drops and one jump leads to our chain.
func TestHooks(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"left alone", ``, "INPUT DROP owned 1, FORWARD ACCEPT 0, OUTPUT ACCEPT 0"},
		{"forward closed", `policy.forward = "drop"`, "INPUT DROP owned 1, FORWARD DROP owned 1, OUTPUT ACCEPT 1"},
	} {
		for _, table := range lowered(t, test.text).Tables {
			if got := describeHooks(table); got != test.want {
				t.Errorf("%s, IPv%d: got %s, want %s", test.name, table.Family, got, test.want)
			}
		}
	}
}

func describeHooks(t ruleset.Table) string {
	var hooks []string
	for _, c := range t.Chains {
		if !c.BuiltIn() {
			continue
		}
		words := []string{c.Name, string(c.Policy)}
		if c.Owned {
			words = append(words, "owned")
		}
		hooks = append(hooks, strings.Join(append(words, strconv.Itoa(len(c.Rules))), " "))
	}
	return strings.Join(hooks, ", ")
}

// TestNames holds the kernel's limits for the longest names that a profile may
// use: 31 characters for a set, 28 for a chain, 15 for a hashlimit table.
func TestNames(t *testing.T) {
	rs := lowered(t, everything)
	longestSet, longestChain := 0, 0
	for _, s := range rs.Sets {
		longestSet = max(longestSet, len(s.Name))
		if !strings.HasPrefix(s.Name, ruleset.SetPrefix) {
			t.Errorf("set %s is not named as ours", s.Name)
		}
	}
	for _, table := range rs.Tables {
		for _, c := range table.Chains {
			longestChain = max(longestChain, len(c.Name))
			if !c.BuiltIn() && !strings.HasPrefix(c.Name, ruleset.ChainPrefix) {
				t.Errorf("chain %s is not named as ours", c.Name)
			}
		}
	}
	if longestSet != 31 || longestChain != 28 {
		t.Errorf("the longest set name has %d characters and the longest chain name %d; this profile should reach 31 and 28", longestSet, longestChain)
	}
}

// TestLongNames holds that names which the kernel has no room for are told apart.
func TestLongNames(t *testing.T) {
	rs := lowered(t, `
[sets.office-of-the-second-floor]
addresses = ["192.0.2.0/24"]
[knocks.door-of-the-second-floor]
sequence = ["tcp/7001", "udp/3002", "tcp/9903"]
[services.prometheus-node-exporter]
ports = ["tcp/9100"]
from = ["@office-of-the-second-floor", "198.51.100.1"]
new_per_source = "5/minute burst 5"
[services.prometheus-node-exported]
ports = ["tcp/9101"]
from = ["@office-of-the-second-floor"]
new_per_source = "6/minute burst 5"
knock = "door-of-the-second-floor"
`)
	named := map[string]string{}
	for _, s := range rs.Sets {
		if _, twice := named[s.Name]; twice || len(s.Name) > 31 {
			t.Errorf("the set %s is there twice, or has too long a name", s.Name)
		}
		named[s.Name] = s.Long
	}
	for kernel, long := range map[string]string{
		"hardenctl-office-of-t-dfc468-v4": "office-of-the-second-floor",
		"hardenctl-f-prometheu-803759-v4": "f-prometheus-node-exporter",
	} {
		if got, there := named[kernel]; !there || got != long {
			t.Errorf("%s is not the set of %s:\n%v", kernel, long, named)
		}
	}
	for _, service := range []string{"prometheus-node-exporter", "prometheus-node-exported"} {
		name := strings.ToUpper(ruleset.InKernel("S-" + service))
		if len(ruleset.ChainPrefix+name) > 28 || len(chain(rs, ruleset.V4, name)) < 2 {
			t.Errorf("%s of %s has no chain of a good name", name, service)
		}
	}
}

// TestChainsAreComplete holds that every jump leads to a chain that is there,
// once, and that every chain of ours but the hooks' is jumped to.
func TestChainsAreComplete(t *testing.T) {
	for _, table := range lowered(t, everything).Tables {
		defined, reached := map[string]bool{}, map[string]bool{}
		for _, c := range table.Chains {
			if defined[c.Name] {
				t.Errorf("chain %s is there twice", c.Name)
			}
			defined[c.Name] = true
			for _, r := range c.Rules {
				if jump, ok := r.Target.(ruleset.Jump); ok {
					reached[jump.Chain] = true
				}
			}
		}
		for name := range defined {
			if strings.HasPrefix(name, ruleset.ChainPrefix) && !reached[name] {
				t.Errorf("IPv%d: nothing leads to chain %s", table.Family, name)
			}
		}
		for name := range reached {
			if !defined[name] {
				t.Errorf("IPv%d: chain %s is jumped to and not there", table.Family, name)
			}
		}
	}
}

// TestOrigins holds that every node leads back to a line of the profile.
func TestOrigins(t *testing.T) {
	rs := lowered(t, everything)
	var origins []ruleset.Origin
	for _, table := range rs.Tables {
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				origins = append(origins, r.Origin)
			}
		}
	}
	for _, s := range rs.Sets {
		origins = append(origins, s.Origin)
	}
	for _, s := range rs.Settings {
		origins = append(origins, s.Origin)
	}
	for _, o := range rs.Options {
		origins = append(origins, o.Origin)
	}
	for _, o := range origins {
		if o.Part == "" || o.File != "a.toml" || o.Line == 0 {
			t.Errorf("origin %+v does not lead to a line", o)
		}
	}
}

// TestDeterministic lowers and emits the same profile again and again: no map's
// order may show, in the files or in what the manifest is made of.
func TestDeterministic(t *testing.T) {
	first := lowered(t, everything)
	files := emit.Files(first)
	for range 50 {
		again := lowered(t, everything)
		if !reflect.DeepEqual(again, first) {
			t.Fatal("the same profile gave another ruleset")
		}
		if !reflect.DeepEqual(emit.Files(again), files) {
			t.Fatal("the same ruleset gave other bytes")
		}
	}
}
