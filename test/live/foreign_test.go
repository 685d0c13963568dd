package live

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/plan"
)

// What others have on the server: a container engine's chains, a ban tool's
// chain in front of everything, an administrator's rules, with what they have
// counted.
const (
	othersV4 = `*nat
:PREROUTING ACCEPT [11:660]
:POSTROUTING ACCEPT [5:300]
:DOCKER - [0:0]
[7:420] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
[3:180] -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
[2:120] -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:INPUT ACCEPT [100:6000]
:FORWARD DROP [4:240]
:OUTPUT ACCEPT [90:5400]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:f2b-sshd - [0:0]
[40:2400] -A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
[6:360] -A INPUT -s 192.0.2.200/32 -m comment --comment "the old monitor" -j ACCEPT
[9:540] -A FORWARD -j DOCKER-USER
[8:480] -A FORWARD -o docker0 -j DOCKER
[1:60] -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
[9:540] -A DOCKER-USER -j RETURN
[2:120] -A f2b-sshd -s 203.0.113.77/32 -j REJECT --reject-with icmp-port-unreachable
[38:2280] -A f2b-sshd -j RETURN
COMMIT
`
	othersV6 = `*filter
:INPUT ACCEPT [10:800]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [9:720]
:MINE - [0:0]
[4:320] -A INPUT -s 2001:db8:99::/48 -j MINE
[4:320] -A MINE -p tcp -m tcp --dport 9100 -j ACCEPT
COMMIT
`
	othersSets = `create f2b-recidive hash:ip family inet hashsize 1024 maxelem 65536 timeout 86400
create cdn hash:net family inet6 hashsize 1024 maxelem 65536
add cdn 2001:db8:cd::/48
`
	othersFile = `# rules of the house
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
# the old monitor; ask Kim before you delete it
-A INPUT -s 192.0.2.200/32 -m comment --comment "the old monitor" -j ACCEPT
COMMIT
`
)

// addForeign puts what others have on the server.
func addForeign(t *testing.T) {
	t.Helper()
	fed(t, othersSets, "ipset", "restore")
	fed(t, othersV4, "iptables-restore", "-c")
	fed(t, othersV6, "ip6tables-restore", "-c")
	must(t, os.WriteFile("/etc/iptables/rules.v4", []byte(othersFile), 0o640))
	must(t, os.WriteFile("/etc/iptables/ipsets", []byte(othersSets), 0o640))
	must(t, os.WriteFile("/etc/iptables/notes.txt", []byte("ours is ours\n"), 0o600))
}

// theirs are the lines of the live rules that are not ours, with counters,
// sorted by table; only the policy of INPUT is ours to state. What policies have
// counted is left out on legacy, where every command of iptables sets it to zero.
func theirs(t *testing.T) string {
	t.Helper()
	legacy := strings.Contains(tool(t, "iptables --version"), "legacy")
	var kept []string
	for _, name := range []string{"iptables-save", "ip6tables-save"} {
		table := ""
		for line := range strings.Lines(tool(t, name+" -c")) {
			if strings.HasPrefix(line, "*") {
				table = strings.TrimSpace(line)
			}
			foreign := !strings.Contains(line, "HARDENCTL-") && !strings.Contains(line, "HARDENCTL_") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ":INPUT ")
			if legacy && strings.HasPrefix(line, ":") {
				line = counters.ReplaceAllString(line, "")
			}
			if foreign && (table == "*filter" || table == "*nat") {
				kept = append(kept, name+" "+table+" "+line)
			}
		}
	}
	slices.SortStableFunc(kept, func(a, b string) int { return strings.Compare(key(a), key(b)) })
	return strings.Join(kept, "")
}

// key is the tool, the table and the chain of a line.
func key(line string) string {
	words := strings.Fields(line)
	if i := slices.Index(words, "-A"); i > 0 {
		return strings.Join(words[:2], " ") + " -A " + words[i+1]
	}
	return strings.Join(words[:min(3, len(words))], " ")
}

// What others own is the same after an apply: rules, order, counters, sets and
// files; and the plan says what becomes of it.
func TestForeign(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		addForeign(t)
		before, sets, p := theirs(t), tool(t, "ipset save cdn")+tool(t, "ipset save f2b-recidive"), planned(t, "builtin:web")
		untouched(t, p)
		overtaken(t, p)

		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		if after := theirs(t); after != before {
			t.Errorf("others had\n%s\nand have\n%s", before, after)
		}
		if after := tool(t, "ipset save cdn") + tool(t, "ipset save f2b-recidive"); after != sets {
			t.Errorf("others had\n%s\nand have\n%s", sets, after)
		}
		keptInFiles(t)

		p = planned(t, "builtin:web")
		if !p.Empty() {
			t.Errorf("a second plan: %+v", p.Changes)
		}
		untouched(t, p)
		contains(t, strings.Join(p.Notes, "\n"), "IPv4 filter INPUT: 2 rules of other programs", "IPv6 filter INPUT: 1 rule of other programs")
		expect(t, 0, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
		if after := theirs(t); after != before {
			t.Errorf("after a second profile others have\n%s", after)
		}
	})
}

