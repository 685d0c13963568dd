package live

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"hardenctl/host/kernelset"
	"hardenctl/lab"
)

// fault breaks an apply of builtin:database.
type fault struct {
	name string
	// arrange breaks something until the end of the test.
	arrange func(t *testing.T)
	// says is what the message must name.
	says string
}

var faults = []fault{
	{"a folder that cannot be written", readOnly, "read-only file system"},
	{"a full disk", full, "no space left on device"},
	{"a set of another type under our name", inTheWay, "set hardenctl-clients-v6"},
	{"a tool that fails", breakTool("echo not today >&2; exit 1"), "not today"},
	{"a tool that fails after its work", breakTool(`"$real" "$@"; echo too late >&2; exit 4`), "too late"},
	{"a tool that is killed", breakTool("kill -KILL $$"), "ip6tables-restore"},
	{"a tool that lies", breakTool("cat >/dev/null; exit 0"), "the host is not what was planned"},
	{"a signal while the rules load", breakTool(`"$real" "$@"; kill -TERM $PPID; sleep 0.2; exit 0`), "context canceled"},
}

// If any part of an apply fails, all of it goes back, on a host that hardenctl
// has never seen as on one with another profile, whose bans last longer.
func TestFaults(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		backend := filepath.Base(t.Name())
		for _, before := range []string{"", "builtin:bastion"} {
			for _, f := range faults {
				t.Run(fmt.Sprintf("%s/from %q", f.name, before), func(t *testing.T) {
					bare(t, backend)
					inhabit(t)
					if before != "" {
						expect(t, 0, "apply", before, "--auto-approve", "--no-guard")
						tool(t, "ipset add hardenctl-ban-v4 203.0.113.9")
					}
					f.strike(t)
				})
			}
		}
	})
}

// strike applies with the fault, looks what is left, and applies without it.
func (f fault) strike(t *testing.T) {
	var before picture
	var counted string
	t.Run("broken", func(t *testing.T) {
		f.arrange(t)
		before, counted = look(t), theirs(t)
		contains(t, expect(t, 3, "apply", "builtin:database", "--auto-approve", "--no-guard"), f.says, "everything went back to what it was")
		look(t).is(t, before)
		if now := theirs(t); now != counted {
			t.Errorf("others had\n%s\nand have\n%s", counted, now)
		}
	})
	expect(t, 0, "apply", "builtin:database", "--auto-approve", "--no-guard")
	expect(t, 0, "plan", "builtin:database", "--detailed-exitcode")
}

// readOnly makes the folder of the rules files one that nobody can write.
func readOnly(t *testing.T) {
	const path = "/etc/iptables"
	must(t, syscall.Mount(path, path, "", syscall.MS_BIND, ""))
	t.Cleanup(func() { must(t, syscall.Unmount(path, syscall.MNT_DETACH)) })
	must(t, syscall.Mount("", path, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""))
}

// full puts the rules files on a disk that is full, or, where the files are to
// grow, has room for the first of them.
func full(t *testing.T) {
	const path = "/etc/iptables"
	held := map[string][]byte{}
	for _, e := range glob(t, path+"/*") {
		text, err := os.ReadFile(e)
		must(t, err)
		held[e] = text
	}
	pages := 1 // of four kilobytes
	if strings.Contains(string(held[path+"/rules.v4"]), "HARDENCTL-") {
		pages = 0
	}
	for _, text := range held {
		pages += (len(text) + 4095) / 4096
	}
	must(t, syscall.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%dk,mode=0755", 4*pages)))
	t.Cleanup(func() { must(t, syscall.Unmount(path, syscall.MNT_DETACH)) })
	for name, text := range held {
		must(t, os.WriteFile(name, text, 0o644))
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	must(t, err)
	return paths
}

// inTheWay makes a set that the profile wants, of a type that cannot be swapped
// for its own while a rule names it.
func inTheWay(t *testing.T) {
	tool(t, "ipset create hardenctl-clients-v6 hash:ip family inet6")
	tool(t, "ip6tables -t mangle -A OUTPUT -m set --match-set hardenctl-clients-v6 dst")
	t.Cleanup(func() {
		tool(t, "ip6tables -t mangle -D OUTPUT 1")
		must(t, kernelset.Destroy("hardenctl-clients-v6"))
	})
}

// A set of another type under our name is replaced if nothing names it, and is
// back if the apply fails.
func TestSetOfAnotherType(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		tool(t, "ipset create hardenctl-trusted-v4 hash:ip timeout 60")
		tool(t, "ipset add hardenctl-trusted-v4 203.0.113.9 timeout 0")
		before := look(t)
		t.Run("broken", func(t *testing.T) {
			breakTool("echo not today >&2; exit 1")(t)
			expect(t, 3, "apply", "builtin:web", "--auto-approve", "--no-guard")
			look(t).is(t, before)
		})
		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard")
		expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
		contains(t, tool(t, "ipset list -t hardenctl-trusted-v4"), "Type: hash:net")
	})
}

