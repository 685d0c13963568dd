package boot

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/internal/netns"
	"github.com/hardenctl/hardenctl/internal/pages"
	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// What others wrote into the files that the host boots from.
var badNeighbours = []struct{ name, path, text, says string }{
	{"a rule with a set that is not in the file", "/etc/iptables/rules.v4",
		"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set nowhere src -j DROP\nCOMMIT\n", "/etc/iptables/rules.v4 would fail to load at boot"},
	{"a rule that no tool takes", "/etc/iptables/rules.v6",
		"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport nonsense -j DROP\nCOMMIT\n", "nonsense"},
	{"a set of no type", "/etc/iptables/ipsets", "create cdn hash:nothing\n", "input line"},
	{"a list with a set that is gone", "/etc/iptables/ipsets", "create all list:set\nadd all hardenctl-gone\n", "/etc/iptables/ipsets would fail to load at boot"},
	{"a command that removes every set", "/etc/iptables/ipsets", "destroy\n", "/etc/iptables/ipsets: after a reboot set "},
	{"a command that empties every set", "/etc/iptables/ipsets", "flush\n", "has other entries than the profile"},
	{"a command that empties every chain", "/etc/iptables/rules.v4", flushAll, "/etc/iptables/rules.v4: after a reboot the rules would differ"},
	{"a rule put before our jump", "/etc/iptables/rules.v6", "*filter\n:INPUT ACCEPT [0:0]\n-I INPUT -j ACCEPT\nCOMMIT\n", "/etc/iptables/rules.v6: after a reboot the rules would differ"},
	{"a policy as a command", "/etc/iptables/rules.v4", "*filter\n:INPUT ACCEPT [0:0]\n-P INPUT ACCEPT\nCOMMIT\n", `filter INPUT (is "ACCEPT", expected "DROP")`},
}

const flushAll = "*filter\n:INPUT ACCEPT [0:0]\n-F\nCOMMIT\n"

// Files that would not boot what the profile says are refused by plan and
// apply, and nothing is changed.
func TestForeignBootLinesRefused(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		for _, c := range badNeighbours {
			t.Run(c.name, func(t *testing.T) {
				if c.text == flushAll && strings.HasPrefix(t.Name(), "TestForeignBootLinesRefused/nft") {
					return // iptables-nft-restore 1.8.9 flushes only what was there before the file
				}
				stage.Wipe(t)
				require.NoError(t, os.WriteFile(c.path, []byte(c.text), 0o644))
				before := stage.TakePicture(t)
				for _, args := range [][]string{{"plan", "builtin:web"}, {"apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"}} {
					require.Contains(t, run.Expect(t, 1, args...), c.says, c.path)
				}
				stage.TakePicture(t).Is(t, before)
			})
		}
	})
}

// Good neighbours boot with us: their set, a list that names ours, and a rule
// that looks into them. So does a set that is too large to be rehearsed whole.
func TestForeignBootLinesKept(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		var sets strings.Builder
		sets.WriteString("create all list:set\nadd all hardenctl-trusted-v4\ncreate big hash:ip\n")
		for i := range 3000 {
			sets.WriteString("add big 10.0." + strconv.Itoa(i/250) + "." + strconv.Itoa(i%250) + "\n")
		}
		require.NoError(t, os.WriteFile("/etc/iptables/ipsets", []byte(sets.String()), 0o644))
		require.NoError(t, os.WriteFile("/etc/iptables/rules.v4", []byte("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set big src -j DROP\n-A INPUT -m set --match-set all src -j ACCEPT\nCOMMIT\n"), 0o644))
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		require.NoError(t, netns.Throwaway(func() error {
			for _, line := range []string{"ipset restore -file /etc/iptables/ipsets", "iptables-restore /etc/iptables/rules.v4", "ip6tables-restore /etc/iptables/rules.v6"} {
				run.Tool(t, line)
			}
			return nil
		}))
		run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
	})
}

// brokenLines are lines of the user's own files that do not load, and what says
// where each is: the file of rules as it would be saved has ours in front. A rule of others
// is left out, and closes nothing.
var brokenLines = []struct {
	name, path, edit, restore, apply string
}{
	{"sets", "/etc/iptables/ipsets", "3s/.*/garbage\\x201/", "(input line 3: garbage 1)", "(input line 3: garbage 1)"},
	{"rules", "/etc/iptables/rules.v4", "4s/.*/garbage\\x201/", "line 4: garbage 1", "(input line 4: garbage 1)"},
	{"the first line of a table", "/etc/iptables/rules.v6", "s/^\\*.*/garbage/", "/etc/iptables/rules.v6 cannot be loaded", `/etc/iptables/rules.v6: line 2: "garbage" is outside of a table`},
}

// A line that does not load at boot is named by the number that it has in the
// user's own file, by restore and by apply; the way out that the error and the
// page tell leads out.
func TestBrokenBootFile(t *testing.T) {
	stage.Bare(t, "nft")
	require.Contains(t, pages.Section(t, "docs/operations.md", "## At boot"), "# mv /etc/iptables/ipsets /etc/iptables/ipsets.broken\n# hardenctl apply ")
	profile := testfile.Write(t, "homely.toml", bootsim.Homely)
	apply := []string{"apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard"}
	run.Expect(t, 0, apply...)
	for _, c := range brokenLines {
		t.Run(c.name, func(t *testing.T) {
			run.Tool(t, "sed -i "+c.edit+" "+c.path)
			bootsim.LoseState(t)
			out := run.Expect(t, 1, "restore")
			require.Contains(t, out, c.restore)
			if closed := strings.Contains(out, "CLOSED but for administrators"); closed == (c.name == "rules") {
				t.Errorf("closed is %v after\n%s", closed, out)
			}
			away := "mv " + c.path + " " + c.path + ".broken"
			require.Contains(t, run.Expect(t, 1, apply...), c.apply, away)
			run.Tool(t, away)
			run.Expect(t, 0, apply...)
			require.Contains(t, run.Expect(t, 0, "restore"), "IPv4: the rules of", "IPv6: the rules of")
		})
	}
}
