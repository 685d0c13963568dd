package boot

import (
	"os"
	"testing"

	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// A host of whose files none is left, or can be read, is closed at boot, and the
// generation that was applied last says who gets in. What another loader has put
// in force stays.
func TestRestoreWithoutFiles(t *testing.T) {
	stage.Bare(t, "nft")
	w := bootsim.NewVisitors(t)
	run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")

	bootsim.LoseState(t)
	mayWrite := func(mode os.FileMode) {
		require.NoError(t, os.Chmod("/etc/iptables", mode))
		require.NoError(t, os.Chmod("/etc/hardenctl", mode))
	}
	mayWrite(0o775)
	require.Contains(t, run.Expect(t, 1, "restore"), "/etc/iptables is writable by other users", "rules.v6 is missing or cannot be read", "IPv6: CLOSED")
	w.Are(t, "ssh4 ssh6", "")
	mayWrite(0o755)

	bootsim.LoseState(t)
	require.NoError(t, os.RemoveAll("/etc/iptables"))
	require.NoError(t, os.RemoveAll("/etc/hardenctl"))
	run.Tool(t, "ip6tables -A INPUT -p tcp --dport 5432 -j REJECT")
	require.Contains(t, run.Expect(t, 1, "restore"), "rules.v4 is missing or cannot be read", "IPv4: CLOSED but for administrators, by /var/lib/hardenctl/generations/1/bundle/closed.v4", "hardenctl rollback N", "hardenctl rollback 0",
		"IPv6: the saved rules are missing; the rules in force stay")
	w.Are(t, "ssh4 ssh6 web6", "ssh6 web6")
	run.Expect(t, 0, "rollback", "1", "--auto-approve", "--confirm-within", "0", "--no-guard")
	w.Are(t, "ssh4 web4 ssh6 web6", "ssh4 web4 ssh6 web6")

	bootsim.LoseState(t)
	require.NoError(t, os.RemoveAll("/etc/iptables"))
	require.NoError(t, os.RemoveAll("/etc/hardenctl"))
	run.Expect(t, 1, "restore")
	run.Expect(t, 0, "rollback", "0", "--auto-approve", "--confirm-within", "0", "--no-guard")
	const all = "ssh4 web4 ssh6 web6 hidden4 hidden6"
	w.Are(t, all, all)
	bootsim.LoseState(t)
	run.Expect(t, 0, "restore")
	w.Are(t, all, all)
}

// Where a tool fails on such a host, it is not said to be closed when it is not, and
// is closed where the rules in force cannot be read.
func TestRestoreWithoutFilesOrTools(t *testing.T) {
	for _, c := range []struct {
		tool string
		says []string
	}{
		{"iptables-restore", []string{"IPv4 is NOT FILTERED", "IPv6: CLOSED"}},
		{"iptables-save", []string{"IPv4: CLOSED", "IPv6: CLOSED"}},
	} {
		t.Run(c.tool, func(t *testing.T) {
			stage.Bare(t, "nft")
			run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
			bootsim.LoseState(t)
			require.NoError(t, os.RemoveAll("/etc/iptables"))
			require.NoError(t, os.RemoveAll("/etc/hardenctl"))
			inject.ReplaceTool(t, c.tool, c.tool, "echo no more >&2; exit 1")
			require.Contains(t, run.Expect(t, 1, "restore"), append(c.says, "/etc/iptables/rules.v4 is missing or cannot be read", "no more")...)
		})
	}
}

// A host that booted closed, and whose file has been fixed, gets the whole of it,
// as at a boot that went well: the rules of others too, which no other loader loads.
func TestRestoreAfterClosed(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		for _, c := range []struct {
			name, path, good, bad, says string
			forgets                     bool // who gets in
		}{
			{"rules", "/etc/iptables/rules.v4", "COMMIT", "COMMT", "IPv4: CLOSED but for administrators, by /etc/hardenctl/closed.v4", false},
			{"sets", "/etc/iptables/ipsets", "hash:", "hush:", "IPv6: CLOSED but for administrators, by /etc/hardenctl/closed.v6", false},
			{"fallback rules too", "/etc/iptables/rules.v4", "COMMIT", "COMMT", "IPv4: CLOSED to everybody, by built-in rules", true},
		} {
			t.Run(c.name, func(t *testing.T) {
				if c.forgets {
					require.NoError(t, os.Remove("/etc/hardenctl/closed.v4"))
					require.NoError(t, os.RemoveAll(stage.Generations.Folder))
				}
				bootsim.LoseState(t)
				run.Expect(t, 0, "restore")
				whole := stage.TakePicture(t)
				bootsim.LoseState(t)
				testfile.Edit(t, c.path, c.good, c.bad)
				require.Contains(t, run.Expect(t, 1, "restore"), c.says)
				testfile.Edit(t, c.path, c.bad, c.good)
				run.Expect(t, 0, "restore")
				stage.TakePicture(t).Is(t, whole)
				require.Contains(t, run.Tool(t, "iptables -S INPUT"), "the old monitor")
			})
		}
	})
}
