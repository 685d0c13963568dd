package apply

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/hardenctl/hardenctl/compiler"
	"github.com/hardenctl/hardenctl/compiler/needs"
	reader "github.com/hardenctl/hardenctl/compiler/profile"
	"github.com/hardenctl/hardenctl/compiler/ruleset"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/profiles"
	"github.com/hardenctl/hardenctl/test/live/internal/inject"
	"github.com/hardenctl/hardenctl/test/live/internal/promise"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
	"github.com/hardenctl/hardenctl/test/live/internal/suite"
	"github.com/hardenctl/hardenctl/test/live/internal/testfile"
)

// ofEverything is a profile whose rules use every match and target that rules
// can use.
const ofEverything = `version = 1
include = ["builtin:howto"]
policy.input = "reject"
services.https.synproxy = true
services.mail = { ports = ["tcp/25", "tcp/587"], connections_per_source = 20 }
knocks.front-door.sequence = ["tcp/7003", "udp/8004", "tcp/9005"]
`

// needed returns what the rules of a profile need, by name: its text, or that of
// a built-in profile.
func needed(t *testing.T, name, text string) map[string]needs.Need {
	t.Helper()
	rs, list := compiler.Lower(name, reader.Folders{Builtins: profiles.FS(), Root: fstest.MapFS{name: {Data: []byte(text)}}})
	if rs == nil {
		t.Fatalf("%s: %v", name, list)
	}
	found := map[string]needs.Need{}
	for _, n := range needs.Of(rs) {
		found[n.String()] = n
	}
	return found
}

// refusedFor plans and applies a profile, and wants our message both times.
func refusedFor(t *testing.T, profile string, parts ...string) {
	t.Helper()
	require.Contains(t, run.Expect(t, 1, "plan", profile), parts...)
	require.Contains(t, run.Expect(t, 1, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard"), parts...)
}

// Where the library of any extension that rules use is missing, plan and apply
// say which, who needs it, what to install and how to do without, and nothing is
// changed.
func TestMissingLibrary(t *testing.T) {
	path := testfile.Write(t, "everything.toml", ofEverything)
	all := needed(t, "everything.toml", ofEverything)
	stage.OnBackends(t, func(t *testing.T) {
		p := promise.Unchanged(t)
		for title, n := range all {
			if n.Kind == ruleset.SetExtension || filepath.Base(t.Name()) == "legacy" && n.Name != "SET" && n.Name != "hl" {
				continue // the words of both backends are the same
			}
			t.Run(title, func(t *testing.T) {
				inject.HideLibrary(t, n.Name)
				refusedFor(t, path, "this host does not have the "+title+" of iptables: no lib", n.Name+".so",
					"it is needed by: "+n.Origins[0].Part+" (", "to install it (Debian ", "): apt-get install --reinstall iptables", "the tool said: ")
			})
		}
		p.IsOld(t)
		run.Expect(t, 0, "plan", path)
	})
}

// Where the library of a match goes away that the rules in force use, no command
// takes them for rules of nft, which a person should delete: it says what to
// install. With the library back, the host is as it was.
func TestMissingLibraryOfLiveRules(t *testing.T) {
	stage.Bare(t, "nft")
	const admin = "version = 1\ninclude = [\"builtin:server\"]\naccess.admin = [\"192.0.2.7\"]\n"
	profile, without := testfile.Write(t, "live.toml", admin), testfile.Write(t, "without.toml", admin+"[scan]\nfingerprint = false\ndont_fragment = false\n[icmp]\nremove = [\"echo_per_source\"]\n")
	run.Expect(t, 0, "apply", profile, "--auto-approve", "--confirm-within", "0", "--no-guard")
	t.Run("hidden", func(t *testing.T) {
		inject.HideLibrary(t, "bpf")
		for _, command := range [][]string{
			{"plan", without},
			{"apply", without, "--auto-approve", "--confirm-within", "0", "--no-guard"},
			{"rollback", "0", "--auto-approve", "--confirm-within", "0", "--no-guard"},
		} {
			out := run.Expect(t, 1, command...)
			require.Contains(t, out, "the library of a match or a target of theirs is missing", "): apt-get install --reinstall iptables")
			if strings.Contains(out, "nft wrote") || strings.Contains(out, "Plan: ") {
				t.Errorf("%s takes them for something else:\n%s", command[0], out)
			}
		}
	})
	run.Expect(t, 0, "plan", profile, "--detailed-exitcode")
}

// What to install has the name of the distribution, by /etc/os-release.
func TestMissingLibraryElsewhere(t *testing.T) {
	stage.Bare(t, "nft")
	inject.HideLibrary(t, "hashlimit")
	const file = "/etc/os-release"
	was, err := os.Readlink(file)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, os.RemoveAll(file))
		require.NoError(t, os.Symlink(was, file))
	})
	for osRelease, want := range map[string]string{
		"ID=almalinux\nVERSION_ID=10.1\n": "to install it (RHEL 10): dnf install iptables-libs",
		"ID=ubuntu\nVERSION_ID=24.04\n":   "to install it (Ubuntu 24.04): apt-get install --reinstall iptables",
		"ID=void\n":                       "to install it: install the package with the libraries of iptables",
	} {
		require.NoError(t, os.RemoveAll(file))
		require.NoError(t, os.WriteFile(file, []byte(osRelease), 0o644))
		require.Contains(t, run.Expect(t, 1, "plan", "builtin:web"), want)
	}
}

