package live

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hardenctl/hardenctl/internal/lab"
)

// homely is a profile whose owner is known.
const homely = `version = 1
include = ["builtin:web"]
[access]
admin = ["192.0.2.10", "2001:db8::10"]
[kernel]
default_ttl = 77
`

// rebooted takes from the kernel what a boot does, and leaves the files.
func rebooted(t *testing.T) {
	t.Helper()
	lab.FlushState(t)
	must(t, os.WriteFile("/proc/sys/net/ipv4/ip_default_ttl", []byte("64"), 0))
}

// ways are a scenario on which an administrator and a stranger live, with SSH and
// a web page to visit, and a port that is hidden.
type ways struct{ admin, stranger *lab.Host }

func newWays(t *testing.T) ways {
	t.Helper()
	network := lab.NewNetwork(t)
	lab.Serve(t, "tcp", 22)
	lab.Serve(t, "tcp", 80)
	lab.Serve(t, "tcp", 5432)
	return ways{network.Host("admin", "192.0.2.10/24", "2001:db8::10/64"), network.Host("stranger", "192.0.2.66/24", "2001:db8::66/64")}
}

// places are what there is to visit.
var places = []struct{ name, address string }{
	{"ssh4", lab.ServerV4 + ":22"}, {"web4", lab.ServerV4 + ":80"},
	{"ssh6", "[" + lab.ServerV6 + "]:22"}, {"web6", "[" + lab.ServerV6 + "]:80"},
	{"hidden4", lab.ServerV4 + ":5432"}, {"hidden6", "[" + lab.ServerV6 + "]:5432"},
}

// open returns the places that are open to a host, such as "ssh4 web6". It
// knocks at all of them at once, since one that is shut says nothing.
func (w ways) open(from *lab.Host) string {
	answers := make([]bool, len(places))
	var all sync.WaitGroup
	for i, d := range places {
		all.Add(1)
		go func() {
			defer all.Done()
			answers[i] = connects(from, d.address, false)
		}()
	}
	all.Wait()
	var open []string
	for i, d := range places {
		if answers[i] {
			open = append(open, d.name)
		}
	}
	return strings.Join(open, " ")
}

// are checks which ports are open to which host.
func (w ways) are(t *testing.T, admin, stranger string) {
	t.Helper()
	theirs := make(chan string)
	go func() { theirs <- w.open(w.stranger) }()
	if got := w.open(w.admin); got != admin {
		t.Errorf("the administrator reaches %q, want %q", got, admin)
	}
	if got := <-theirs; got != stranger {
		t.Errorf("a stranger reaches %q, want %q", got, stranger)
	}
}