// A set that is wanted no more and that a rule of others names stays, without
// an error, until that rule has gone.
func TestSetThatOthersName(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard")
		tool(t, "iptables -A FORWARD -m set --match-set hardenctl-trusted-v4 src -j ACCEPT")
		bare := write(t, "bare.toml", "version = 1\ninclude = [\"builtin:web\"]\n[access]\nexempt = []\n")
		contains(t, expect(t, 0, "apply", bare, "--auto-approve", "--no-guard"), "set hardenctl-trusted-v4 is wanted no more, and stays")
		expect(t, 0, "plan", bare, "--detailed-exitcode")
		tool(t, "iptables -D FORWARD 1")
		contains(t, expect(t, 0, "apply", bare, "--auto-approve", "--no-guard"), "- hardenctl-trusted-v4")
		expect(t, 0, "plan", bare, "--detailed-exitcode")
		if left := glob(t, "/etc/iptables/.*hardenctl*"); left != nil {
			t.Errorf("left behind: %v", left)
		}
	})
}

// breakTool puts a script in the place of ip6tables-restore. It does its work
// in a rehearsal, which flushes, and the first time that rules are changed does
// what is said; the way back is open.
func breakTool(script string) func(t *testing.T) {
	return func(t *testing.T) {
		const link = "/etc/alternatives/ip6tables-restore"
		real, err := os.Readlink(link)
		must(t, err)
		folder, err := os.MkdirTemp("/run", "broken-")
		must(t, err)
		text := fmt.Sprintf(`#!/bin/sh
real=%s
case "$*" in
*--noflush*) [ -e %s/done ] || { touch %s/done; %s; } ;;
esac
exec "$real" "$@"
`, real, folder, folder, script)
		must(t, os.WriteFile(folder+"/ip6tables-restore", []byte(text), 0o755))
		must(t, os.Remove(link))
		must(t, os.Symlink(folder+"/ip6tables-restore", link))
		t.Cleanup(func() {
			must(t, os.Remove(link))
			must(t, os.Symlink(real, link))
		})
	}
}

// A set that an apply left behind when it was killed is no obstacle, and goes.
func TestLeftOver(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard")
		web := look(t)
		// The plan removes the set first and refills the other one second, for
		// which it takes the very name.
		tool(t, "ipset create hardenctl-tmp-1 hash:net")
		tool(t, "ipset flush hardenctl-trusted-v4")
		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--no-guard")
		look(t).is(t, web)
	})
}

// A rule that the kernel refuses is found by the rehearsal, before anything is
// changed.
func TestRefusedByTheKernel(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		inhabit(t)
		lab.Require(t)
		before := look(t)
		path := forge(t, "builtin:web", func(text string) string {
			return replaceOnce(t, text, `--dport 80 -m comment --comment \"services.http\" -j HARDENCTL-S-HTTP\n`,
				`--dport 80 -m comment --comment \"services.http\" -j HARDENCTL-INPUT\n`) // a loop
		})
		contains(t, expect(t, 1, "apply", "--plan", path, "--auto-approve", "--no-guard"), "rehearsal: rules.v4", "iptables-restore")
		look(t).is(t, before)
	})
}