// Every built-in profile, with the library of one extension that it uses hidden,
// is refused with a message of ours; it does not notice that those are missing
// which it does not use. TestMissingEachLibrary has every extension.
func TestMissingLibraryOfBuiltIns(t *testing.T) {
	stage.Bare(t, "nft")
	p := promise.Unchanged(t)
	titles := []string{"match hashlimit", "target SET", "match socket", "match addrtype", "target LOG", "match icmp6"}
	for i, name := range profiles.Names() {
		uses := needed(t, "builtin:"+name, "")
		title := i % len(titles)
		for _, used := uses[titles[title]]; !used; _, used = uses[titles[title]] {
			title = (title + 1) % len(titles)
		}
		t.Run(name, func(t *testing.T) { refusedWithout(t, name, uses[titles[title]]) })
		if i%4 == 0 {
			t.Run(name+" without what it does not use", func(t *testing.T) { plannedWith(t, name, uses) })
		}
	}
	p.IsOld(t)
}

// refusedWithout hides what a built-in profile uses.
func refusedWithout(t *testing.T, name string, n needs.Need) {
	t.Helper()
	inject.HideLibrary(t, n.Name)
	refusedFor(t, "builtin:"+name, "this host does not have the "+n.String(), "it is needed by: ", "the tool said: ")
}

// plannedWith hides all but what a built-in profile uses.
func plannedWith(t *testing.T, name string, uses map[string]needs.Need) {
	t.Helper()
	for title, n := range needed(t, "everything.toml", ofEverything) {
		if _, used := uses[title]; !used && n.Kind != ruleset.SetExtension {
			inject.HideLibrary(t, n.Name)
		}
	}
	run.Expect(t, 0, "plan", "builtin:"+name)
}

func TestMissingEachLibraryNFT(t *testing.T) { missingEachLibrary(t, "nft") }

func TestMissingEachLibraryLegacy(t *testing.T) { missingEachLibrary(t, "legacy") }

// missingEachLibrary plans and applies every built-in profile with each extension
// hidden that it uses.
func missingEachLibrary(t *testing.T, backend string) {
	type cell struct {
		profile string
		needs.Need
	}
	var cells []cell
	for _, name := range profiles.Names() {
		uses := needed(t, "builtin:"+name, "")
		for _, title := range slices.Sorted(maps.Keys(uses)) {
			if uses[title].Kind != ruleset.SetExtension {
				cells = append(cells, cell{name, uses[title]})
			}
		}
	}
	stage.Bare(t, backend)
	p := promise.Unchanged(t)
	for i := range suite.NewSlice(t, len(cells), 1).Numbers() {
		t.Run(cells[i].profile+" "+cells[i].String(), func(t *testing.T) { refusedWithout(t, cells[i].profile, cells[i].Need) })
	}
	p.IsOld(t)
}