// untouched checks that the plan lists what others have.
func untouched(t *testing.T, p *plan.Plan) {
	t.Helper()
	for _, want := range []plan.Foreign{
		{Kind: plan.Chain, Family: 4, Object: "filter INPUT", Count: 2},
		{Kind: plan.Chain, Family: 4, Object: "filter FORWARD", Count: 2},
		{Kind: plan.Chain, Family: 4, Object: "filter DOCKER", Count: 1},
		{Kind: plan.Chain, Family: 4, Object: "filter DOCKER-USER", Count: 1},
		{Kind: plan.Chain, Family: 4, Object: "filter f2b-sshd", Count: 2},
		{Kind: plan.Chain, Family: 4, Object: "nat DOCKER", Count: 1},
		{Kind: plan.Chain, Family: 4, Object: "nat POSTROUTING", Count: 1},
		{Kind: plan.Chain, Family: 6, Object: "filter MINE", Count: 1},
		{Kind: plan.Set, Object: "cdn", Count: 1},
		{Kind: plan.Set, Object: "f2b-recidive", Count: 0},
	} {
		if !slices.Contains(p.Untouched, want) {
			t.Errorf("not listed as untouched: %+v in %+v", want, p.Untouched)
		}
	}
}

// overtaken checks that the plan warns of the rules that our jump overtakes.
func overtaken(t *testing.T, p *plan.Plan) {
	t.Helper()
	risks := map[int]string{}
	for _, s := range p.Changes {
		if s.Kind == plan.Rule && s.Object == "filter INPUT" {
			risks[s.Family] = s.Risk
		}
	}
	contains(t, risks[4], "2 rules of other programs in INPUT will come after")
	contains(t, risks[6], "1 rule of other programs in INPUT will come after")
}

// keptInFiles checks the files that we share, and one that we do not.
func keptInFiles(t *testing.T) {
	t.Helper()
	rules, err := os.ReadFile("/etc/iptables/rules.v4")
	must(t, err)
	contains(t, string(rules), "# rules of the house\n", ":FORWARD DROP [0:0]\n", ":INPUT DROP [0:0]\n",
		"# the old monitor; ask Kim before you delete it\n-A INPUT -s 192.0.2.200/32 -m comment --comment \"the old monitor\" -j ACCEPT\nCOMMIT\n")
	sets, err := os.ReadFile("/etc/iptables/ipsets")
	must(t, err)
	if !strings.HasSuffix(string(sets), othersSets) {
		t.Errorf("ipsets ends\n%s", sets[max(0, len(sets)-300):])
	}
	notes, err := os.ReadFile("/etc/iptables/notes.txt")
	must(t, err)
	if string(notes) != "ours is ours\n" {
		t.Errorf("notes.txt: %q", notes)
	}
	if mode := tool(t, "stat -c %a /etc/iptables/notes.txt"); mode != "600\n" {
		t.Errorf("notes.txt has mode %s", mode)
	}
	// The file boots what is live: others' rules behind ours.
	fed(t, string(rules), "iptables-restore", "--test")
}

// A profile that closed FORWARD and is followed by one that leaves it alone
// leaves no DROP behind, live or in the file; if the second fails, it is back.
func TestForwardIsLeft(t *testing.T) {
	closed, left := variant(t, `input = "drop"`, "input = \"drop\"\nforward = \"drop\""), variant(t)
	onBackends(t, func(t *testing.T) {
		expect(t, 0, "apply", left, "--auto-approve", "--confirm-within", "0", "--no-guard")
		before := look(t)
		expect(t, 0, "apply", closed, "--auto-approve", "--confirm-within", "0", "--no-guard")
		contains(t, tool(t, "iptables-save"), ":FORWARD DROP", "-A FORWARD -j HARDENCTL-")
		whole := look(t)
		t.Run("broken", func(t *testing.T) {
			breakTool("echo not today >&2; exit 1")(t)
			expect(t, 3, "apply", left, "--auto-approve", "--confirm-within", "0", "--no-guard")
			look(t).is(t, whole)
		})
		contains(t, expect(t, 0, "apply", left, "--auto-approve", "--confirm-within", "0", "--no-guard"), "policy filter FORWARD: DROP -> ACCEPT")
		look(t).is(t, before)
		expect(t, 0, "plan", left, "--detailed-exitcode")
	})
}

// Rules of the backend that iptables is not of decide packets too, and are
// seen by no reader: that host is refused, with what to do.
func TestOtherBackend(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		backend := filepath.Base(t.Name())
		other := map[string]string{"nft": "legacy", "legacy": "nft"}[backend]
		for _, c := range []struct{ name, command, says string }{
			{"a rule", "iptables-" + other + " -A INPUT -p tcp --dport 9999 -j ACCEPT", "IPv4 table filter has 1 rule"},
			{"a rule in nat", "iptables-" + other + " -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080", "IPv4 table nat has 1 rule"},
			{"a policy", "ip6tables-" + other + " -P FORWARD DROP", "IPv6 table filter has the policy DROP in FORWARD"},
		} {
			t.Run(c.name, func(t *testing.T) {
				wipe(t)
				expect(t, 0, "plan", "builtin:web") // empty tables do not matter
				tool(t, c.command)
				before := look(t)
				refusesRival(t, c.says, "the "+other+" backend also filters packets", "iptables-"+other+"-save")
				look(t).is(t, before)
			})
		}
	})
}

// A rule of others whose comment holds a newline does not matter, and stays.
func TestNewlineInAComment(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		fed(t, "", "iptables", "-A", "INPUT", "-m", "comment", "--comment", "first\nsecond \"third\"", "-j", "ACCEPT")
		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
		contains(t, tool(t, "iptables-save"), "-A INPUT -m comment --comment \"first\nsecond \\\"third\\\"\" -j ACCEPT\n")
	})
}
