package coexistence

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/host/plan"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// What others own is the same after an apply: rules, order, counters, sets and
// files; and the plan says what becomes of it.
func TestForeign(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		before, sets, p := stage.ForeignRules(t), run.Tool(t, "ipset save cdn")+run.Tool(t, "ipset save f2b-recidive"), run.Planned(t, "builtin:web")
		untouched(t, p)
		overtaken(t, p)

		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		if after := stage.ForeignRules(t); after != before {
			t.Errorf("others had\n%s\nand have\n%s", before, after)
		}
		if after := run.Tool(t, "ipset save cdn") + run.Tool(t, "ipset save f2b-recidive"); after != sets {
			t.Errorf("others had\n%s\nand have\n%s", sets, after)
		}
		keptInFiles(t)

		p = run.Planned(t, "builtin:web")
		if !p.Empty() {
			t.Errorf("a second plan: %+v", p.Changes)
		}
		untouched(t, p)
		neverMatch(t, p)
		run.Expect(t, 0, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
		if after := stage.ForeignRules(t); after != before {
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

// overtaken checks that the plan notes the rules that our jump overtakes, and that what they
// refuse today is risky where it is let in from now on.
func overtaken(t *testing.T, p *plan.Plan) {
	t.Helper()
	neverMatch(t, p)
	for _, d := range p.Meaning.Differences {
		if d.Family == 4 && d.Change == "newly accepted" && d.Sources == "203.0.113.77" {
			require.Contains(t, d.Risk, "more packets are let in than before")
			return
		}
	}
	t.Errorf("no difference by a rule of others:\n%s", strings.Join(p.Meaning.Lines(true), "\n"))
}

func neverMatch(t *testing.T, p *plan.Plan) {
	t.Helper()
	require.Contains(t, strings.Join(p.Notes, "\n"), "fail2ban (f2b-sshd in IPv4 filter INPUT)", "IPv4 filter INPUT: 1 rule of other programs", "IPv6 filter INPUT: 1 rule of other programs")
}

// keptInFiles checks the files that we share, and one that we do not.
func keptInFiles(t *testing.T) {
	t.Helper()
	rules, err := os.ReadFile("/etc/iptables/rules.v4")
	require.NoError(t, err)
	require.Contains(t, string(rules), "# rules of the house\n", ":FORWARD DROP [0:0]\n", ":INPUT DROP [0:0]\n",
		"# the old monitor; ask Kim before you delete it\n-A INPUT -s 192.0.2.200/32 -m comment --comment \"the old monitor\" -j ACCEPT\nCOMMIT\n")
	sets, err := os.ReadFile("/etc/iptables/ipsets")
	require.NoError(t, err)
	if !strings.HasSuffix(string(sets), stage.OthersSets) {
		t.Errorf("ipsets ends\n%s", sets[max(0, len(sets)-300):])
	}
	notes, err := os.ReadFile("/etc/iptables/notes.txt")
	require.NoError(t, err)
	if string(notes) != "ours is ours\n" {
		t.Errorf("notes.txt: %q", notes)
	}
	if mode := run.Tool(t, "stat -c %a /etc/iptables/notes.txt"); mode != "600\n" {
		t.Errorf("notes.txt has mode %s", mode)
	}
	// The file boots what is live: others' rules behind ours.
	run.WithInput(t, string(rules), "iptables-restore", "--test")
}

// A profile that closed FORWARD and is followed by one that leaves it alone
// leaves no DROP behind, live or in the file; if the second fails, it is back.
func TestForwardIsLeft(t *testing.T) {
	closed, left := webserver.Variant(t, `input = "drop"`, "input = \"drop\"\nforward = \"drop\""), webserver.Variant(t)
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "apply", left, "--auto-approve", "--confirm-within", "0", "--no-guard")
		before := stage.TakePicture(t)
		run.Expect(t, 0, "apply", closed, "--auto-approve", "--confirm-within", "0", "--no-guard")
		require.Contains(t, run.Tool(t, "iptables-save"), ":FORWARD DROP", "-A FORWARD -j HARDENCTL-")
		whole := stage.TakePicture(t)
		t.Run("broken", func(t *testing.T) {
			inject.BreakTool("echo not today >&2; exit 1")(t)
			run.Expect(t, 3, "apply", left, "--auto-approve", "--confirm-within", "0", "--no-guard")
			stage.TakePicture(t).Is(t, whole)
		})
		require.Contains(t, run.Expect(t, 0, "apply", left, "--auto-approve", "--confirm-within", "0", "--no-guard"), "policy filter FORWARD: DROP -> ACCEPT")
		stage.TakePicture(t).Is(t, before)
		run.Expect(t, 0, "plan", left, "--detailed-exitcode")
	})
}

// Rules of the backend that iptables is not of decide packets too, and are
// seen by no reader: that host is refused, with what to do.
func TestOtherBackend(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		backend := filepath.Base(t.Name())
		other := map[string]string{"nft": "legacy", "legacy": "nft"}[backend]
		for _, c := range []struct{ name, command, says string }{
			{"a rule", "iptables-" + other + " -A INPUT -p tcp --dport 9999 -j ACCEPT", "IPv4 table filter has 1 rule"},
			{"a rule in nat", "iptables-" + other + " -t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080", "IPv4 table nat has 1 rule"},
			{"a policy", "ip6tables-" + other + " -P FORWARD DROP", "IPv6 table filter has the policy DROP in FORWARD"},
		} {
			t.Run(c.name, func(t *testing.T) {
				stage.Wipe(t)
				run.Expect(t, 0, "plan", "builtin:web") // empty tables do not matter
				run.Tool(t, c.command)
				before := stage.TakePicture(t)
				refusesRival(t, c.says, "the "+other+" backend also filters packets", "iptables-"+other+"-save")
				stage.TakePicture(t).Is(t, before)
			})
		}
	})
}

// A rule of others whose comment holds a newline does not matter, and stays.
func TestNewlineInAComment(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.WithInput(t, "", "iptables", "-A", "INPUT", "-m", "comment", "--comment", "first\nsecond \"third\"", "-j", "ACCEPT")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
		require.Contains(t, run.Tool(t, "iptables-save"), "-A INPUT -m comment --comment \"first\nsecond \\\"third\\\"\" -j ACCEPT\n")
	})
}