// What the kernel lacks is said likewise. It cannot be hidden from the tools: they
// are replaced by what prints its refusal, in the words of iptables 1.8.7 and
// 1.8.9 about a match and a target that the kernel of the lab lacks.
func TestMissingModule(t *testing.T) {
	path := testfile.Write(t, "everything.toml", ofEverything)
	const fails = `cat >%[1]s; n=$(grep -n -m1 -e '%[2]s' %[1]s | cut -d: -f1); `
	stage.Bare(t, "nft")
	p := promise.Unchanged(t)
	for _, test := range []struct {
		name, rule, says string // the tool prints what it says; LINE means the line of the rule
		want             []string
	}{
		{"a match, 1.8.9 and nf_tables", "-m hashlimit", "Warning: Extension hashlimit revision 0 not supported, missing kernel module?\nip6tables-restore v1.8.9 (nf_tables): \nline LINE: RULE_APPEND failed (No such file or directory): rule in chain INPUT",
			[]string{"does not have the match hashlimit of iptables (xt_hashlimit)", "it is needed by: services.http ("}},
		{"a match, 1.8.9 and the legacy tables", "COMMIT", "Warning: Extension recent revision 0 not supported, missing kernel module?\nip6tables-restore: line LINE failed",
			[]string{"does not have the match recent of iptables (xt_recent)", `to avoid it: engine = "sets" in [scan]; new_per_source as a rate`}},
		{"a match, 1.8.7", "-m recent", "ip6tables-restore v1.8.7 (nf_tables): Couldn't load match `recent':No such file or directory\n\nError occurred at line: LINE",
			[]string{"does not have the match recent of iptables (xt_recent)"}},
		{"a target, 1.8.7", "-j SYNPROXY", "ip6tables-restore v1.8.7 (nf_tables): unknown option \"--sack-perm\"\nError occurred at line: LINE",
			[]string{"does not have the target SYNPROXY of iptables (ip6t_SYNPROXY)", "to avoid it: synproxy = false in [services.https]"}},
		{"nf_tables without a warning", "-m connlimit", "ip6tables-restore v1.8.9 (nf_tables): \nline LINE: RULE_APPEND failed (No such file or directory): rule in chain HARDENCTL-INPUT",
			[]string{"match connlimit of iptables", "it is needed by: services.mail ("}},
	} {
		t.Run(test.name, func(t *testing.T) {
			input, said := filepath.Join(t.TempDir(), "input"), filepath.Join(t.TempDir(), "said")
			require.NoError(t, os.WriteFile(said, []byte(test.says), 0o600))
			script := strings.NewReplacer("%[1]s", input, "%[2]s", test.rule).Replace(fails) + "sed \"s/LINE/$n/\" " + said + " >&2; exit 2"
			inject.ReplaceTool(t, "ip6tables-restore", "xtables-nft-multi", script)
			refusedFor(t, path, append(test.want, "the kernel of this host (", "the tool said: ")...)
		})
	}
	p.IsOld(t)
}

// A kernel without a set type is told apart from a set that is wrong.
func TestMissingSetType(t *testing.T) {
	stage.Bare(t, "nft")
	p := promise.Unchanged(t)
	stand := testfile.Write(t, "ipset", "#!/bin/sh\necho \"ipset v7.17: Error in line 1: Kernel error received: set type not supported\" >&2\nexit 1\n")
	require.NoError(t, os.Chmod(stand, 0o755))
	t.Run("hidden", func(t *testing.T) {
		require.NoError(t, syscall.Mount(stand, "/usr/sbin/ipset", "", syscall.MS_BIND, ""))
		t.Cleanup(func() { require.NoError(t, syscall.Unmount("/usr/sbin/ipset", 0)) })
		refusedFor(t, "builtin:web", "does not have the set type hash:", " of ipset (ip_set_hash_", "it is needed by: ", "every profile needs it")
	})
	p.IsOld(t)
}

// At a boot, too, it is said why the rules cannot be loaded, and the host is
// closed.
func TestRestoreNamesMissingLibrary(t *testing.T) {
	stage.Bare(t, "nft")
	run.Hardenctl(t, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	lab.FlushState(t)
	inject.HideLibrary(t, "hashlimit")
	require.Contains(t, run.Expect(t, 1, "restore"), "this host does not have the match hashlimit of iptables: no lib", "apt-get install --reinstall iptables")
}

// What other distributions lack is said by check, and not on a host that has it.
func TestPortabilityIsForCheck(t *testing.T) {
	stage.Bare(t, "nft")
	path := testfile.Write(t, "a.toml", "version = 1\ninclude = [\"builtin:web\"]\nservices.https.synproxy = true\n")
	require.Contains(t, run.Expect(t, 0, "check", path), "which the kernel of RHEL 10 does not have")
	if out := run.Expect(t, 0, "plan", path); strings.Contains(out, "RHEL") {
		t.Errorf("a plan on this host speaks of RHEL:\n%s", out)
	}
}
