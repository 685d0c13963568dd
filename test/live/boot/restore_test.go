package boot

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/bootsim"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// What was applied is in force again after a boot that loaded nothing, and a
// second restore touches nothing, not even a counter.
func TestRestore(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "restore") // nothing was ever applied
		run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		applied := stage.TakePicture(t)
		bootsim.LoseState(t)
		require.Contains(t, run.Expect(t, 0, "restore"), "IPv4: the rules of /etc/iptables/rules.v4 are in force", "IPv6: the rules of")
		stage.TakePicture(t).Is(t, applied)
		run.Expect(t, 0, "plan", testfile.Write(t, "homely.toml", bootsim.Homely), "--detailed-exitcode")

		run.Tool(t, "ipset add hardenctl-ban-v4 203.0.113.9 timeout 600")
		counters := run.Tool(t, "iptables-save -c -t filter")
		run.Expect(t, 0, "restore")
		if now := run.Tool(t, "iptables-save -c -t filter"); !strings.Contains(now, linesOf(counters, "-A INPUT")) {
			t.Errorf("the rules were\n%s\nand are\n%s", counters, now)
		}
		if left := banset.Remaining(t, "hardenctl-ban-v4", "203.0.113.9"); left < 500 {
			t.Errorf("the ban has %d s left", left)
		}
	})
}

// linesOf returns the lines that hold a part.
func linesOf(text, part string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// broken are the ways in which the files of a host may not boot, and who
// reaches what then.
var broken = []struct {
	name            string
	arrange         func(t *testing.T)
	says            []string
	admin, unlisted string
}{
	{"a broken file", func(t *testing.T) {
		testfile.Edit(t, "/etc/iptables/rules.v4", "-A HARDENCTL-INPUT ", "-A HARDENCTL-INPUT --nonsense ")
	},
		[]string{"/etc/iptables/rules.v4 cannot be loaded", "--nonsense", "IPv4: CLOSED but for administrators, by /etc/hardenctl/closed.v4", "IPv6: the rules of"},
		"ssh4 ssh6 web6", "ssh6 web6"},
	{"a file that is cut off", func(t *testing.T) { testfile.Edit(t, "/etc/iptables/rules.v6", "COMMIT\n", "") },
		[]string{"/etc/iptables/rules.v6 cannot be loaded", "IPv6: CLOSED but for administrators"},
		"ssh4 web4 ssh6", "ssh4 web4"},
	{"a missing set", func(t *testing.T) { dropLines(t, "/etc/iptables/ipsets", "hardenctl-ban-v4") },
		[]string{"hardenctl-ban-v4", "IPv4: CLOSED but for administrators"},
		"ssh4 ssh6 web6", "ssh6 web6"},
	{"a broken file of sets", func(t *testing.T) {
		testfile.Edit(t, "/etc/iptables/ipsets", "create hardenctl-strike-v4 ", "creaet hardenctl-strike-v4 ")
	},
		[]string{"/etc/iptables/ipsets cannot be loaded", "IPv4: CLOSED", "IPv6: CLOSED"},
		"ssh4 ssh6", ""},
	{"no file", func(t *testing.T) { require.NoError(t, os.Remove("/etc/iptables/rules.v6")) },
		[]string{"/etc/iptables/rules.v6: no such file", "IPv6: CLOSED but for administrators"},
		"ssh4 web4 ssh6", "ssh4 web4"},
	{"a file of an open host saved over ours", func(t *testing.T) {
		require.NoError(t, os.WriteFile("/etc/iptables/rules.v4", []byte("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"), 0o644))
	}, []string{"/etc/iptables/rules.v4 does not have hardenctl's rules in INPUT any more", "IPv4: CLOSED"},
		"ssh4 ssh6 web6", "ssh6 web6"},
	{"broken fallback rules too", func(t *testing.T) {
		testfile.Edit(t, "/etc/iptables/rules.v4", "COMMIT", "COMMT")
		require.NoError(t, os.WriteFile("/etc/hardenctl/closed.v4", nil, 0o644))
		require.NoError(t, os.RemoveAll(stage.Generations.Folder)) // which has them too
	}, []string{"IPv4: CLOSED to everybody, by built-in rules"},
		"ssh6 web6", "ssh6 web6"},
}

// dropLines takes the lines that hold a part out of a file.
func dropLines(t *testing.T, path, part string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, part) {
			kept.WriteString(line)
		}
	}
	require.NoError(t, os.WriteFile(path, []byte(kept.String()), 0o644))
}