// What was applied is in force again after a boot that loaded nothing, and a
// second restore touches nothing, not even a counter.
func TestRestore(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		expect(t, 0, "restore") // nothing was ever applied
		expect(t, 0, "apply", write(t, "homely.toml", homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		applied := look(t)
		rebooted(t)
		contains(t, expect(t, 0, "restore"), "IPv4: the rules of /etc/iptables/rules.v4 are in force", "IPv6: the rules of")
		look(t).is(t, applied)
		expect(t, 0, "plan", write(t, "homely.toml", homely), "--detailed-exitcode")

		tool(t, "ipset add hardenctl-ban-v4 203.0.113.9 timeout 600")
		counters := tool(t, "iptables-save -c -t filter")
		expect(t, 0, "restore")
		if now := tool(t, "iptables-save -c -t filter"); !strings.Contains(now, linesOf(counters, "-A INPUT")) {
			t.Errorf("the rules were\n%s\nand are\n%s", counters, now)
		}
		if left := remaining(t, "hardenctl-ban-v4", "203.0.113.9"); left < 500 {
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
	admin, stranger string
}{
	{"a broken file", func(t *testing.T) { edit(t, "/etc/iptables/rules.v4", "COMMIT", "-A INPUT --nonsense\nCOMMIT") },
		[]string{"/etc/iptables/rules.v4 cannot be loaded", "--nonsense", "IPv4: CLOSED but for administrators, by /etc/hardenctl/closed.v4", "IPv6: the rules of"},
		"ssh4 ssh6 web6", "ssh6 web6"},
	{"a file that is cut off", func(t *testing.T) { edit(t, "/etc/iptables/rules.v6", "COMMIT\n", "") },
		[]string{"/etc/iptables/rules.v6 cannot be loaded", "IPv6: CLOSED but for administrators"},
		"ssh4 web4 ssh6", "ssh4 web4"},
	{"a missing set", func(t *testing.T) { dropLines(t, "/etc/iptables/ipsets", "hardenctl-ban-v4") },
		[]string{"hardenctl-ban-v4", "IPv4: CLOSED but for administrators"},
		"ssh4 ssh6 web6", "ssh6 web6"},
	{"a broken file of sets", func(t *testing.T) {
		edit(t, "/etc/iptables/ipsets", "create hardenctl-strike-v4 ", "creaet hardenctl-strike-v4 ")
	},
		[]string{"/etc/iptables/ipsets cannot be loaded", "IPv4: CLOSED", "IPv6: CLOSED"},
		"ssh4 ssh6", ""},
	{"no file", func(t *testing.T) { must(t, os.Remove("/etc/iptables/rules.v6")) },
		[]string{"/etc/iptables/rules.v6: no such file", "IPv6: CLOSED but for administrators"},
		"ssh4 web4 ssh6", "ssh4 web4"},
	{"a file of an open host saved over ours", func(t *testing.T) {
		must(t, os.WriteFile("/etc/iptables/rules.v4", []byte("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"), 0o644))
	}, []string{"/etc/iptables/rules.v4 does not begin INPUT with hardenctl's rules any more", "IPv4: CLOSED"},
		"ssh4 ssh6 web6", "ssh6 web6"},
	{"broken closed rules too", func(t *testing.T) {
		edit(t, "/etc/iptables/rules.v4", "COMMIT", "COMMT")
		must(t, os.WriteFile("/etc/hardenctl/closed.v4", nil, 0o644))
		must(t, os.RemoveAll(ourGenerations.Folder)) // which has them too
	}, []string{"IPv4: CLOSED to everybody, by built-in rules"},
		"ssh6 web6", "ssh6 web6"},
}

// edit replaces the first of a text in a file.
func edit(t *testing.T, path, old, new string) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, []byte(replaceOnce(t, string(text), old, new)), 0o644))
}

// dropLines takes the lines that hold a part out of a file.
func dropLines(t *testing.T, path, part string) {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, part) {
			kept.WriteString(line)
		}
	}
	must(t, os.WriteFile(path, []byte(kept.String()), 0o644))
}

// Files that do not load never leave the host open: who administers it gets in,
// and nobody else does. Where another loader got some way before, it is the same.
func TestRestoreCloses(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		w := newWays(t)
		expect(t, 0, "apply", write(t, "homely.toml", homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		w.are(t, "ssh4 web4 ssh6 web6", "ssh4 web4 ssh6 web6")
		whole := map[string][]byte{}
		for _, path := range append(glob(t, "/etc/iptables/*"), glob(t, "/etc/hardenctl/*")...) {
			text, err := os.ReadFile(path)
			must(t, err)
			whole[path] = text
		}
		for _, c := range broken {
			t.Run(c.name, func(t *testing.T) {
				for path, text := range whole {
					must(t, os.WriteFile(path, text, 0o644))
				}
				rebooted(t)
				c.arrange(t)
				contains(t, expect(t, 1, "restore"), c.says...)
				w.are(t, c.admin, c.stranger)
			})
		}
		last := broken[len(broken)-1]
		contains(t, expect(t, 1, "restore"), last.says...) // on what is in force now
		w.are(t, last.admin, last.stranger)
		for path, text := range whole {
			must(t, os.WriteFile(path, text, 0o644))
		}
		expect(t, 0, "restore") // on a host that was closed
		w.are(t, "ssh4 web4 ssh6 web6", "ssh4 web4 ssh6 web6")
	})
}

