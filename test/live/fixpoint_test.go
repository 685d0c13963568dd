package live

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hardenctl/hardenctl/compiler/bundle"
	"github.com/hardenctl/hardenctl/internal/host/kernelset"
	"github.com/hardenctl/hardenctl/internal/lab"
	"github.com/hardenctl/hardenctl/internal/netns"
	"github.com/hardenctl/hardenctl/profiles"
)

// What the profiles compile to is what the tools print once they have loaded
// it: nothing in it is spelled another way, lost or reordered.
func TestFixpoint(t *testing.T) {
	for _, backend := range lab.Backends {
		t.Run(backend, func(t *testing.T) {
			lab.UseBackend(t, backend)
			all := []string{"testdata/everything.toml", "testdata/published.toml"}
			for _, name := range profiles.Names() {
				all = append(all, "builtin:"+name)
			}
			for _, profile := range all {
				t.Run(profile, func(t *testing.T) {
					b := compiled(t, profile)
					must(t, netns.Throwaway(func() error { fixpoint(t, b); return nil }))
					must(t, netns.Throwaway(func() error {
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
	fed(t, string(b.File(bundle.Sets)), "ipset", "restore")
	if got, want := sets(fed(t, "", "ipset", "save")), sets(string(b.File(bundle.Sets))); got != want {
		t.Errorf("sets\n%s\nwant\n%s", got, want)
	}
	for _, set := range b.Manifest.Sets {
		_, line, _ := strings.Cut(string(b.File(bundle.Sets)), "create "+set.Name+" ")
		line, _, _ = strings.Cut(line, "\n")
		forced, counting := strings.HasSuffix(line, " forceadd"), strings.Contains(line, " counters")
		if h := header(t, set.Name); h.ForceAdd != forced || h.Counters != counting {
			t.Errorf("set %s: forceadd is %v, want %v; counters are %v, want %v", set.Name, h.ForceAdd, forced, h.Counters, counting)
		}
	}
	rulesFixpoint(t, b, map[string]string{"iptables": bundle.RulesV4, "ip6tables": bundle.RulesV6})
}

func rulesFixpoint(t *testing.T, b *bundle.Bundle, files map[string]string) {
	for tool, file := range files {
		text := string(b.File(file))
		fed(t, text, tool+"-restore")
		got, want := tables(fed(t, "", tool+"-save")), tables(text)
		if !maps.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s\n%s\nwant\n%s", file, got, want)
		}
	}
}

// header is what the kernel says of a set.
func header(t *testing.T, name string) kernelset.Header {
	t.Helper()
	all, err := kernelset.List()
	must(t, err)
	for _, h := range all {
		if h.Name == name {
			return h
		}
	}
	t.Fatalf("no set %s", name)
	return kernelset.Header{}
}

// tables are the tables of a save by name, byte for byte but for comments and
// for the blank with which iptables-nft-save 1.8.7 ends a rule without a target.
func tables(save string) map[string]string {
	texts, name := map[string]string{}, ""
	for line := range strings.Lines(save) {
		if strings.HasPrefix(line, "*") {
			name = line
		}
		if !strings.HasPrefix(line, "#") {
			texts[name] += strings.TrimRight(line, " \n") + "\n"
		}
	}
	return texts
}

// The first apply makes a host what the profile says; a plan is empty then, and
// a second apply writes nothing.
func TestApply(t *testing.T) {
	onBackends(t, func(t *testing.T) {
		before := look(t)
		expect(t, 2, "plan", "builtin:web", "--detailed-exitcode")
		look(t).is(t, before)
		contains(t, expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"), "Applied.")
		web, written := look(t), times(t)
		contains(t, expect(t, 0, "plan", "builtin:web", "--detailed-exitcode"), "No changes")

		contains(t, expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard"), "No changes")
		look(t).is(t, web)
		if again := times(t); !maps.Equal(again, written) {
			t.Errorf("files were written again: %v, then %v", written, again)
		}

		expect(t, 0, "apply", "builtin:database", "--auto-approve", "--confirm-within", "0", "--no-guard")
		expect(t, 0, "plan", "builtin:database", "--detailed-exitcode")
		expect(t, 2, "plan", "builtin:web", "--detailed-exitcode")
		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		look(t).is(t, web)
	})
}

// times are the files' last changes; a file that was replaced has another
// number too.
func times(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range bundle.Paths(bundle.Debian) {
		if _, err := os.Stat(path); err == nil {
			all[path] = tool(t, "stat -c %i,%y "+path)
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
	onBackends(t, func(t *testing.T) {
		expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
		web := look(t)
		for _, d := range drifts {
			t.Run(d.name, func(t *testing.T) {
				tool(t, d.command)
				var found []string
				for _, s := range planned(t, "builtin:web").Changes {
					found = append(found, string(s.Action)+" "+string(s.Kind)+" "+s.Object)
				}
				if !slices.Equal(found, []string{d.kind}) {
					t.Errorf("found %q, want %q", found, d.kind)
				}
				expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
				if strings.Contains(d.name, "before the jump") {
					tool(t, "iptables -D INPUT -s 203.0.113.5 -j ACCEPT") // it is not ours to delete
				}
				look(t).is(t, web)
			})
		}
	})
}

// A set with the right members that was made another way, so that they can
// expire, or do not count, is not the set that the profile asks for.
func TestDriftOfASet(t *testing.T) {
	bare(t, "nft")
	expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	members := strings.ReplaceAll(tool(t, "ipset save hardenctl-trusted-v6"), "hardenctl-trusted-v6", "other")
	fed(t, strings.Replace(members, "\n", " timeout 0\n", 1), "ipset", "restore")
	tool(t, "ipset swap other hardenctl-trusted-v6")
	tool(t, "ipset destroy other")
	tool(t, "ipset create other hash:ip hashsize 65536 maxelem 262144 timeout 86400 forceadd")
	tool(t, "ipset swap other hardenctl-callers-v4")
	tool(t, "ipset destroy other")
	p := planned(t, "builtin:web")
	if len(p.Changes) != 2 || p.Changes[0].Object != "hardenctl-callers-v4" || p.Changes[1].Object != "hardenctl-trusted-v6" {
		t.Errorf("found %+v", p.Changes)
	}
	expect(t, 0, "apply", "builtin:web", "--auto-approve", "--confirm-within", "0", "--no-guard")
	expect(t, 0, "plan", "builtin:web", "--detailed-exitcode")
}