// Files that do not load never leave the host open: who administers it gets in,
// and no other source does. Where another loader got some way before, it is the same.
func TestRestoreCloses(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		w := bootsim.NewVisitors(t)
		run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		w.Are(t, "ssh4 web4 ssh6 web6", "ssh4 web4 ssh6 web6")
		whole := map[string][]byte{}
		for _, path := range append(testfile.Glob(t, "/etc/iptables/*"), testfile.Glob(t, "/etc/hardenctl/*")...) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			whole[path] = text
		}
		for _, c := range broken {
			t.Run(c.name, func(t *testing.T) {
				for path, text := range whole {
					require.NoError(t, os.WriteFile(path, text, 0o644))
				}
				bootsim.LoseState(t)
				c.arrange(t)
				require.Contains(t, run.Expect(t, 1, "restore"), c.says...)
				w.Are(t, c.admin, c.unlisted)
			})
		}
		last := broken[len(broken)-1]
		require.Contains(t, run.Expect(t, 1, "restore"), last.says...) // on what is in force now
		w.Are(t, last.admin, last.unlisted)
		for path, text := range whole {
			require.NoError(t, os.WriteFile(path, text, 0o644))
		}
		run.Expect(t, 0, "restore") // on a host that was closed
		w.Are(t, "ssh4 web4 ssh6 web6", "ssh4 web4 ssh6 web6")
	})
}

// Where a library of the tools is gone, a restore on a host that is up cannot
// compare its rules, and leaves them; after a boot it closes the host.
func TestRestoreWithoutALibrary(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		applied := stage.TakePicture(t)
		t.Run("up", func(t *testing.T) {
			inject.HideLibrary(t, "hashlimit")
			require.Contains(t, run.Expect(t, 1, "restore"), "hashlimit", "IPv4: hardenctl's rules in force stay", "IPv6: hardenctl's rules in force stay")
		})
		stage.TakePicture(t).Is(t, applied)
		t.Run("boot", func(t *testing.T) {
			bootsim.LoseState(t)
			inject.HideLibrary(t, "hashlimit")
			require.Contains(t, run.Expect(t, 1, "restore"), "hashlimit", "IPv4: CLOSED", "IPv6: CLOSED")
		})
	})
}

// A restore that fails at any step, or is killed, leaves no open host: what it
// has not loaded is closed but for the administrator.
func TestRestoreInterrupted(t *testing.T) {
	stage.Bare(t, "nft")
	w := bootsim.NewVisitors(t)
	run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
	for _, c := range []struct {
		name    string
		call    int // of ip6tables-restore: 1 closes, 2 rehearses, 3 loads
		script  string
		code    int
		openTo6 string
	}{
		{"closing fails", 1, "exit 1", 0, " web6"},
		{"a rehearsal fails", 2, "echo not today >&2; exit 1", 0, " web6"}, // and is done again
		{"loading fails", 3, "echo not today >&2; exit 1", 1, ""},
		{"loading lies", 3, "cat >/dev/null; exit 0", 0, " web6"}, // and is noticed, and done again
		{"killed in the rehearsal", 2, "kill -KILL $PPID", -1, ""},
		{"killed while loading", 3, "kill -KILL $PPID; exit 1", -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bootsim.LoseState(t)
			inject.BreakCall(t, "ip6tables-restore", c.call, c.script)
			if _, code := run.Outcome(t, exec.Command(run.Binary(t), "restore")); code != c.code {
				t.Errorf("it exits %d, want %d", code, c.code)
			}
			unlisted := "ssh4 web4"
			if c.openTo6 != "" {
				unlisted += " ssh6" + c.openTo6
			}
			w.Are(t, "ssh4 web4 ssh6"+c.openTo6, unlisted)
		})
	}
}