// Where a library of the tools is gone, a restore on a host that is up cannot
// compare its rules, and leaves them; after a boot it closes the host.
func TestRestoreWithoutALibrary(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		expect(t, 0, "apply", write(t, "homely.toml", homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		applied := look(t)
		t.Run("up", func(t *testing.T) {
			hide(t, "hashlimit")
			contains(t, expect(t, 1, "restore"), "hashlimit", "IPv4: hardenctl's rules in force stay", "IPv6: hardenctl's rules in force stay")
		})
		look(t).is(t, applied)
		t.Run("boot", func(t *testing.T) {
			rebooted(t)
			hide(t, "hashlimit")
			contains(t, expect(t, 1, "restore"), "hashlimit", "IPv4: CLOSED", "IPv6: CLOSED")
		})
	})
}

// A restore that fails at any step, or is killed, leaves no open host: what it
// has not loaded is closed but for the administrator.
func TestRestoreInterrupted(t *testing.T) {
	bare(t, "nft")
	w := newWays(t)
	expect(t, 0, "apply", write(t, "homely.toml", homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
	for _, c := range []struct {
		name    string
		call    int // of ip6tables-restore: 1 closes, 2 rehearses, 3 loads
		script  string
		code    int
		openTo6 string
	}{
		{"closing fails", 1, "exit 1", 0, " web6"},
		{"a rehearsal fails", 2, "echo not today >&2; exit 1", 1, ""},
		{"loading fails", 3, "echo not today >&2; exit 1", 1, ""},
		{"loading lies", 3, "cat >/dev/null; exit 0", 0, " web6"}, // and is noticed, and done again
		{"killed in the rehearsal", 2, "kill -KILL $PPID", -1, ""},
		{"killed while loading", 3, "kill -KILL $PPID; exit 1", -1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rebooted(t)
			breakCall(t, "ip6tables-restore", c.call, c.script)
			if _, code := outcome(t, exec.Command(binary(t), "restore")); code != c.code {
				t.Errorf("it exits %d, want %d", code, c.code)
			}
			stranger := "ssh4 web4"
			if c.openTo6 != "" {
				stranger += " ssh6" + c.openTo6
			}
			w.are(t, "ssh4 web4 ssh6"+c.openTo6, stranger)
		})
	}
}

// breakCall has one call of a tool, counted from 1, do something else, until the
// end of the test.
func breakCall(t *testing.T, name string, call int, script string) {
	t.Helper()
	link := "/etc/alternatives/" + name
	real, err := os.Readlink(link)
	must(t, err)
	folder, err := os.MkdirTemp("/run", "broken-")
	must(t, err)
	text := fmt.Sprintf("#!/bin/sh\necho call >>%s/calls\nif [ $(wc -l <%[1]s/calls) = %d ]; then %s; fi\nexec %s \"$@\"\n", folder, call, script, real)
	must(t, os.WriteFile(folder+"/"+name, []byte(text), 0o755))
	must(t, os.Remove(link))
	must(t, os.Symlink(folder+"/"+name, link))
	t.Cleanup(func() {
		must(t, os.Remove(link))
		must(t, os.Symlink(real, link))
	})
}

// keeping is a profile whose bans outlive a reboot.
const keeping = homely + "[scan]\nkeep_bans = true\n"

// Bans come back after a boot, with the time that was left when the host went
// down, less the time for which it was. One that was lifted does not, also after a
// power loss. A file of them that is broken is named,
// and costs no more than the bans.
func TestKeptBans(t *testing.T) {
	const path = "/var/lib/hardenctl/bans"
	onBackends(t, func(t *testing.T) {
		t.Cleanup(func() { os.RemoveAll("/var/lib/hardenctl") })
		expect(t, 0, "apply", write(t, "homely.toml", homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		expect(t, 0, "restore", "--save-bans")
		if _, err := os.Stat(path); err == nil {
			t.Error("bans were saved that the profile does not keep")
		}
		expect(t, 0, "apply", write(t, "keeping.toml", keeping), "--auto-approve", "--confirm-within", "0", "--no-guard")
		bans := map[string]string{"hardenctl-ban-v4": "203.0.113.9", "hardenctl-ban-v6": "2001:db8:bad::", "hardenctl-strike-v4": "203.0.113.9"}
		for set, address := range bans {
			tool(t, "ipset add "+set+" "+address+" timeout 1200")
		}
		expect(t, 0, "restore", "--save-bans")
		left := func(low, high int) {
			t.Helper()
			for set, address := range bans {
				if n := remaining(t, set, address); n < low || n > high {
					t.Errorf("%s in %s has %d s left, want %d to %d", address, set, n, low, high)
				}
			}
		}
		rebooted(t)
		contains(t, expect(t, 0, "restore"), "3 bans and memories of before the boot are in force")
		left(800, 1200)

		saved, err := os.ReadFile(path)
		must(t, err)
		_, rest, _ := strings.Cut(string(saved), "\n")
		long := "# Saved by hardenctl at " + time.Now().Add(-10*time.Minute).UTC().Format(time.RFC3339) + "\n"
		must(t, os.WriteFile(path, []byte(long+rest), 0o644))
		expect(t, 0, "restore") // on a host that has been up: no source is banned anew
		left(700, 1200)
		rebooted(t)
		expect(t, 0, "restore")
		left(200, 600)

		unbanByHand(t, netip.MustParseAddr(bans["hardenctl-ban-v4"]))
		rebooted(t)
		contains(t, expect(t, 0, "restore"), "1 bans and memories of before the boot are in force")

		must(t, os.WriteFile(path, []byte(long+"add hardenctl-ban-v4 203."), 0o644))
		rebooted(t)
		contains(t, expect(t, 1, "restore"), path, "is not an entry of a set", "IPv4: the rules of /etc/iptables/rules.v4 are in force")
	})
}

// What others have in force when restore comes stays, and so does what they
// have in the files.
func TestRestoreWithOthers(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		addForeign(t)
		expect(t, 0, "apply", write(t, "homely.toml", homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
		rebooted(t)
		expect(t, 0, "restore")
		contains(t, tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT\n-A INPUT -s 192.0.2.200/32 -m comment --comment \"the old monitor\" -j ACCEPT\n")

		rebooted(t)
		fed(t, othersV4, "iptables-restore", "-c")
		before := theirs(t)
		expect(t, 0, "restore")
		if after := theirs(t); after != before {
			t.Errorf("others had\n%s\nand have\n%s", before, after)
		}
		contains(t, tool(t, "iptables-save"), "-A INPUT -j HARDENCTL-INPUT\n-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd\n")
	})
}

// A saved file that is there and is refused is not said to be missing.
func TestRestoreNamesRefusedFiles(t *testing.T) {
	bare(t, "nft")
	expect(t, 0, "apply", write(t, "homely.toml", homely), "--auto-approve", "--confirm-within", "0", "--no-guard")
	for _, path := range []string{"/etc/iptables/rules.v4", "/etc/iptables/ipsets", "/etc/sysctl.d/60-hardenctl.conf", "/etc/hardenctl/closed.v4"} {
		rebooted(t)
		must(t, os.Rename(path, path+".real"))
		must(t, os.Symlink(path+".real", path))
		out := expect(t, 1, "restore")
		contains(t, out, path+" is a symbolic link, not a regular file; move it away")
		if strings.Contains(out, "no such file") {
			t.Errorf("%s:\n%s", path, out)
		}
		must(t, os.Rename(path+".real", path))
	}
	rebooted(t)
	expect(t, 0, "restore")
}
