package apply

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/netns"
	"github.com/hardenctl/hardenctl/profiles"
	"github.com/hardenctl/hardenctl/test/live/internal/banset"
	"github.com/hardenctl/hardenctl/test/live/internal/require"
	"github.com/hardenctl/hardenctl/test/live/internal/run"
	"github.com/hardenctl/hardenctl/test/live/internal/stage"
)

// What the profiles compile to is what the tools print once they have loaded
// it: nothing in it is spelled another way, lost or reordered.
func TestFixpoint(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			lab.UseBackend(t, backend)
			all := []string{"../testdata/everything.toml", "../testdata/published.toml"}
			for _, name := range profiles.Names() {
				all = append(all, "builtin:"+name)
			}
			for _, profile := range all {
				t.Run(profile, func(t *testing.T) {
					b := run.Compiled(t, profile)
					require.NoError(t, netns.Throwaway(func() error { fixpoint(t, b); return nil }))
					require.NoError(t, netns.Throwaway(func() error {
						// With no set there, which is what they are for.
						rulesFixpoint(t, b, map[string]string{"iptables": bundle.ClosedV4, "ip6tables": bundle.ClosedV6})
						return nil
					}))
				})
			}
		})
	}
}

func fixpoint(t *testing.T, b *bundle.Bundle) {
	run.WithInput(t, string(b.File(bundle.Sets)), "ipset", "restore")
	if got, want := stage.Sets(run.WithInput(t, "", "ipset", "save")), stage.Sets(string(b.File(bundle.Sets))); got != want {
		t.Errorf("sets\n%s\nwant\n%s", got, want)
	}
	for _, set := range b.Manifest.Sets {
		_, line, _ := strings.Cut(string(b.File(bundle.Sets)), "create "+set.Name+" ")
		line, _, _ = strings.Cut(line, "\n")
		forced, counting := strings.HasSuffix(line, " forceadd"), strings.Contains(line, " counters")
		if h := banset.Header(t, set.Name); h.ForceAdd != forced || h.Counters != counting {
			t.Errorf("set %s: forceadd is %v, want %v; counters are %v, want %v", set.Name, h.ForceAdd, forced, h.Counters, counting)
		}
	}
	rulesFixpoint(t, b, map[string]string{"iptables": bundle.RulesV4, "ip6tables": bundle.RulesV6})
}

func rulesFixpoint(t *testing.T, b *bundle.Bundle, files map[string]string) {
	for tool, file := range files {
		text := string(b.File(file))
		run.WithInput(t, text, tool+"-restore")
		// iptables-save 1.8.11 prints the number of IGMP, and earlier ones its name.
		saved := strings.ReplaceAll(run.WithInput(t, "", tool+"-save"), " -p 2 ", " -p igmp ")
		got, want := stage.Tables(saved), stage.Tables(text)
		if !maps.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s\n%s\nwant\n%s", file, got, want)
		}
	}
}