// Bans come back after a boot, with the time that was left when the host went
// down, less the time for which it was. One that was lifted does not, also after a
// power loss. A file of them that is broken is named,
// and costs no more than the bans.
func TestKeptBans(t *testing.T) {
	const path = "/var/lib/hardenctl/bans"
	stage.OnBackends(t, func(t *testing.T) {
		t.Cleanup(func() { os.RemoveAll("/var/lib/hardenctl") })
		run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Expect(t, 0, "restore", "--save-bans")
		if _, err := os.Stat(path); err == nil {
			t.Error("bans were saved that the profile does not keep")
		}
		run.Expect(t, 0, "apply", testfile.Write(t, "keeping.toml", bootsim.Keeping), "--auto-approve", "--confirm-within", "0", "--no-guard")
		bans := map[string]string{"hardenctl-ban-v4": "203.0.113.9", "hardenctl-ban-v6": "2001:db8:bad::", "hardenctl-strike-v4": "203.0.113.9"}
		for set, address := range bans {
			run.Tool(t, "ipset add "+set+" "+address+" timeout 1200")
		}
		run.Expect(t, 0, "restore", "--save-bans")
		left := func(low, high int) {
			t.Helper()
			for set, address := range bans {
				if n := banset.Remaining(t, set, address); n < low || n > high {
					t.Errorf("%s in %s has %d s left, want %d to %d", address, set, n, low, high)
				}
			}
		}
		bootsim.LoseState(t)
		require.Contains(t, run.Expect(t, 0, "restore"), "3 bans and memories of before the boot are in force")
		left(800, 1200)

		saved, err := os.ReadFile(path)
		require.NoError(t, err)
		_, rest, _ := strings.Cut(string(saved), "\n")
		long := "# Saved by hardenctl at " + time.Now().Add(-10*time.Minute).UTC().Format(time.RFC3339) + "\n"
		require.NoError(t, os.WriteFile(path, []byte(long+rest), 0o644))
		run.Expect(t, 0, "restore") // on a host that has been up: no source is banned anew
		left(700, 1200)
		bootsim.LoseState(t)
		run.Expect(t, 0, "restore")
		left(200, 600)

		banset.UnbanByHand(t, netip.MustParseAddr(bans["hardenctl-ban-v4"]))
		bootsim.LoseState(t)
		require.Contains(t, run.Expect(t, 0, "restore"), "1 bans and memories of before the boot are in force")

		require.NoError(t, os.WriteFile(path, []byte(long+"add hardenctl-ban-v4 203."), 0o644))
		bootsim.LoseState(t)
		require.Contains(t, run.Expect(t, 1, "restore"), path, "is not an entry of a set", "IPv4: the rules of /etc/iptables/rules.v4 are in force")
	})
}

// What others have in force when restore comes stays, and so does what they
// have in the files.
func TestRestoreWithOthers(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		stage.AddForeign(t)
		run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		bootsim.LoseState(t)
		run.Expect(t, 0, "restore")
		require.Contains(t, run.Tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT\n-A INPUT -s 192.0.2.200/32 -m comment --comment \"the old monitor\" -j ACCEPT\n")

		bootsim.LoseState(t)
		run.WithInput(t, stage.OthersV4, "iptables-restore", "-c")
		before := stage.ForeignRules(t)
		run.Expect(t, 0, "restore")
		if after := stage.ForeignRules(t); after != before {
			t.Errorf("others had\n%s\nand have\n%s", before, after)
		}
		require.Contains(t, run.Tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT\n-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd\n")
	})
}

// A saved file that is there and is refused is not said to be missing.
func TestRestoreNamesRefusedFiles(t *testing.T) {
	stage.Bare(t, "nft")
	run.Expect(t, 0, "apply", testfile.Write(t, "homely.toml", bootsim.Homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
	for _, path := range []string{"/etc/iptables/rules.v4", "/etc/iptables/ipsets", "/etc/sysctl.d/60-hardenctl.conf", "/etc/hardenctl/closed.v4"} {
		bootsim.LoseState(t)
		require.NoError(t, os.Rename(path, path+".real"))
		require.NoError(t, os.Symlink(path+".real", path))
		out := run.Expect(t, 1, "restore")
		require.Contains(t, out, path+" is a symbolic link, not a regular file; move it away")
		if strings.Contains(out, "no such file") {
			t.Errorf("%s:\n%s", path, out)
		}
		require.NoError(t, os.Rename(path+".real", path))
	}
	bootsim.LoseState(t)
	run.Expect(t, 0, "restore")
}
