package boot

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// lineOf returns the number of the line of a file that holds a text.
func lineOf(t *testing.T, path, part string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	before, _, found := strings.Cut(string(text), part)
	if !found {
		t.Fatalf("%s has no %q", path, part)
	}
	return strings.Count(before, "\n") + 1
}

// foreignLines are lines of others in the saved files that a boot cannot load, and what
// is said of them. Lines of others that load are loaded.
var foreignLines = []struct {
	name, path, before, lines string
	refused                   []string // parts of the lines that are left out
	loaded                    []string
}{
	{"a set that only its daemon makes", "/etc/iptables/rules.v4", "-A INPUT -j HARDENCTL-INPUT",
		"-A FORWARD -m set --match-set f2b-gone src -j DROP\n-A FORWARD -s 192.0.2.77/32 -j DROP\n-A OUTPUT -m set --match-set f2b-gone dst -j DROP\n",
		[]string{"-A FORWARD -m set --match-set f2b-gone src -j DROP", "-A OUTPUT -m set --match-set f2b-gone dst -j DROP"}, []string{"-A FORWARD -s 192.0.2.77/32 -j DROP"}},
	{"an object of the kernel that only its program makes", "/etc/iptables/rules.v4", "-A INPUT -j HARDENCTL-INPUT",
		"-A FORWARD -d 192.0.2.78/32 -j ACCEPT\n-A FORWARD -m nfacct --nfacct-name gone -j DROP\n-A FORWARD -s 192.0.2.77/32 -j DROP\n",
		[]string{"-A FORWARD -m nfacct --nfacct-name gone -j DROP"}, []string{"-A FORWARD -d 192.0.2.78/32 -j ACCEPT", "-A FORWARD -s 192.0.2.77/32 -j DROP"}},
	{"a command that undoes ours", "/etc/iptables/rules.v6", "COMMIT", "-A INPUT -s 2001:db8::77/128 -j DROP\n-F INPUT\n",
		[]string{"-F INPUT"}, []string{"-A INPUT -s 2001:db8::77/128 -j DROP"}},
	{"a set of an unknown type", "/etc/iptables/ipsets", "create hardenctl-ban-v4", "create cdn hash:nonsense\nadd cdn 192.0.2.1\ncreate mine hash:ip\nadd mine 192.0.2.2\nflush\n",
		[]string{"create cdn hash:nonsense", "flush"}, []string{"add mine 192.0.2.2"}},
}

// A line of others that does not load closes nothing: hardenctl's rules and sets are in
// force, the line is left out and named with its number, and the restore fails. The next
// plan names it too.
func TestForeignLinesThatDoNotLoad(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		profile := testfile.Write(t, "homely.toml", bootsim.Homely)
		w := bootsim.NewVisitors(t)
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, c := range foreignLines {
			for _, partly := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, partly loaded %v", c.name, partly), func(t *testing.T) {
					whole, err := os.ReadFile(c.path)
					require.NoError(t, err)
					defer os.WriteFile(c.path, whole, 0o644)
					testfile.Edit(t, c.path, c.before, c.lines+c.before)
					bootsim.LoseState(t)
					if partly { // as the distribution's loader leaves a file that it could not load
						run.WithInput(t, "*nat\n-A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE\nCOMMIT\n", "iptables-restore")
					}
					out := run.Expect(t, 1, "restore")
					for _, part := range c.refused {
						require.Contains(t, out, fmt.Sprintf("line %d: %s", lineOf(t, c.path, part+"\n"), part))
					}
					require.Contains(t, out, "IPv4: the rules of /etc/iptables/rules.v4 are in force", "IPv6: the rules of", "of other programs")
					w.Are(t, "ssh4 web4 ssh6 web6", "ssh4 web4 ssh6 web6")
					saved := run.Tool(t, "iptables-save") + run.Tool(t, "ip6tables-save") + run.Tool(t, "ipset save")
					require.Contains(t, saved, c.loaded...)
					if partly {
						require.Contains(t, saved, "-A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE")
					}
					require.Contains(t, run.Expect(t, 1, "plan", profile), c.path)
				})
			}
		}
		bootsim.LoseState(t)
		run.Expect(t, 0, "restore")
	})
}

// Rules of others that somebody has saved before ours come after them at a boot.
func TestSavedBehindOthers(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		profile := testfile.Write(t, "homely.toml", bootsim.Homely)
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
		testfile.Edit(t, "/etc/iptables/rules.v4", "-A INPUT -j HARDENCTL-INPUT", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j HARDENCTL-INPUT")
		bootsim.LoseState(t)
		run.Expect(t, 0, "restore")
		require.Contains(t, run.Tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n")
	})
}