// The first apply makes a host what the profile says; a plan is empty then, and
// a second apply writes nothing.
func TestApply(t *testing.T) {
	stage.OnBackends(t, func(t *testing.T) {
		before := stage.TakePicture(t)
		run.Expect(t, 2, "plan", "builtin:web", "--detailed-exitcode")
		stage.TakePicture(t).Is(t, before)
		require.Contains(t, run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"), "Applied.")
		web, written := stage.TakePicture(t), times(t)
		require.Contains(t, run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode"), "No changes")

		require.Contains(t, run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"), "No changes")
		stage.TakePicture(t).Is(t, web)
		if again := times(t); !maps.Equal(again, written) {
			t.Errorf("files were written again: %v, then %v", written, again)
		}

		run.Expect(t, 0, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
		run.Expect(t, 0, "plan", "builtin:database", "--detailed-exitcode")
		run.Expect(t, 2, "plan", "builtin:web", "--detailed-exitcode")
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		stage.TakePicture(t).Is(t, web)
	})
}

// times are the files' last changes; a file that was replaced has another
// number too.
func times(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range bundle.Paths(bundle.Debian) {
		if _, err := os.Stat(path); err == nil {
			all[path] = run.Tool(t, "stat -c %i,%y "+path)
		}
	}
	return all
}

// What was changed on the host is found, as one change, and repaired.
func TestDrift(t *testing.T) {
	drifts := []struct{ name, command, kind string }{
		{"a rule is deleted", "iptables -D HARDENCTL-INPUT 3", "+ rule filter HARDENCTL-INPUT"},
		{"a rule is added", "ip6tables -I HARDENCTL-INPUT 2 -p tcp --dport 9999 -j ACCEPT", "- rule filter HARDENCTL-INPUT"},
		{"the jump is deleted", "iptables -D INPUT 1", "+ rule filter INPUT"},
		{"the jump is doubled", "ip6tables -A INPUT -j HARDENCTL-INPUT", "~ rule filter INPUT"},
		{"a rule is put before the jump", "iptables -I INPUT -s 203.0.113.5 -j ACCEPT", "~ rule filter INPUT"},
		{"the policy is changed", "ip6tables -P INPUT ACCEPT", "~ policy filter INPUT"},
		{"a chain is added", "iptables -N HARDENCTL-MORE", "- chain filter HARDENCTL-MORE"},
		{"a member is removed", "ipset del hardenctl-trusted-v4 13.66.139.0/24", "~ set hardenctl-trusted-v4"},
		{"a member is added", "ipset add hardenctl-trusted-v6 2001:db8::/32", "~ set hardenctl-trusted-v6"},
		{"an exception is added", "ipset add hardenctl-trusted-v4 13.66.139.7 nomatch", "~ set hardenctl-trusted-v4"},
		{"a set is added", "ipset create hardenctl-more hash:net", "- set hardenctl-more"},
		{"a setting is changed", "sysctl -qw net.ipv4.ip_default_ttl=64", "~ setting net.ipv4.ip_default_ttl"},
		{"a file is edited", "sed -i s/128/64/ /etc/sysctl.d/60-hardenctl.conf", "~ file /etc/sysctl.d/60-hardenctl.conf"},
		{"a file is deleted", "rm /etc/iptables/rules.v6", "+ file /etc/iptables/rules.v6"},
	}
	stage.OnBackends(t, func(t *testing.T) {
		run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		web := stage.TakePicture(t)
		for _, d := range drifts {
			t.Run(d.name, func(t *testing.T) {
				run.Tool(t, d.command)
				var found []string
				for _, s := range run.Planned(t, "builtin:web").Changes {
					found = append(found, string(s.Action)+" "+string(s.Kind)+" "+s.Object)
				}
				if !slices.Equal(found, []string{d.kind}) {
					t.Errorf("found %q, want %q", found, d.kind)
				}
				run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
				if strings.Contains(d.name, "before the jump") {
					run.Tool(t, "iptables -D INPUT -s 203.0.113.5 -j ACCEPT") // it is not ours to delete
				}
				stage.TakePicture(t).Is(t, web)
			})
		}
	})
}

// A set with the right members that was made another way, so that they can
// expire, or do not count, is not the set that the profile asks for.
func TestDriftOfASet(t *testing.T) {
	stage.Bare(t, "nft")
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	members := strings.ReplaceAll(run.Tool(t, "ipset save hardenctl-trusted-v6"), "hardenctl-trusted-v6", "other")
	run.WithInput(t, strings.Replace(members, "\n", " timeout 0\n", 1), "ipset", "restore")
	run.Tool(t, "ipset swap other hardenctl-trusted-v6")
	run.Tool(t, "ipset destroy other")
	run.Tool(t, "ipset create other hash:ip hashsize 65536 maxelem 262144 timeout 86400 forceadd")
	run.Tool(t, "ipset swap other hardenctl-callers-v4")
	run.Tool(t, "ipset destroy other")
	p := run.Planned(t, "builtin:web")
	if len(p.Changes) != 2 || p.Changes[0].Object != "hardenctl-callers-v4" || p.Changes[1].Object != "hardenctl-trusted-v6" {
		t.Errorf("found %+v", p.Changes)
	}
	run.Expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	run.Expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
}
