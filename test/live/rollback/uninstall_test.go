package rollback

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/pages"
	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
	"github.com/hardenctl/hardenctl/test/live/internal/trials"
	"github.com/hardenctl/hardenctl/test/live/internal/webserver"
)

// The commands of docs/operations.md take hardenctl off a host, in a trial too: nothing of
// it is left in the kernel or on disk, others have what they had, and no boot closes
// the host.
func TestUninstallByHand(t *testing.T) {
	commands := uninstallCommands(t)
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		uncounted := func() string { return stage.Counters.ReplaceAllString(stage.ForeignRules(t), "") } // ip6tables-nft-restore 1.8.9 takes none
		before := uncounted()
		w := bootsim.NewVisitors(t)
		profile := testfile.Write(t, "homely.toml", bootsim.Homely+"[fail2ban]\nenabled = true\n[scan]\nkeep_bans = true\n")
		run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
		trials.TryOut(t, webserver.Variant(t), "5m")
		run.KillAll(t)
		run.WithInput(t, commands, "sh", "-e")
		if after := uncounted(); after != before {
			t.Errorf("others had\n%s\nand have\n%s", before, after)
		}
		nothingOfOurs(t)
		const all = "ssh4 web4 ssh6 web6 hidden4 hidden6"
		w.Are(t, all, all)
		bootsim.LoseState(t)
		require.Contains(t, run.Expect(t, 0, "restore"), "nothing to restore")
		w.Are(t, all, all)
	})
}

// uninstallCommands are the commands of docs/operations.md.
func uninstallCommands(t *testing.T) string {
	t.Helper()
	return pages.Script(t, "docs/operations.md", "## Uninstall")
}

// Where the profile has closed FORWARD, it stays closed until the command that the
// page tells beside, and is open after the next boot.
func TestUninstallForwardPolicy(t *testing.T) {
	stage.Bare(t, lab.Backends[0])
	closed := testfile.Write(t, "closed.toml", "version = 1\ninclude = [\"builtin:server\"]\npolicy.forward = \"drop\"\n")
	run.Expect(t, 0, "apply", closed, "--auto-approve", "--confirm-within", "0", "--no-guard")
	const save = "iptables-save >"
	first, last, _ := strings.Cut(uninstallCommands(t), save)
	run.WithInput(t, first, "sh", "-e")
	require.Contains(t, run.Tool(t, "iptables -S FORWARD"), "-P FORWARD DROP")
	run.WithInput(t, "iptables -P FORWARD ACCEPT\nip6tables -P FORWARD ACCEPT\n"+save+last, "sh", "-e")
	bootsim.LoseState(t)
	for _, command := range []string{"iptables", "ip6tables"} {
		require.Contains(t, run.Tool(t, command+" -S FORWARD"), "-P FORWARD ACCEPT")
	}
	nothingOfOurs(t)
}

// nothingOfOurs fails the test if anything is left of an apply.
func nothingOfOurs(t *testing.T) {
	t.Helper()
	for _, command := range []string{"iptables-save", "ip6tables-save", "ipset save", "cat /etc/iptables/rules.v4 /etc/iptables/rules.v6 /etc/iptables/ipsets"} {
		if text := run.Tool(t, command); strings.Contains(strings.ToLower(text), "hardenctl") {
			t.Errorf("%s shows\n%s", command, text)
		}
	}
	paths := bundle.Paths(bundle.Debian)
	for _, kept := range []string{bundle.RulesV4, bundle.RulesV6, bundle.Sets} {
		delete(paths, kept)
	}
	paths["generations"], paths["links"] = stage.Generations.Folder, bundle.LinkPattern
	for _, path := range paths {
		if left, _ := filepath.Glob(path); left != nil {
			t.Errorf("%q are left", left)
		}
	}
}
