package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/savedplan"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/synflood"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// Between two tables of one file, the tool that loads it is killed: the one
// table is new, and the other old. Both are restored.
func TestFault02KilledBetweenTables(t *testing.T) {
	note := filepath.Join(t.TempDir(), "torn")
	script := `awk "{print} /^COMMIT/{exit}" | "$real" "$@"; ip6tables-save >` + note + `; kill -KILL $$`
	stage.OnBackends(t, func(t *testing.T) {
		for _, before := range []string{"", "builtin:bastion"} {
			t.Run(fmt.Sprintf("from %q", before), func(t *testing.T) {
				stage.Wipe(t)
				promise.Populate(t, before)
				profile := synflood.Proxied(t, true, "") // has rules in raw and mangle too
				p := promise.Unchanged(t)
				inject.BreakTool(script)(t)
				run.Expect(t, 3, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
				torn, err := os.ReadFile(note)
				require.NoError(t, err)
				was, is := stage.Tables(p.Old["IPv6 rules"]), stage.Tables(stage.Rules(string(torn)))
				if is["*filter\n"] == was["*filter\n"] || is["*raw\n"] != was["*raw\n"] {
					t.Errorf("the tool was not killed between two tables:\n%s", torn)
				}
				p.IsOld(t)
			})
		}
	})
}

// A save that lies is not a snapshot: a tool that cannot write what it has to say
// exits 0, and says nothing.
func TestFault07SaveThatLies(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		backend := filepath.Base(t.Name())
		for _, c := range []struct{ name, when, says string }{
			{"always", "true", "ip6tables-save printed nothing, but the kernel has filter"},
			{"of the host alone", fmt.Sprintf("[ $(readlink /proc/self/ns/net) = %s ]", namespace(t)), "reading the host: ip6tables-save printed nothing, but the kernel has filter"},
		} {
			for _, before := range []string{"", "builtin:bastion"} {
				t.Run(fmt.Sprintf("%s/from %q", c.name, before), func(t *testing.T) {
					stage.Wipe(t)
					promise.Populate(t, before)
					p := promise.Unchanged(t)
					t.Run("broken", func(t *testing.T) {
						inject.ReplaceTool(t, "ip6tables-save", "ip6tables-"+backend+"-save", fmt.Sprintf(`if %s; then exec "$real" "$@" >/dev/full; fi`, c.when))
						require.Contains(t, run.Expect(t, 1, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard"), c.says)
					})
					p.IsOld(t)
				})
			}
		}
	})
}

// namespace names the network namespace of the server.
func namespace(t *testing.T) string {
	t.Helper()
	name, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	return name
}

// A tool that is missing or never works refuses the apply; one that fails once,
// before its work or after it, has it undone.
func TestFault08ToolFails(t *testing.T) {
	const says = "ip6tables-restore"
	strike(t,
		fault{"one is missing", func(t *testing.T) { inject.Redirect(t, "ip6tables-restore", "/nowhere") }, "ip6tables-restore is not installed", 1},
		fault{"one never works", func(t *testing.T) { inject.Redirect(t, "ip6tables-restore", "/bin/false") }, says, 1},
		fault{name: "one fails", arrange: inject.BreakTool("echo not today >&2; exit 1"), says: "not today"},
		fault{name: "one fails after its work", arrange: inject.BreakTool(`"$real" "$@"; echo too late >&2; exit 4`), says: "too late"},
		fault{name: "one is killed", arrange: inject.BreakTool("kill -KILL $$"), says: says},
		fault{name: "one does nothing and says that it did", arrange: inject.BreakTool("cat >/dev/null; exit 0"), says: "the host differs from the plan"})
}

// Without ipset nothing is changed either.
func TestFault08NoIPSet(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		p := promise.Unchanged(t)
		path, err := filepath.EvalSymlinks("/usr/sbin/ipset")
		require.NoError(t, err)
		require.NoError(t, syscall.Mount("/dev/null", path, "", syscall.MS_BIND, ""))
		out, code := run.Outcome(t, exec.Command(run.Binary(t), "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard"))
		require.NoError(t, syscall.Unmount(path, syscall.MNT_DETACH))
		if code != 1 {
			t.Errorf("exit %d, want 1", code)
		}
		require.Contains(t, out, "ipset is not installed")
		p.IsOld(t)
	})
}

// A tool that hangs is killed, with what it has started, at its time limit of 30
// seconds. Waiting is dear: it hangs once.
func TestFault09ToolHangs(t *testing.T) {
	stage.Bare(t, "nft")
	stage.AddForeign(t)
	note := filepath.Join(t.TempDir(), "hung")
	fault{name: "hangs", arrange: inject.BreakTool("sleep 600 & echo $! >" + note + "; wait"), says: "30s"}.befall(t)
	pid, err := os.ReadFile(note)
	require.NoError(t, err)
	stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
	if err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("what hung is still there: %s", stat)
	}
}

// What IPv4 takes and IPv6 refuses is undone on both.
func TestFault10OnlyIPv6Refuses(t *testing.T) {
	strike(t, fault{name: "an address type that IPv6 has not", says: "ip6tables-restore",
		arrange: inject.BreakTool(`sed "/^COMMIT/i -A INPUT -m addrtype --dst-type BROADCAST -j DROP" | "$real" "$@"; exit $?`)})
}

// What one table takes and the next refuses is undone in both.
func TestFault11OneTableRefuses(t *testing.T) {
	const bad = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -j REJECT\nCOMMIT"
	strike(t, fault{name: "a target that raw has not", says: "ip6tables-restore",
		arrange: inject.BreakTool(`{ cat; printf '%b\n' '` + strings.ReplaceAll(bad, "\n", `\n`) + `'; } | "$real" "$@"; exit $?`)})
}

// A rule that the kernel refuses is found by the rehearsal, before anything is
// changed.
func TestFault11RefusedByTheKernel(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		lab.Require(t)
		before := stage.TakePicture(t)
		path := savedplan.Forge(t, "builtin:web", func(text string) string {
			return testfile.ReplaceOnce(t, text, `--dport 80 -m comment --comment \"services.http\" -j HARDENCTL-S-HTTP\n`,
				`--dport 80 -m comment --comment \"services.http\" -j HARDENCTL-INPUT\n`) // a loop
		})
		require.Contains(t, run.Expect(t, 1, "apply", "--plan", path, "--auto-approve", "--confirm-within", "0", "--no-guard"), "rehearsal: rules.v4", "iptables-restore")
		stage.TakePicture(t).Is(t, before)
	})
}
